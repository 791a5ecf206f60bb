"""Random orders: the exchange trades like the slow book, keeps every sum, and tells what it does without a gap."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.simulator.model import (
    ApiError,
    DepthChanged,
    NewOrder,
    OrderReported,
    OrderType,
    Side,
    Status,
    TimeInForce,
    TopChanged,
    TradePrinted,
)
from tests.simulator.core.reference import ReferenceBook
from tests.simulator.core.venue import Venue

SYMBOL = "XYZUSDT"


@dataclass(frozen=True)
class Place:
    """An order by one of three accounts."""

    account: int
    side: Side
    kind: OrderType
    time_in_force: TimeInForce
    price: int
    lots: int


@dataclass(frozen=True)
class Cancel:
    """A cancel of the order with this number, whoever's it is."""

    number: int


places = st.builds(
    Place,
    account=st.integers(0, 2),
    side=st.sampled_from(Side),
    kind=st.sampled_from([OrderType.LIMIT, OrderType.LIMIT, OrderType.LIMIT, OrderType.MARKET]),
    time_in_force=st.sampled_from([TimeInForce.GTC, TimeInForce.GTC, TimeInForce.IOC, TimeInForce.FOK]),
    price=st.integers(95, 105),
    lots=st.integers(1, 5_000),
)
actions = st.lists(st.one_of(places, places, places, st.builds(Cancel, number=st.integers(1, 80))), max_size=80)


def request(venue: Venue, action: Place) -> NewOrder:
    """The order of an action."""
    if action.kind is OrderType.MARKET:
        return venue.request(action.side, 0, action.lots, OrderType.MARKET, symbol=SYMBOL)
    return venue.request(action.side, action.price, action.lots, OrderType.LIMIT, action.time_in_force, symbol=SYMBOL)


def run(venue: Venue, accounts: list[int], done: list[Place | Cancel], reference: ReferenceBook | None = None) -> None:
    """Do the actions, and compare with the slow book after each."""
    owners: dict[int, int] = {}
    for action in done:
        venue.clock.ms += 7
        if isinstance(action, Cancel):
            _cancel(venue, owners, action.number, reference)
        else:
            order = request(venue, action)
            placed, fills = venue.exchange.place(accounts[action.account], order)
            owners[placed.order_id] = accounts[action.account]
            if reference is not None:
                expected = reference.place(placed.order_id, order)
                newest = venue.exchange.trades(SYMBOL, limit=len(fills)) if fills else ()
                makers = [
                    trade.seller_order_id if action.side is Side.BUY else trade.buyer_order_id for trade in newest
                ]
                assert [
                    (maker, fill.price_ticks, fill.lots) for maker, fill in zip(makers, fills, strict=True)
                ] == expected
        if reference is not None:
            depth = venue.exchange.depth(SYMBOL)
            assert list(depth.bids) == reference.depth(Side.BUY)
            assert list(depth.asks) == reference.depth(Side.SELL)


def _cancel(venue: Venue, owners: dict[int, int], number: int, reference: ReferenceBook | None) -> None:
    canceled = False
    owner = owners.get(number, owners[1] if owners else 1)
    if any(order.order_id == number for order in venue.exchange.open_orders(owner, SYMBOL)):
        venue.exchange.cancel(owner, SYMBOL, order_id=number)
        canceled = True
    else:
        with pytest.raises(ApiError, match="-2011"):
            venue.exchange.cancel(owner, SYMBOL, order_id=number)
    if reference is not None:
        assert reference.cancel(number) == canceled


@settings(max_examples=150, deadline=None)
@given(done=actions)
def test_it_trades_like_the_slow_book(done: list[Place | Cancel]) -> None:
    venue = Venue()
    run(venue, [venue.account("a"), venue.account("b"), venue.account("")], done, ReferenceBook())


@settings(max_examples=100, deadline=None)
@given(done=actions)
def test_no_atom_is_made_or_lost_and_nobody_owes(done: list[Place | Cancel]) -> None:
    venue = Venue()
    accounts = [venue.account("a"), venue.account("b"), venue.account("")]
    totals = {asset: venue.exchange.total(asset) for asset in ("XYZ", "USDT")}
    run(venue, accounts, done)
    assert {asset: venue.exchange.total(asset) for asset in totals} == totals
    for account in accounts:
        for balance in venue.exchange.balances(account):
            assert balance.free >= 0
            assert balance.locked >= 0
        venue.exchange.cancel_all(account, SYMBOL)
        assert [balance.locked for balance in venue.exchange.balances(account) if balance.locked] == []


@settings(max_examples=100, deadline=None)
@given(done=actions)
def test_who_plays_the_told_changes_has_the_book(done: list[Place | Cancel]) -> None:
    venue = Venue()
    run(venue, [venue.account("a"), venue.account("b"), venue.account("")], done)
    played: dict[Side, dict[int, int]] = {Side.BUY: {}, Side.SELL: {}}
    last, top = 0, (0, 0, 0, 0)
    for event in venue.events:
        if isinstance(event, DepthChanged):
            changed = len(event.bids) + len(event.asks)
            assert (event.first_update_id, event.last_update_id) == (last + 1, last + changed)
            last = event.last_update_id
            for side, levels in ((Side.BUY, event.bids), (Side.SELL, event.asks)):
                played[side].update(levels)
        if isinstance(event, TopChanged):
            top = (event.bid_ticks, event.bid_lots, event.ask_ticks, event.ask_lots)
    depth = venue.exchange.depth(SYMBOL)
    assert depth.last_update_id == last
    assert sorted((price, lots) for price, lots in played[Side.BUY].items() if lots) == sorted(depth.bids)
    assert sorted((price, lots) for price, lots in played[Side.SELL].items() if lots) == sorted(depth.asks)
    assert top == (*(depth.bids[0] if depth.bids else (0, 0)), *(depth.asks[0] if depth.asks else (0, 0)))


@settings(max_examples=60, deadline=None)
@given(done=actions)
def test_what_is_reported_of_an_order_adds_up_to_what_it_is(done: list[Place | Cancel]) -> None:
    venue = Venue()
    account = venue.account("a")
    run(venue, [account, account, venue.account("b")], done)
    lots: dict[int, int] = {}
    for event in venue.events:
        if isinstance(event, OrderReported) and event.fill is not None:
            lots[event.order.order_id] = lots.get(event.order.order_id, 0) + event.fill.lots
            assert event.order.filled_lots == lots[event.order.order_id]
    for order in venue.exchange.orders(account, SYMBOL, limit=1000):
        assert order.filled_lots == lots.get(order.order_id, 0)
        assert order.filled_quote_atoms == sum(fill.quote_atoms for fill in venue.exchange.fills_of(order.order_id))
        assert order.working == (order.status in {Status.NEW, Status.PARTIALLY_FILLED})
    printed = [event.trade for event in venue.events if isinstance(event, TradePrinted)]
    assert [trade.trade_id for trade in printed] == list(range(1, len(printed) + 1))


@settings(max_examples=20, deadline=None)
@given(done=actions)
def test_the_same_orders_at_the_same_times_give_the_same_market(done: list[Place | Cancel]) -> None:
    venues = Venue(), Venue()
    for venue in venues:
        run(venue, [venue.account("a"), venue.account("b"), venue.account("")], done)
    assert venues[0].exchange.state_digest() == venues[1].exchange.state_digest()
    assert venues[0].events == venues[1].events
