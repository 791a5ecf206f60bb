"""How fast recorded time passes: at a speed, standing still, or without any measure."""

from __future__ import annotations

import math

from engine.runtime import Clock

SLOWEST, FASTEST = 0.1, 100.0
LONGEST_LAG_S = 1.0
"""What a stalled replay makes up for by hurrying; the rest of a stall is simply a pause."""


class Pace:
    """Recorded seconds against the clock, from wherever the replay was put last. Stands still until told to go."""

    def __init__(self, clock: Clock, speed: float) -> None:
        """`speed` times the recorded one; infinity has no measure, 0 is the recorded speed once it goes."""
        self._clock = clock
        self._speed = speed
        self._from_s = 0.0
        self._since_s: float | None = None
        """When it was told to go, on the monotonic clock; None while it stands."""

    @property
    def speed(self) -> float:
        return self._speed

    @property
    def going(self) -> bool:
        return self._since_s is not None

    def go(self) -> None:
        """Let recorded time pass from where it stood; at the recorded speed if it has none."""
        if self._since_s is None:
            self._speed = self._speed or 1.0
            self._since_s = self._clock.monotonic()

    def stand(self) -> None:
        """Let it stand where it is."""
        self._from_s, self._since_s = self._now_s(), None

    def put(self, position_s: float) -> None:
        """Go on from this recorded second."""
        self._from_s = position_s
        if self._since_s is not None:
            self._since_s = self._clock.monotonic()

    def change(self, speed: float, position_s: float) -> None:
        """Go at another speed from the present instant on: the one after `position_s` where time had no measure."""
        self.put(position_s if math.isinf(self._speed) else self._now_s())
        self._speed = speed

    def early_s(self, position_s: float) -> float:
        """Seconds to wait until this recorded second; lateness beyond `LONGEST_LAG_S` is forgiven."""
        if self._since_s is None:
            return math.inf
        if math.isinf(self._speed):
            return 0.0
        early_s = self._since_s + (position_s - self._from_s) / self._speed - self._clock.monotonic()
        if early_s < -LONGEST_LAG_S:
            self._since_s -= early_s + LONGEST_LAG_S
        return early_s

    def _now_s(self) -> float:
        if self._since_s is None or math.isinf(self._speed):
            return self._from_s
        return self._from_s + (self._clock.monotonic() - self._since_s) * self._speed


def parse_speed(value: object) -> float:
    """`SLOWEST` to `FASTEST` times the recorded speed, or `max`, which is infinite. ValueError says what may stand."""
    if value == "max":
        return math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not SLOWEST <= value <= FASTEST:
        raise ValueError(f"speed must be a number from {SLOWEST:g} to {FASTEST:g}, or max")
    return float(value)
