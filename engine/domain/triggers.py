"""When an order that the desk keeps itself goes to the venue."""

from __future__ import annotations

from decimal import Decimal

from engine.domain.draft import rises
from engine.domain.order import Order
from engine.domain.values import Price, Side

BIPS = Decimal(10_000)


def has_come(order: Order, price: Decimal) -> bool:
    """Whether this last price triggers a conditional order: by its stop price, or by what its stop has trailed to."""
    stop = stop_now(order)
    if stop is None:
        return False
    return price >= stop if rises(order.type, order.side) else price <= stop


def stop_now(order: Order) -> Decimal | None:
    """Where it triggers now; None for a trailing order that has seen no price yet."""
    if order.trailing_delta is None:
        return order.stop_price
    if order.trail_price is None:
        return None
    distance = order.trail_price * order.trailing_delta / BIPS
    return order.trail_price + distance if order.side is Side.BUY else order.trail_price - distance


def trailed(order: Order, price: Decimal) -> Price | None:
    """The best price that a trailing order has seen, when this one is better; None when nothing moves.

    With a stop price as well it begins to trail once the market has come there.
    """
    if order.trailing_delta is None:
        return None
    best = order.trail_price
    if best is None:
        started = order.stop_price is None or (
            price <= order.stop_price if order.side is Side.BUY else price >= order.stop_price
        )
        return Price(price) if started else None
    better = price < best if order.side is Side.BUY else price > best
    return Price(price) if better else None
