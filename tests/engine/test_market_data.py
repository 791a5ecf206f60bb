"""What the market shows, from a real exchange through ccxt to everyone who watches."""

from __future__ import annotations

import asyncio
import itertools
import signal
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypeVar

import pytest

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook
from engine.feeds import Feeds, FeedTimes, MarketUpdate
from engine.ports import Credentials, StreamReady, VenueError
from engine.runtime import Supervisor, SystemClock
from engine.venues.ccxt_venue import CcxtVenue
from engine.venues.config import VenueConfig
from tests.engine.desks import eventually
from tests.engine.saboteur import sabotage
from tests.simulator.process import SimulatorProcess, Trader

T = TypeVar("T")
QUICK = FeedTimes(tick_s=0.05, linger_s=0.2, stale_after_s=0.6, prices_every_s=0.2, look_every_s=0.05)


@dataclass
class Market:
    venue: CcxtVenue
    feeds: Feeds
    supervisor: Supervisor
    bitcoin: Instrument

    def gather(self, items: AsyncIterator[T], name: str = "watcher") -> list[T]:
        """What comes, from now on, in a list that grows."""
        gathered: list[T] = []

        async def follow() -> None:
            async for item in items:
                gathered.append(item)

        self.supervisor.run(name, follow())
        return gathered


@asynccontextmanager
async def open_market(url: str, stale_after_s: float = 30.0) -> AsyncGenerator[Market]:
    clock = SystemClock()
    supervisor = Supervisor("market under test", clock)
    config = VenueConfig.at("simulator", "Simulator", url)
    config = replace(config, timeout_ms=5_000, stale_after_s=stale_after_s)
    venue = CcxtVenue(config, supervisor, clock)
    feeds = Feeds({"simulator": venue}, supervisor, clock, QUICK)
    try:
        yield Market(venue, feeds, supervisor, (await venue.instruments())["BTC/USDT"])
    finally:
        await supervisor.close()
        await venue.close()


@pytest.fixture
async def market(exchange: SimulatorProcess) -> AsyncGenerator[Market]:
    async with open_market(exchange.http) as market:
        yield market


async def test_instruments_carry_the_venues_own_rules(market: Market) -> None:
    instruments = await market.venue.instruments()
    assert {"BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT", "DOGE/USDT"} <= set(instruments)
    assert (str(market.bitcoin.tick), str(market.bitcoin.lot)) == ("0.01", "0.00001")
    assert market.bitcoin.min_notional == 5
    assert market.bitcoin.max_quantity is not None


async def test_candles_are_the_venues_exact_figures(lively_exchange: SimulatorProcess) -> None:
    async with open_market(lively_exchange.http) as market:
        candles = await market.venue.candles(market.bitcoin, "5m", start_ms=None, end_ms=None, limit=10)
        assert len(candles) == 10
        assert [b.open_ms - a.open_ms for a, b in itertools.pairwise(candles)] == [300_000] * 9
        for candle in candles:
            assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        earlier = await market.venue.candles(
            market.bitcoin, "5m", start_ms=candles[2].open_ms, end_ms=candles[5].open_ms, limit=100
        )
        assert earlier == candles[2:5]


async def test_the_book_is_the_venues_after_each_change(market: Market, peer: Trader) -> None:
    books: list[OrderBook] = market.gather(market.venue.watch_book(market.bitcoin))
    await peer.place("BUY", "LIMIT", price="30000.01", quantity="0.12345")
    await peer.place("SELL", "LIMIT", price="30000.07", quantity="1.00001")
    await eventually(lambda: books and books[-1].asks and books[-1].bids, "both sides are seen")
    book = books[-1]
    assert [(str(level.price), str(level.quantity)) for level in book.bids] == [("30000.01", "0.12345")]
    assert [(str(level.price), str(level.quantity)) for level in book.asks] == [("30000.07", "1.00001")]
    assert str(book.spread) == "0.06"


async def test_trades_start_with_the_recent_ones_and_miss_none(market: Market, peer: Trader, taker: Trader) -> None:
    await peer.place("SELL", "LIMIT", price="30000", quantity="1")
    for _ in range(3):
        await taker.place("BUY", "MARKET", quantity="0.001")
    batches: list[tuple[MarketTrade, ...]] = market.gather(market.venue.watch_trades(market.bitcoin))
    await eventually(lambda: batches, "recent trades are seen")
    for _ in range(20):
        await taker.place("BUY", "MARKET", quantity="0.002")
    ids: list[int] = []

    def seen() -> bool:
        ids[:] = [int(trade.id) for batch in batches for trade in batch]
        return sum(trade.quantity for batch in batches for trade in batch[-20:]) > 0 and len(ids) >= 23

    await eventually(seen, "every trade is seen")
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert batches[-1][-1].side == "buy"


async def test_streams_come_back_after_a_break_without_a_gap(
    exchange: SimulatorProcess, peer: Trader, taker: Trader
) -> None:
    await peer.place("SELL", "LIMIT", price="30000", quantity="1")
    await taker.place("BUY", "MARKET", quantity="0.001")
    async with sabotage((exchange.host, exchange.port)) as saboteur, open_market(saboteur.url) as market:
        trades = market.gather(market.venue.watch_trades(market.bitcoin), "trades")
        books = market.gather(market.venue.watch_book(market.bitcoin), "books")
        await eventually(lambda: books and trades, "book and trades are seen")
        saboteur.refusing = True
        saboteur.cut()
        for _ in range(5):
            await taker.place("BUY", "MARKET", quantity="0.001")
        saboteur.heal()

        async def trade_on() -> int:
            await taker.place("BUY", "MARKET", quantity="0.001")
            return sum(len(batch) for batch in trades)

        before = await trade_on()
        for _ in range(100):
            if await trade_on() >= before + 7:
                break
            await asyncio.sleep(0.05)
        ids = [int(trade.id) for batch in trades for trade in batch]
        assert ids == list(range(ids[0], ids[0] + len(ids)))
        assert len(ids) >= before + 7
        await eventually(lambda: books[-1].asks and books[-1].asks[0].quantity < 1, "the book goes on")


async def test_a_socket_that_says_nothing_is_opened_again(exchange: SimulatorProcess) -> None:
    async with sabotage((exchange.host, exchange.port)) as saboteur, open_market(saboteur.url, 0.6) as market:
        market.gather(market.venue.watch_book(market.bitcoin))

        def sockets() -> int:
            return sum(1 for request in saboteur.requests if request.is_upgrade)

        # Nothing trades and the exchange pings every 20 s: for this watchdog that is a dead line.
        await eventually(lambda: sockets() >= 3, "the silent socket is opened again, and again")


async def test_a_dead_line_is_not_taken_for_heard_because_it_was_dropped(lively_exchange: SimulatorProcess) -> None:
    """A process that stands still takes connections and says nothing: its age must grow on."""
    async with open_market(lively_exchange.http, 0.6) as market:
        books = market.gather(market.venue.watch_book(market.bitcoin))
        await eventually(lambda: books, "a book")
        lively_exchange.process.send_signal(signal.SIGSTOP)
        try:
            await eventually(lambda: silent_s(market.venue) > 3, "three seconds of silence")
        finally:
            lively_exchange.process.send_signal(signal.SIGCONT)
        await eventually(lambda: silent_s(market.venue) < 1, "the market is heard again")


def silent_s(venue: CcxtVenue) -> float:
    return SystemClock().monotonic() - (venue.heard_at() or 0.0)


async def test_a_candle_forms_and_is_shared(market: Market, peer: Trader, taker: Trader) -> None:
    one: list[Candle] = market.gather(market.feeds.watch_candles("simulator", market.bitcoin, "1m"), "one")
    two: list[Candle] = market.gather(market.feeds.watch_candles("simulator", market.bitcoin, "1m"), "two")
    await peer.place("SELL", "LIMIT", price="31000.5", quantity="1")
    await taker.place("BUY", "MARKET", quantity="0.5")

    def seen(candles: list[Candle]) -> bool:
        return bool(candles) and str(candles[-1].close).startswith("31000.5")

    await eventually(lambda: seen(one) and seen(two), "both see the candle")
    assert len([name for name in market.supervisor.running if name.endswith("stream")]) == 1


async def test_everyone_who_watches_a_symbol_shares_one_feed(
    exchange: SimulatorProcess, peer: Trader, taker: Trader
) -> None:
    async with sabotage((exchange.host, exchange.port)) as saboteur, open_market(saboteur.url) as market:
        crowd = [market.gather(market.feeds.watch("simulator", market.bitcoin), f"watcher {n}") for n in range(5)]
        await peer.place("SELL", "LIMIT", price="30000", quantity="0.5")
        await taker.place("BUY", "MARKET", quantity="0.1")

        def seen(updates: list[MarketUpdate]) -> bool:
            return any(update.trades for update in updates) and any(
                update.book and update.book.asks for update in updates
            )

        await eventually(lambda: all(seen(updates) for updates in crowd), "all see the market")
        shared = [next(update for update in updates if update.trades) for updates in crowd]
        assert all(update is shared[0] for update in shared)
        assert sum(1 for request in saboteur.requests if request.is_upgrade) == 1

        snapshot = market.feeds.snapshot("simulator", "BTC/USDT")
        assert snapshot.book is not None
        assert snapshot.trades
        assert not snapshot.stale
        assert snapshot.age_s is not None


async def test_a_feed_ends_after_its_last_watcher_and_starts_again(market: Market) -> None:
    market.gather(market.feeds.watch("simulator", market.bitcoin), "watcher")
    await eventually(lambda: any("BTC/USDT book" in name for name in market.supervisor.running), "the feed runs")
    market.supervisor.stop("watcher")
    await eventually(lambda: not any("feed" in name for name in market.supervisor.running), "the feed ends")
    assert market.feeds.snapshot("simulator", "BTC/USDT").age_s is None
    again = market.gather(market.feeds.watch("simulator", market.bitcoin), "another")
    await eventually(lambda: again, "a new feed answers")


async def test_a_watcher_that_is_dropped_without_being_closed_leaves(market: Market) -> None:
    forgotten = market.feeds.watch("simulator", market.bitcoin)
    await eventually(lambda: any("feed" in name for name in market.supervisor.running), "the feed runs")
    del forgotten
    await eventually(lambda: not any("feed" in name for name in market.supervisor.running), "the feed ends")


async def test_a_slow_watcher_gets_the_newest_state_and_no_backlog(market: Market, peer: Trader) -> None:
    quick = market.gather(market.feeds.watch("simulator", market.bitcoin), "quick")
    slow = market.feeds.watch("simulator", market.bitcoin)
    for step in range(15):
        await peer.place("SELL", "LIMIT", price=f"{40000 - step}", quantity="0.01")
        await asyncio.sleep(0.06)
    await eventually(lambda: quick and quick[-1].book and len(quick[-1].book.asks) == 15, "all levels are seen")
    update = await anext(slow)
    assert update.book == quick[-1].book
    assert len(quick) > 3
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await anext(slow)


async def test_what_is_shown_is_called_stale_when_the_venue_goes_silent(
    exchange: SimulatorProcess, peer: Trader
) -> None:
    async with sabotage((exchange.host, exchange.port)) as saboteur, open_market(saboteur.url) as market:
        updates = market.gather(market.feeds.watch("simulator", market.bitcoin))
        await peer.place("SELL", "LIMIT", price="30000", quantity="0.5")
        await eventually(lambda: updates and not updates[-1].stale, "the market is fresh")
        saboteur.refusing = True
        saboteur.cut()
        await eventually(lambda: updates[-1].stale, "the market is stale")
        assert market.feeds.snapshot("simulator", "BTC/USDT").stale
        saboteur.heal()
        await peer.place("SELL", "LIMIT", price="30001", quantity="0.5")
        await eventually(lambda: not updates[-1].stale, "the market is fresh again")


async def test_last_prices_follow_the_market(lively_exchange: SimulatorProcess) -> None:
    async with open_market(lively_exchange.http) as market:
        market.feeds.last_prices("simulator")
        await eventually(lambda: len(market.feeds.last_prices("simulator")) >= 6, "all symbols have a price")


async def test_a_venue_that_is_away_says_so_and_is_found_when_it_is_back(exchange: SimulatorProcess) -> None:
    async with sabotage((exchange.host, exchange.port)) as saboteur:
        saboteur.refusing = True
        clock = SystemClock()
        supervisor = Supervisor("venue", clock)
        venue = CcxtVenue(VenueConfig.at("simulator", "Simulator", saboteur.url), supervisor, clock)
        with pytest.raises(VenueError):
            await venue.instruments()
        saboteur.heal()
        assert "BTC/USDT" in await venue.instruments()
        await supervisor.close()
        await venue.close()


@pytest.mark.parametrize(
    ("fields", "may"),
    [({}, (True, False)), ({"can_trade": False}, (False, False)), ({"can_withdraw": True}, (True, True))],
)
async def test_a_key_is_asked_what_it_may_do(
    market: Market, exchange: SimulatorProcess, fields: dict[str, object], may: tuple[bool, bool]
) -> None:
    keys = exchange.open_account(**fields)
    check = await market.venue.test_key(Credentials(keys.api_key, keys.secret))
    assert (check.can_trade, check.can_withdraw) == may


async def test_a_user_stream_that_is_refused_is_asked_for_again(market: Market, exchange: SimulatorProcess) -> None:
    """ccxt stumbles over its own books when a subscription is refused; for its time it is set by the venue's clock."""
    keys = exchange.open_account()
    account = await market.venue.open_account("an account", Credentials(keys.api_key, keys.secret))
    with exchange.operator() as operator:
        operator.post("/sim/faults", json={"what": "clock_skew", "skew_ms": 60_000}).raise_for_status()
        try:
            events = market.gather(account.user_events(), "user events")
            await eventually(lambda: StreamReady() in events, "the stream is up by the venue's clock")
        finally:
            operator.delete("/sim/faults").raise_for_status()
    assert market.supervisor.failures == ()
    await account.close()


async def test_a_wrong_key_is_refused_as_such(market: Market, exchange: SimulatorProcess) -> None:
    keys = exchange.open_account()
    with pytest.raises(VenueError) as caught:
        await market.venue.test_key(Credentials(keys.api_key, "a wrong secret"))
    assert caught.value.auth
