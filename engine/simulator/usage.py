"""How much of the limits each address and each account has used: counted here, told in headers, refused when over.

Weights and requests count by address, orders by account: an order counts when it is placed, and no longer once it
trades for the first time. Windows are whole minutes, ten seconds and days by the clock.

Source: Binance Spot API, "LIMITS", "Spot Unfilled Order Count Rules" and "Error codes", 2026-07.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.limits import Limits
from engine.simulator.model import OPEN, ApiError, Execution, OrderReported, SimEvent
from engine.simulator.reading import NowMs

SECOND_MS: Final = 1_000
MINUTE_MS: Final = 60_000
FIVE_MINUTES_MS: Final = 300_000
TEN_SECONDS_MS: Final = 10_000
DAY_MS: Final = 86_400_000
LONGEST_BAN_S: Final = 3 * 86_400
MOST_COUNTED: Final = 10_000
TOO_MUCH: Final = (
    "Too much request weight used; current limit is {limit} request weight per 1 MINUTE. "
    "Please use WebSocket Streams for live updates to avoid polling the API."
)
BANNED: Final = (
    "Way too much request weight used; IP banned until {until_ms}. "
    "Please use WebSocket Streams for live updates to avoid bans."
)


class TooMuch(ApiError):
    """A refusal that says when to come back."""

    def __init__(self, message: str, http_status: int, back_ms: int, code: int = -1003) -> None:
        super().__init__(code, message, http_status)
        self.back_ms = back_ms


class Window:
    """Counts by name within the current window of time; a new window starts from nothing."""

    def __init__(self, length_ms: int) -> None:
        self._length_ms = length_ms
        self._number = -1
        self._counts: dict[object, int] = {}

    def add(self, name: object, count: int, now_ms: int) -> int:
        """Count more, or less; returns the sum. Beyond 10,000 names in one window the rest is not counted."""
        counts = self._current(now_ms)
        if name in counts or len(counts) < MOST_COUNTED:
            counts[name] = max(0, counts.get(name, 0) + count)
        return counts.get(name, 0)

    def used(self, name: object, now_ms: int) -> int:
        """What was counted in this window."""
        return self._current(now_ms).get(name, 0)

    def ends_ms(self, now_ms: int) -> int:
        """When the window that holds this moment ends."""
        return (now_ms // self._length_ms + 1) * self._length_ms

    def _current(self, now_ms: int) -> dict[object, int]:
        number = now_ms // self._length_ms
        if number != self._number:
            self._number = number
            self._counts = {}
        return self._counts


class Usage:
    """Counts, and refuses what is over a limit."""

    def __init__(self, now_ms: NowMs, limits: Limits) -> None:
        self.limits = limits
        self._now_ms = now_ms
        self._weight = Window(MINUTE_MS)
        self._requests = Window(FIVE_MINUTES_MS)
        self._strikes = Window(MINUTE_MS)
        self._sockets = Window(FIVE_MINUTES_MS)
        self._orders_10s = Window(TEN_SECONDS_MS)
        self._orders_1d = Window(DAY_MS)
        self._customers: set[int] = set()
        self._open: set[int] = set()
        """Open orders that were counted: one that is triggered or comes to life is reported as new again."""
        self._banned: dict[str, tuple[int, int]] = {}
        """By address: until when, and the how manieth ban it is."""

    # --- requests, by address ----------------------------------------------------------------------

    def spend(self, address: str, weight: int) -> None:
        """Count a request; TooMuch with 429 when that is over a limit, with 418 for a banned address."""
        now_ms = self._now_ms()
        until_ms, bans = self._banned.get(address, (0, 0))
        if now_ms < until_ms:
            raise TooMuch(BANNED.format(until_ms=until_ms), 418, until_ms)
        limits = self.limits
        requests = self._requests.add(address, 1, now_ms)
        if _over(requests, limits.requests_5m):
            self._refuse(address, bans, "Too many requests queued.", self._requests.ends_ms(now_ms), now_ms)
        if _over(self._weight.add(address, weight, now_ms), limits.weight_1m):
            message = TOO_MUCH.format(limit=limits.weight_1m)
            self._refuse(address, bans, message, self._weight.ends_ms(now_ms), now_ms)

    def connect(self, address: str) -> bool:
        """Count a socket; whether the address may open it."""
        now_ms = self._now_ms()
        until_ms, _ = self._banned.get(address, (0, 0))
        return now_ms >= until_ms and not _over(self._sockets.add(address, 1, now_ms), self.limits.sockets_5m)

    def _refuse(self, address: str, bans: int, message: str, back_ms: int, now_ms: int) -> None:
        if not _over(self._strikes.add(address, 1, now_ms), self.limits.strikes):
            raise TooMuch(message, 429, back_ms)
        until_ms = now_ms + min(self.limits.ban_s << min(bans, 12), LONGEST_BAN_S) * 1000
        if address not in self._banned and len(self._banned) >= MOST_COUNTED:
            self._banned.pop(next(iter(self._banned)))
        self._banned[address] = (until_ms, bans + 1)
        raise TooMuch(BANNED.format(until_ms=until_ms), 418, until_ms)

    # --- orders, by account ------------------------------------------------------------------------

    def admit_order(self, account_id: int) -> None:
        """TooMuch (-1015) when the account has too many unfilled orders."""
        self._customers.add(account_id)
        limits, now_ms = self.limits, self._now_ms()
        for window, limit, words in (
            (self._orders_10s, limits.orders_10s, "10 SECOND"),
            (self._orders_1d, limits.orders_1d, "1 DAY"),
        ):
            if limit and window.used(account_id, now_ms) >= limit:
                message = f"Too many new orders; current limit is {limit} orders per {words}."
                raise TooMuch(message, 429, window.ends_ms(now_ms), -1015)

    def on_event(self, event: SimEvent) -> None:
        """Count the orders of customers, from the exchange's own word: once each, however often they are new."""
        if not isinstance(event, OrderReported) or event.order.account_id not in self._customers:
            return
        order, fill = event.order, event.fill
        if event.execution is Execution.NEW and order.order_id not in self._open:
            self._open.add(order.order_id)
            self._count_order(order.account_id, 1)
        elif fill is not None and fill.lots == order.filled_lots:
            self._count_order(order.account_id, -1)
        if order.status not in OPEN:
            self._open.discard(order.order_id)

    def _count_order(self, account_id: int, count: int) -> None:
        now_ms = self._now_ms()
        self._orders_10s.add(account_id, count, now_ms)
        self._orders_1d.add(account_id, count, now_ms)

    # --- told --------------------------------------------------------------------------------------

    def headers(self, address: str, account_id: int | None) -> dict[str, str]:
        """The `X-MBX-…` headers of an answer; `account_id` is whose order was answered."""
        now_ms = self._now_ms()
        used = str(self._weight.used(address, now_ms))
        headers = {"x-mbx-used-weight": used, "x-mbx-used-weight-1m": used}
        if account_id is not None:
            headers["x-mbx-order-count-10s"] = str(self._orders_10s.used(account_id, now_ms))
            headers["x-mbx-order-count-1d"] = str(self._orders_1d.used(account_id, now_ms))
        return headers

    def retry_after_s(self, refusal: TooMuch) -> int:
        """Whole seconds until it makes sense to come back."""
        return max(1, -(-(refusal.back_ms - self._now_ms()) // 1000))

    def order_limits(self, account_id: int) -> list[dict[str, object]]:
        """The order limits with what the account has used of them."""
        now_ms = self._now_ms()
        counts = {"SECOND": self._orders_10s.used(account_id, now_ms), "DAY": self._orders_1d.used(account_id, now_ms)}
        return [
            row | {"count": counts[str(row["interval"])]}
            for row in self.limits.rate_limits()
            if row["rateLimitType"] == "ORDERS"
        ]

    def ws_rate_limits(self, address: str, account_id: int | None) -> list[dict[str, object]]:
        """The `rateLimits` of a WebSocket API answer; with those of orders when one was asked for."""
        rows = [
            row | {"count": self._weight.used(address, self._now_ms())}
            for row in self.limits.rate_limits()
            if row["rateLimitType"] == "REQUEST_WEIGHT"
        ]
        return rows if account_id is None else rows + self.order_limits(account_id)


def _over(count: int, limit: int) -> bool:
    return bool(limit) and count > limit
