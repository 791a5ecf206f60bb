"""The streams of one market, merged to at most 10 updates a second for everyone who watches it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakSet

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook, Ticker
from engine.ports import Venue
from engine.runtime import Clock, Supervisor

T = TypeVar("T")

KEPT_TRADES = 100
MOST_TRADES_AN_UPDATE = 200
MOST_CANDLES_WAITING = 5


@dataclass(frozen=True, slots=True)
class FeedTimes:
    """Seconds: between ticks, from the last watcher to the end, until silence is stale, between price readings."""

    tick_s: float = 0.1
    linger_s: float = 30.0
    stale_after_s: float = 30.0
    prices_every_s: float = 15.0
    look_every_s: float = 1.0


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


class MarketFeed:
    """Book, trades and ticker of one symbol."""

    def __init__(
        self,
        venue: Venue,
        instrument: Instrument,
        clock: Clock,
        times: FeedTimes,
        note_price: Callable[[str, Decimal], None],
    ) -> None:
        self.book: OrderBook | None = None
        self.ticker: Ticker | None = None
        self.trades: deque[MarketTrade] = deque(maxlen=KEPT_TRADES)
        self.stale = False
        self._venue = venue
        self._instrument = instrument
        self._clock = clock
        self._times = times
        self._note_price = note_price
        self._heard_at: float | None = None
        self._pending = self._nothing()
        self._crowd: _Crowd[MarketUpdate] = _Crowd(clock, times)

    @property
    def ended(self) -> bool:
        return self._crowd.ended

    def start(self, supervisor: Supervisor, name: str) -> None:
        streams = {
            f"{name} book": self._follow_book,
            f"{name} trades": self._follow_trades,
            f"{name} ticker": self._follow_ticker,
        }
        self._crowd.start(supervisor, name, streams, self._tick)

    def watch(self) -> AsyncGenerator[MarketUpdate]:
        now = MarketUpdate(self._venue.name, self._instrument, self.book, (), self.ticker, self.stale)
        known = self.book is not None or self.ticker is not None
        return self._crowd.join(_LatestMarket(now if known else None))

    def age_s(self) -> float | None:
        heard = [at for at in (self._heard_at, self._venue.heard_at()) if at is not None]
        return self._clock.monotonic() - max(heard) if heard else None

    def _tick(self) -> MarketUpdate | None:
        """What gathered since the last tick; None when nothing did."""
        age_s = self.age_s()
        stale = age_s is not None and age_s > self._times.stale_after_s
        update, self._pending = self._pending, self._nothing()
        if update == self._pending and stale == self.stale:
            return None
        self.stale = stale
        return replace(update, stale=stale)

    def _nothing(self) -> MarketUpdate:
        return MarketUpdate(self._venue.name, self._instrument, None, (), None, self.stale)

    def _gather(self, book: OrderBook | None, trades: tuple[MarketTrade, ...], ticker: Ticker | None) -> None:
        self._heard_at = self._clock.monotonic()
        update = MarketUpdate(self._venue.name, self._instrument, book, trades, ticker, self.stale)
        self._pending = merged(self._pending, update)
        self._crowd.stir()

    async def _follow_book(self) -> None:
        async for book in self._venue.watch_book(self._instrument):
            self.book = book
            self._gather(book, (), None)

    async def _follow_trades(self) -> None:
        async for trades in self._venue.watch_trades(self._instrument):
            newest = int(self.trades[-1].id) if self.trades else -1
            fresh = tuple(trade for trade in trades if int(trade.id) > newest)
            if fresh:
                self.trades.extend(fresh)
                self._note_price(self._instrument.symbol, fresh[-1].price)
                self._gather(None, fresh, None)

    async def _follow_ticker(self) -> None:
        async for ticker in self._venue.watch_ticker(self._instrument):
            self.ticker = ticker
            self._gather(None, (), ticker)


class CandleFeed:
    """The forming candle of one symbol and timeframe."""

    def __init__(self, venue: Venue, instrument: Instrument, timeframe: str, clock: Clock, times: FeedTimes) -> None:
        self._venue = venue
        self._instrument = instrument
        self._timeframe = timeframe
        self._pending: dict[int, Candle] = {}
        self._newest: Candle | None = None
        self._crowd: _Crowd[tuple[Candle, ...]] = _Crowd(clock, times)

    @property
    def ended(self) -> bool:
        return self._crowd.ended

    def start(self, supervisor: Supervisor, name: str) -> None:
        self._crowd.start(supervisor, name, {f"{name} stream": self._follow}, self._tick)

    async def watch(self) -> AsyncGenerator[Candle]:
        batches = self._crowd.join(_LatestCandles((self._newest,) if self._newest else ()))
        async for candles in batches:
            for candle in candles:
                yield candle

    def _tick(self) -> tuple[Candle, ...] | None:
        candles = tuple(self._pending.values())
        self._pending.clear()
        return candles or None

    async def _follow(self) -> None:
        async for candle in self._venue.watch_candles(self._instrument, self._timeframe):
            self._newest = candle
            _put_candle(self._pending, candle)
            self._crowd.stir()


# --- watchers ------------------------------------------------------------------------------------------


class _Watcher(Protocol[T]):
    arrived: asyncio.Event

    def put(self, update: T) -> None: ...
    def take(self) -> T | None: ...


@dataclass(eq=False)
class _LatestMarket:
    pending: MarketUpdate | None
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, update: MarketUpdate) -> None:
        self.pending = update if self.pending is None else merged(self.pending, update)

    def take(self) -> MarketUpdate | None:
        update, self.pending = self.pending, None
        return update


@dataclass(eq=False)
class _LatestCandles:
    first: tuple[Candle, ...]
    pending: dict[int, Candle] = field(default_factory=dict[int, Candle])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, update: tuple[Candle, ...]) -> None:
        for candle in update:
            _put_candle(self.pending, candle)

    def take(self) -> tuple[Candle, ...] | None:
        for candle in self.first:
            self.pending.setdefault(candle.open_ms, candle)
        self.first = ()
        candles = tuple(self.pending[open_ms] for open_ms in sorted(self.pending))
        self.pending.clear()
        return candles or None


class _Crowd(Generic[T]):
    """The watchers of one feed, and its life: streams run from the first watcher until a while after the last."""

    def __init__(self, clock: Clock, times: FeedTimes) -> None:
        self.ended = False
        self._clock = clock
        self._times = times
        # Held by the watchers' iterators alone: one that is dropped without being closed leaves by itself.
        self._watchers: WeakSet[_Watcher[T]] = WeakSet()
        self._stirred = asyncio.Event()

    def start(
        self,
        supervisor: Supervisor,
        name: str,
        streams: Mapping[str, Callable[[], Coroutine[Any, Any, None]]],
        tick: Callable[[], T | None],
    ) -> None:
        for stream, follow in streams.items():
            supervisor.keep(stream, follow)
        supervisor.run(name, self._live(supervisor, tuple(streams), tick))

    def stir(self) -> None:
        """Something gathered: tick as soon as the last tick is long enough ago."""
        self._stirred.set()

    def join(self, watcher: _Watcher[T]) -> AsyncGenerator[T]:
        self._watchers.add(watcher)
        return self._updates(watcher)

    async def _updates(self, watcher: _Watcher[T]) -> AsyncGenerator[T]:
        try:
            while True:
                update = watcher.take()
                if update is not None:
                    yield update
                    continue
                watcher.arrived.clear()
                await watcher.arrived.wait()
        finally:
            self._watchers.discard(watcher)

    async def _live(self, supervisor: Supervisor, streams: tuple[str, ...], tick: Callable[[], T | None]) -> None:
        watched_at = self._clock.monotonic()
        try:
            while True:
                now = self._clock.monotonic()
                if len(self._watchers):
                    watched_at = now
                elif now - watched_at > self._times.linger_s:
                    return
                update = tick()
                if update is not None:
                    for watcher in tuple(self._watchers):
                        watcher.put(update)
                        watcher.arrived.set()
                    await asyncio.sleep(self._times.tick_s)
                await self._wait_for_stir()
        finally:
            self.ended = True
            for stream in streams:
                supervisor.stop(stream)

    async def _wait_for_stir(self) -> None:
        """Until something gathers; looks up now and then, for staleness and the end."""
        try:
            async with asyncio.timeout(self._times.look_every_s):
                await self._stirred.wait()
        except TimeoutError:
            return
        self._stirred.clear()


def merged(older: MarketUpdate, newer: MarketUpdate) -> MarketUpdate:
    """Both as one: the newest book and ticker, all trades up to a bound."""
    return replace(
        newer,
        book=newer.book or older.book,
        trades=(older.trades + newer.trades)[-MOST_TRADES_AN_UPDATE:],
        ticker=newer.ticker or older.ticker,
    )


def _put_candle(pending: dict[int, Candle], candle: Candle) -> None:
    pending[candle.open_ms] = candle
    if len(pending) > MOST_CANDLES_WAITING:
        del pending[min(pending)]
