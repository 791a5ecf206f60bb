"""How an operator drives a replay: what `/sim/replay/ACTION` takes, and what is refused.

step {"diffs": 1}    pause {}    resume {}    speed {"speed": 2 | "max"}    seek {"position_s": 120} or {"diff": 900}
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from engine.simulator.capture import CaptureError
from engine.simulator.model import ApiError
from engine.simulator.pace import parse_speed
from engine.simulator.replay import ReplayBusy, ReplayController
from engine.simulator.wire import Json

MOST_STEPS: Final = 10_000
LONGEST_SEEK_S: Final = 10**6
HIGHEST_DIFF: Final = 10**9

Body = Mapping[str, object]
Flush = Callable[[], None]
"""Sends the book changes that wait: a stepped replay does not go by the clock."""


async def handle(action: str, body: Body, controller: ReplayController, flush: Flush) -> Json:
    """Do it and tell where the replay then stands.

    ApiError 400 names the field that will not do, 404 is for an unknown action, 409 for a seek that is under way and
    for a recording that cannot be played.
    """
    known = HANDLES.get(action)
    if known is None:
        raise ApiError(-1000, f"A replay can {', '.join(HANDLES)}.", 404)
    fields, act = known
    unread = sorted(body.keys() - fields)
    if unread:
        raise ApiError(-1104, f"{action} does not read {', '.join(unread)}.")
    try:
        await act(body, controller, flush)
    except ReplayBusy:
        raise ApiError(-1000, "A seek is under way.", 409) from None
    except (CaptureError, OSError) as error:
        raise ApiError(-1000, f"The recording cannot be played: {error}.", 409) from None
    return dict(controller.status())


async def _step(body: Body, controller: ReplayController, flush: Flush) -> None:
    for _ in range(_whole(body, "diffs", 1, MOST_STEPS)):
        if controller.ended:
            return
        controller.step(1)
        flush()


async def _pause(body: Body, controller: ReplayController, flush: Flush) -> None:
    del body, flush
    controller.pause()


async def _resume(body: Body, controller: ReplayController, flush: Flush) -> None:
    del body, flush
    controller.resume()


async def _speed(body: Body, controller: ReplayController, flush: Flush) -> None:
    del flush
    try:
        speed = parse_speed(body.get("speed"))
    except ValueError as error:
        raise ApiError(-1130, f"{error}.") from None
    controller.change_speed(speed)


async def _seek(body: Body, controller: ReplayController, flush: Flush) -> None:
    if len(body) != 1:
        raise ApiError(-1130, "seek needs position_s or diff, one of them.")
    if "diff" in body:
        await controller.seek_diff(_whole(body, "diff", 0, HIGHEST_DIFF))
    else:
        await controller.seek_s(_seconds(body, "position_s"))
    flush()


def _whole(body: Body, name: str, least: int, most: int) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ApiError(-1130, f"{name} must be a whole number from {least} to {most}.")
    return value


def _seconds(body: Body, name: str) -> float:
    value = body.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ApiError(-1130, f"{name} must be a number of seconds.")
    if not 0 <= value <= LONGEST_SEEK_S:
        raise ApiError(-1130, f"{name} must be from 0 to {LONGEST_SEEK_S}.")
    return float(value)


HANDLES: Final[Mapping[str, tuple[frozenset[str], Callable[[Body, ReplayController, Flush], Awaitable[None]]]]] = {
    "step": (frozenset({"diffs"}), _step),
    "pause": (frozenset(), _pause),
    "resume": (frozenset(), _resume),
    "speed": (frozenset({"speed"}), _speed),
    "seek": (frozenset({"position_s", "diff"}), _seek),
}
