"""One market feed per venue and symbol, however many watch it (skeleton: agreed signatures)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook, Ticker


@dataclass(frozen=True, slots=True)
class MarketUpdate:
    """What changed since the last tick; None or empty where nothing did. The same object goes to every watcher."""

    venue: str
    instrument: Instrument
    book: OrderBook | None
    trades: tuple[MarketTrade, ...]
    """New ones only, oldest first."""
    ticker: Ticker | None
    stale: bool
    """No message from the venue for longer than the stale limit: what is shown may be old."""


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """The newest state; what is not known yet is None or empty."""

    book: OrderBook | None
    trades: tuple[MarketTrade, ...]
    """The last 100 at most, oldest first."""
    ticker: Ticker | None
    stale: bool
    age_s: float | None
    """Seconds since the venue's last message; None before the first."""


class Feeds:
    """A feed starts with its first watcher and ends 30 s after its last; ticks at most 10 times a second."""

    def watch(self, venue: str, instrument: Instrument) -> AsyncIterator[MarketUpdate]:
        """Until closed; a slow watcher gets updates merged into the newest state, never a backlog."""
        raise NotImplementedError

    def snapshot(self, venue: str, symbol: str) -> MarketSnapshot: ...

    def watch_candles(self, venue: str, instrument: Instrument, timeframe: str) -> AsyncIterator[Candle]:
        """The forming candle, newest state only, at most 10 times a second; shared per venue, symbol and timeframe."""
        raise NotImplementedError

    def last_prices(self, venue: str) -> dict[str, str]: ...
