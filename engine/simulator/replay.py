"""A recorded day played through the exchange, at a speed, at its consumers' pace, or step by step."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from engine.runtime import Clock, SystemClock
from engine.simulator.capture import CaptureError
from engine.simulator.exchange import Exchange
from engine.simulator.pace import Pace
from engine.simulator.recording import Recording
from engine.simulator.reel import Reel

log = structlog.get_logger(__name__)

LONGEST_NAP_S = 0.25
LARGEST_BACKLOG = 200
"""Messages that the slowest consumer may have waiting before a replay at `max` waits for it."""
EVENTS_AT_ONCE = 50
BREATHS = 200
"""How often a seek waits for the slowest consumer between two handfuls of events, 5 ms each."""


class ReplayBusy(Exception):
    """A seek is under way; nothing else can be asked of the replay until it has arrived."""


class ReplayController:
    """Where a replay stands, and its handles. `step` and `seek` play at once, whether it is paused or not."""

    def __init__(self, recording: Recording, speed: float, clock: Clock) -> None:
        """`speed` times the recorded one; 0 stands still until stepped, infinity goes as fast as it is taken."""
        self.backlog: Callable[[], int] = lambda: 0
        """How many messages the slowest consumer has waiting; set by whoever serves the streams."""
        self.playable = asyncio.Event()
        """Set while it goes, is not seeking, and has something left to play."""
        self.pace = Pace(clock, speed)
        self._recording = recording
        self._seeking = False
        if speed:
            self.pace.go()
        self.settle()

    def step(self, diffs: int) -> int:
        """Play on until this many more depth diffs are applied, with all between them; stops at the end.

        Returns the update id of the last diff applied (of the snapshot when there was none). CaptureError at a line
        that cannot be played.
        """
        if diffs < 1:
            raise ValueError(f"a step of {diffs} diffs is none: give 1 or more")
        self._check_free()
        until = self._recording.place.diffs + diffs
        try:
            while self._recording.place.diffs < until and self._recording.play():
                pass
        finally:
            self._arrive()
        return self._recording.update_id

    def pause(self) -> None:
        """Stand still until resumed."""
        self._check_free()
        self.pace.stand()
        self.settle()

    def resume(self) -> None:
        """Go on at the replay's speed; one that was started at speed 0 goes on at the recorded speed."""
        self._check_free()
        self.pace.go()
        self.settle()

    def change_speed(self, speed: float) -> None:
        """Go at another speed from now on; one that stands goes on standing."""
        self._check_free()
        self.pace.change(speed, self.position_s)
        self.settle()

    async def seek_s(self, position_s: float) -> int:
        """Play fast up to this many seconds after the snapshot, or show the book as it stood there if that is past.

        Returns the update id under which the book now stands. CaptureError at a line that cannot be played.
        """
        if not math.isfinite(position_s) or position_s < 0:
            raise ValueError("position_s must be seconds after the snapshot, 0 or more")
        until_ns = int(position_s * 1_000_000_000)
        back = until_ns < self._recording.offset_ns
        return await self._seek(lambda reel: reel.following_ns > until_ns, back, position_s)

    async def seek_diff(self, diff: int) -> int:
        """The same up to the diff of this number; 0 is the snapshot."""
        if diff < 0:
            raise ValueError("diff must be a diff's number, 0 or more")
        return await self._seek(lambda reel: reel.place.diffs >= diff, diff < self._recording.place.diffs, None)

    @property
    def ended(self) -> bool:
        return math.isinf(self._recording.following_s)

    @property
    def fault(self) -> str | None:
        """Why it cannot go on, when the capture has a bad line."""
        return self._recording.fault

    @property
    def position_s(self) -> float:
        """Recorded seconds since the snapshot."""
        return self._recording.position_s

    def status(self) -> Mapping[str, object]:
        place = self._recording.place
        return {
            "flow": "replay",
            "file": self._recording.path.name,
            "symbol": self._recording.symbol,
            "state": self._state(),
            "fault": self.fault,
            "speed": "max" if math.isinf(self.pace.speed) else self.pace.speed,
            "line": place.line,
            "diffs": place.diffs,
            "last_update_id": self._recording.update_id,
            "position_s": self.position_s,
        }

    def settle(self) -> None:
        """Say whether there is anything to play now."""
        if self.pace.going and not self._seeking and not self.ended:
            self.playable.set()
        else:
            self.playable.clear()

    async def give_way(self) -> None:
        """Let everyone else work; once, or until the slowest consumer has caught up."""
        await asyncio.sleep(0.005 if self.backlog() > LARGEST_BACKLOG else 0)

    async def _seek(self, is_there: Callable[[Reel], bool], back: bool, position_s: float | None) -> int:
        self._check_free()
        self._seeking = True
        self.settle()
        try:
            for _ in self._recording.wind_back(is_there) if back else self._recording.play_on(is_there, EVENTS_AT_ONCE):
                await asyncio.sleep(0)
                for _ in range(BREATHS):
                    if self.backlog() <= LARGEST_BACKLOG:
                        break
                    await self.give_way()
        finally:
            self._seeking = False
            self._arrive(position_s)
        return self._recording.update_id

    def _arrive(self, position_s: float | None = None) -> None:
        self.pace.put(self.position_s if position_s is None else max(position_s, self.position_s))
        self.settle()

    def _check_free(self) -> None:
        if self._seeking:
            raise ReplayBusy

    def _state(self) -> str:
        if self.fault:
            return "broken"
        if self._seeking:
            return "seeking"
        if self.ended:
            return "ended"
        return "playing" if self.pace.going else "paused"


class ReplayFlow:
    """Plays a capture and stands still at its end, until it is wound back; its status says so."""

    def __init__(self, exchange: Exchange, path: Path, speed: float, clock: Clock | None = None) -> None:
        self._exchange = exchange
        self._path = path
        self._speed = speed
        self._clock = clock or SystemClock()
        self._recording: Recording | None = None
        self._controller: ReplayController | None = None

    @property
    def controller(self) -> ReplayController:
        """The handles; RuntimeError before `prepare`."""
        if self._controller is None:
            raise RuntimeError("the replay was not prepared")
        return self._controller

    def prepare(self) -> None:
        """Show the recorded snapshot, or find the place where a recovered market stood."""
        self._recording = Recording(self._exchange, self._path)
        self._controller = ReplayController(self._recording, self._speed, self._clock)

    async def run(self) -> None:
        recording, controller = self._opened()
        controller.pace.put(recording.position_s)
        while True:
            controller.settle()
            await controller.playable.wait()
            with contextlib.suppress(CaptureError):
                if math.isinf(controller.pace.speed):
                    await self._hurry(recording, controller)
                else:
                    await self._wait_and_play(recording, controller)
            if controller.fault is not None:
                log.error("the replay stopped at a line that cannot be played", fault=controller.fault)

    def status(self) -> Mapping[str, object]:
        return self.controller.status()

    async def _hurry(self, recording: Recording, controller: ReplayController) -> None:
        """Play a handful of events, then let the consumers take them."""
        for _ in range(EVENTS_AT_ONCE):
            if controller.backlog() > LARGEST_BACKLOG:
                break
            recording.play()
        await controller.give_way()

    async def _wait_and_play(self, recording: Recording, controller: ReplayController) -> None:
        """Play what is due, a handful at once, and wait for the rest."""
        for _ in range(EVENTS_AT_ONCE):
            if controller.ended:
                return
            early_s = controller.pace.early_s(recording.following_s)
            if early_s > 0:
                await asyncio.sleep(min(early_s, LONGEST_NAP_S))
                return
            recording.play()
        await asyncio.sleep(0)

    def _opened(self) -> tuple[Recording, ReplayController]:
        if self._recording is None:
            raise RuntimeError("the replay was not prepared")
        return self._recording, self.controller
