"""The filters of stop, trailing and iceberg orders, and how exchangeInfo shows them.

Source: Binance Spot API, "Filters" (ICEBERG_PARTS, TRAILING_DELTA, MAX_NUM_ALGO_ORDERS) and "New order", 2026-07.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.filters import Rules
from engine.simulator.model import ApiError, NewOrder, OrderType, TimeInForce
from engine.simulator.triggers import ALGO_TYPES

MOST_PARTS: Final = 100
"""Of an iceberg order."""
LEAST_DELTA: Final = 10
MOST_DELTA: Final = 2_000
"""Of a trailing stop, in hundredths of a per cent, either way."""
MOST_AMENDMENTS: Final = 10
"""Of one order."""
MOST_LISTS: Final = 20
"""Open order lists of an account on a symbol."""


def condition_filters() -> list[dict[str, object]]:
    """These filters' part of a symbol's `filters` in exchangeInfo."""
    return [
        {"filterType": "ICEBERG_PARTS", "limit": MOST_PARTS},
        {
            "filterType": "TRAILING_DELTA",
            "minTrailingAboveDelta": LEAST_DELTA,
            "maxTrailingAboveDelta": MOST_DELTA,
            "minTrailingBelowDelta": LEAST_DELTA,
            "maxTrailingBelowDelta": MOST_DELTA,
        },
        {"filterType": "MAX_NUM_ORDER_AMENDS", "maxNumOrderAmends": MOST_AMENDMENTS},
        {"filterType": "MAX_NUM_ORDER_LISTS", "maxNumOrderLists": MOST_LISTS},
    ]


def check_conditions(rules: Rules, request: NewOrder, algo_orders: int) -> None:
    """ApiError when a stop, a trailing delta or an iceberg breaks a filter; `algo_orders` are open already."""
    terms = request.terms
    if terms.stop_ticks and not rules.min_ticks <= terms.stop_ticks <= rules.max_ticks:
        raise ApiError(-1013, "Filter failure: PRICE_FILTER")
    if terms.trailing_bips and not LEAST_DELTA <= terms.trailing_bips <= MOST_DELTA:
        raise ApiError(-1013, "Filter failure: TRAILING_DELTA")
    if request.type in ALGO_TYPES and algo_orders >= rules.listing.max_algo_orders:
        raise ApiError(-1013, "Filter failure: MAX_NUM_ALGO_ORDERS")
    if terms.iceberg_lots:
        _check_iceberg(rules, request)


def _check_iceberg(rules: Rules, request: NewOrder) -> None:
    part = request.terms.iceberg_lots
    if not request.price_ticks or request.time_in_force is not TimeInForce.GTC:
        raise ApiError(-1013, "Unsupported order combination.")
    if part > request.lots:
        raise ApiError(-2010, "IcebergQty exceeds QTY.")
    if not rules.min_lots <= part <= rules.max_lots:
        raise ApiError(-1013, "Filter failure: LOT_SIZE")
    if -(-request.lots // part) > MOST_PARTS:
        raise ApiError(-1013, "Filter failure: ICEBERG_PARTS")


def check_condition_form(request: NewOrder) -> None:
    """Whether the type of an order and its condition go together; ApiError in Binance's words when they do not."""
    if request.type in ALGO_TYPES:
        if not request.conditional:
            raise ApiError(-1102, "Param 'stopPrice' or 'trailingDelta' must be sent, but both were empty/null!")
    elif request.conditional:
        raise ApiError(-1106, "Parameter 'stopPrice' sent when not required.")
    if request.terms.iceberg_lots and request.type in {OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT}:
        raise ApiError(-1106, "Parameter 'icebergQty' sent when not required.")
