"""What a desk process of a world stands on: its disk, and between several processes the stream and the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import Context
from dataclasses import dataclass, field
from random import Random
from typing import TypeVar

from data.bus import Subscription
from data.errors import DatabaseError
from data.streams import MemoryStream
from engine.domain.messages import Command
from engine.domain.values import Unavailable
from engine.ports import BusEvent, Missed
from engine.runtime import Clock
from tests.virtual.life import Mortal, Point
from tests.virtual.loop import VirtualLoop

T = TypeVar("T")

HICCUP_S = 1.0
BUS_CAPACITY = 1_000


@dataclass(slots=True)
class DiskHealth:
    """How the disk under a world's ledger is: parts of the calls that take long, that fail, and that fail although
    they were committed (a database across a network can do that)."""

    slow: float = 0.0
    fails: float = 0.0
    fails_after: float = 0.0

    @classmethod
    def drawn(cls, of: Random) -> DiskHealth:
        slow = (0.0, 0.1, 0.5)[int(of.random() * 3)]
        fails = (0.0, 0.0, 0.02, 0.1)[int(of.random() * 4)]
        fails_after = (0.0, 0.0, 0.02)[int(of.random() * 3)]
        return cls(slow, fails, fails_after)

    def heal(self) -> None:
        self.slow = self.fails = self.fails_after = 0.0


class VirtualDisk:
    """One process's connection to the store. What is not committed when the process dies is gone; the rest stays."""

    def __init__(self, mortal: Mortal, health: DiskHealth, of: Random) -> None:
        self._mortal = mortal
        self._health = health
        self._of = of

    async def write(self, work: Callable[[], T]) -> T:
        await self._mortal.come_to(Point.BEFORE_COMMIT)
        await self._wait()
        if self._of.random() < self._health.fails:
            if self._of.random() < 0.5:
                raise DatabaseError("the database could not write: database is locked")
            raise Unavailable("ledger_busy", "The ledger has too many writes waiting; try again in a moment.")
        done = work()
        await self._mortal.come_to(Point.AFTER_COMMIT)
        await self._wait()
        if self._of.random() < self._health.fails_after:
            raise DatabaseError("the database could not write: the connection was closed")
        return done

    async def read(self, work: Callable[[], T]) -> T:
        if self._of.random() < self._health.fails:
            raise DatabaseError("the database could not be read: disk I/O error")
        if self._of.random() < 0.5:
            await self._wait()
        return work()

    async def _wait(self) -> None:
        if self._of.random() < self._health.slow:
            await asyncio.sleep(self._of.random() ** 6 * HICCUP_S)
        else:
            await asyncio.sleep(0)


class ErraticStream(MemoryStream):
    """A stream that gives some commands twice, late, or not at all: what a lease that is too short, a relay that
    publishes again, or the loss of a Redis do."""

    def __init__(
        self, clock: Clock, lease_s: float, loop: VirtualLoop, outside: Context, again: float, of: Random
    ) -> None:
        super().__init__(clock, lease_s)
        self._loop = loop
        self._outside = outside
        self._of = of
        self._again = again
        self.loses = False
        """Whether what is published is lost, and nobody is told."""

    async def publish(self, command: Command) -> None:
        if self.loses:
            return
        if self._of.random() < self._again:
            self._loop.call_later(self._of.uniform(0.01, 5), self._publish_again, command, context=self._outside)
        await super().publish(command)

    def calm(self) -> None:
        self._again = 0.0
        self.loses = False

    def flush(self) -> None:
        """Everything is gone, what is in hand too."""
        self._entries.clear()
        self._lines.clear()
        self._ready.clear()
        self._asleep.clear()

    def _publish_again(self, command: Command) -> None:
        self._loop.create_task(super().publish(command))


@dataclass(slots=True)
class SharedBus:
    """`engine.ports.EventBus` between processes: events take a while, and some get lost."""

    loop: VirtualLoop
    outside: Context
    of: Random
    loses: float
    _subscriptions: list[Subscription] = field(default_factory=list[Subscription])

    async def publish(self, event: BusEvent) -> None:
        self._subscriptions = [one for one in self._subscriptions if not one.closed]
        for subscription in self._subscriptions:
            if self.of.random() >= self.loses:
                delay_s = self.of.uniform(0, 0.05)
                self.loop.call_later(delay_s, subscription.offer, event, context=self.outside)

    def subscribe(self) -> AsyncIterator[BusEvent | Missed]:
        subscription = Subscription(BUS_CAPACITY)
        self._subscriptions.append(subscription)
        return subscription
