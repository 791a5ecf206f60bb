"""How a process of a world lives, and how it comes to die."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import count

from tests.virtual.loop import Life, VirtualLoop

BEGAN = datetime(2026, 7, 1, 12, tzinfo=UTC)


class Point(StrEnum):
    """Where a process may die: between two steps that the outside sees."""

    BEFORE_COMMIT = "before a commit"
    AFTER_COMMIT = "after a commit"
    BEFORE_SENDING = "before a request leaves"
    AFTER_SENDING = "when a request has left"
    ANSWERED = "with an answer in hand"


@dataclass(slots=True)
class Doom:
    """The process dies when it comes to a point for the n-th time."""

    point: Point
    times: int


class Mortal:
    """A life that its doom may end in the middle of what it does."""

    def __init__(self, life: Life, doom: Doom | None, on_death: Callable[[str], None]) -> None:
        self.life = life
        self._doom = doom
        self._on_death = on_death

    async def come_to(self, point: Point) -> None:
        """Pass the point, or never get further."""
        doom = self._doom
        if doom is None or doom.point is not point:
            return
        doom.times -= 1
        if doom.times <= 0:
            self.die(point)
            await asyncio.get_running_loop().create_future()

    def die(self, why: str) -> None:
        if not self.life.dead:
            self.life.dead = True
            self._on_death(why)


class VirtualClock:
    """A machine's clock. The wall may be set, forwards and backwards; what durations are measured by never jumps."""

    def __init__(self, loop: VirtualLoop, off_s: float = 0.0) -> None:
        self._loop = loop
        self.off_s = off_s
        """How far the wall is ahead of the true time, which is the exchange's."""

    def now(self) -> datetime:
        return BEGAN + timedelta(seconds=self._loop.time() + self.off_s)

    def monotonic(self) -> float:
        return self._loop.time()


class CountedIds:
    """Ids that count up over all processes of a world."""

    def __init__(self) -> None:
        self._numbers = count(1)

    def new(self) -> str:
        return f"{next(self._numbers):032x}"

    def secret(self) -> str:
        return f"secret-{self.new()}"
