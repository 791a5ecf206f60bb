"""A tradable pair and the rules its venue holds orders to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.values import decimals_of


@dataclass(frozen=True, slots=True)
class Instrument:
    """One symbol of one venue. A limit of None means that the venue states none."""

    symbol: str
    """As people and the API write it: BTC/USDT."""
    venue_symbol: str
    """As the venue writes it: BTCUSDT."""
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal | None = None
    max_quantity: Decimal | None = None
    max_market_quantity: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_notional: Decimal | None = None
    max_notional: Decimal | None = None
    active: bool = True

    @property
    def price_decimals(self) -> int:
        return decimals_of(self.tick)

    @property
    def quantity_decimals(self) -> int:
        return decimals_of(self.lot)

    @property
    def slug(self) -> str:
        """As page addresses write it: BTC-USDT."""
        return self.symbol.replace("/", "-")

    def price_text(self, price: Decimal) -> str:
        """With the tick's decimals and no grouping."""
        return f"{price:.{self.price_decimals}f}"

    def quantity_text(self, quantity: Decimal) -> str:
        """With the lot's decimals and no grouping."""
        return f"{quantity:.{self.quantity_decimals}f}"
