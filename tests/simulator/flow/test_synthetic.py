"""The synthetic market: it looks like one, comes from the seed alone, and takes notice of what others do."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.runtime import Supervisor
from engine.simulator.model import (
    DepthSnapshot,
    PublicTrade,
    Side,
    Status,
)
from engine.simulator.synthetic import BEAT_MS, SyntheticFlow
from tests.simulator.flow.conftest import HandClock, OpenExchange, until
from tests.simulator.flow.market import PROFILES, Market, TurnedClock

SYMBOLS = tuple(PROFILES)


@pytest.fixture
def open_market(open_exchange: OpenExchange, hand_clock: HandClock) -> Callable[..., Market]:
    def open_one(seed: int = 1, journal_dir: Path | None = None) -> Market:
        return Market(open_exchange(seed, journal_dir), hand_clock, seed)

    return open_one


OpenMarket = Callable[..., Market]


def test_the_book_is_full_before_anyone_can_look(open_market: OpenMarket) -> None:
    market = open_market()
    for symbol, book in market.books().items():
        assert len(book.bids) >= 30, symbol
        assert len(book.asks) >= 30, symbol
        assert book.asks[0][0] - book.bids[0][0] == PROFILES[symbol].spread_ticks
        assert len(market.exchange.klines(symbol, "1m", limit=1000)) == 1000


def test_spread_depth_and_rates_stay_those_of_a_market(open_market: OpenMarket) -> None:
    market = open_market(seed=4)
    spreads: dict[str, list[int]] = {symbol: [] for symbol in SYMBOLS}
    levels: dict[str, list[int]] = {symbol: [] for symbol in SYMBOLS}
    moved: list[bool] = []
    last = 0

    def look() -> None:
        nonlocal last
        if market.hand.at_ms % 500 >= BEAT_MS:
            return
        for symbol, book in market.books().items():
            spreads[symbol].append(book.asks[0][0] - book.bids[0][0])
            levels[symbol].append(min(len(book.bids), len(book.asks)))
        middle = market.exchange.depth("BTCUSDT", 1).bids[0][0]
        moved.append(middle != last)
        last = middle

    market.live(120, look)
    for symbol in SYMBOLS:
        assert statistics.median(spreads[symbol]) == 1, symbol
        assert sorted(spreads[symbol])[int(0.9 * len(spreads[symbol]))] <= 3 or symbol in {"BTCUSDT", "ETHUSDT"}, symbol
        assert statistics.median(levels[symbol]) >= 30, symbol
        assert min(levels[symbol]) >= 20, symbol
    assert 0.1 < statistics.mean(moved) < 0.9
    bitcoin = [trade for trade in market.trades if trade.symbol == "BTCUSDT"]
    doge = [trade for trade in market.trades if trade.symbol == "DOGEUSDT"]
    assert 1 < len(bitcoin) / 120 < 20
    assert 0.1 < len(doge) / 120 < len(bitcoin) / 120
    assert market.flow.status()["refused"] == 0


def test_trade_sizes_have_a_heavy_tail_and_sides_persist(open_market: OpenMarket) -> None:
    market = open_market(seed=8)
    market.live(240)
    orders: dict[tuple[int, bool], int] = {}
    for trade in market.trades:
        if trade.symbol == "BTCUSDT":
            taker = (trade.seller_order_id if trade.buyer_is_maker else trade.buyer_order_id, trade.buyer_is_maker)
            orders[taker] = orders.get(taker, 0) + trade.lots
    sizes = list(orders.values())
    assert statistics.mean(sizes) > 4 * statistics.median(sizes)
    signs = [-1 if sold else 1 for _, sold in orders]
    assert statistics.mean(a * b for a, b in pairwise(signs)) > 0.15


def test_the_first_trades_join_the_history(open_market: OpenMarket) -> None:
    market = open_market(seed=3)
    closes = {symbol: market.exchange.klines(symbol, "1m", limit=1)[-1].close for symbol in SYMBOLS}
    market.live(30)
    for symbol, close in closes.items():
        first = next((trade.price_ticks for trade in market.trades if trade.symbol == symbol), close)
        assert first == pytest.approx(close, rel=0.002), symbol


def test_the_live_volume_is_of_the_historys_size(open_market: OpenMarket) -> None:
    market = open_market(seed=6)
    history = [candle.lots for candle in market.exchange.klines("BTCUSDT", "1m", limit=1000)]
    market.live(300)
    lots = sum(trade.lots for trade in market.trades if trade.symbol == "BTCUSDT") / 5
    assert statistics.median(history) / 5 < lots < statistics.median(history) * 8


def test_the_same_seed_and_clock_make_the_same_market(open_market: OpenMarket, hand_clock: HandClock) -> None:
    runs: list[tuple[list[PublicTrade], dict[str, DepthSnapshot]]] = []
    began = hand_clock.at_ms
    for seed in (11, 11, 12):
        hand_clock.at_ms = began
        market = open_market(seed)
        market.live(20)
        runs.append((market.trades, market.books()))
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert len(runs[0][0]) > 20


def test_going_on_from_the_journal_equals_never_having_stopped(
    open_market: OpenMarket, hand_clock: HandClock, tmp_path: Path
) -> None:
    began = hand_clock.at_ms
    whole = open_market(21)
    whole.live(20)
    hand_clock.at_ms = began
    first = open_market(21, tmp_path)
    first.live(10)
    first.flow.keep_note()
    first.flow.close()
    first.exchange.close()
    second = open_market(21, tmp_path)
    assert second.exchange.recovered
    second.live(10)
    assert first.trades + second.trades == whole.trades
    assert second.books() == whole.books()


def test_a_market_that_was_killed_between_notes_goes_on_without_a_jump(open_market: OpenMarket, tmp_path: Path) -> None:
    first = open_market(22, tmp_path)
    first.live(10.75)
    before = first.books()
    first.exchange.close()
    second = open_market(22, tmp_path)
    second.hand.at_ms += 3_600_000
    second.live(5)
    for symbol, book in second.books().items():
        assert book.bids[0][0] == pytest.approx(before[symbol].bids[0][0], rel=0.002), symbol
        assert len(second.exchange.klines(symbol, "1m", limit=1000)) == 1000
    assert second.flow.status()["refused"] == 0


def test_an_hour_of_standing_still_makes_no_burst(open_market: OpenMarket) -> None:
    market = open_market(23)
    market.live(10)
    before = market.books()
    market.trades.clear()
    market.hand.at_ms += 3_600_000
    market.live(2 * BEAT_MS / 1000)
    assert len(market.trades) < 150
    for symbol, book in market.books().items():
        assert book.bids[0][0] == pytest.approx(before[symbol].bids[0][0], rel=0.003), symbol


def test_a_large_order_eats_levels_that_come_back_within_seconds(open_market: OpenMarket) -> None:
    market = open_market(31)
    market.live(5)
    mine = market.stranger()
    before = market.exchange.depth("BTCUSDT", 1000)
    lots = sum(level[1] for level in before.asks[:40])
    order = market.order(mine, Side.BUY, lots)
    assert order.status is Status.FILLED
    eaten = market.exchange.depth("BTCUSDT", 1000)
    assert eaten.asks[0][0] >= before.asks[39][0]
    assert len(eaten.asks) < len(before.asks) - 35
    market.live(8)
    after = market.exchange.depth("BTCUSDT", 1000)
    assert len(after.asks) >= 0.8 * len(before.asks)
    assert after.asks[0][0] - after.bids[0][0] < eaten.asks[0][0] - eaten.bids[0][0]


def test_a_resting_order_is_filled_when_the_market_comes_to_it(open_market: OpenMarket) -> None:
    market = open_market(32)
    market.live(2)
    mine = market.stranger()
    best = market.exchange.depth("BTCUSDT", 1).bids[0][0]
    resting = market.order(mine, Side.BUY, 2_000, round(best * 0.9999))
    assert resting.status is Status.NEW
    deadline = 1_200
    while market.exchange.order(mine, "BTCUSDT", order_id=resting.order_id).status is not Status.FILLED and deadline:
        market.live(1)
        deadline -= 1
    assert market.exchange.order(mine, "BTCUSDT", order_id=resting.order_id).status is Status.FILLED


def test_a_wall_that_the_market_has_passed_is_taken_down_within_seconds(open_market: OpenMarket) -> None:
    market = open_market(34)
    market.live(2)
    mine = market.stranger()
    best = market.exchange.depth("BTCUSDT", 1).asks[0][0]
    wall = market.order(mine, Side.SELL, 30 * 100_000, best + 500)
    for _ in range(1_200):
        market.live(1)
        noted: Any = market.exchange.noted("flow")
        if noted["moods"]["BTCUSDT"][0] >= best + 500:
            break
    market.live(3)
    assert market.exchange.order(mine, "BTCUSDT", order_id=wall.order_id).status is Status.FILLED


def test_a_price_far_out_of_line_is_traded_back(open_market: OpenMarket) -> None:
    market = open_market(33)
    market.live(2)
    mine = market.stranger()
    book = market.exchange.depth("DOGEUSDT", 1000)
    market.order(mine, Side.BUY, sum(level[1] for level in book.asks) + 200_000, book.asks[-1][0] + 40, "DOGEUSDT")
    high = market.exchange.depth("DOGEUSDT", 1).bids[0][0]
    assert high > book.asks[-1][0]
    market.live(30)
    after = market.exchange.depth("DOGEUSDT", 5)
    assert after.bids[0][0] < high
    assert after.asks[0][0] - after.bids[0][0] <= 3


async def test_running_moves_the_market_and_notes_where_it_stopped(
    open_exchange: OpenExchange, hand_clock: HandClock
) -> None:
    exchange = open_exchange(41)
    flow = SyntheticFlow(exchange, 41, PROFILES, TurnedClock(hand_clock))
    flow.prepare()
    supervisor = Supervisor("test")
    supervisor.run("flow", flow.run())
    await until(lambda: flow.status()["beats"] == 7)
    await supervisor.close()
    assert supervisor.failures == ()
    noted = exchange.noted("flow")
    assert noted is not None
    assert noted["beats"] == flow.status()["beats"]
