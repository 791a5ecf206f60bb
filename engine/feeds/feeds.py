"""One market feed per venue and symbol, however many watch it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook, Ticker
from engine.domain.values import decimal_text
from engine.feeds.market import CandleFeed, FeedTimes, MarketFeed, MarketUpdate
from engine.feeds.prices import PriceTable
from engine.ports import Venue
from engine.runtime import Clock, Supervisor


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

    def __init__(
        self, venues: Mapping[str, Venue], supervisor: Supervisor, clock: Clock, times: FeedTimes | None = None
    ) -> None:
        self._venues = venues
        self._supervisor = supervisor
        self._clock = clock
        self._times = times or FeedTimes()
        self._numbers = count(1)
        self._feeds: dict[tuple[str, str], MarketFeed] = {}
        self._candle_feeds: dict[tuple[str, str, str], CandleFeed] = {}
        self._prices = {
            name: PriceTable(venue, supervisor, clock, self._times.prices_every_s) for name, venue in venues.items()
        }

    def watch(self, venue: str, instrument: Instrument) -> AsyncGenerator[MarketUpdate]:
        """From this call on until closed; a slow watcher gets updates merged into the newest state, never a backlog.

        The first update brings book and ticker as they stand; trades are those since the call, so a `snapshot`
        taken beside it joins without a gap.
        """
        key = (venue, instrument.symbol)
        feed = self._feeds.get(key)
        if feed is None or feed.ended:
            feed = MarketFeed(self._venues[venue], instrument, self._clock, self._times, self._prices[venue].note)
            feed.start(self._supervisor, f"feed {next(self._numbers)} {venue} {instrument.symbol}")
            self._feeds = {key: feed for key, feed in self._feeds.items() if not feed.ended} | {key: feed}
        return feed.watch()

    def snapshot(self, venue: str, symbol: str) -> MarketSnapshot:
        feed = self._feeds.get((venue, symbol))
        if feed is None or feed.ended:
            return MarketSnapshot(None, (), None, stale=False, age_s=None)
        return MarketSnapshot(feed.book, tuple(feed.trades), feed.ticker, feed.stale, feed.age_s())

    def watch_candles(self, venue: str, instrument: Instrument, timeframe: str) -> AsyncGenerator[Candle]:
        """The forming candle, newest state only, at most 10 times a second, and each one's final state; shared per
        venue, symbol and timeframe."""
        key = (venue, instrument.symbol, timeframe)
        feed = self._candle_feeds.get(key)
        if feed is None or feed.ended:
            feed = CandleFeed(self._venues[venue], instrument, timeframe, self._clock, self._times)
            feed.start(self._supervisor, f"feed {next(self._numbers)} {venue} {instrument.symbol} {timeframe}")
            self._candle_feeds = {key: feed for key, feed in self._candle_feeds.items() if not feed.ended} | {key: feed}
        return feed.watch()

    def last_prices(self, venue: str) -> dict[str, str]:
        """The newest known price by symbol, as plain decimals; empty before the venue first answered."""
        return {symbol: decimal_text(price) for symbol, price in self.prices(venue).items()}

    def prices(self, venue: str) -> Mapping[str, Decimal]:
        """The newest known price by symbol; asking keeps them fresh from here on."""
        return self._prices[venue].prices()
