"""What an account holds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """An account's holding of one asset at its venue."""

    asset: str
    free: Decimal
    locked: Decimal

    @property
    def total(self) -> Decimal:
        return self.free + self.locked


def worth(balances: Iterable[Balance], prices: Mapping[str, Decimal], quote: str) -> tuple[Decimal, tuple[str, ...]]:
    """What the balances are worth in `quote` at `prices` (by asset), and the held assets that have no price."""
    total = Decimal(0)
    unpriced: list[str] = []
    for balance in balances:
        if balance.asset == quote:
            total += balance.total
        elif balance.asset in prices:
            total += balance.total * prices[balance.asset]
        elif balance.total:
            unpriced.append(balance.asset)
    return total, tuple(unpriced)
