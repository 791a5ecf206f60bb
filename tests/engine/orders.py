"""Orders and instruments for tests that need no desk."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderStatus
from engine.domain.values import OrderType, Price, Quantity, Side, TimeInForce

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
BTC = Instrument(
    symbol="BTC/USDT",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9_000),
    min_notional=Decimal(5),
)


def an_order(
    *,
    client_order_id: str = "order-1",
    side: Side = Side.BUY,
    quantity: str | None = "0.001",
    quote_quantity: str | None = None,
    price: str | None = "30000",
    status: OrderStatus = OrderStatus.SUBMITTED,
) -> Order:
    """A limit order where there is a price, else a market order."""
    return Order(
        id=client_order_id,
        user_id="user",
        account_id="account",
        client_order_id=client_order_id,
        symbol=BTC.symbol,
        side=side,
        type=OrderType.MARKET if price is None else OrderType.LIMIT,
        time_in_force=None if price is None else TimeInForce.GTC,
        quantity=None if quantity is None else Quantity(Decimal(quantity)),
        quote_quantity=None if quote_quantity is None else Quantity(Decimal(quote_quantity)),
        price=None if price is None else Price(Decimal(price)),
        status=status,
        created_at=NOW,
        updated_at=NOW,
        submitted_at=NOW,
    )
