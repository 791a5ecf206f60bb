"""The ground floor: tasks with an owner, and clock, ids and randomness as ports.

Nothing else in the project may create a task, read the time, draw a random number or make an id:
that is what lets a whole trading day run in a test in seconds, the same every time.
"""

from __future__ import annotations

import asyncio
import os
import random
import secrets
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

import structlog

log = structlog.get_logger(__name__)

ID_BYTES = 10
IDS_DRAWN_AT_ONCE = 400
RESTART_DELAYS_S = (0.1, 0.5, 1.0, 2.0, 5.0)


class Clock(Protocol):
    """Wall time for records, monotonic time for durations."""

    def now(self) -> datetime:
        """The current instant, timezone-aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump, from an arbitrary origin."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


class Ids(Protocol):
    """Makes identifiers that never collide."""

    def new(self) -> str:
        """A new identifier, sortable by the time it was made: 32 lower-case hex digits."""
        ...

    def secret(self) -> str:
        """An unguessable URL-safe token of 256 bits."""
        ...


class SystemIds:
    """Time-ordered ids (UUID version 7, RFC 9562) and tokens from the system's randomness.

    Chance is drawn for many ids at once: each draw is a call of the system, at which another thread may take over for
    milliseconds. A forked process draws its own.
    """

    def __init__(self) -> None:
        self._drawn: list[int] = []
        self._process = 0

    def new(self) -> str:
        if not self._drawn or self._process != os.getpid():
            self._draw()
        drawn = self._drawn.pop()
        milliseconds = time.time_ns() // 1_000_000
        value = (milliseconds & 0xFFFFFFFFFFFF) << 80 | 0x7 << 76 | (drawn >> 62 & 0xFFF) << 64
        value |= 0b10 << 62 | drawn & 0x3FFFFFFFFFFFFFFF
        return f"{value:032x}"

    def secret(self) -> str:
        return secrets.token_urlsafe(32)

    def _draw(self) -> None:
        chance = secrets.token_bytes(IDS_DRAWN_AT_ONCE * ID_BYTES)
        self._process = os.getpid()
        self._drawn = [int.from_bytes(chance[at : at + ID_BYTES]) for at in range(0, len(chance), ID_BYTES)]


class Randomness(Protocol):
    """Draws for jitter and for synthetic markets; never for secrets."""

    def random(self) -> float:
        """A float in [0, 1)."""
        ...


class SeededRandomness(random.Random):
    """The same seed gives the same draws."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A task that ended by an exception."""

    task: str
    error: str
    at: datetime
    restarts: int


@dataclass(slots=True)
class Supervisor:
    """The only place that creates a task: each has a name and an owner that ends it.

    A `run` task ends when its work does; a failure is logged and kept. A `keep` task is restarted
    with a growing delay, and is forgiven after it has held for a minute. `close` cancels all tasks
    and waits until they are gone.
    """

    name: str
    clock: Clock = field(default_factory=SystemClock)
    on_failure: Callable[[Failure], None] | None = None
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict[str, asyncio.Task[None]])
    _failures: list[Failure] = field(default_factory=list[Failure])
    _closed: bool = False

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start `work` once under `name`; a task of that name that is still running is an error."""
        return self._start(name, self._once(name, work), work)

    def keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> asyncio.Task[None]:
        """Start `work()` under `name` and start it again whenever it ends, until closed."""
        return self._start(name, self._forever(name, work), None)

    def stop(self, name: str) -> None:
        """Cancel one task by its name; an unknown name is no error."""
        task = self._tasks.get(name)
        if task is not None:
            task.cancel()

    @property
    def running(self) -> tuple[str, ...]:
        """The names of the tasks that run now."""
        return tuple(self._tasks)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """The last hundred failures, oldest first."""
        return tuple(self._failures)

    async def close(self) -> None:
        """Cancel every task and wait for its end. Nothing can be started afterwards."""
        self._closed = True
        while self._tasks:
            tasks = [task for task in self._tasks.values() if task is not asyncio.current_task()]
            if not tasks:
                return
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def _start(
        self, name: str, body: Coroutine[Any, Any, None], inner: Coroutine[Any, Any, None] | None
    ) -> asyncio.Task[None]:
        if self._closed or name in self._tasks:
            body.close()
            if inner is not None:
                inner.close()
            state = "closed" if self._closed else f"already running a task named {name!r}"
            raise RuntimeError(f"supervisor {self.name!r} is {state}")
        task = asyncio.get_running_loop().create_task(body, name=f"{self.name}:{name}")
        self._tasks[name] = task
        task.add_done_callback(lambda done: self._forget(name, done))
        if inner is not None:  # cancelled before its first step, it would be reported as never awaited
            task.add_done_callback(lambda _: inner.close())
        return task

    def _forget(self, name: str, task: asyncio.Task[None]) -> None:
        if self._tasks.get(name) is task:
            del self._tasks[name]

    async def _once(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:  # the top of a task: recorded here, or nobody would see it
            self._record(name, error, 0)

    async def _forever(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        restarts = 0
        while True:
            started = self.clock.monotonic()
            try:
                await work()
            except Exception as error:  # the top of a task: recorded, then started again
                self._record(name, error, restarts)
            if self.clock.monotonic() - started > 60:
                restarts = 0
            await asyncio.sleep(RESTART_DELAYS_S[min(restarts, len(RESTART_DELAYS_S) - 1)])
            restarts += 1

    def _record(self, name: str, error: Exception, restarts: int) -> None:
        failure = Failure(name, repr(error), self.clock.now(), restarts)
        self._failures.append(failure)
        del self._failures[:-100]
        log.error("task failed", owner=self.name, task=name, restarts=restarts, exc_info=error)
        if self.on_failure is not None:
            self.on_failure(failure)
