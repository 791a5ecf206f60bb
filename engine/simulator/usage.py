"""How much of the rate limits each address and each key has used: counted here, told in headers.

Source: Binance Spot API, "LIMITS", 2026-07. Windows are whole minutes, ten seconds and days by the clock.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.exchange import NowMs

MINUTE_MS: Final = 60_000
TEN_SECONDS_MS: Final = 10_000
DAY_MS: Final = 86_400_000
MOST_COUNTED: Final = 10_000
WEIGHT_LIMIT: Final = 6000


class Window:
    """Counts by name within the current window of time; a new window starts from nothing."""

    def __init__(self, length_ms: int, now_ms: NowMs) -> None:
        self._length_ms = length_ms
        self._now_ms = now_ms
        self._number = -1
        self._counts: dict[str, int] = {}

    def add(self, name: str, count: int) -> None:
        """Count more; beyond 10,000 names in one window the rest is not counted."""
        counts = self._current()
        if name in counts or len(counts) < MOST_COUNTED:
            counts[name] = counts.get(name, 0) + count

    def used(self, name: str) -> int:
        """What was counted in this window."""
        return self._current().get(name, 0)

    def _current(self) -> dict[str, int]:
        number = self._now_ms() // self._length_ms
        if number != self._number:
            self._number = number
            self._counts = {}
        return self._counts


class Usage:
    """Request weight by address, orders by API key."""

    def __init__(self, now_ms: NowMs) -> None:
        self._weight = Window(MINUTE_MS, now_ms)
        self._orders_10s = Window(TEN_SECONDS_MS, now_ms)
        self._orders_day = Window(DAY_MS, now_ms)

    def spend(self, address: str, weight: int) -> None:
        """Count the weight of a request."""
        self._weight.add(address, weight)

    def count_order(self, api_key: str) -> None:
        """Count an accepted order."""
        self._orders_10s.add(api_key, 1)
        self._orders_day.add(api_key, 1)

    def headers(self, address: str, api_key: str | None) -> dict[str, str]:
        """The `X-MBX-…` headers of an answer."""
        used = str(self._weight.used(address))
        headers = {"x-mbx-used-weight": used, "x-mbx-used-weight-1m": used}
        if api_key is not None:
            ten_seconds, day = self._orders_10s.used(api_key), self._orders_day.used(api_key)
            if day:
                headers |= {"x-mbx-order-count-10s": str(ten_seconds), "x-mbx-order-count-1d": str(day)}
        return headers

    def ws_rate_limits(self, address: str) -> list[dict[str, object]]:
        """The `rateLimits` of a WebSocket API answer."""
        return [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": WEIGHT_LIMIT,
                "count": self._weight.used(address),
            }
        ]
