"""How much a client may ask of its socket."""

from __future__ import annotations

from engine.runtime import Clock


class Allowance:
    """Messages: `rate` a second, up to `burst` at once. What is asked beyond it counts, too."""

    def __init__(self, clock: Clock, rate: float, burst: int) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._left = float(burst)
        self._seen_at = clock.monotonic()

    def take(self) -> float:
        """Count one message: 0 when it is allowed, else the seconds until the next one would be."""
        now = self._clock.monotonic()
        self._left = min(self._left + (now - self._seen_at) * self._rate, self._burst) - 1
        self._seen_at = now
        return 0.0 if self._left >= 0 else -self._left / self._rate

    @property
    def overdrawn(self) -> bool:
        """Whether the client goes on although it was told: as much again as it may ask at once."""
        return self._left < -self._burst
