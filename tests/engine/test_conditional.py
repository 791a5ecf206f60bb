"""Amendments, stops, OCOs and brackets: at the venue where it has them, kept by the desk where not."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.desk import Amendment, ListSubmitted
from engine.domain.list_draft import EntryTerms, ExitTerms, ListDraft
from engine.domain.order import Leg, Order, OrderStatus
from engine.domain.order_list import LegPolicy, ListKind, ListStatus
from engine.domain.values import Conflict, OrderType, Price, Quantity, Refusal, Side
from engine.ports import Features, Venue
from engine.runtime import Clock, Supervisor
from engine.venues.ccxt_venue import CcxtVenue
from engine.venues.config import VenueConfig
from tests.engine.desks import DeskUnderTest, eventually_true, open_desk
from tests.simulator.process import SimulatorProcess, Trader

S = OrderStatus


def price(text: str) -> Price:
    return Price(Decimal(text))


def quantity(text: str) -> Quantity:
    return Quantity(Decimal(text))


async def trade_at(peer: Trader, taker: Trader, at: str) -> None:
    """Let two others trade at this price."""
    await peer.place("SELL", "LIMIT", price=at, quantity="0.001")
    await taker.place("BUY", "LIMIT", price=at, quantity="0.001", timeInForce="IOC")


async def at_venue(trader: Trader, order: Order) -> dict[str, str]:
    answer = await trader.call("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=order.client_order_id)
    assert answer.status_code == 200, answer.text
    return answer.json()


def without(features: Features) -> Callable[[VenueConfig, Supervisor, Clock], Venue]:
    """A venue that has only these features."""
    return lambda config, supervisor, clock: CcxtVenue(replace(config, features=features), supervisor, clock)


@pytest.fixture
async def bare_desk(tmp_path: Path, exchange: SimulatorProcess) -> AsyncGenerator[DeskUnderTest]:
    """A desk whose venue has neither stops nor lists nor amendments: the desk keeps it all."""
    bare = without(Features(conditional=False, lists=False, amend=False, replace=False))
    async with open_desk(tmp_path / "bare.db", exchange.http, make_venue=bare) as running:
        await running.ready()
        await running.open_user()
        yield running
        await running.leave_nothing_open()


async def list_becomes(desk: DeskUnderTest, placed: ListSubmitted, *statuses: ListStatus) -> ListSubmitted:
    async def look() -> bool:
        return (await desk.desk.order_list(desk.user_id, placed.order_list.id)).order_list.status in statuses

    await eventually_true(look, f"list becomes {' or '.join(statuses)}")
    return await desk.desk.order_list(desk.user_id, placed.order_list.id)


def leg(found: ListSubmitted, name: Leg) -> Order:
    """The newest order of that leg."""
    return [order for order in found.orders if order.leg is name][-1]


# --- amendments -------------------------------------------------------------------------------------------------


async def test_a_lower_quantity_keeps_the_place_and_the_order(desk: DeskUnderTest, peer: Trader) -> None:
    order = await desk.becomes(await desk.buy(price="40000", quantity="0.02"), S.ACCEPTED)
    amended = await desk.desk.amend_order(desk.user_id, order.id, Amendment(quantity("0.01")))
    assert (amended.status, amended.amend_quantity) == (S.PENDING_AMEND, Decimal("0.01"))
    done = await desk.becomes(order, S.ACCEPTED)
    assert done.reason is None
    assert (done.quantity, done.venue_order_id, done.replaced_by) == (Decimal("0.01"), order.venue_order_id, None)
    assert (await at_venue(await desk.trader(peer.http), done))["origQty"] == "0.01000000"


async def test_another_price_is_another_order_that_takes_the_place(desk: DeskUnderTest, peer: Trader) -> None:
    order = await desk.becomes(await desk.buy(price="40000", quantity="0.02"), S.ACCEPTED)
    amended = await desk.desk.amend_order(desk.user_id, order.id, Amendment(price=price("40100")))
    assert amended.replaced_by is not None
    old = await desk.becomes(order, S.CANCELED)
    new = await desk.becomes(await desk.desk.order(desk.user_id, amended.replaced_by), S.ACCEPTED)
    assert (new.price, new.quantity, new.replaces) == (Decimal(40100), Decimal("0.02"), old.id)
    trader = await desk.trader(peer.http)
    assert (await at_venue(trader, old))["status"] == "CANCELED"
    assert (await at_venue(trader, new))["status"] == "NEW"


async def test_what_is_partly_filled_is_replaced_by_what_is_left_of_it(desk: DeskUnderTest, taker: Trader) -> None:
    order = await desk.becomes(await desk.buy(price="40000", quantity="0.02"), S.ACCEPTED)
    await taker.place("SELL", "LIMIT", price="40000", quantity="0.005")
    await desk.becomes(order, S.PARTIALLY_FILLED)
    amended = await desk.desk.amend_order(
        desk.user_id, order.id, Amendment(quantity=quantity("0.03"), price=price("40100"))
    )
    old = await desk.becomes(order, S.CANCELED)
    assert old.filled_quantity == Decimal("0.005")
    new = await desk.becomes(await desk.desk.order(desk.user_id, amended.replaced_by or ""), S.ACCEPTED)
    assert (new.quantity, new.price) == (Decimal("0.025"), Decimal(40100))


async def test_a_replacement_that_the_venue_refuses_leaves_the_order_as_it_was(
    desk: DeskUnderTest, peer: Trader
) -> None:
    """A limit-maker that would take is refused by the venue after the old one was cancelled, or before: the trader is
    told which."""
    await peer.place("SELL", "LIMIT", price="41000", quantity="0.01")
    order = await desk.becomes(await desk.buy(type="limit_maker", price="40000", quantity="0.01"), S.ACCEPTED)
    amended = await desk.desk.amend_order(desk.user_id, order.id, Amendment(price=price("41000")))
    new = await desk.becomes(await desk.desk.order(desk.user_id, amended.replaced_by or ""), S.REJECTED)
    old = await desk.becomes(order, S.CANCELED, S.ACCEPTED)
    told = await at_venue(await desk.trader(peer.http), old)
    assert told["status"] == {"CANCELED": "CANCELED", "ACCEPTED": "NEW"}[old.status]
    assert new.reason


async def test_what_cannot_be_amended_says_why(desk: DeskUnderTest) -> None:
    order = await desk.becomes(await desk.buy(price="40000", quantity="0.02"), S.ACCEPTED)
    for wanted, code, field in (
        (Amendment(), "nothing_to_change", "quantity"),
        (Amendment(quantity=quantity("0.02")), "nothing_to_change", "quantity"),
        (Amendment(price=price("40000.001")), "off_tick", "price"),
        (Amendment(quantity=quantity("0.0000001")), "off_lot", "quantity"),
        (Amendment(stop_price=price("1")), "stop_price_not_allowed", "stop_price"),
        (Amendment(quantity=quantity("10")), "insufficient_balance", "quantity"),
    ):
        with pytest.raises(Refusal) as refused:
            await desk.desk.amend_order(desk.user_id, order.id, wanted)
        assert (refused.value.code, refused.value.field) == (code, field)
    await desk.desk.cancel_order(desk.user_id, order.id)
    await desk.becomes(order, S.CANCELED)
    with pytest.raises(Conflict, match="has ended"):
        await desk.desk.amend_order(desk.user_id, order.id, Amendment(quantity("0.01")))


async def test_a_venue_without_amendments_gets_a_cancel_and_a_new_order(bare_desk: DeskUnderTest, peer: Trader) -> None:
    desk = bare_desk
    order = await desk.becomes(await desk.buy(price="40000", quantity="0.02"), S.ACCEPTED)
    amended = await desk.desk.amend_order(desk.user_id, order.id, Amendment(quantity("0.01")))
    await desk.becomes(order, S.CANCELED)
    new = await desk.becomes(await desk.desk.order(desk.user_id, amended.replaced_by or ""), S.ACCEPTED)
    assert new.quantity == Decimal("0.01")


# --- stops ------------------------------------------------------------------------------------------------------


async def test_a_stop_waits_at_the_venue_and_sells_when_its_price_comes(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await trade_at(peer, taker, "50000")
    order = await desk.becomes(await desk.sell(type="stop_loss", stop_price="49000", quantity="0.01"), S.ACCEPTED)
    assert not order.held
    assert (await at_venue(await desk.trader(peer.http), order))["type"] == "STOP_LOSS"
    await taker.place("BUY", "LIMIT", price="48900", quantity="0.05")
    await trade_at(peer, taker, "49000")
    done = await desk.becomes(order, S.FILLED)
    assert done.average_price == Decimal(48900)


async def test_a_stop_that_the_desk_keeps_is_unknown_to_the_venue_until_its_price_comes(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await trade_at(peer, taker, "50000")
    order = await desk.sell(type="stop_loss", stop_price="49000", quantity="0.01", held=True)
    assert order.status is S.HELD
    await taker.place("BUY", "LIMIT", price="48900", quantity="0.05")
    trader = await desk.trader(peer.http)
    assert (await trader.call("GET", "/api/v3/openOrders")).json() == []
    await eventually_true(lambda: _true(desk.chain.holding.watching == 1), "the order is watched")
    lower = await desk.desk.amend_order(desk.user_id, order.id, Amendment(stop_price=price("48950")))
    assert (lower.status, lower.stop_price) == (S.HELD, Decimal(48950))

    async def falls() -> bool:
        await trade_at(peer, taker, "48940")
        return (await desk.desk.order(desk.user_id, order.id)).status is S.FILLED

    await eventually_true(falls, "the stop is sold")
    done = await desk.desk.order(desk.user_id, order.id)
    assert (done.average_price, done.type) == (Decimal(48940), OrderType.STOP_LOSS) or done.average_price == 48900


async def test_a_trailing_stop_that_the_desk_keeps_follows_the_market_up(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await trade_at(peer, taker, "50000")
    order = await desk.sell(type="stop_loss", trailing_delta="100", quantity="0.01", held=True)

    async def rises() -> bool:
        await trade_at(peer, taker, "52000")
        return (await desk.desk.order(desk.user_id, order.id)).trail_price == 52000

    await eventually_true(rises, "the stop follows")
    await trade_at(peer, taker, "51500")
    assert (await desk.desk.order(desk.user_id, order.id)).status is S.HELD
    await taker.place("BUY", "LIMIT", price="51000", quantity="0.05")

    async def falls() -> bool:
        await trade_at(peer, taker, "51470")
        return (await desk.desk.order(desk.user_id, order.id)).status is S.FILLED

    await eventually_true(falls, "the stop is sold one percent below the top")


async def test_a_stop_on_the_wrong_side_and_its_likes_are_refused(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await trade_at(peer, taker, "50000")
    for fields, code, field in (
        ({"type": "stop_loss", "quantity": "0.01", "stop_price": "51000"}, "would_trigger_at_once", "stop_price"),
        ({"type": "take_profit", "quantity": "0.01", "stop_price": "49000"}, "would_trigger_at_once", "stop_price"),
        ({"type": "stop_loss", "quantity": "0.01"}, "missing_field", "stop_price"),
        ({"type": "stop_loss_limit", "quantity": "0.01", "stop_price": "49000"}, "missing_field", "price"),
        ({"type": "limit", "quantity": "0.01", "price": "60000", "held": True}, "held_not_allowed", "held"),
        (
            {"type": "limit", "quantity": "0.01", "price": "60000", "stop_price": "1"},
            "stop_price_not_allowed",
            "stop_price",
        ),
        ({"type": "stop_loss", "quantity": "0.01", "trailing_delta": "1"}, "bad_trailing_delta", "trailing_delta"),
    ):
        with pytest.raises(Refusal) as refused:
            await desk.sell(**fields)
        assert (refused.value.code, refused.value.field) == (code, field)


# --- lists ------------------------------------------------------------------------------------------------------


def an_oco(**changes: object) -> ListDraft:
    draft = ListDraft(
        ListKind.OCO,
        "BTC/USDT",
        Side.SELL,
        quantity("0.01"),
        ExitTerms(price("55000")),
        ExitTerms(stop_price=price("45000")),
    )
    return replace(draft, **changes)


def a_bracket(entry: EntryTerms, **changes: object) -> ListDraft:
    return replace(an_oco(kind=ListKind.BRACKET, side=Side.BUY, entry=entry), **changes)


AT_LIMIT = EntryTerms(OrderType.LIMIT, Price(Decimal(50000)))
AT_MARKET = EntryTerms(OrderType.MARKET)


async def test_an_oco_rests_at_the_venue_and_one_leg_ends_the_other(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await trade_at(peer, taker, "50000")
    placed = await desk.desk.submit_list(desk.user_id, an_oco(client_order_id="my-oco"))
    assert not placed.order_list.held
    active = await list_becomes(desk, placed, ListStatus.ACTIVE)
    assert active.order_list.venue_list_id is not None
    assert {order.status for order in active.orders} == {S.ACCEPTED}
    again = await desk.desk.submit_list(desk.user_id, an_oco(client_order_id="my-oco"))
    assert (again.created, again.order_list.id) == (False, placed.order_list.id)
    with pytest.raises(Conflict):
        await desk.desk.submit_list(desk.user_id, an_oco(client_order_id="my-oco", quantity=quantity("0.02")))
    await taker.place("BUY", "LIMIT", price="55000", quantity="0.01")
    done = await list_becomes(desk, placed, ListStatus.DONE)
    assert leg(done, Leg.TAKE_PROFIT).status is S.FILLED
    assert leg(done, Leg.STOP_LOSS).status is S.EXPIRED


async def test_cancelling_one_leg_of_an_oco_ends_both(desk: DeskUnderTest, peer: Trader, taker: Trader) -> None:
    await trade_at(peer, taker, "50000")
    placed = await desk.desk.submit_list(desk.user_id, an_oco())
    active = await list_becomes(desk, placed, ListStatus.ACTIVE)
    await desk.desk.cancel_order(desk.user_id, leg(active, Leg.STOP_LOSS).id)
    done = await list_becomes(desk, placed, ListStatus.DONE)
    assert {order.status for order in done.orders} == {S.CANCELED}


async def test_the_exits_of_a_bracket_come_to_life_when_its_entry_fills(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await trade_at(peer, taker, "51000")
    placed = await desk.desk.submit_list(desk.user_id, a_bracket(AT_LIMIT))
    assert (placed.order_list.held, len(placed.orders)) == (False, 3)
    await list_becomes(desk, placed, ListStatus.ACTIVE)
    await taker.place("SELL", "LIMIT", price="50000", quantity="0.01")
    await desk.becomes(leg(placed, Leg.ENTRY), S.FILLED)
    await taker.place("BUY", "LIMIT", price="55000", quantity="0.01")
    done = await list_becomes(desk, placed, ListStatus.DONE)
    assert leg(done, Leg.TAKE_PROFIT).status is S.FILLED


async def test_a_bracket_with_a_market_entry_is_kept_by_the_desk_and_sized_by_what_it_filled(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await trade_at(peer, taker, "50000")
    await peer.place("SELL", "LIMIT", price="50000", quantity="0.01")
    placed = await desk.desk.submit_list(desk.user_id, a_bracket(AT_MARKET))
    assert placed.order_list.held
    assert [order.status for order in placed.orders] == [S.PENDING, S.HELD, S.HELD]
    active = await list_becomes(desk, placed, ListStatus.ACTIVE)
    entry = leg(active, Leg.ENTRY)
    kept = Decimal("0.01") - entry.fees["BTC"]
    for name in (Leg.TAKE_PROFIT, Leg.STOP_LOSS):
        order = await desk.becomes(leg(active, name), S.ACCEPTED)
        assert order.quantity == kept // Decimal("0.00001") * Decimal("0.00001")
    await desk.desk.cancel_order(desk.user_id, leg(active, Leg.STOP_LOSS).id)
    done = await list_becomes(desk, placed, ListStatus.DONE)
    assert "cancelled" in done.order_list.note


async def test_a_cancelled_entry_takes_its_exits_along(desk: DeskUnderTest, peer: Trader, taker: Trader) -> None:
    await trade_at(peer, taker, "51000")
    placed = await desk.desk.submit_list(desk.user_id, a_bracket(AT_LIMIT))
    await list_becomes(desk, placed, ListStatus.ACTIVE)
    await desk.desk.cancel_order(desk.user_id, leg(placed, Leg.ENTRY).id)
    done = await list_becomes(desk, placed, ListStatus.DONE)
    assert {order.status for order in done.orders} <= {S.CANCELED, S.EXPIRED}


async def _spend_base(desk: DeskUnderTest, trader: Trader, peer: Trader) -> None:
    """Leave the account without a base balance of its own: exits can only be paid from what the entry brought."""
    await peer.place("BUY", "LIMIT", price="50000", quantity="0.1")
    await trader.place("SELL", "MARKET", quantity="0.1")

    async def gone() -> bool:
        return all(one.asset != "BTC" or not one.total for one in (await desk.desk.balances(desk.user_id)).balances)

    await eventually_true(gone, "the base balance is spent")


async def test_exits_that_the_venue_cannot_bring_to_life_are_placed_anew_for_what_there_is(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    """The entry's fee is taken from what it bought, so that exits of the full size cannot be paid: a real trap."""
    trader = await desk.trader(peer.http)
    await _spend_base(desk, trader, peer)
    await trade_at(peer, taker, "51000")
    placed = await desk.desk.submit_list(desk.user_id, a_bracket(AT_LIMIT))
    await list_becomes(desk, placed, ListStatus.ACTIVE)
    await taker.place("SELL", "LIMIT", price="50000", quantity="0.01")
    await desk.becomes(leg(placed, Leg.ENTRY), S.FILLED)

    async def repaired() -> bool:
        found = await desk.desk.order_list(desk.user_id, placed.order_list.id)
        exits = [leg(found, name) for name in (Leg.TAKE_PROFIT, Leg.STOP_LOSS)]
        return len(found.orders) == 5 and {one.status for one in exits} == {S.ACCEPTED}

    await eventually_true(repaired, "both exits stand again")
    found = await list_becomes(desk, placed, ListStatus.ACTIVE)
    assert leg(found, Leg.STOP_LOSS).quantity == Decimal("0.00999")
    assert found.order_list.note
    assert [order.status for order in found.orders[1:3]] == [S.REJECTED, S.REJECTED]


async def test_exits_that_cannot_be_placed_are_unwound_where_the_user_chose_that(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    trader = await desk.trader(peer.http)
    await _spend_base(desk, trader, peer)
    await trade_at(peer, taker, "51000")
    placed = await desk.desk.submit_list(desk.user_id, a_bracket(AT_LIMIT, policy=LegPolicy.UNWIND))
    await list_becomes(desk, placed, ListStatus.ACTIVE)
    await taker.place("BUY", "LIMIT", price="49500", quantity="0.05")
    await taker.place("SELL", "LIMIT", price="50000", quantity="0.01")
    done = await list_becomes(desk, placed, ListStatus.UNWOUND)
    unwound = leg(done, Leg.UNWIND)
    assert (unwound.status, unwound.type, unwound.quantity) == (S.FILLED, OrderType.MARKET, Decimal("0.00999"))
    assert "closed at market" in done.order_list.note


async def test_a_venue_without_lists_gets_one_leg_and_the_desk_watches_the_other(
    bare_desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    desk = bare_desk
    await trade_at(peer, taker, "50000")
    placed = await desk.desk.submit_list(desk.user_id, an_oco())
    assert placed.order_list.held
    profit = await desk.becomes(leg(placed, Leg.TAKE_PROFIT), S.ACCEPTED)
    assert leg(placed, Leg.STOP_LOSS).status is S.HELD
    await taker.place("BUY", "LIMIT", price="44900", quantity="0.05")

    async def falls() -> bool:
        await trade_at(peer, taker, "44990")
        return (await desk.desk.order(desk.user_id, leg(placed, Leg.STOP_LOSS).id)).status is S.FILLED

    await eventually_true(falls, "the stop is sold")
    assert (await desk.desk.order(desk.user_id, profit.id)).status is S.CANCELED
    await list_becomes(desk, placed, ListStatus.DONE)


async def test_the_watched_leg_ends_when_the_other_fills(bare_desk: DeskUnderTest, peer: Trader, taker: Trader) -> None:
    desk = bare_desk
    await trade_at(peer, taker, "50000")
    placed = await desk.desk.submit_list(desk.user_id, an_oco())
    await desk.becomes(leg(placed, Leg.TAKE_PROFIT), S.ACCEPTED)
    await taker.place("BUY", "LIMIT", price="55000", quantity="0.01")
    done = await list_becomes(desk, placed, ListStatus.DONE)
    assert leg(done, Leg.TAKE_PROFIT).status is S.FILLED
    assert leg(done, Leg.STOP_LOSS).status is S.CANCELED


async def test_lists_that_make_no_sense_are_refused_by_name(desk: DeskUnderTest, peer: Trader, taker: Trader) -> None:
    await trade_at(peer, taker, "50000")
    for draft, code, field in (
        (an_oco(take_profit=None), "missing_field", "take_profit"),
        (an_oco(entry=AT_LIMIT), "entry_not_allowed", "entry"),
        (an_oco(kind=ListKind.BRACKET), "missing_field", "entry"),
        (an_oco(take_profit=ExitTerms(price("45500"))), "exit_on_wrong_side", "take_profit"),
        (an_oco(stop_loss=ExitTerms(stop_price=price("50500"))), "exit_on_wrong_side", "stop_loss"),
        (an_oco(quantity=quantity("5")), "insufficient_balance", "quantity"),
        (an_oco(client_order_id="x" * 33), "bad_client_order_id", "client_order_id"),
        (an_oco(stop_loss=ExitTerms()), "missing_field", "stop_loss"),
    ):
        with pytest.raises(Refusal) as refused:
            await desk.desk.submit_list(desk.user_id, draft)
        assert (refused.value.code, refused.value.field) == (code, field)


async def _true(value: object) -> bool:
    return bool(value)
