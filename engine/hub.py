"""Hands what changed to the sessions of the user it belongs to."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, field
from weakref import WeakSet

from engine.domain.messages import OrderChanged
from engine.ports import BalancesUpdate, EventBus, Missed
from engine.runtime import Supervisor

LONGEST_QUEUE = 256
LOOK_EVERY_S = 5.0
Newest = Callable[[str], Awaitable[int]]
"""The number of a user's newest event, as the ledger has it."""


@dataclass(frozen=True, slots=True)
class Resync:
    """Something may have been missed (a gap, an overflow, a link that was down): read the ledger again."""

    user_id: str


UserUpdate = OrderChanged | BalancesUpdate | Resync


class Hub:
    """Reads the event bus and fans out by user. A lost event shows as a gap in the sequence and becomes a Resync; the
    last one shows no gap, so that the ledger is asked now and then whether there is more than was heard."""

    def __init__(self, bus: EventBus, newest: Newest | None = None, look_every_s: float = LOOK_EVERY_S) -> None:
        self._bus = bus
        self._newest = newest
        self._look_every_s = look_every_s
        self._subscriptions: dict[str, WeakSet[_Subscription]] = {}

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("hub", self._pump)
        if self._newest is not None:
            supervisor.keep("hub look", lambda newest=self._newest: self._look(newest))

    def subscribe(self, user_id: str, after: int | None = None) -> AsyncGenerator[UserUpdate]:
        """One session's updates from this call on until it is closed (`aclose`); a bounded queue, whose overflow
        becomes one Resync.

        `after` is the user's newest event before the session read the ledger: what comes out of turn at the very
        beginning, or not at all, is noticed only with it.
        """
        subscription = _Subscription(user_id, sequence=after)
        self._subscriptions.setdefault(user_id, WeakSet()).add(subscription)
        return self._updates(subscription)

    def subscribers(self, user_id: str) -> int:
        """How many sessions of the user listen now."""
        return len(self._subscriptions.get(user_id, ()))

    def listening(self) -> frozenset[str]:
        """The users with at least one session."""
        return frozenset(user_id for user_id, subscriptions in self._subscriptions.items() if len(subscriptions))

    async def _pump(self) -> None:
        events = self._bus.subscribe()
        # Whatever happened while nobody pumped is gone: a restart of this task is a gap for everyone.
        self._resync_everyone()
        async for event in events:
            match event:
                case OrderChanged(user_id=user_id):
                    for subscription in self._of(user_id):
                        subscription.put_change(event)
                case BalancesUpdate(user_id=user_id):
                    for subscription in self._of(user_id):
                        subscription.put(event)
                case Missed():
                    self._resync_everyone()

    async def _look(self, newest: Newest) -> None:
        while True:
            await asyncio.sleep(self._look_every_s)
            for user_id in sorted(self.listening()):
                number = await newest(user_id)
                for subscription in self._of(user_id):
                    subscription.look(number)

    def _resync_everyone(self) -> None:
        for user_id in sorted(self.listening()):
            for subscription in self._of(user_id):
                subscription.resync()

    def _of(self, user_id: str) -> tuple[_Subscription, ...]:
        return tuple(self._subscriptions.get(user_id, ()))

    async def _updates(self, subscription: _Subscription) -> AsyncGenerator[UserUpdate]:
        try:
            while True:
                yield await subscription.next()
        finally:
            mine = self._subscriptions.get(subscription.user_id)
            if mine is not None:
                mine.discard(subscription)
                if not len(mine):
                    del self._subscriptions[subscription.user_id]


@dataclass(eq=False)
class _Subscription:
    """Held by its session's iterator alone: one that is dropped without being closed vanishes with it."""

    user_id: str
    waiting: deque[UserUpdate] = field(default_factory=deque[UserUpdate])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    sequence: int | None = None
    expected: int = 0
    """The newest event at the last look."""
    floor: int | None = None
    """Where nothing was heard yet: the newest event at the first look."""

    def look(self, newest: int) -> None:
        """What had happened at the last look and has not come by now is lost."""
        known = self.sequence if self.sequence is not None else self.floor
        if known is None:
            self.floor = newest
        elif self.expected > known:
            self.resync()
            if self.sequence is None:
                self.floor = self.expected
            else:
                self.sequence = self.expected
        self.expected = newest

    def put_change(self, change: OrderChanged) -> None:
        """Changes arrive in the order of their commits; one that comes late was covered by the Resync of its gap."""
        if self.sequence is not None and change.sequence <= self.sequence:
            return
        if self.sequence is not None and change.sequence > self.sequence + 1:
            self.resync()
        self.sequence = change.sequence
        self.put(change)

    def resync(self) -> None:
        """One that waits unread already covers what was missed since."""
        again = Resync(self.user_id)
        if not self.waiting or self.waiting[-1] != again:
            self.put(again)

    def put(self, update: UserUpdate) -> None:
        if len(self.waiting) >= LONGEST_QUEUE:
            self.waiting.clear()
            update = Resync(self.user_id)
        self.waiting.append(update)
        self.arrived.set()

    async def next(self) -> UserUpdate:
        while not self.waiting:
            self.arrived.clear()
            await self.arrived.wait()
        return self.waiting.popleft()
