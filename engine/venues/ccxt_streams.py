"""A venue's market streams: each runs until it is closed and comes back by itself after a break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import structlog

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook, Ticker
from engine.ports import VenueError
from engine.runtime import Clock
from engine.venues import payloads
from engine.venues.trouble import Trouble

if TYPE_CHECKING:
    from engine.venues.ccxt_road import Road

log = structlog.get_logger(__name__)
T = TypeVar("T")

BACKOFF_S = (0.2, 0.5, 1.0, 2.0, 5.0)
BOOK_LEVELS = 50
RECENT_TRADES = 100
VAIN_READS_EVERY_S = 5.0
"""A gap that reading did not close (the venue keeps a bounded past, or does not count by one) is not read again at
once."""
UNWATCH_WITHIN_S = 2.0


class MarketStreams:
    """Streams over one shared road, which is opened by the first of them."""

    def __init__(self, venue: str, road: Callable[[], Awaitable[Road]], clock: Clock) -> None:
        self._venue = venue
        self._road = road
        self._clock = clock

    async def books(self, instrument: Instrument) -> AsyncGenerator[OrderBook]:
        async def step() -> OrderBook:
            nonce, bids, asks = await (await self._road()).next_book(instrument.symbol, BOOK_LEVELS)
            return payloads.book(instrument, nonce, bids, asks)

        try:
            async for book in self._persist(f"book {instrument.symbol}", step):
                yield book
        finally:
            await self._unwatch("book", instrument.symbol)

    async def trades(self, instrument: Instrument) -> AsyncGenerator[tuple[MarketTrade, ...]]:
        tape = _Tape(instrument, self._road, self._clock)
        try:
            async for trades in self._persist(f"trades {instrument.symbol}", tape.next):
                if trades:
                    yield trades
        finally:
            await self._unwatch("trades", instrument.symbol)

    async def tickers(self, instrument: Instrument) -> AsyncGenerator[Ticker]:
        async def step() -> Ticker:
            return payloads.stream_ticker(instrument.symbol, await (await self._road()).next_ticker(instrument.symbol))

        try:
            async for ticker in self._persist(f"ticker {instrument.symbol}", step):
                yield ticker
        finally:
            await self._unwatch("ticker", instrument.symbol)

    async def candles(self, instrument: Instrument, timeframe: str) -> AsyncGenerator[Candle]:
        begun = False

        async def step() -> list[Candle]:
            nonlocal begun
            road = await self._road()
            if not begun:
                begun = True
                road.forget_klines(instrument.symbol, timeframe)
            klines = await road.next_klines(instrument.symbol, timeframe)
            return [payloads.forming_candle(kline) for kline in klines if kline["x"] or kline is klines[-1]]

        try:
            async for candles in self._persist(f"candles {instrument.symbol} {timeframe}", step):
                for candle in candles:
                    yield candle
        finally:
            await self._unwatch("candles", instrument.symbol, timeframe)

    async def _persist(self, what: str, step: Callable[[], Awaitable[T]]) -> AsyncGenerator[T]:
        failures = 0
        while True:
            try:
                item = await step()
            except (Trouble, VenueError) as error:
                delay_s = BACKOFF_S[min(failures, len(BACKOFF_S) - 1)]
                log.info("market stream broke", venue=self._venue, stream=what, error=str(error), retry_in_s=delay_s)
                failures += 1
                await asyncio.sleep(delay_s)
                continue
            failures = 0
            yield item

    async def _unwatch(self, kind: str, symbol: str, timeframe: str = "") -> None:
        """Best effort: a stream that goes on at the venue costs bandwidth, and ends with its socket."""
        try:
            async with asyncio.timeout(UNWATCH_WITHIN_S):
                await (await self._road()).unwatch(kind, symbol, timeframe)
        except (Trouble, VenueError, TimeoutError) as error:
            log.debug("stream was not unsubscribed", venue=self._venue, kind=kind, symbol=symbol, error=str(error))


class _Tape:
    """One symbol's public trades without a gap: the venue counts them, so a missing number is read by REST."""

    def __init__(self, instrument: Instrument, road: Callable[[], Awaitable[Road]], clock: Clock) -> None:
        self._instrument = instrument
        self._road = road
        self._clock = clock
        self._newest: int | None = None
        self._in_vain_at = float("-inf")

    async def next(self) -> tuple[MarketTrade, ...]:
        road = await self._road()
        if self._newest is None:
            return self._unseen(await self._recent(road))
        trades = [payloads.stream_trade(event) for event in await road.next_trades(self._instrument.symbol)]
        gap = bool(trades) and int(trades[0].id) > self._newest + 1
        if gap and self._clock.monotonic() - self._in_vain_at > VAIN_READS_EVERY_S:
            recent = await self._recent(road)
            if not any(int(trade.id) == self._newest + 1 for trade in recent):
                self._in_vain_at = self._clock.monotonic()
            trades = [*recent, *trades]
        return self._unseen(trades)

    async def _recent(self, road: Road) -> list[MarketTrade]:
        rows = await road.call("publicGetTrades", {"symbol": self._instrument.venue_symbol, "limit": RECENT_TRADES})
        return [payloads.past_trade(row) for row in rows]

    def _unseen(self, trades: list[MarketTrade]) -> tuple[MarketTrade, ...]:
        newest = -1 if self._newest is None else self._newest
        unseen: list[MarketTrade] = []
        for trade in sorted(trades, key=lambda trade: int(trade.id)):
            if int(trade.id) > newest:
                newest = int(trade.id)
                unseen.append(trade)
        self._newest = newest
        return tuple(unseen)
