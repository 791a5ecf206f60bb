"""Our orders in the synthetic market: queued behind what was first, filled in parts, felt by the price."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from engine.simulator.listings import default_profiles
from engine.simulator.model import (
    DepthChanged,
    Execution,
    NewOrder,
    OrderReported,
    OrderType,
    Side,
    SimEvent,
    SimOrder,
    Status,
    TopChanged,
)
from tests.simulator.flow.conftest import HandClock, OpenExchange
from tests.simulator.flow.market import Market

SYMBOL = "BTCUSDT"
OpenMarket = Callable[[int], Market]


@pytest.fixture
def open_market(open_exchange: OpenExchange, hand_clock: HandClock) -> OpenMarket:
    """Opens a market of BTCUSDT alone and lets it live for two seconds."""

    def open_one(seed: int) -> Market:
        market = Market(open_exchange(seed), hand_clock, seed, {SYMBOL: default_profiles()[SYMBOL]})
        market.live(2)
        return market

    return open_one


def heard(market: Market) -> list[SimEvent]:
    events: list[SimEvent] = []
    market.exchange.listen(events.append)
    return events


def fills_of(events: list[SimEvent], order: SimOrder) -> list[OrderReported]:
    return [
        event
        for event in events
        if isinstance(event, OrderReported)
        and event.execution is Execution.TRADE
        and event.order.order_id == order.order_id
    ]


def now(market: Market, order: SimOrder) -> SimOrder:
    return market.exchange.order(order.account_id, SYMBOL, order_id=order.order_id)


def until(market: Market, condition: Callable[[], bool], seconds: int) -> None:
    """Let the market live until then."""
    for _ in range(seconds * 10):
        if condition():
            return
        market.live(0.1)
    pytest.fail(f"not within {seconds} s")


@pytest.mark.parametrize("seed", [51, 52, 53])
def test_nothing_is_filled_before_all_that_stood_there_first_is_gone(open_market: OpenMarket, seed: int) -> None:
    market = open_market(seed)
    mine = market.stranger()
    best = market.exchange.depth(SYMBOL, 1).bids[0][0]
    noted: Any = market.exchange.noted("flow")
    first = {
        order.order_id
        for maker in noted["accounts"][:3]
        for order in market.exchange.open_orders(maker, SYMBOL)
        if order.request.price_ticks == best
    }
    assert first, "somebody stood there"
    still_there = set(first)
    too_early: list[SimEvent] = []
    order = market.order(mine, Side.BUY, 40_000, best)

    def hear(event: SimEvent) -> None:
        if isinstance(event, OrderReported):
            if event.order.order_id in first and event.order.status not in {Status.NEW, Status.PARTIALLY_FILLED}:
                still_there.discard(event.order.order_id)
            elif event.order.order_id == order.order_id and event.execution is Execution.TRADE and still_there:
                too_early.append(event)

    market.exchange.listen(hear)
    until(market, lambda: now(market, order).filled_lots > 0, 600)
    assert not too_early
    assert not still_there


def test_the_flow_fills_it_in_parts_over_time(open_market: OpenMarket) -> None:
    market = open_market(54)
    events = heard(market)
    mine = market.stranger()
    best = market.exchange.depth(SYMBOL, 1).asks[0][0]
    order = market.order(mine, Side.SELL, 3_000_000, best)
    until(market, lambda: len(fills_of(events, order)) >= 5, 600)
    fills = fills_of(events, order)
    assert {event.order.status for event in fills[:-1]} == {Status.PARTIALLY_FILLED}
    assert len({event.fill.time_ms for event in fills if event.fill is not None}) > 2, "at different times"
    assert all(event.fill is not None and event.fill.maker and event.fill.price_ticks == best for event in fills)
    assert now(market, order).filled_lots == sum(event.fill.lots for event in fills if event.fill is not None)


def test_a_large_order_eats_the_book_and_every_price_shows_it(open_market: OpenMarket) -> None:
    market = open_market(55)
    events = heard(market)
    mine = market.stranger()
    before = market.exchange.depth(SYMBOL, 1_000)
    lots = sum(level[1] for level in before.asks[:40]) + 1
    order, fills = market.exchange.place(mine, NewOrder(SYMBOL, Side.BUY, OrderType.MARKET, "large", lots=lots))
    highest = before.asks[40][0]
    assert order.status is Status.FILLED
    assert [fill.price_ticks for fill in fills] == sorted(fill.price_ticks for fill in fills)
    assert {fill.price_ticks for fill in fills} == {price for price, _ in before.asks[:41]}
    assert market.exchange.depth(SYMBOL, 1).asks[0] == (highest, before.asks[40][1] - 1)
    assert market.exchange.last_price(SYMBOL) == market.exchange.ticker(SYMBOL).last == highest
    candle = market.exchange.current_kline(SYMBOL, "1m")
    assert candle is not None
    assert candle.high >= highest
    depth = next(event for event in events if isinstance(event, DepthChanged))
    assert dict(depth.asks).items() >= {price: 0 for price, _ in before.asks[:40]}.items()
    top = next(event for event in events if isinstance(event, TopChanged))
    assert top.ask_ticks == highest


def test_the_price_stays_pushed_for_a_while_and_the_book_comes_back(
    open_market: OpenMarket, hand_clock: HandClock
) -> None:
    began = hand_clock.at_ms
    still = open_market(56)
    hand_clock.at_ms = began
    market = open_market(56)
    mine, idle = market.stranger(), still.stranger()
    assert mine == idle
    before = market.exchange.depth(SYMBOL, 1_000)
    market.order(mine, Side.BUY, sum(level[1] for level in before.asks[:60]))
    eaten = market.exchange.depth(SYMBOL, 1_000)
    eaten_at = hand_clock.at_ms
    still.live(6)
    hand_clock.at_ms = eaten_at
    market.live(6)
    after, else_ = market.exchange.depth(SYMBOL, 1_000), still.exchange.depth(SYMBOL, 1_000)
    assert len(after.asks) >= 0.8 * len(before.asks) > len(eaten.asks)
    assert sum(lots for _, lots in after.asks[:30]) > 0.3 * sum(lots for _, lots in before.asks[:30])
    assert after.asks[0][0] - after.bids[0][0] < (eaten.asks[0][0] - eaten.bids[0][0]) / 4
    assert after.bids[0][0] > else_.bids[0][0], "dearer than it would be without us"
    pushed, unpushed = (pressure(each) for each in (market, still))
    assert pushed > unpushed + 0.2
    market.live(120)
    assert abs(pressure(market)) < pushed / 2, "and forgotten after two minutes"


def pressure(market: Market) -> float:
    """How far trades push the fair price, in hundredths of a per cent."""
    market.flow.keep_note()
    noted: Any = market.exchange.noted("flow")
    return noted["moods"][SYMBOL][2]
