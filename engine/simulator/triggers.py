"""Orders that wait for a price: stops, take-profits, and stops that trail behind the market.

The last trade's price is what triggers. A trailing stop follows the market from its stop price on, or at once
without one, and triggers when the price has turned by its delta from the best it has seen.

Source: Binance Spot API, "Spot Trailing Stop order FAQ" and "New order", 2026-07.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from sortedcontainers import SortedDict

from engine.simulator.model import NewOrder, OrderType, Side, SimOrder

STOP_LOSSES: Final = frozenset({OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT})
TAKE_PROFITS: Final = frozenset({OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT})
ALGO_TYPES: Final = STOP_LOSSES | TAKE_PROFITS
BIPS: Final = 10_000

Queue = SortedDict[tuple[int, int], SimOrder]


class Triggers:
    """The waiting orders of one market, and those whose price has come."""

    __slots__ = ("_above", "_below", "_trailing", "due", "waiting")

    def __init__(self) -> None:
        self._above: Queue = SortedDict()
        self._below: Queue = SortedDict()
        self._trailing: dict[int, SimOrder] = {}
        self.waiting = 0
        self.due: deque[SimOrder] = deque()
        """To be taken up when the operation under way is done, in the order in which their price came."""

    def add(self, order: SimOrder) -> None:
        """Let an order wait; what it has followed of the market so far is in the order."""
        self.waiting += 1
        if order.trailing_ms >= 0 or (order.request.terms.trailing_bips and not order.request.terms.stop_ticks):
            self._trailing[order.order_id] = order
        else:
            queue, key = self._queue(order)
            queue[key] = order

    def remove(self, order: SimOrder) -> None:
        """An order does not wait any more; one that is due already is forgotten when its turn comes."""
        if self._trailing.pop(order.order_id, None) is not None:
            self.waiting -= 1
            return
        queue, key = self._queue(order)
        if queue.pop(key, None) is not None:
            self.waiting -= 1

    def printed(self, price: int, at_ms: int) -> None:
        """A trade at this price: whose turn it is becomes due."""
        for order in [self._trailing[order_id] for order_id in sorted(self._trailing)]:
            if _follow(order, price, at_ms):
                self._call(order)
        while self._above and self._above.peekitem(0)[0][0] <= price:
            self._reached(self._above.peekitem(0)[1], price, at_ms)
        while self._below and -self._below.peekitem(0)[0][0] >= price:
            self._reached(self._below.peekitem(0)[1], price, at_ms)

    def _reached(self, order: SimOrder, price: int, at_ms: int) -> None:
        """The price of an order has come: it is due, or begins to trail."""
        if order.request.terms.trailing_bips == 0:
            self._call(order)
            return
        self.remove(order)
        order.trail_ticks, order.trailing_ms = price, at_ms
        self.add(order)

    def _call(self, order: SimOrder) -> None:
        self.remove(order)
        self.due.append(order)

    def _queue(self, order: SimOrder) -> tuple[Queue, tuple[int, int]]:
        stop = order.request.terms.stop_ticks
        if waits_above(order.request):
            return self._above, (stop, order.order_id)
        return self._below, (-stop, order.order_id)


def waits_above(request: NewOrder) -> bool:
    """Whether a conditional order waits for a price at or above its stop price, rather than at or below."""
    return (request.side is Side.BUY) == (request.type in STOP_LOSSES)


def would_trigger(request: NewOrder, last_ticks: int) -> bool:
    """Whether a stop price has come already; one that then only begins to trail may have."""
    terms = request.terms
    if not last_ticks or not terms.stop_ticks or terms.trailing_bips:
        return False
    return last_ticks >= terms.stop_ticks if waits_above(request) else last_ticks <= terms.stop_ticks


def _follow(order: SimOrder, price: int, at_ms: int) -> bool:
    """Let a trailing stop see a price; whether the market has turned far enough."""
    bips = order.request.terms.trailing_bips
    if not order.trail_ticks:
        order.trail_ticks, order.trailing_ms = price, at_ms
        return False
    if order.request.side is Side.SELL:
        order.trail_ticks = max(order.trail_ticks, price)
        return price * BIPS <= order.trail_ticks * (BIPS - bips)
    order.trail_ticks = min(order.trail_ticks, price)
    return price * BIPS >= order.trail_ticks * (BIPS + bips)
