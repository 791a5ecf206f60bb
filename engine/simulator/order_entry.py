"""An order as a client writes it: which parameters each type takes, and what this exchange does not offer.

Source: Binance Spot API, "New order", 2026-07.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from engine.simulator.model import ApiError, NewOrder, OrderType, Side, TimeInForce
from engine.simulator.operations import Call
from engine.simulator.params import missing, not_required
from engine.simulator.wire import Notation

UNSUPPORTED: Final = {
    OrderType.STOP_LOSS: "Stop loss orders are not supported for this symbol.",
    OrderType.STOP_LOSS_LIMIT: "Stop loss limit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT: "Take profit orders are not supported for this symbol.",
    OrderType.TAKE_PROFIT_LIMIT: "Take profit limit orders are not supported for this symbol.",
}


class Stp(StrEnum):
    """`selfTradePreventionMode`: only NONE is allowed here, as exchangeInfo says."""

    NONE = "NONE"


def new_order(call: Call) -> tuple[Notation, NewOrder]:
    """The order that a request asks for, figures in ticks and lots; ApiError for what is missing or too much."""
    params = call.params
    notation = call.listed(params.symbol())
    side = params.choice("side", Side, -1117, "Invalid side.")
    if side is None:
        raise missing("side")
    kind = params.choice("type", OrderType, -1116, "Invalid orderType.")
    if kind is None:
        raise missing("type")
    _refuse_what_is_not_offered(call, kind)
    client_order_id = params.client_order_id("newClientOrderId") or call.ids.new()
    force = params.choice("timeInForce", TimeInForce, -1115, "Invalid timeInForce.")
    price, quantity, quote = (params.optional(name) for name in ("price", "quantity", "quoteOrderQty"))
    if kind is OrderType.MARKET:
        _refuse_present(call, "price", "timeInForce")
        if quantity is None and quote is None:
            raise missing("quantity")
        if quantity is not None and quote is not None:
            raise not_required("quoteOrderQty")
    else:
        _refuse_present(call, "quoteOrderQty")
        if kind is OrderType.LIMIT_MAKER:
            _refuse_present(call, "timeInForce")
        elif force is None:
            raise missing("timeInForce")
        if quantity is None:
            raise missing("quantity")
        if price is None:
            raise missing("price")
    return notation, NewOrder(
        symbol=notation.symbol,
        side=side,
        type=kind,
        client_order_id=client_order_id,
        time_in_force=force or TimeInForce.GTC,
        price_ticks=0 if price is None else notation.rules.parse_price(price),
        lots=0 if quantity is None else notation.rules.parse_lots(quantity),
        quote_atoms=0 if quote is None else notation.rules.parse_quote_atoms(quote),
    )


def _refuse_what_is_not_offered(call: Call, kind: OrderType) -> None:
    for name in ("strategyId", "strategyType"):
        call.params.whole(name)
    call.params.choice(
        "selfTradePreventionMode", Stp, -2010, "This symbol does not allow the specified self-trade prevention mode."
    )
    if call.params.atoms("icebergQty"):
        raise ApiError(-2010, "Iceberg orders are not supported for this symbol.")
    message = UNSUPPORTED.get(kind)
    if message is not None:
        raise ApiError(-2010, message)
    _refuse_present(call, "stopPrice", "trailingDelta")


def _refuse_present(call: Call, *names: str) -> None:
    for name in names:
        if name in call.params:
            raise not_required(name)
