"""The intervals of candles: when one opens, by UTC or by a clock ahead of it.

As Binance has them (Spot API, "Kline/Candlestick data", 2026-07): weeks open on Monday, months on the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from engine.simulator.model import ApiError

MINUTE_MS = 60_000
DAY_MS = 86_400_000
KEPT_MINUTES = 10 * 1440

FIXED_INTERVALS_MS = {
    "1m": MINUTE_MS,
    "3m": 3 * MINUTE_MS,
    "5m": 5 * MINUTE_MS,
    "15m": 15 * MINUTE_MS,
    "30m": 30 * MINUTE_MS,
    "1h": 60 * MINUTE_MS,
    "2h": 120 * MINUTE_MS,
    "4h": 240 * MINUTE_MS,
    "6h": 360 * MINUTE_MS,
    "8h": 480 * MINUTE_MS,
    "12h": 720 * MINUTE_MS,
    "1d": DAY_MS,
    "3d": 3 * DAY_MS,
}
INTERVALS = (*FIXED_INTERVALS_MS, "1w", "1M")
FIRST_MONDAY_MS = 4 * DAY_MS


def interval_ms(interval: str, at_ms: int) -> tuple[int, int]:
    """The [open, next open) of the candle of this interval that holds `at_ms`; ApiError -1120 when unknown."""
    length = FIXED_INTERVALS_MS.get(interval)
    if length is not None:
        start = at_ms - at_ms % length
        return start, start + length
    if interval == "1w":
        start = at_ms - (at_ms - FIRST_MONDAY_MS) % (7 * DAY_MS)
        return start, start + 7 * DAY_MS
    if interval == "1M":
        day = datetime.fromtimestamp(at_ms // 1000, UTC)
        first = datetime(day.year, day.month, 1, tzinfo=UTC)
        following = datetime(day.year + day.month // 12, day.month % 12 + 1, 1, tzinfo=UTC)
        return int(first.timestamp()) * 1000, int(following.timestamp()) * 1000
    raise ApiError(-1120, "Invalid interval.")


@dataclass(frozen=True, slots=True)
class Span:
    """An interval by a clock that is so far ahead of UTC."""

    interval: str
    offset_ms: int

    def of(self, at_ms: int) -> tuple[int, int]:
        """The [open, next open) of the candle that holds `at_ms`."""
        start, following = interval_ms(self.interval, at_ms + self.offset_ms)
        return start - self.offset_ms, following - self.offset_ms

    def at_or_after(self, at_ms: int) -> int:
        """When the next candle opens that does not open before `at_ms`."""
        start, following = self.of(at_ms)
        return start if start == at_ms else following

    def steps_after(self, open_ms: int, steps: int) -> int:
        """When the candle opens that comes so many later."""
        length = FIXED_INTERVALS_MS.get(self.interval)
        if length is not None:
            return open_ms + steps * length
        for _ in range(min(steps, KEPT_MINUTES)):
            open_ms = self.of(open_ms)[1]
        return open_ms

    def steps_before(self, open_ms: int, steps: int) -> int:
        """When the candle opened that came so many earlier."""
        length = FIXED_INTERVALS_MS.get(self.interval)
        if length is not None:
            return open_ms - steps * length
        for _ in range(min(steps, KEPT_MINUTES)):
            open_ms = self.of(open_ms - 1)[0]
        return open_ms
