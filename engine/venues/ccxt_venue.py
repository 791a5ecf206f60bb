"""A venue that speaks Binance's Spot protocol, reached through ccxt: its public side and the door to accounts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook, Ticker
from engine.ports import Credentials, KeyCheck, VenueAccount
from engine.runtime import Clock, Supervisor
from engine.venues import payloads
from engine.venues.ccxt_account import CcxtAccount
from engine.venues.ccxt_streams import MarketStreams
from engine.venues.config import VenueConfig
from engine.venues.silence import SilenceWatch
from engine.venues.trouble import Trouble

if TYPE_CHECKING:
    from engine.venues.ccxt_road import Road

MOST_CANDLES = 1_000


class CcxtVenue:
    """Implements `engine.ports.Venue`. Nothing is connected, and ccxt not imported, before it is needed."""

    def __init__(self, config: VenueConfig, supervisor: Supervisor, clock: Clock) -> None:
        self.name = config.name
        self.title = config.title
        self.features = config.features
        self._config = config
        self._supervisor = supervisor
        self._clock = clock
        self._public: Road | None = None
        self._opening = asyncio.Lock()
        self._instruments: Mapping[str, Instrument] | None = None
        self._silence = SilenceWatch(config.stale_after_s, clock)
        self._streams = MarketStreams(config.name, self._road, clock)

    async def instruments(self) -> Mapping[str, Instrument]:
        if self._instruments is None:
            await self._road()
        return self._instruments or {}

    async def candles(
        self, instrument: Instrument, timeframe: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> tuple[Candle, ...]:
        params: dict[str, str | int] = {
            "symbol": instrument.venue_symbol,
            "interval": timeframe,
            "limit": max(1, min(limit, MOST_CANDLES)),
        }
        if start_ms is not None:
            params["startTime"] = start_ms
        if end_ms is not None:
            params["endTime"] = end_ms - 1
        return payloads.each(payloads.candle, await self._read("publicGetKlines", params))

    async def tickers(self) -> Mapping[str, Ticker]:
        symbols = {of.venue_symbol: symbol for symbol, of in (await self.instruments()).items()}
        rows = await self._read("publicGetTicker24hr", {})
        return payloads.day_tickers(symbols, rows)

    def watch_book(self, instrument: Instrument) -> AsyncIterator[OrderBook]:
        return self._streams.books(instrument)

    def watch_trades(self, instrument: Instrument) -> AsyncIterator[tuple[MarketTrade, ...]]:
        return self._streams.trades(instrument)

    def watch_ticker(self, instrument: Instrument) -> AsyncIterator[Ticker]:
        return self._streams.tickers(instrument)

    def watch_candles(self, instrument: Instrument, timeframe: str) -> AsyncIterator[Candle]:
        return self._streams.candles(instrument, timeframe)

    async def open_account(self, account_id: str, credentials: Credentials) -> VenueAccount:
        return await self._account(account_id, credentials)

    async def test_key(self, credentials: Credentials) -> KeyCheck:
        account = await self._account("", credentials)
        try:
            rights = await account.rights()
        finally:
            await account.close()
        # The testnet's `account` answers what the account may do, not the key, and its funds cannot leave anyway;
        # a loopback exchange's accounts have one key, whose right it is.
        may_withdraw = self._config.rest_url is not None and bool(rights.get("canWithdraw"))
        return KeyCheck(can_trade=bool(rights.get("canTrade")), can_withdraw=may_withdraw)

    def heard_at(self) -> float | None:
        self._silence.look(self._public)
        return self._silence.heard_at

    def used_weight(self) -> int | None:
        """Of the venue's limit on requests, in the current minute, as it last said; None before it said anything."""
        return None if self._public is None else self._public.used_weight()

    async def close(self) -> None:
        self._supervisor.stop(f"{self.name} watchdog")
        if self._public is not None:
            await self._public.close()
            self._public = None

    async def _account(self, account_id: str, credentials: Credentials) -> CcxtAccount:
        road = await _build(self._config, self._clock, credentials)
        return CcxtAccount(account_id, road, self._supervisor, SilenceWatch(self._config.stale_after_s, self._clock))

    async def _read(self, endpoint: str, params: Mapping[str, str | int]) -> Any:
        try:
            return await (await self._road()).call(endpoint, params)
        except Trouble as trouble:
            raise trouble.read_error() from None

    async def _road(self) -> Road:
        """The shared public road, opened once; VenueError while the venue cannot be reached."""
        if self._public is not None:
            return self._public
        async with self._opening:
            if self._public is None:
                self._public = await self._open()
        return self._public

    async def _open(self) -> Road:
        road = await _build(self._config, self._clock)
        try:
            markets = await road.markets()
            self._instruments = {
                symbol: payloads.instrument(symbol, market["base"], market["quote"], market["info"])
                for symbol, market in markets.items()
                if market["spot"]
            }
        except Trouble as trouble:
            await road.close()
            raise trouble.read_error() from None
        except BaseException:
            await road.close()
            raise
        self._supervisor.keep(f"{self.name} watchdog", lambda: self._silence.guard(road))
        return road


async def _build(config: VenueConfig, clock: Clock, credentials: Credentials | None = None) -> Road:
    """ccxt takes most of a second to import: not before it is needed, and never in the event loop's thread."""

    def load() -> type[Road]:
        from engine.venues.ccxt_road import Road

        return Road

    return (await asyncio.to_thread(load))(config, clock, credentials)
