"""Binance's order lists put into our words: an OCO, and the exits behind an entry. Pure.

Source: Binance Spot API, "Order lists" (orderList/oco, orderList/oto, orderList/otoco), 2026-07.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.domain.instrument import Instrument
from engine.domain.order import Leg, Order
from engine.domain.order_list import OrderList
from engine.domain.values import Side
from engine.venues import payloads


@dataclass(frozen=True, slots=True)
class ListRequest:
    """ccxt's name of the call, and its parameters."""

    endpoint: str
    params: dict[str, str]


def list_request(order_list: OrderList, orders: Sequence[Order], instrument: Instrument) -> ListRequest:
    """The call that places a list whole."""
    legs = {order.leg: order for order in orders}
    entry, profit, stop = legs.get(Leg.ENTRY), legs.get(Leg.TAKE_PROFIT), legs.get(Leg.STOP_LOSS)
    common = {
        "symbol": instrument.venue_symbol,
        "listClientOrderId": order_list.id[-36:],
        "newOrderRespType": "FULL",
    }
    match entry, profit, stop:
        case None, Order(), Order():
            return ListRequest("privatePostOrderListOco", common | _exits(profit, stop))
        case Order(), Order(), Order():
            pending = {f"pending{name[0].upper()}{name[1:]}": value for name, value in _exits(profit, stop).items()}
            return ListRequest("privatePostOrderListOtoco", common | _prefixed("working", entry) | pending)
        case (Order(), Order() as last, None) | (Order(), None, Order() as last):
            return ListRequest(
                "privatePostOrderListOto", common | _prefixed("working", entry) | _prefixed("pending", last)
            )
        case _:
            raise ValueError(f"list {order_list.id} has legs that make no list: {sorted(filter(None, legs))}")


def _exits(profit: Order, stop: Order) -> dict[str, str]:
    """The two legs of an OCO: the one above the market and the one below it."""
    above, below = (profit, stop) if profit.side is Side.SELL else (stop, profit)
    quantity = payloads.order_terms(profit)["quantity"]
    return {
        "side": profit.side.upper(),
        "quantity": quantity,
        **_leg("above", above),
        **_leg("below", below),
    }


def _leg(name: str, order: Order) -> dict[str, str]:
    terms = {key: value for key, value in payloads.order_terms(order).items() if key != "quantity"}
    return {f"{name}ClientOrderId": order.client_order_id} | {
        f"{name}{key[0].upper()}{key[1:]}": value for key, value in terms.items()
    }


def _prefixed(name: str, order: Order) -> dict[str, str]:
    return _leg(name, order) | {
        f"{name}Side": order.side.upper(),
        f"{name}Quantity": payloads.order_terms(order)["quantity"],
    }
