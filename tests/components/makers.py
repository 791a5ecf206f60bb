"""Values for the widgets' tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

from engine.domain.instrument import Instrument
from engine.domain.market import Level, OrderBook
from engine.domain.order import Order, OrderStatus
from engine.domain.position import Balance
from engine.domain.values import OrderType, Price, Quantity, Side, TimeInForce

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
BTC = Instrument(
    "BTC/USDT",
    "BTCUSDT",
    "BTC",
    "USDT",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    min_notional=Decimal(5),
)


def book(*, bids: str = "99x1 98x2", asks: str = "101x1 102x2") -> OrderBook:
    """Levels as PRICExQUANTITY, best first."""
    return OrderBook("BTC/USDT", 1, _levels(bids), _levels(asks))


def _levels(text: str) -> tuple[Level, ...]:
    pairs = (level.split("x") for level in text.split())
    return tuple(Level(Decimal(price), Decimal(quantity)) for price, quantity in pairs)


def balances(**free: str) -> dict[str, Balance]:
    return {asset: Balance(asset, Decimal(text), Decimal(0)) for asset, text in free.items()}


def order(**changes: object) -> Order:
    """A limit order to buy 0.5 at 100, open at its venue."""
    made = Order(
        "o1",
        "u1",
        "a1",
        "c1",
        "BTC/USDT",
        Side.BUY,
        OrderType.LIMIT,
        TimeInForce.GTC,
        Quantity(Decimal("0.5")),
        None,
        Price(Decimal(100)),
        OrderStatus.ACCEPTED,
        NOON,
        NOON,
    )
    return replace(made, **cast("dict[str, Any]", changes))
