"""Who trades with whom, at which price, and what becomes of the rest."""

from __future__ import annotations

import pytest

from engine.simulator.model import (
    ApiError,
    BalancesChanged,
    Deposited,
    DepthChanged,
    Execution,
    ListReported,
    OrderReported,
    OrderType,
    Side,
    SimEvent,
    Status,
    TimeInForce,
    TopChanged,
    TradePrinted,
)
from tests.simulator.core.venue import Venue

P = 6_000_000


def told(event: SimEvent) -> str:
    """An event in a few words."""
    match event:
        case OrderReported():
            return f"{event.execution} {event.order.order_id} {event.order.status}"
        case TradePrinted():
            return f"trade {event.trade.trade_id}"
        case DepthChanged():
            return f"depth {event.first_update_id}-{event.last_update_id}"
        case TopChanged():
            return "top"
        case BalancesChanged():
            return f"balances {event.account_id}"
        case ListReported():
            return f"list {event.order_list.list_id}"
        case Deposited():
            return f"deposit {event.account_id}"


def test_the_better_price_trades_first_and_at_one_price_the_older_order() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    late = [venue.limit(maker, Side.SELL, price, 100) for price in (P + 1, P, P, P - 1)]
    _, fills = venue.market(taker, Side.BUY, 350)
    assert [(fill.price_ticks, fill.lots) for fill in fills] == [(P - 1, 100), (P, 100), (P, 100), (P + 1, 50)]
    sellers = [trade.seller_order_id for trade in venue.exchange.trades("BTCUSDT")]
    assert sellers == [late[3].order_id, late[1].order_id, late[2].order_id, late[0].order_id]


def test_a_trade_happens_at_the_makers_price_and_what_was_locked_too_much_comes_back() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker", {"USDT": 1000})
    venue.limit(maker, Side.SELL, P - 1000, 500)
    order = venue.limit(taker, Side.BUY, P, 1000)
    assert (order.status, order.filled_lots, order.working) == (Status.PARTIALLY_FILLED, 500, True)
    paid, locked = 500 * (P - 1000) * 10, 500 * P * 10
    assert venue.held(taker, "USDT") == (1000 * 10**8 - paid - locked, locked)


def test_a_canceled_order_gives_back_what_it_locked_and_leaves_the_book() -> None:
    venue = Venue()
    account = venue.account("k", {"USDT": 1000, "BTC": 1})
    bid, ask = venue.limit(account, Side.BUY, P, 1000), venue.limit(account, Side.SELL, P + 5, 2000)
    for order in (bid, ask):
        canceled = venue.exchange.cancel(account, "BTCUSDT", order_id=order.order_id, cancel_client_order_id="stop")
        assert (canceled.status, canceled.working) == (Status.CANCELED, False)
    assert venue.held(account, "USDT") == (1000 * 10**8, 0)
    assert venue.held(account, "BTC") == (10**8, 0)
    depth = venue.exchange.depth("BTCUSDT")
    assert (depth.bids, depth.asks) == ((), ())
    report = [event for event in venue.events if isinstance(event, OrderReported)][-1]
    assert (report.cancel_client_order_id, report.execution) == ("stop", Execution.CANCELED)


def test_an_order_canceled_out_of_the_middle_of_a_queue_leaves_the_others_in_their_order() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    queue = [venue.limit(maker, Side.BUY, P, 100) for _ in range(5)]
    for index in (2, 0, 4):
        venue.exchange.cancel(maker, "BTCUSDT", order_id=queue[index].order_id)
    venue.market(taker, Side.SELL, 150)
    assert [trade.buyer_order_id for trade in venue.exchange.trades("BTCUSDT")] == [
        queue[1].order_id,
        queue[3].order_id,
    ]
    assert venue.exchange.depth("BTCUSDT").bids == ((P, 50),)


def test_what_an_ioc_order_cannot_trade_at_once_expires() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    venue.limit(maker, Side.SELL, P, 100)
    order = venue.limit(taker, Side.BUY, P, 300, TimeInForce.IOC)
    assert (order.status, order.filled_lots, order.working) == (Status.EXPIRED, 100, False)
    assert venue.held(taker, "USDT")[1] == 0


@pytest.mark.parametrize(("lots", "status", "filled"), [(300, Status.FILLED, 300), (301, Status.EXPIRED, 0)])
def test_a_fok_order_trades_whole_or_not_at_all(lots: int, status: Status, filled: int) -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    for price in (P, P + 1, P + 2, P + 3):
        venue.limit(maker, Side.SELL, price, 100)
    order = venue.limit(taker, Side.BUY, P + 2, lots, TimeInForce.FOK)
    assert (order.status, order.filled_lots) == (status, filled)


def test_a_limit_maker_order_rests_or_is_refused() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    venue.limit(maker, Side.SELL, P, 100)
    with pytest.raises(ApiError, match=r"-2010 Order would immediately match and take\."):
        venue.exchange.place(taker, venue.request(Side.BUY, P, 100, OrderType.LIMIT_MAKER))
    order, fills = venue.exchange.place(taker, venue.request(Side.BUY, P - 1, 100, OrderType.LIMIT_MAKER))
    assert (order.status, order.working, fills) == (Status.NEW, True, ())


@pytest.mark.parametrize("side", list(Side))
def test_a_market_order_in_an_empty_book_expires_with_nothing_filled(side: Side) -> None:
    venue = Venue()
    order, fills = venue.market(venue.account("taker"), side, 100)
    assert (order.status, order.filled_lots, fills) == (Status.EXPIRED, 0, ())


def test_a_market_order_larger_than_the_book_takes_all_and_expires() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    venue.limit(maker, Side.BUY, P, 100)
    order, _ = venue.market(taker, Side.SELL, 150)
    assert (order.status, order.filled_lots) == (Status.EXPIRED, 100)


def test_a_market_buy_by_quote_quantity_buys_as_many_lots_as_the_money_pays() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker", {"USDT": 100})
    venue.limit(maker, Side.SELL, P, 100)
    venue.limit(maker, Side.SELL, P + 100, 1000)
    order, fills = venue.market(taker, Side.BUY, quote_atoms=100 * 10**8)
    assert [(fill.price_ticks, fill.lots) for fill in fills] == [(P, 100), (P + 100, 66)]
    assert (order.status, order.lots, order.filled_lots) == (Status.FILLED, 166, 166)
    assert order.filled_quote_atoms == 100 * P * 10 + 66 * (P + 100) * 10 <= 100 * 10**8
    statuses = [
        event.order.status
        for event in venue.events
        if isinstance(event, OrderReported) and event.order.order_id == order.order_id
    ]
    assert statuses == [Status.NEW, Status.PARTIALLY_FILLED, Status.FILLED]


def test_a_market_order_by_quote_quantity_that_empties_the_book_expires() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    venue.limit(maker, Side.BUY, P, 100)
    order, _ = venue.market(taker, Side.SELL, quote_atoms=1000 * 10**8)
    assert (order.status, order.lots, order.filled_lots) == (Status.EXPIRED, 100, 100)


def test_commission_comes_off_what_each_side_receives_at_its_own_rate() -> None:
    venue = Venue()
    maker, taker = venue.account("maker", {"BTC": 1}), venue.account("taker", {"USDT": 1000})
    venue.limit(maker, Side.SELL, P, 1000)
    order, (fill,) = venue.market(taker, Side.BUY, 1000)
    assert (fill.commission_asset, fill.commission_atoms) == ("BTC", 1000)
    assert venue.held(taker, "BTC") == (1_000_000 - 1000, 0)
    assert venue.held(maker, "USDT") == (600 * 10**8 - 60_000_000, 0)
    (theirs,) = venue.exchange.fills(maker, "BTCUSDT")
    assert (theirs.maker, theirs.commission_asset, theirs.commission_atoms) == (True, "USDT", 60_000_000)
    assert venue.exchange.fills_of(order.order_id) == (fill,)


def test_everyone_is_told_what_happened_in_the_order_in_which_it_happened() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    venue.limit(maker, Side.SELL, P, 100)
    venue.limit(maker, Side.SELL, P + 1, 100)
    venue.events.clear()
    venue.limit(taker, Side.BUY, P + 1, 250, TimeInForce.IOC)
    assert [told(event) for event in venue.events] == [
        "NEW 3 NEW",
        "trade 1",
        "TRADE 3 PARTIALLY_FILLED",
        "TRADE 1 FILLED",
        "trade 2",
        "TRADE 3 PARTIALLY_FILLED",
        "TRADE 2 FILLED",
        "EXPIRED 3 EXPIRED",
        f"balances {taker}",
        f"balances {maker}",
        "depth 3-4",
        "top",
    ]


def test_a_report_keeps_showing_the_order_as_it_was_then() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    answer = venue.limit(maker, Side.SELL, P, 100)
    first = venue.events[0]
    venue.market(taker, Side.BUY, 100)
    assert isinstance(first, OrderReported)
    assert (first.order.status, answer.status) == (Status.NEW, Status.NEW)
    assert venue.now(maker, answer).status is Status.FILLED


def test_what_a_listener_starts_is_told_after_what_it_was_told() -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")

    def follow(event: SimEvent) -> None:
        if isinstance(event, TradePrinted) and event.trade.trade_id == 1:
            venue.limit(maker, Side.SELL, P + 9, 100)

    end = venue.exchange.listen(follow)
    late: list[SimEvent] = []
    venue.exchange.listen(late.append)
    venue.limit(maker, Side.SELL, P, 100)
    venue.market(taker, Side.BUY, 100)
    assert [told(event) for event in late] == [told(event) for event in venue.events]
    kinds = [told(event) for event in late if isinstance(event, OrderReported | TradePrinted)]
    assert kinds == ["NEW 1 NEW", "NEW 2 NEW", "trade 1", "TRADE 2 FILLED", "TRADE 1 FILLED", "NEW 3 NEW"]
    end()


def test_orders_of_accounts_without_a_key_trade_but_leave_no_history() -> None:
    venue = Venue()
    flow, customer = venue.account(""), venue.account("customer")
    ask = venue.limit(flow, Side.SELL, P, 100)
    _, fills = venue.market(customer, Side.BUY, 40)
    assert len(fills) == 1
    assert venue.now(flow, ask).filled_lots == 40
    venue.market(customer, Side.BUY, 60)
    with pytest.raises(ApiError, match="-2013"):
        venue.now(flow, ask)
    assert venue.exchange.fills(flow, "BTCUSDT") == ()


def test_cancel_all_takes_only_this_accounts_orders_of_this_symbol() -> None:
    venue = Venue()
    one, other = venue.account("one"), venue.account("other")
    mine = [venue.limit(one, Side.BUY, P - index, 100) for index in range(3)]
    venue.limit(other, Side.BUY, P, 100)
    venue.exchange.place(one, venue.request(Side.BUY, 100, 1000, symbol="XYZUSDT"))
    canceled = venue.exchange.cancel_all(one, "BTCUSDT")
    assert [order.order_id for order in canceled] == [order.order_id for order in mine]
    assert venue.exchange.cancel_all(one, "BTCUSDT") == ()
    assert venue.exchange.depth("BTCUSDT").bids == ((P, 100),)
    assert [order.request.symbol for order in venue.exchange.open_orders(one)] == ["XYZUSDT"]
