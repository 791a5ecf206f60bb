"""Stops and take-profits wait for the last price, lock their money meanwhile, then go to the book like any order."""

from __future__ import annotations

import pytest

from engine.simulator.model import ApiError, Execution, OrderReported, OrderType, Side, SimOrder, Status, Terms
from tests.simulator.core.venue import Venue

P = 6_000_000
SELL, BUY = Side.SELL, Side.BUY


def print_price(venue: Venue, price: int) -> None:
    """A trade of two others at this price."""
    first, second = venue.exchange.account_by_key("one"), venue.exchange.account_by_key("two")
    assert first is not None
    assert second is not None
    resting = venue.limit(first.account_id, SELL, price, 20)
    if venue.now(first.account_id, resting).status is Status.NEW:
        venue.limit(second.account_id, BUY, price, 20)


def a_market(price: int = P) -> tuple[Venue, int]:
    """A market whose last price is this, and the account under test."""
    venue = Venue()
    venue.account("one")
    venue.account("two")
    print_price(venue, price)
    return venue, venue.account("me", {"USDT": 100_000, "BTC": 10})


def stop(
    venue: Venue, account: int, side: Side, kind: OrderType, stop_ticks: int, price: int = 0, trailing: int = 0
) -> SimOrder:
    request = venue.request(side, price, 1000, kind, terms=Terms(stop_ticks=stop_ticks, trailing_bips=trailing))
    return venue.exchange.place(account, request)[0]


@pytest.mark.parametrize(
    ("side", "kind", "stop_ticks", "not_yet", "then"),
    [
        (SELL, OrderType.STOP_LOSS_LIMIT, P - 100, P - 99, P - 100),
        (SELL, OrderType.TAKE_PROFIT_LIMIT, P + 100, P + 99, P + 100),
        (BUY, OrderType.STOP_LOSS_LIMIT, P + 100, P + 99, P + 150),
        (BUY, OrderType.TAKE_PROFIT_LIMIT, P - 100, P - 99, P - 150),
    ],
)
def test_it_works_when_the_last_price_has_come_and_not_before(
    side: Side, kind: OrderType, stop_ticks: int, not_yet: int, then: int
) -> None:
    venue, me = a_market()
    limit = P + 1000 if side is SELL else P - 1000
    order = stop(venue, me, side, kind, stop_ticks, limit)
    assert (order.status, order.working, order.working_ms) == (Status.NEW, False, -1)
    print_price(venue, not_yet)
    assert not venue.now(me, order).working
    venue.clock.ms += 5
    print_price(venue, then)
    found = venue.now(me, order)
    assert (found.working, found.working_ms, found.status) == (True, venue.clock.ms, Status.NEW)
    depth = venue.exchange.depth("BTCUSDT")
    assert (limit, 1000) in (depth.asks if side is SELL else depth.bids)


def test_its_money_is_put_aside_while_it_waits_and_comes_back_when_it_is_canceled() -> None:
    venue, me = a_market()
    buy = stop(venue, me, BUY, OrderType.STOP_LOSS_LIMIT, P + 100, P + 200)
    sell = stop(venue, me, SELL, OrderType.STOP_LOSS, P - 100)
    assert venue.held(me, "USDT")[1] == 1000 * (P + 200) * 10
    assert venue.held(me, "BTC")[1] == 1000 * 1000
    for order in (buy, sell):
        assert venue.exchange.cancel(me, "BTCUSDT", order_id=order.order_id).status is Status.CANCELED
    assert venue.held(me, "USDT") == (100_000 * 10**8, 0)
    assert venue.held(me, "BTC") == (10 * 10**8, 0)
    print_price(venue, P - 100)
    assert venue.now(me, sell).status is Status.CANCELED


def test_a_stop_at_market_takes_what_is_there() -> None:
    venue, me = a_market()
    other = venue.account("maker")
    order = stop(venue, me, SELL, OrderType.STOP_LOSS, P - 100)
    venue.limit(other, BUY, P - 300, 400)
    venue.limit(other, BUY, P - 400, 800)
    print_price(venue, P - 100)
    found = venue.now(me, order)
    assert (found.status, found.filled_lots) == (Status.FILLED, 1000)
    assert [(fill.price_ticks, fill.lots, fill.maker) for fill in venue.exchange.fills_of(order.order_id)] == [
        (P - 300, 400, False),
        (P - 400, 600, False),
    ]
    assert venue.held(me, "BTC")[1] == 0
    told = [event for event in venue.events if isinstance(event, OrderReported) and event.order.account_id == me]
    assert [(event.execution, event.order.working_ms >= 0) for event in told] == [
        (Execution.NEW, False),
        (Execution.NEW, True),
        (Execution.TRADE, True),
        (Execution.TRADE, True),
    ]


def test_a_stop_to_buy_at_market_that_cannot_be_paid_expires() -> None:
    venue, _ = a_market()
    poor = venue.account("poor", {"USDT": 601})
    other = venue.account("maker")
    order = stop(venue, poor, BUY, OrderType.STOP_LOSS, P + 100)
    venue.limit(other, SELL, 2 * P, 5000)
    print_price(venue, P + 100)
    assert venue.now(poor, order).status is Status.EXPIRED
    assert venue.held(poor, "USDT") == (601 * 10**8, 0)
    report = [event for event in venue.events if isinstance(event, OrderReported)][-1]
    assert (report.execution, report.reject_reason) == (Execution.EXPIRED, "INSUFFICIENT_BALANCES")


def test_one_stop_sets_off_the_next() -> None:
    venue, me = a_market()
    other = venue.account("maker")
    first = stop(venue, me, SELL, OrderType.STOP_LOSS, P - 100)
    second = stop(venue, me, SELL, OrderType.STOP_LOSS, P - 500)
    venue.limit(other, BUY, P - 500, 1000)
    venue.limit(other, BUY, P - 600, 1000)
    print_price(venue, P - 100)
    assert [venue.now(me, order).status for order in (first, second)] == [Status.FILLED, Status.FILLED]
    assert venue.exchange.last_price("BTCUSDT") == P - 600


@pytest.mark.parametrize(
    ("side", "kind", "stop_ticks"),
    [
        (SELL, OrderType.STOP_LOSS, P),
        (SELL, OrderType.TAKE_PROFIT, P),
        (BUY, OrderType.STOP_LOSS, P - 1),
        (BUY, OrderType.TAKE_PROFIT, P + 1),
    ],
)
def test_a_stop_whose_price_has_come_already_is_refused(side: Side, kind: OrderType, stop_ticks: int) -> None:
    venue, me = a_market()
    with pytest.raises(ApiError, match=r"-2010 Stop price would trigger immediately\."):
        stop(venue, me, side, kind, stop_ticks)


def test_no_more_stops_may_wait_than_the_symbol_allows() -> None:
    venue, me = a_market()
    for index in range(5):
        stop(venue, me, SELL, OrderType.STOP_LOSS, P - 100 - index)
    with pytest.raises(ApiError, match="-1013 Filter failure: MAX_NUM_ALGO_ORDERS"):
        stop(venue, me, SELL, OrderType.STOP_LOSS, P - 200)
    venue.limit(me, SELL, P + 9000, 1000)


# --- trailing stops: the scenarios of Binance's FAQ, at 100 ticks to its unit of price ---------------


@pytest.mark.parametrize(
    ("side", "kind", "stop_price", "trailing", "limit", "quiet", "trigger"),
    [
        (BUY, OrderType.STOP_LOSS_LIMIT, 44_000, 500, 45_000, (37_000, 44_000, 45_000, 46_000, 42_000), 44_100),
        (SELL, OrderType.STOP_LOSS_LIMIT, 39_000, 1000, 38_000, (41_500, 39_000, 37_000, 41_000), 36_900),
        (BUY, OrderType.TAKE_PROFIT_LIMIT, 38_000, 850, 38_500, (42_000, 38_000, 37_000, 39_000, 38_000), 40_145),
        (SELL, OrderType.TAKE_PROFIT_LIMIT, 42_000, 750, 41_000, (39_000, 42_000, 45_000, 44_000, 46_500), 43_013),
        (SELL, OrderType.STOP_LOSS_LIMIT, 0, 700, 39_000, (42_000, 39_500, 45_500), 42_315),
    ],
    ids="ABCDE",
)  # fmt: skip
def test_a_trailing_stop_triggers_when_the_price_has_turned_far_enough(
    side: Side, kind: OrderType, stop_price: int, trailing: int, limit: int, quiet: tuple[int, ...], trigger: int
) -> None:
    venue, me = a_market(4_000_000)
    order = stop(venue, me, side, kind, stop_price * 100, limit * 100, trailing)
    assert order.trailing_ms == (-1 if stop_price else venue.clock.ms)
    for price in quiet:
        print_price(venue, price * 100)
        assert venue.now(me, order).working_ms == -1
    short = 100 if side is SELL else -100
    print_price(venue, trigger * 100 + short)
    assert venue.now(me, order).working_ms == -1
    print_price(venue, trigger * 100 if trigger != 43_013 else 4_301_250)
    assert venue.now(me, order).working_ms == venue.clock.ms
