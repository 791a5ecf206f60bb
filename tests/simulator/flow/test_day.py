"""A whole day of trading on a virtual clock: the crowd trades, and our orders in its book are filled in parts."""

from __future__ import annotations

import asyncio
import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import orjson
import pytest

from engine.runtime import Supervisor
from engine.simulator.exchange import Exchange
from engine.simulator.listings import MarketProfile, default_listings, default_profiles
from engine.simulator.model import (
    NewOrder,
    OrderReported,
    OrderType,
    Side,
    SimEvent,
    TradePrinted,
)
from engine.simulator.synthetic import SyntheticFlow, Tempo
from tests.simulator.virtual import BEGAN, VirtualClock, run_virtually

DAY_S = 86_400
COARSE = Tempo(beat_ms=4_000, longest_ms=8_000)
"""Each symbol moves every eight seconds: fewer trades than at the usual pace, and a day in a few seconds."""
PROFILES = default_profiles()
ASSETS: tuple[str, ...] = ("USDT", "BTC", "ETH", "SOL", "BNB", "XRP", "DOGE")
QUIET, BUSY = range(6), range(12, 18)
MIDNIGHT = (BEGAN - timedelta(hours=BEGAN.hour)).timestamp()


class Day:
    """A day of some symbols, with a customer who joins the queues at the best prices every ten minutes."""

    def __init__(self, profiles: Mapping[str, MarketProfile]) -> None:
        self.clock = VirtualClock()
        self.exchange = Exchange(default_listings(), 7, self.clock.ms, None)
        self.flow = SyntheticFlow(self.exchange, 7, profiles, self.clock, COARSE)
        self.flow.prepare()
        self.symbols = tuple(profiles)
        wealth = dict.fromkeys(ASSETS, Decimal(100_000_000))
        self.mine = self.exchange.create_account("mine", "secret", wealth).account_id
        self.sizes: dict[str, dict[int, list[float]]] = {symbol: defaultdict(list) for symbol in profiles}
        """Worth of the trades in quote units, by symbol and hour of the day."""
        self.wide: dict[str, dict[int, list[bool]]] = {symbol: defaultdict(list) for symbol in profiles}
        """Whether the spread was wider than usual, every eleven seconds."""
        self.parts: dict[int, list[int]] = defaultdict(list)
        """Lots of our fills by order id."""
        self.exchange.listen(self._hear)

    @property
    def hour(self) -> int:
        return int(self.clock.now().timestamp() - MIDNIGHT) // 3600 % 24

    async def live(self, seconds: float) -> None:
        """Let the market run for so long."""
        supervisor = Supervisor("day", self.clock)
        supervisor.run("flow", self.flow.run())
        supervisor.run("customer", self._trade())
        supervisor.run("watch", self._watch())
        await asyncio.sleep(seconds)
        await supervisor.close()
        assert supervisor.failures == ()

    def fills(self) -> bytes:
        """All that was filled for us, as bytes."""
        kept = [self.exchange.fills(self.mine, symbol, from_id=0, limit=100_000) for symbol in self.symbols]
        return orjson.dumps([tuple(fill) for fills in kept for fill in fills])

    async def _trade(self) -> None:
        while True:
            await asyncio.sleep(600.5)
            for symbol in self.symbols:
                self.exchange.cancel_all(self.mine, symbol)
                book = self.exchange.depth(symbol, 1)
                for side, (price, lots) in ((Side.BUY, book.bids[0]), (Side.SELL, book.asks[0])):
                    request = NewOrder(
                        symbol, side, OrderType.LIMIT, f"{symbol}{side}", price_ticks=price, lots=max(lots, 1_000)
                    )
                    self.exchange.place(self.mine, request)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(11)
            for symbol in self.symbols:
                bids, asks = self.exchange.depth(symbol, 1).bids, self.exchange.depth(symbol, 1).asks
                usual = PROFILES[symbol].spread_ticks
                self.wide[symbol][self.hour].append(not bids or not asks or asks[0][0] - bids[0][0] > usual)

    def _hear(self, event: SimEvent) -> None:
        if isinstance(event, TradePrinted):
            trade = event.trade
            listing = self.exchange.listings[trade.symbol]
            worth = trade.lots * trade.price_ticks * float(listing.tick * listing.lot)
            self.sizes[trade.symbol][self.hour].append(worth)
        elif isinstance(event, OrderReported) and event.fill is not None and event.order.account_id == self.mine:
            self.parts[event.order.order_id].append(event.fill.lots)


def check_the_day(day: Day) -> None:
    """What a day must have brought, whatever its symbols."""
    for symbol in day.symbols:
        minutes = day.exchange.klines(symbol, "1m", start_ms=int(BEGAN.timestamp() * 1000), limit=2_000)
        assert len(minutes) >= 24 * 60
        assert all(b.open_ms == a.open_ms + 60_000 for a, b in pairwise(minutes))
        assert sum(minute.trades > 0 for minute in minutes) > 0.9 * len(minutes)
        medians = {hour: statistics.median(sizes) for hour, sizes in day.sizes[symbol].items()}
        assert len(medians) == 24
        assert 1.1 < mean(medians, BUSY) / mean(medians, QUIET) < 2.2, "sizes follow the hour"
    orders = [day.exchange.order(day.mine, symbol, order_id=order_id) for symbol, order_id in ids(day)]
    for order in orders:
        assert order.filled_lots == sum(day.parts[order.order_id]) <= order.lots
    in_parts = [order for order in orders if len(day.parts[order.order_id]) > 1]
    assert len(in_parts) > 40 * len(day.symbols)
    assert max(len(parts) for parts in day.parts.values()) > 5
    assert day.flow.status()["refused"] == 0


def mean(by_hour: Mapping[int, float], hours: Iterable[int]) -> float:
    return statistics.mean(by_hour[hour] for hour in hours)


def ids(day: Day) -> Iterable[tuple[str, int]]:
    for symbol in day.symbols:
        for order in day.exchange.orders(day.mine, symbol, limit=100_000):
            yield symbol, order.order_id


def totals(exchange: Exchange) -> dict[str, int]:
    return {asset: exchange.total(asset) for asset in ASSETS}


def test_a_day_of_one_symbol_passes_in_seconds() -> None:
    async def live() -> None:
        day = Day({"BNBUSDT": PROFILES["BNBUSDT"]})
        before = totals(day.exchange)
        await day.live(DAY_S)
        assert asyncio.get_running_loop().time() == pytest.approx(DAY_S)
        assert totals(day.exchange) == before, "nothing comes from nowhere, fees included"
        check_the_day(day)
        wide = {hour: statistics.mean(seen) for hour, seen in day.wide["BNBUSDT"].items()}
        assert mean(wide, QUIET) > 1.5 * mean(wide, BUSY), "spreads follow the hour"

    run_virtually(live())


@pytest.mark.soak
def test_a_day_of_all_symbols_is_the_same_day_twice() -> None:
    async def live() -> bytes:
        day = Day(PROFILES)
        before = totals(day.exchange)
        await day.live(DAY_S)
        assert totals(day.exchange) == before
        check_the_day(day)
        return day.fills()

    first, second = run_virtually(live()), run_virtually(live())
    assert len(first) > 100_000
    assert first == second
