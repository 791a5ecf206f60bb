"""The event bus across processes: Redis' channels, which promise nothing. Whatever may have been lost becomes a Missed.

What is published is said by one task in the order of its publishing, so that events of one process never overtake each
other. What cannot be said is told here nevertheless, and owed to the others: the next thing that they hear is that they
missed something.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from data.bus import CAPACITY, MemoryBus, Subscription
from data.encoding import Undecodable, decode, encode
from data.redis_keys import BALANCE_EVENTS, MISSED_EVENTS, ORDER_EVENTS
from data.redis_link import Heard, Listening, RedisLink
from engine.domain.messages import OrderChanged
from engine.domain.values import Unavailable
from engine.ports import BalancesUpdate, BusEvent, Missed
from engine.runtime import Supervisor

log = structlog.get_logger(__name__)

CHANNELS: Mapping[str, type[OrderChanged] | type[BalancesUpdate]] = {
    ORDER_EVENTS: OrderChanged,
    BALANCE_EVENTS: BalancesUpdate,
}
SAID_AT_ONCE = 500
MOST_UNSAID = 10_000
SAY_AGAIN_S = 1.0
LISTEN_AGAIN_S = (0.5, 1.0, 2.0, 5.0)
"""Rarer with every attempt in vain: each makes all sessions read the ledger."""


@dataclass(frozen=True, slots=True)
class _Unsaid:
    event: BusEvent
    channel: str
    data: bytes


class RedisBus:
    """`engine.ports.EventBus` on Redis. Its two tasks, which speak and listen, belong to the supervisor and begin when
    they are first needed."""

    def __init__(self, link: RedisLink, supervisor: Supervisor, capacity: int = CAPACITY) -> None:
        self._link = link
        self._supervisor = supervisor
        self._here = MemoryBus(capacity)
        self._unsaid: deque[_Unsaid] = deque(maxlen=MOST_UNSAID)
        self._something = asyncio.Event()
        self._missed = False
        self._speaking = False
        self._listening = False

    async def publish(self, event: BusEvent) -> None:
        """On its way when this returns."""
        if not self._speaking:
            self._speaking = True
            self._supervisor.keep("say events", self._speak)
        channel = ORDER_EVENTS if isinstance(event, OrderChanged) else BALANCE_EVENTS
        try:
            data = encode(event)
        except TypeError:
            log.exception("event cannot be told", user_id=event.user_id)
            self._missed = True
        else:
            self._missed |= len(self._unsaid) == MOST_UNSAID
            self._unsaid.append(_Unsaid(event, channel, data))
        self._something.set()

    def subscribe(self) -> Subscription:
        """It begins with a Missed once Redis is heard: what was published before then is gone."""
        subscription = self._here.subscribe()
        if not self._listening:
            self._listening = True
            self._supervisor.keep("hear events", self._listen)
        return subscription

    async def close(self) -> None:
        """Say what is not said yet, as far as Redis takes it at once; the supervisor has ended the tasks before."""
        while self._unsaid or self._missed:
            if not await self._say():
                return

    @property
    def subscribers(self) -> int:
        """Subscriptions in this process that are held and not closed."""
        return self._here.subscribers

    # --- speaking

    async def _speak(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._unsaid or self._missed:
                if not await self._say():
                    await asyncio.sleep(SAY_AGAIN_S)

    async def _say(self) -> bool:
        """Say the next few events, after a word that some were missed when that is so; whether Redis took them."""
        batch = [self._unsaid.popleft() for _ in range(min(len(self._unsaid), SAID_AT_ONCE))]
        missed = [(MISSED_EVENTS, b"")] if self._missed else []
        self._missed = False
        try:
            await self._link.publish([*missed, *((one.channel, one.data) for one in batch)])
        except asyncio.CancelledError:
            # Perhaps they were said: then they are said twice, which the sequence tells.
            self._unsaid.extendleft(reversed(batch))
            self._missed |= bool(missed)
            raise
        except Unavailable:
            self._missed = True
            for one in batch:
                self._here.tell(one.event)
            return False
        return True

    # --- listening

    async def _listen(self) -> None:
        in_vain = 0
        while True:
            try:
                async with aclosing(self._link.listen((*CHANNELS, MISSED_EVENTS))) as heard:
                    async for one in heard:
                        in_vain = 0
                        self._here.tell(_event_of(one))
            except Unavailable as error:
                log.warning("events are not heard", error=error.message)
            # While nothing can be heard, those who wait are told now and then to look for themselves.
            self._here.tell(Missed())
            await asyncio.sleep(LISTEN_AGAIN_S[min(in_vain, len(LISTEN_AGAIN_S) - 1)])
            in_vain += 1


def _event_of(heard: Listening | Heard) -> BusEvent | Missed:
    if isinstance(heard, Listening) or heard.channel not in CHANNELS:
        return Missed()
    try:
        return decode(CHANNELS[heard.channel], heard.data)
    except Undecodable:
        log.exception("what was heard is no event", channel=heard.channel)
        return Missed()
