"""What the desk answers with."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.holdings import Position
from engine.domain.order import Order
from engine.domain.order_list import OrderList
from engine.domain.position import Balance
from engine.ports import Account


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether orders can be taken, and if not, what is still missing in words."""

    ready: bool
    waiting_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Submitted:
    order: Order
    created: bool
    """False when the same client_order_id and body had been recorded before."""


@dataclass(frozen=True, slots=True)
class ListSubmitted:
    order_list: OrderList
    orders: tuple[Order, ...]
    created: bool
    """False when the same client_order_id and body had been recorded before."""


@dataclass(frozen=True, slots=True)
class VenueInfo:
    name: str
    title: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class PositionView:
    position: Position
    last_price: Decimal | None
    """None while the market has none."""

    @property
    def unrealised(self) -> Decimal | None:
        return None if self.last_price is None else self.position.unrealised(self.last_price)


@dataclass(frozen=True, slots=True)
class AccountBalances:
    """`worth` in `quote` at last prices; `unpriced` are held assets that have no market to price them by."""

    account: Account
    balances: tuple[Balance, ...]
    worth: Decimal
    quote: str
    unpriced: tuple[str, ...]
