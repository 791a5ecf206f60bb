"""Positions by average cost, folded from fills: what is held of a market, what it cost, what was earned on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal, localcontext

from engine.domain.fills import EXACT, QUOTIENT, Fill
from engine.domain.values import Price, Side

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Position:
    """What an account's fills in one market come to.

    `quantity` is in base units, negative when more was sold than bought, and less the fees that were taken in base: it
    is what there is to close. `cost` is what that quantity cost (or brought) in quote units, `realised` what closing
    parts of it has earned, less the fees that were taken in quote. Fees in other assets stand in `fees` alone.
    """

    account_id: str
    symbol: str
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    fees: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    updated_at: datetime | None = None

    @property
    def average_price(self) -> Price | None:
        """Cost by quantity, to 28 digits; None when nothing is held."""
        return Price(QUOTIENT.divide(self.cost, abs(self.quantity))) if self.quantity else None

    def unrealised(self, price: Decimal) -> Decimal:
        """What closing it at this price would earn, before fees."""
        with localcontext(EXACT):
            worth = abs(self.quantity) * price
            return QUOTIENT.plus(worth - self.cost if self.quantity > 0 else self.cost - worth)

    def after(self, fill: Fill) -> Position:
        """The position with one more fill, the next in time."""
        base, _, quote = self.symbol.partition("/")
        with localcontext(EXACT):
            moved = fill.quantity if fill.side is Side.BUY else -fill.quantity
            changed = (
                _closed_by(self, moved, fill.price)
                if self.quantity * moved < 0
                else _opened_by(self, moved, fill.price * fill.quantity)
            )
            if fill.fee_asset == base:
                changed = replace(changed, quantity=changed.quantity - fill.fee)
            elif fill.fee_asset == quote:
                changed = replace(changed, realised=changed.realised - fill.fee)
            fees = dict(self.fees)
            fees[fill.fee_asset] = fees.get(fill.fee_asset, ZERO) + fill.fee
            return replace(changed, fees=fees, updated_at=fill.time)


def _opened_by(position: Position, moved: Decimal, worth: Decimal) -> Position:
    return replace(position, quantity=position.quantity + moved, cost=position.cost + worth)


def _closed_by(position: Position, moved: Decimal, price: Decimal) -> Position:
    """What it closes earns the difference to its average cost; what goes beyond opens the other way."""
    closing = min(abs(position.quantity), abs(moved))
    cost = position.cost * closing / abs(position.quantity)
    worth = closing * price
    earned = worth - cost if position.quantity > 0 else cost - worth
    direction = Decimal(1) if moved > 0 else Decimal(-1)
    left = replace(
        position,
        quantity=position.quantity + direction * closing,
        cost=position.cost - cost,
        realised=position.realised + earned,
    )
    beyond = abs(moved) - closing
    return _opened_by(left, direction * beyond, beyond * price) if beyond else left


def positions_of(account_id: str, fills: Iterable[Fill]) -> dict[str, Position]:
    """By symbol, from all fills of an account, oldest first."""
    return add_fills({}, account_id, fills)


def add_fills(positions: Mapping[str, Position], account_id: str, fills: Iterable[Fill]) -> dict[str, Position]:
    """The positions after more fills, oldest first."""
    after = dict(positions)
    for fill in fills:
        after[fill.symbol] = after.get(fill.symbol, Position(account_id, fill.symbol)).after(fill)
    return after
