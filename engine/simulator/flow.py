"""Who else trades at the simulator: chosen by a word, prepared before serving, then run beside it.

`synthetic` is a seeded crowd of traders, `replay:FILE@SPEED` a recorded day, `mirror:VENUE` a real exchange's public
market, `none` an empty one.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from engine.runtime import Clock, SystemClock
from engine.simulator.exchange import Exchange
from engine.simulator.listings import default_profiles
from engine.simulator.mirror_flow import MirrorFlow
from engine.simulator.pace import FASTEST, SLOWEST, parse_speed
from engine.simulator.replay import ReplayController, ReplayFlow
from engine.simulator.sources import parse_source
from engine.simulator.synthetic import SyntheticFlow


class Flow(Protocol):
    """Something that makes a market move."""

    @property
    def controller(self) -> ReplayController | None:
        """What steps, pauses and seeks a replay; None for a market that cannot be controlled."""
        ...

    def prepare(self) -> None:
        """Load the history and open the market, or continue a recovered one. Called once, before serving.

        Raises ValueError, in a sentence for the one who chose the flow, when that cannot be.
        """
        ...

    async def run(self) -> None:
        """Move the market until cancelled."""
        ...

    def status(self) -> Mapping[str, object]:
        """What it is and how far it has come, as plain JSON values."""
        ...


def build_flow(spec: str, exchange: Exchange, seed: int, clock: Clock | None = None) -> Flow:
    """The flow that `spec` names. ValueError, in a sentence for the one who typed it, when there is no such flow."""
    kind, _, rest = spec.partition(":")
    if spec == "none":
        return EmptyFlow()
    if spec == "synthetic":
        listed = {symbol: own for symbol, own in default_profiles().items() if symbol in exchange.listings}
        return SyntheticFlow(exchange, seed, listed, clock or SystemClock())
    if kind == "mirror":
        return MirrorFlow(exchange, parse_source(spec, rest, exchange.listings), clock)
    if kind != "replay":
        raise ValueError(f"flow {spec!r} is unknown: use synthetic, none, replay:FILE@SPEED or mirror:VENUE")
    name, _, speed = rest.rpartition("@")
    if not name:
        raise ValueError(f"flow {spec!r} lacks a file or a speed: write replay:FILE@SPEED, like replay:day.gz@10")
    if not Path(name).is_file():
        raise ValueError(f"flow {spec!r}: there is no file {name!r}: give the path of a recorded capture")
    return ReplayFlow(exchange, Path(name), _speed(spec, speed), clock or SystemClock())


class EmptyFlow:
    """Nobody else trades."""

    @property
    def controller(self) -> None:
        return None

    def prepare(self) -> None:
        """Nothing to do."""

    async def run(self) -> None:
        await asyncio.Event().wait()

    def status(self) -> Mapping[str, object]:
        return {"flow": "none"}


def _speed(spec: str, text: str) -> float:
    """Times recorded speed: 0 stands still until stepped, `max` is infinite."""
    try:
        if text == "max":
            return parse_speed(text)
        speed = float(text) if text.isascii() else math.nan
        return speed if speed == 0 else parse_speed(speed)
    except ValueError:
        raise ValueError(
            f"flow {spec!r}: speed {text!r} is none: use 0 to step, a number from {SLOWEST:g} to {FASTEST:g}, or max"
        ) from None
