"""What the market shows: candles, trades, books and tickers. Exact figures, times in UTC milliseconds."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.values import Side

TIMEFRAMES_S = {"1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400}
"""The chart's timeframes and their length in seconds."""


@dataclass(frozen=True, slots=True)
class Candle:
    """`open_ms` is the start of its interval; volume in base units."""

    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True)
class MarketTrade:
    """A public trade; `side` is the taker's."""

    id: str
    time_ms: int
    price: Decimal
    quantity: Decimal
    side: Side


@dataclass(frozen=True, slots=True)
class Level:
    price: Decimal
    quantity: Decimal


@dataclass(frozen=True, slots=True)
class OrderBook:
    """Best level first on both sides; `nonce` is the venue's update id."""

    symbol: str
    nonce: int
    bids: tuple[Level, ...]
    asks: tuple[Level, ...]

    @property
    def mid(self) -> Decimal | None:
        return (self.bids[0].price + self.asks[0].price) / 2 if self.bids and self.asks else None

    @property
    def spread(self) -> Decimal | None:
        return self.asks[0].price - self.bids[0].price if self.bids and self.asks else None


@dataclass(frozen=True, slots=True)
class Ticker:
    """The rolling 24 hours. `change` is a fraction: 0.0214 for +2.14 %."""

    symbol: str
    last: Decimal
    open: Decimal
    high: Decimal
    low: Decimal
    volume: Decimal
    quote_volume: Decimal

    @property
    def change(self) -> Decimal:
        return (self.last - self.open) / self.open if self.open else Decimal(0)
