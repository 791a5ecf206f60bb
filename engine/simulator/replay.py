"""A recorded day played through the exchange, at a speed, at its consumers' pace, or step by step."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from engine.runtime import Clock, SystemClock
from engine.simulator.capture import CaptureError
from engine.simulator.exchange import Exchange
from engine.simulator.recording import Recording

log = structlog.get_logger(__name__)

LONGEST_LAG_S = 1.0
"""What a stalled replay makes up for by hurrying; the rest of a stall is simply a pause."""
LONGEST_NAP_S = 0.25
LARGEST_BACKLOG = 200
"""Messages that the slowest consumer may have waiting before a replay at `max` waits for it."""
EVENTS_AT_ONCE = 50


class ReplayController:
    """Where a replay stands, and its handles. `step` and `seek` play at once, whether it is paused or not."""

    def __init__(self, recording: Recording, speed: float) -> None:
        """`speed` times the recorded one; 0 stands still until stepped, infinity goes as fast as it is taken."""
        self.speed = speed
        self.backlog: Callable[[], int] = lambda: 0
        """How many messages the slowest consumer has waiting; set by whoever serves the streams."""
        self.going = asyncio.Event()
        """Set while it is not paused."""
        self.fault: str | None = None
        """Why it cannot go on, when the capture has a bad line."""
        self._recording = recording
        if speed:
            self.going.set()

    def step(self, diffs: int) -> int:
        """Play on until this many more depth diffs are applied, with all between them; stops at the end.

        Returns the update id of the last diff applied (of the snapshot when there was none).
        """
        if diffs < 1:
            raise ValueError(f"a step of {diffs} diffs is none: give 1 or more")
        until = self._recording.diffs + diffs
        while self._recording.diffs < until and self._recording.play():
            pass
        return self._recording.update_id

    def pause(self) -> None:
        """Stand still until resumed."""
        self.going.clear()

    def resume(self) -> None:
        """Go on at the replay's speed; one that was started at speed 0 goes on at the recorded speed."""
        self.speed = self.speed or 1.0
        self.going.set()

    def seek(self, seconds: float) -> int:
        """Play at once up to this many seconds after the snapshot; a replay cannot go back (ValueError).

        Returns the update id of the last diff applied.
        """
        if not math.isfinite(seconds) or seconds < self.position_s:
            raise ValueError(f"cannot seek to {seconds} s: the replay is at {self.position_s:.3f} s and only goes on")
        until_ns = self._recording.started_ns + int(seconds * 1_000_000_000)
        while self._recording.following is not None and self._recording.following.received_ns <= until_ns:
            self._recording.play()
        return self._recording.update_id

    @property
    def ended(self) -> bool:
        return self._recording.following is None

    @property
    def position_s(self) -> float:
        """Recorded seconds since the snapshot."""
        return (self._recording.position_ns - self._recording.started_ns) / 1_000_000_000

    def status(self) -> Mapping[str, object]:
        state = "ended" if self.ended else "playing" if self.going.is_set() else "paused"
        if self.fault:
            state = "broken"
        return {
            "flow": "replay",
            "file": self._recording.path.name,
            "symbol": self._recording.symbol,
            "state": state,
            "fault": self.fault,
            "speed": "max" if math.isinf(self.speed) else self.speed,
            "line": self._recording.line,
            "diffs": self._recording.diffs,
            "last_update_id": self._recording.update_id,
            "position_s": self.position_s,
        }


class ReplayFlow:
    """Plays a capture once and then stands still; its status says so."""

    def __init__(self, exchange: Exchange, path: Path, speed: float, clock: Clock | None = None) -> None:
        self._exchange = exchange
        self._path = path
        self._speed = speed
        self._clock = clock or SystemClock()
        self._recording: Recording | None = None
        self._controller: ReplayController | None = None
        self._line = 0

    @property
    def controller(self) -> ReplayController:
        """The handles; RuntimeError before `prepare`."""
        if self._controller is None:
            raise RuntimeError("the replay was not prepared")
        return self._controller

    def prepare(self) -> None:
        """Show the recorded snapshot, or find the place where a recovered market stood."""
        self._recording = Recording(self._exchange, self._path)
        self._controller = ReplayController(self._recording, self._speed)

    async def run(self) -> None:
        recording, controller = self._opened()
        try:
            await self._play_all(recording, controller)
        except CaptureError as error:
            controller.fault = str(error)
        if controller.fault:
            log.error("the replay stopped at a line that cannot be played", fault=controller.fault)
        await asyncio.Event().wait()

    def status(self) -> Mapping[str, object]:
        return self.controller.status()

    async def _play_all(self, recording: Recording, controller: ReplayController) -> None:
        origin_s = self._origin()
        while recording.following is not None:
            if not controller.going.is_set():
                await controller.going.wait()
                origin_s = self._origin()
            if math.isinf(controller.speed):
                await self._hurry(recording, controller)
            else:
                origin_s = await self._wait_and_play(recording, controller, origin_s)

    async def _hurry(self, recording: Recording, controller: ReplayController) -> None:
        """Play a handful of events, then let the consumers take them."""
        for _ in range(EVENTS_AT_ONCE):
            if controller.backlog() > LARGEST_BACKLOG:
                await asyncio.sleep(0.005)
                return
            recording.play()
        await asyncio.sleep(0)

    async def _wait_and_play(self, recording: Recording, controller: ReplayController, origin_s: float) -> float:
        """Play all that is due and wait for the rest. Returns the origin, moved on by what a stall took."""
        if recording.line != self._line:  # stepped or sought by hand meanwhile
            origin_s = self._origin()
        for _ in range(EVENTS_AT_ONCE):
            self._line = recording.line
            if recording.following is None:
                return origin_s
            after_s = (recording.following.received_ns - recording.started_ns) / 1_000_000_000 / controller.speed
            early_s = origin_s + after_s - self._clock.monotonic()
            if early_s < -LONGEST_LAG_S:
                origin_s -= early_s + LONGEST_LAG_S
            if early_s > 0:
                await asyncio.sleep(min(early_s, LONGEST_NAP_S))
                return origin_s
            recording.play()
        self._line = recording.line
        await asyncio.sleep(0)
        return origin_s

    def _origin(self) -> float:
        """The monotonic instant at which the snapshot was received, had the replay always gone at this speed."""
        _, controller = self._opened()
        speed = controller.speed
        return self._clock.monotonic() - (0.0 if math.isinf(speed) or not speed else controller.position_s / speed)

    def _opened(self) -> tuple[Recording, ReplayController]:
        if self._recording is None:
            raise RuntimeError("the replay was not prepared")
        return self._recording, self.controller
