"""A venue's fill as a fill of one of our orders."""

from __future__ import annotations

from engine.domain.fills import Fill
from engine.domain.order import Order
from engine.domain.values import Liquidity, Price, Quantity
from engine.ports import VenueFill
from engine.runtime import Ids


def fill_of(order: Order, fill: VenueFill, ids: Ids) -> Fill:
    return Fill(
        id=ids.new(),
        order_id=order.id,
        account_id=order.account_id,
        symbol=order.symbol,
        side=order.side,
        venue_trade_id=fill.venue_trade_id,
        price=Price(fill.price),
        quantity=Quantity(fill.quantity),
        fee=fill.fee,
        fee_asset=fill.fee_asset,
        liquidity=Liquidity.MAKER if fill.maker else Liquidity.TAKER,
        time=fill.time,
    )
