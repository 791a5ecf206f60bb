"""The exchange as a desk of a world sees it: `engine.ports.Venue` and `PaperAccounts`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook, Ticker
from engine.ports import Credentials, Features, KeyCheck, VenueAccount, VenueError
from engine.runtime import Supervisor
from engine.venues import payloads
from engine.venues.ccxt_account import CcxtAccount
from engine.venues.silence import SilenceWatch
from engine.venues.trouble import Trouble
from tests.virtual.exchange import SYMBOLS, VirtualExchange, instruments
from tests.virtual.life import VirtualClock
from tests.virtual.road import VirtualRoad

if TYPE_CHECKING:
    from engine.venues.ccxt_road import Road

STALE_AFTER_S = 30.0
Build = Callable[[Credentials | None], VirtualRoad]


class VirtualVenue:
    """What `engine.venues.ccxt_venue.CcxtVenue` is, on virtual roads; of the market it knows the last prices."""

    def __init__(
        self,
        name: str,
        features: Features,
        exchange: VirtualExchange,
        build: Build,
        supervisor: Supervisor,
        clock: VirtualClock,
        account: type[CcxtAccount],
    ) -> None:
        self.name = name
        self.title = name.replace("_", " ")
        self.features = features
        self._exchange = exchange
        self._build = build
        self._supervisor = supervisor
        self._clock = clock
        self._account = account
        self._public = build(None)
        self._instruments: Mapping[str, Instrument] | None = None

    async def instruments(self) -> Mapping[str, Instrument]:
        if self._instruments is None:
            await self._read("publicGetTime", {})
            self._instruments = instruments()
        return self._instruments

    async def tickers(self) -> Mapping[str, Ticker]:
        return payloads.day_tickers(SYMBOLS, await self._read("publicGetTicker24hr", {}))

    async def candles(
        self, instrument: Instrument, timeframe: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> tuple[Candle, ...]:
        return ()

    def watch_book(self, instrument: Instrument) -> AsyncIterator[OrderBook]:
        return _nothing()

    def watch_trades(self, instrument: Instrument) -> AsyncIterator[tuple[MarketTrade, ...]]:
        return self._exchange.trades(instrument)

    def watch_ticker(self, instrument: Instrument) -> AsyncIterator[Ticker]:
        return _nothing()

    def watch_candles(self, instrument: Instrument, timeframe: str) -> AsyncIterator[Candle]:
        return _nothing()

    async def open_account(self, account_id: str, credentials: Credentials) -> VenueAccount:
        road = cast("Road", self._build(credentials))
        return self._account(account_id, road, self._supervisor, SilenceWatch(STALE_AFTER_S, self._clock))

    async def test_key(self, credentials: Credentials) -> KeyCheck:
        return KeyCheck(can_trade=True, can_withdraw=False)

    def heard_at(self) -> float | None:
        return None

    async def close(self) -> None:
        await self._public.close()

    async def _read(self, endpoint: str, params: Mapping[str, str | int]) -> Any:
        try:
            return await self._public.call(endpoint, params)
        except Trouble as trouble:
            raise trouble.read_error() from None


class VirtualOffice:
    """Opens paper accounts, when it can be reached."""

    def __init__(self, exchange: VirtualExchange) -> None:
        self._exchange = exchange

    async def create(self, credentials: Credentials, balances: Mapping[str, Decimal]) -> None:
        await asyncio.sleep(0.02)
        if self._exchange.away:
            raise VenueError("UNREACHABLE", "the built-in exchange cannot be reached")
        if self._exchange.exchange.account_by_key(credentials.api_key) is None:
            self._exchange.exchange.create_account(credentials.api_key, credentials.secret, balances)


async def _nothing() -> AsyncGenerator[Any]:
    """A stream on which nothing comes."""
    await asyncio.get_running_loop().create_future()
    yield
