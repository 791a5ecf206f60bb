"""Orders, fills and a clock for the store's tests."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from engine.domain.fills import Fill
from engine.domain.messages import Command, CommandKind
from engine.domain.order import Order, OrderStatus
from engine.domain.values import Liquidity, OrderType, Price, Quantity, Side, TimeInForce
from engine.ports import Account, Role, User

Forward = Callable[[float], None]
NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
numbers = itertools.count(1)


@dataclass(slots=True)
class HandClock:
    """A clock that only moves when told to."""

    at: datetime = NOON
    seconds: float = 100.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.seconds

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)
        self.seconds += seconds


@dataclass(slots=True)
class CountedIds:
    """Ids that count up, so that a failure reads the same every time."""

    count: int = 0
    made: list[str] = field(default_factory=list[str])

    def new(self) -> str:
        self.count += 1
        self.made.append(f"{self.count:032x}")
        return self.made[-1]

    def secret(self) -> str:
        return f"secret-{self.new()}"


def an_order(
    *,
    order_id: str | None = None,
    user_id: str = "ann",
    account_id: str = "ann-paper",
    client_order_id: str | None = None,
    symbol: str = "BTC/USDT",
    side: Side = Side.BUY,
    quantity: str = "1",
    status: OrderStatus = OrderStatus.PENDING,
    reason: str | None = None,
    at: datetime = NOON,
) -> Order:
    number = next(numbers)
    return Order(
        id=order_id or f"order-{number:06}",
        user_id=user_id,
        account_id=account_id,
        client_order_id=client_order_id or f"client-{number}",
        symbol=symbol,
        side=side,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Quantity(Decimal(quantity)),
        quote_quantity=None,
        price=Price(Decimal("50000.1")),
        status=status,
        created_at=at,
        updated_at=at,
        reason=reason,
    )


def a_fill(
    order: Order,
    trade_id: str,
    *,
    price: str = "50000",
    quantity: str = "0.25",
    fee: str = "0.001",
    at: datetime = NOON,
) -> Fill:
    return Fill(
        id=f"fill-{next(numbers):06}",
        order_id=order.id,
        account_id=order.account_id,
        symbol=order.symbol,
        side=order.side,
        venue_trade_id=trade_id,
        price=Price(Decimal(price)),
        quantity=Quantity(Decimal(quantity)),
        fee=Decimal(fee),
        fee_asset="BNB",
        liquidity=Liquidity.MAKER,
        time=at,
    )


def a_command(
    command_id: str, order_id: str, kind: CommandKind = CommandKind.SUBMIT, account_id: str = "ann-paper"
) -> Command:
    return Command(command_id, kind, order_id, account_id, NOON)


def a_user(user_id: str = "ann", email: str = "ann@example.com", role: Role = Role.TRADER) -> User:
    return User(user_id, email, role, NOON)


def an_account(account_id: str = "ann-paper", user_id: str = "ann", label: str = "Paper") -> Account:
    return Account(account_id, user_id, "simulator", label, "3456", NOON, paper=True)
