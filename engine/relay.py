"""Takes commands from the outbox to the stream: straight after the commit, and by a sweep for what was left behind."""

from __future__ import annotations

import asyncio
from collections import deque
from datetime import datetime, timedelta

import structlog

from engine.domain.messages import Command
from engine.domain.values import Unavailable
from engine.ports import Ledger, Stream
from engine.runtime import Clock, Supervisor

log = structlog.get_logger(__name__)

SWEEP_EVERY_S = 1.0
LEFT_BEHIND_AFTER = timedelta(seconds=2)
"""Younger commands are on their way from the commit that made them."""
TAKEN_FOR = timedelta(seconds=10)
"""Past that, what a relay has taken is taken to be left behind again: the relay has died."""
SWEEP_SIZE = 500
MOST_MARKS = 5_000


class Relay:
    """Publishing is idempotent by the command's id, and a command that comes twice is asked after, not sent again: so
    the mark in the outbox may lag behind, and is written for many commands at once."""

    def __init__(self, ledger: Ledger, stream: Stream, clock: Clock) -> None:
        self._ledger = ledger
        self._stream = stream
        self._clock = clock
        self._published: deque[str] = deque(maxlen=MOST_MARKS)

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("relay", self._sweep)

    async def send(self, command: Command) -> bool:
        """Straight after the commit; whether it is on its way. A stream that is full or out of reach leaves it to the
        sweep."""
        try:
            await self._stream.publish(command)
        except Unavailable as refusal:
            log.warning("command stays in the outbox", command=command.id, reason=refusal.message)
            return False
        self._published.append(command.id)
        return True

    async def sweep(self) -> None:
        """Mark what was published, then publish what is left, up to the first that the stream does not take."""
        await self._mark()
        now = self._clock.now()
        oldest = await self._ledger.unpublished(1)
        if oldest and oldest[0].created_at <= now - LEFT_BEHIND_AFTER:
            await self._send_what_is_left(now)
            await self._mark()

    async def _send_what_is_left(self, now: datetime) -> None:
        """Several processes may sweep at once: what one has taken the others leave to it."""
        commands = await self._ledger.take_unpublished(
            SWEEP_SIZE, before=now - LEFT_BEHIND_AFTER, at=now, until=now + TAKEN_FOR
        )
        for number, command in enumerate(commands):
            log.info("command was left behind in the outbox", command=command.id, order=command.order_id)
            if not await self.send(command):
                await self._ledger.put_back([one.id for one in commands[number:]])
                break

    async def _sweep(self) -> None:
        while True:
            await self.sweep()
            await asyncio.sleep(SWEEP_EVERY_S)

    async def _mark(self) -> None:
        ids = tuple(self._published)
        if ids:
            await self._ledger.mark_published(ids, self._clock.now())
            for _ in ids:
                self._published.popleft()
