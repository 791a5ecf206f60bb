"""A replayed market: outsiders' levels and trades, and how our own orders fare among them."""

from __future__ import annotations

import pytest

from engine.simulator.model import DepthChanged, Side, SimOrder, Status, TopChanged, TradePrinted
from tests.simulator.core.venue import Venue

P = 6_000_000
SYMBOL = "BTCUSDT"


def replayed() -> tuple[Venue, int]:
    """A book of outsiders' levels after update 1000, and a customer."""
    venue = Venue()
    account = venue.account("k")
    venue.exchange.set_external_levels(
        SYMBOL, [(P, 500), (P - 1, 700)], [(P + 2, 400), (P + 3, 900)], last_update_id=1000, replace=True
    )
    venue.events.clear()
    return venue, account


def depths(venue: Venue) -> list[tuple[int, int]]:
    """The update ids of the changes that were told."""
    return [(event.first_update_id, event.last_update_id) for event in venue.events if isinstance(event, DepthChanged)]


def filled(venue: Venue, account: int, order: SimOrder) -> int:
    """The lots of an order that are filled now."""
    return venue.now(account, order).filled_lots


def test_a_replayed_book_keeps_the_recordings_ids_and_tells_one_change_per_diff() -> None:
    venue, _ = replayed()
    assert venue.exchange.depth(SYMBOL).last_update_id == 1000
    venue.exchange.set_external_levels(SYMBOL, [(P, 0), (P - 5, 9)], [], first_update_id=990, last_update_id=1010)
    venue.exchange.set_external_levels(SYMBOL, [(P - 5, 9)], [], first_update_id=1011, last_update_id=1011)
    assert depths(venue) == [(1001, 1010), (1011, 1011)]
    assert venue.exchange.depth(SYMBOL).bids == ((P - 1, 700), (P - 5, 9))


def test_our_order_moves_the_ids_and_the_recordings_are_taken_up_again_when_they_are_ahead() -> None:
    venue, account = replayed()
    venue.limit(account, Side.BUY, P - 9, 100)
    venue.limit(account, Side.BUY, P - 8, 100)
    venue.exchange.set_external_levels(SYMBOL, [(P, 1)], [], first_update_id=1001, last_update_id=1001)
    venue.exchange.set_external_levels(SYMBOL, [(P, 2)], [], first_update_id=1002, last_update_id=1050)
    assert depths(venue) == [(1001, 1001), (1002, 1002), (1003, 1003), (1004, 1050)]


def test_a_replaced_book_keeps_only_our_orders_of_the_old() -> None:
    venue, account = replayed()
    venue.limit(account, Side.BUY, P, 30)
    venue.exchange.set_external_levels(SYMBOL, [(P - 4, 5)], [(P + 9, 6)], last_update_id=2000, replace=True)
    depth = venue.exchange.depth(SYMBOL)
    assert (depth.bids, depth.asks, depth.last_update_id) == (((P, 30), (P - 4, 5)), ((P + 9, 6),), 2000)


def test_our_market_order_takes_outsiders_levels_until_the_recording_says_otherwise() -> None:
    venue, account = replayed()
    order, fills = venue.market(account, Side.BUY, 600)
    assert (order.status, [(fill.price_ticks, fill.lots) for fill in fills]) == (
        Status.FILLED,
        [(P + 2, 400), (P + 3, 200)],
    )
    assert venue.exchange.depth(SYMBOL).asks == ((P + 3, 700),)
    venue.exchange.set_external_levels(SYMBOL, [], [(P + 2, 350)], first_update_id=1001, last_update_id=1100)
    assert venue.exchange.depth(SYMBOL).asks == ((P + 2, 350), (P + 3, 700))


def test_money_that_changes_hands_with_outsiders_is_counted() -> None:
    venue, account = replayed()
    totals = venue.exchange.total("USDT"), venue.exchange.total("BTC")
    venue.market(account, Side.BUY, 600)
    venue.limit(account, Side.SELL, P + 5, 100)
    venue.exchange.print_external_trade(SYMBOL, P + 6, 1000, buyer_is_maker=False)
    assert (venue.exchange.total("USDT"), venue.exchange.total("BTC")) == totals


def test_levels_that_cross_our_order_fill_it_at_its_own_price_first() -> None:
    venue, account = replayed()
    order = venue.limit(account, Side.BUY, P + 1, 300)
    venue.exchange.set_external_levels(SYMBOL, [], [(P, 200), (P + 1, 50)], first_update_id=1002, last_update_id=1010)
    fills = venue.exchange.fills(account, SYMBOL)
    assert [(fill.price_ticks, fill.lots, fill.maker) for fill in fills] == [(P + 1, 200, True), (P + 1, 50, True)]
    assert filled(venue, account, order) == 250
    depth = venue.exchange.depth(SYMBOL)
    assert depth.bids[0] == (P + 1, 50)
    assert depth.asks[0] == (P + 2, 400)


def test_what_our_orders_leave_of_a_crossing_level_stands_in_the_book() -> None:
    venue, account = replayed()
    order = venue.limit(account, Side.SELL, P + 1, 300)
    venue.exchange.set_external_levels(SYMBOL, [(P + 1, 1000)], [], first_update_id=1002, last_update_id=1010)
    assert venue.now(account, order).status is Status.FILLED
    assert venue.exchange.depth(SYMBOL).bids[0] == (P + 1, 700)


def test_outsiders_trades_reach_our_order_after_those_who_stood_before_it() -> None:
    venue, account = replayed()
    order = venue.limit(account, Side.BUY, P, 300)
    venue.exchange.set_external_levels(SYMBOL, [(P, 800)], [], first_update_id=1002, last_update_id=1010)
    for lots, expected in ((400, 0), (150, 50), (100, 150), (1000, 300)):
        venue.exchange.print_external_trade(SYMBOL, P, lots, buyer_is_maker=True)
        assert filled(venue, account, order) == expected


def test_outsiders_who_leave_are_taken_from_the_end_of_the_queue() -> None:
    venue, account = replayed()
    order = venue.limit(account, Side.BUY, P, 300)
    venue.exchange.set_external_levels(SYMBOL, [(P, 900)], [], first_update_id=1002, last_update_id=1010)
    venue.exchange.set_external_levels(SYMBOL, [(P, 450)], [], first_update_id=1011, last_update_id=1020)
    venue.exchange.print_external_trade(SYMBOL, P, 449, buyer_is_maker=True)
    assert filled(venue, account, order) == 0
    venue.exchange.print_external_trade(SYMBOL, P, 2, buyer_is_maker=True)
    assert filled(venue, account, order) == 1


def test_a_better_priced_order_of_ours_is_filled_at_once_and_at_its_own_price() -> None:
    venue, account = replayed()
    order = venue.limit(account, Side.BUY, P + 1, 300)
    venue.events.clear()
    venue.exchange.print_external_trade(SYMBOL, P, 500, buyer_is_maker=True, trade_id=77)
    assert filled(venue, account, order) == 300
    printed = [event.trade for event in venue.events if isinstance(event, TradePrinted)]
    assert [(trade.trade_id, trade.price_ticks, trade.lots) for trade in printed] == [(77, P + 1, 300), (78, P, 200)]
    assert [trade.buyer_order_id for trade in printed] == [order.order_id, 0]


def test_a_trade_that_does_not_reach_us_is_printed_as_recorded_and_leaves_the_book() -> None:
    venue, account = replayed()
    venue.limit(account, Side.BUY, P - 1, 300)
    venue.events.clear()
    before = venue.exchange.depth(SYMBOL)
    venue.exchange.print_external_trade(SYMBOL, P, 500, buyer_is_maker=True, trade_id=3_000)
    assert venue.exchange.depth(SYMBOL) == before
    (event,) = venue.events
    assert isinstance(event, TradePrinted)
    assert (event.trade.trade_id, event.trade.lots, event.trade.buyer_is_maker) == (3_000, 500, True)
    assert venue.exchange.last_price(SYMBOL) == P


def test_a_recorded_top_is_shown_unless_an_order_of_ours_is_as_good() -> None:
    venue, account = replayed()
    venue.exchange.show_external_top(SYMBOL, 1005, (P, 450), (P + 1, 10))
    venue.limit(account, Side.SELL, P + 1, 30)
    venue.exchange.show_external_top(SYMBOL, 1007, (P, 400), (P + 2, 10))
    tops = [event for event in venue.events if isinstance(event, TopChanged)]
    assert [(top.bid_ticks, top.bid_lots, top.ask_ticks, top.ask_lots) for top in tops] == [
        (P, 450, P + 1, 10),
        (P, 500, P + 1, 30),
        (P, 400, P + 1, 30),
    ]


def test_a_diff_that_is_older_than_the_recorded_top_does_not_take_it_back() -> None:
    venue, _ = replayed()
    venue.exchange.show_external_top(SYMBOL, 1050, (P + 1, 450), (P + 2, 10))
    venue.events.clear()
    venue.exchange.set_external_levels(SYMBOL, [(P, 499)], [], first_update_id=1001, last_update_id=1040)
    assert not any(isinstance(event, TopChanged) for event in venue.events)
    venue.exchange.set_external_levels(SYMBOL, [(P, 498)], [], first_update_id=1041, last_update_id=1060)
    assert isinstance(venue.events[-1], TopChanged)


def test_a_diff_that_runs_backwards_is_refused() -> None:
    venue, _ = replayed()
    with pytest.raises(ValueError, match="backwards"):
        venue.exchange.set_external_levels(SYMBOL, [], [], first_update_id=1010, last_update_id=1005)


@pytest.mark.parametrize(("price", "lots"), [(0, 1), (-1, 1), (P, -1), (10**12, 1), (P, 2**63)])
def test_levels_and_trades_that_no_market_has_are_refused(price: int, lots: int) -> None:
    venue, _ = replayed()
    before = venue.exchange.state_digest()
    with pytest.raises(ValueError, match="no level of BTCUSDT"):
        venue.exchange.set_external_levels(SYMBOL, [(price, lots)], [])
    with pytest.raises(ValueError, match="none of BTCUSDT"):
        venue.exchange.print_external_trade(SYMBOL, price, lots, buyer_is_maker=True)
    assert venue.exchange.state_digest() == before
