# pyright: reportPrivateUsage=false
# (the handles of asyncio carry the context that they run in and their own cancellation only under private names)
"""An event loop whose time is made up, whose order of callbacks is drawn from a seed, and whose processes can die.

When nothing can run, the clock jumps to the next timer. Of several callbacks that could run, any may be next: that is
where interleavings differ from seed to seed. A callback runs in a context, and a context belongs to a life or to
nobody: when a life has ended, what belongs to it never runs again. No `finally`, no `except` of it does either, which
is what `kill -9` means.
"""

from __future__ import annotations

import asyncio
from asyncio import base_events
from collections.abc import Callable, Coroutine, Iterable
from contextvars import Context, ContextVar, copy_context
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Any, TypeVar

T = TypeVar("T")

MOST_STEPS = 2_000_000
"""Callbacks without which no world ends; more are a loop that waits for nothing."""


@dataclass(eq=False, slots=True)
class Life:
    """A process from its start to its end."""

    name: str
    dead: bool = False
    tasks: list[asyncio.Task[Any]] = field(default_factory=list[asyncio.Task[Any]])
    """All that it ever started: held, so that no destructor runs what a dead process cannot run any more."""
    limbo: list[asyncio.Handle] = field(default_factory=list[asyncio.Handle])
    """What would have run since its end."""
    _context: Context = field(init=False)

    def __post_init__(self) -> None:
        self._context = copy_context()
        self._context.run(OWNER.set, self)

    def start(self, loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run it as a part of this process."""
        return self._context.copy().run(loop.create_task, work)


OWNER: ContextVar[Life | None] = ContextVar("owner", default=None)
"""Whose the running code is; None for the world outside, which does not die."""


class Stuck(Exception):
    """Nothing is left to wait for, or the work never waits."""


class VirtualLoop(base_events.BaseEventLoop):
    """Runs what waits for nothing but time and each other: no sockets, no threads, no signals."""

    _ready: list[asyncio.Handle]
    _stopping: bool

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._now_s = 0.0
        self._draw = Random(f"order of callbacks {seed}").random
        self._ready = []
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        """A heap; of one instant the first that was set comes first."""
        self._timers_set = 0
        self.steps = 0
        """Callbacks that ran."""
        self.set_task_factory(_registered)

    def time(self) -> float:
        """Seconds since this world began."""
        return self._now_s

    def call_soon(self, callback: Callable[..., object], *args: Any, context: Context | None = None) -> asyncio.Handle:
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_later(
        self, delay: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        return self.call_at(self._now_s + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_set += 1
        heappush(self._timers, (when, self._timers_set, timer))
        return timer

    async def bury(self, lives: Iterable[Life]) -> None:
        """Let what is left of them end in good order, when nothing that it does matters any more: a task that is
        destroyed in the middle of its work is told of loudly."""
        for life in lives:
            life.dead = False
            self._ready.extend(life.limbo)
            life.limbo.clear()
            for task in life.tasks:
                task.cancel()
            await asyncio.gather(*life.tasks, return_exceptions=True)
            life.tasks.clear()

    def _run_once(self) -> None:
        """One round: what can run now, and what becomes able to by it, in any order; else a jump."""
        self._wake()
        ready, draw = self._ready, self._draw
        while ready and not self._stopping:
            if len(ready) > 1:
                drawn = int(draw() * len(ready))
                ready[drawn], ready[-1] = ready[-1], ready[drawn]
            handle = ready.pop()
            if handle._cancelled:
                continue
            owner = handle._context.get(OWNER)
            if owner is not None and owner.dead:
                owner.limbo.append(handle)
                continue
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise Stuck(f"{self.steps} callbacks, and it is still {self._now_s} s")
            handle._run()

    def _wake(self) -> None:
        """Make ready what is due; when nothing is ready, let time pass until something is."""
        timers = self._timers
        while timers and timers[0][2]._cancelled:
            heappop(timers)
        if not self._ready:
            if not timers:
                raise Stuck(f"nothing is left to wait for at {self._now_s} s")
            self._now_s = max(self._now_s, timers[0][0])
        while timers and timers[0][0] <= self._now_s:
            timer = heappop(timers)[2]
            if not timer._cancelled:
                self._ready.append(timer)

    def _process_events(self, event_list: object) -> None:
        """There are no sockets."""

    def _write_to_self(self) -> None:
        """There are no threads."""


def _registered(loop: asyncio.AbstractEventLoop, work: Any, **options: Any) -> asyncio.Task[Any]:
    """A task that the life which starts it holds on to."""
    task = asyncio.Task[Any](work, loop=loop, **options)
    owner = OWNER.get()
    if owner is not None:
        owner.tasks.append(task)
    return task
