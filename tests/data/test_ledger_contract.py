"""What every ledger does."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engine.domain.advance import IllegalTransition
from engine.domain.fills import vwap
from engine.domain.messages import CommandKind, Note
from engine.domain.order import (
    Accepted,
    AmendRequested,
    AnswerLost,
    Approved,
    Canceled,
    CancelRefused,
    CancelRequested,
    Leg,
    NotAccepted,
    Order,
    OrderStatus,
    Origin,
    Rejected,
    Released,
    Submitting,
    Triggered,
)
from engine.domain.order_list import LegPolicy, ListKind, ListStatus, OrderList
from engine.domain.values import Price, Quantity, Side
from engine.ports import ChangedSince, Ledger, OrderFilter
from tests.data.makers import NOON, a_fill, an_order

LATER = NOON + timedelta(seconds=1)


async def accepted(ledger: Ledger, order: Order) -> Order:
    await ledger.record_order(order)
    await ledger.advance(order.id, [Submitting(), Accepted("v-1")], NOON, source="worker")
    stored = await ledger.order(order.id)
    assert stored is not None
    return stored


# --- recording -------------------------------------------------------------------------------------------


async def test_a_pending_order_is_stored_with_its_submit_command_and_its_first_line(ledger: Ledger):
    order = an_order()
    recorded = await ledger.record_order(order)
    assert recorded.created
    assert recorded.order == order == await ledger.order(order.id)
    assert recorded.command is not None
    assert recorded.command.kind is CommandKind.SUBMIT
    assert (recorded.command.order_id, recorded.command.account_id) == (order.id, order.account_id)
    assert await ledger.unpublished(10) == (recorded.command,)
    assert [(entry.event, entry.status) for entry in await ledger.timeline(order.id)] == [("Recorded", "PENDING")]
    assert recorded.change is not None
    assert (recorded.change.sequence, recorded.change.order) == (1, order)


async def test_a_denied_order_is_stored_without_a_command_and_with_its_reason(ledger: Ledger):
    order = an_order(status=OrderStatus.DENIED, reason="insufficient_balance: 3 USDT short")
    recorded = await ledger.record_order(order)
    assert recorded.command is None
    assert await ledger.unpublished(10) == ()
    (line,) = await ledger.timeline(order.id)
    assert (line.event, line.detail["reason"]) == ("Denied", "insufficient_balance: 3 USDT short")
    assert await ledger.unfinished() == ()


async def test_an_order_cannot_be_recorded_in_any_other_status(ledger: Ledger):
    with pytest.raises(ValueError, match="not SUBMITTED"):
        await ledger.record_order(an_order(status=OrderStatus.SUBMITTED))


async def test_the_same_client_order_id_gives_the_stored_order_and_writes_nothing(ledger: Ledger):
    first = an_order(client_order_id="mine")
    await ledger.record_order(first)
    again = await ledger.record_order(an_order(client_order_id="mine", quantity="7"))
    assert (again.created, again.order, again.command, again.change) == (False, first, None, None)
    assert len(await ledger.unpublished(10)) == 1
    assert await ledger.sequence("ann") == 1


async def test_a_client_order_id_stays_taken_after_the_order_is_finished(ledger: Ledger):
    order = an_order(client_order_id="mine")
    await accepted(ledger, order)
    await ledger.advance(order.id, [Canceled()], NOON, source="stream")
    assert not (await ledger.record_order(an_order(client_order_id="mine"))).created


async def test_two_accounts_may_use_the_same_client_order_id(ledger: Ledger):
    assert (await ledger.record_order(an_order(client_order_id="mine"))).created
    assert (await ledger.record_order(an_order(client_order_id="mine", account_id="other"))).created


async def test_of_many_at_once_with_one_client_order_id_one_is_recorded(ledger: Ledger):
    answers = await asyncio.gather(*(ledger.record_order(an_order(client_order_id="mine")) for _ in range(50)))
    assert sum(answer.created for answer in answers) == 1
    assert len({answer.order.id for answer in answers}) == 1


async def test_figures_come_back_exactly(ledger: Ledger):
    order = an_order(quantity="99999999999.99999999")
    await ledger.record_order(order)
    fills = [a_fill(order, "1", price="0.000000010000000001", quantity="3", fee="-0.000000000000000001")]
    advanced = await ledger.advance(order.id, [Submitting()], NOON, source="worker")
    advanced = await ledger.advance(order.id, [], LATER, new_fills=fills, source="stream")
    stored = await ledger.order(order.id)
    assert stored == advanced.order
    assert stored is not None
    assert stored.quantity == Decimal("99999999999.99999999")
    assert stored.average_price == Decimal("0.000000010000000001")
    assert stored.fees == {"BNB": Decimal("-0.000000000000000001")}
    assert await ledger.fills_of(order.id) == tuple(fills)


# --- advancing -------------------------------------------------------------------------------------------


async def test_events_apply_in_their_order_in_one_change(ledger: Ledger):
    order = an_order()
    await ledger.record_order(order)
    advanced = await ledger.advance(
        order.id, [Submitting(), Accepted("v-9")], LATER, source="worker", detail={"latency_ms": "12"}
    )
    assert advanced.order.status is OrderStatus.ACCEPTED
    assert advanced.order.venue_order_id == "v-9"
    assert advanced.order.submitted_at == LATER
    assert advanced.change is not None
    assert advanced.change.sequence == 2
    lines = (await ledger.timeline(order.id))[1:]
    assert [(line.event, line.status) for line in lines] == [("Submitting", "SUBMITTED"), ("Accepted", "ACCEPTED")]
    assert lines[1].detail == {"source": "worker", "venue_order_id": "v-9", "latency_ms": "12"}
    assert lines[1].at == LATER


async def test_what_was_known_already_writes_nothing(ledger: Ledger):
    order = await accepted(ledger, an_order())
    before = await ledger.timeline(order.id)
    advanced = await ledger.advance(order.id, [Accepted("v-1"), AnswerLost("late")], LATER, source="poll")
    assert (advanced.order, advanced.change, advanced.command) == (order, None, None)
    assert await ledger.timeline(order.id) == before
    assert await ledger.sequence("ann") == 2


async def test_whatever_a_venue_says_can_be_kept(ledger: Ledger):
    order = await accepted(ledger, an_order())
    await ledger.advance(order.id, [Canceled("half \ud800 a pair, \0 and a\nline")], LATER, source="stream")
    stored = await ledger.order(order.id)
    assert stored is not None
    assert stored.status is OrderStatus.CANCELED
    assert (stored.reason or "").startswith("CANCELED: half ")
    assert (await ledger.timeline(order.id))[-1].detail["detail"].endswith("and a\nline")


async def test_an_unknown_order_is_a_key_error(ledger: Ledger):
    with pytest.raises(KeyError):
        await ledger.advance("nowhere", [Submitting()], NOON, source="worker")


async def test_an_impossible_event_writes_nothing_of_its_call(ledger: Ledger):
    order = an_order()
    await ledger.record_order(order)
    with pytest.raises(IllegalTransition):
        await ledger.advance(order.id, [Submitting(), CancelRefused("?")], LATER, source="worker")
    assert await ledger.order(order.id) == order
    assert len(await ledger.timeline(order.id)) == 1
    assert await ledger.sequence("ann") == 1


async def test_fills_that_come_before_the_order_was_sent_are_refused_whole(ledger: Ledger):
    order = an_order()
    await ledger.record_order(order)
    with pytest.raises(IllegalTransition):
        await ledger.advance(order.id, [], NOON, new_fills=[a_fill(order, "1")], source="stream")
    assert await ledger.fills_of(order.id) == ()


# --- fills -----------------------------------------------------------------------------------------------


async def test_new_fills_are_counted_first_and_give_the_average_price(ledger: Ledger):
    order = an_order()
    await ledger.record_order(order)
    await ledger.advance(order.id, [Submitting()], NOON, source="worker")
    fills = [a_fill(order, "10", price="100", quantity="0.25"), a_fill(order, "9", price="200", quantity="0.75")]
    advanced = await ledger.advance(order.id, [Accepted("v-1")], LATER, new_fills=fills, source="worker")
    assert advanced.order.status is OrderStatus.FILLED
    assert advanced.order.average_price == Decimal(175) == vwap(fills)
    assert advanced.order.venue_order_id == "v-1"
    assert advanced.change is not None
    assert [fill.venue_trade_id for fill in advanced.change.new_fills] == ["9", "10"]
    assert [fill.venue_trade_id for fill in await ledger.fills_of(order.id)] == ["9", "10"]


async def test_fills_that_come_with_the_cancel_stand_before_it(ledger: Ledger):
    order = await accepted(ledger, an_order())
    advanced = await ledger.advance(
        order.id, [Canceled("by the user")], LATER, new_fills=[a_fill(order, "1")], source="stream"
    )
    assert (advanced.order.status, advanced.order.reason) == (OrderStatus.CANCELED, "CANCELED: by the user")
    lines = (await ledger.timeline(order.id))[-2:]
    assert [(line.event, line.status) for line in lines] == [
        ("Executed", "PARTIALLY_FILLED"),
        ("Canceled", "CANCELED"),
    ]
    assert lines[0].detail == {"source": "stream", "quantity": "0.25", "price": "50000", "fills": "1"}


async def test_an_order_that_fills_at_once_was_accepted_before(ledger: Ledger):
    order = an_order()
    await ledger.record_order(order)
    await ledger.advance(order.id, [Submitting()], NOON, source="worker")
    await ledger.advance(order.id, [Accepted("v-1")], LATER, new_fills=[a_fill(order, "1")], source="worker")
    assert [line.event for line in await ledger.timeline(order.id)][-2:] == ["Accepted", "Executed"]


async def test_a_fill_that_comes_twice_counts_once(ledger: Ledger):
    order = await accepted(ledger, an_order())
    fill = a_fill(order, "1")
    first = await ledger.advance(order.id, [], LATER, new_fills=[fill, fill], source="stream")
    assert first.order.filled_quantity == Decimal("0.25")
    again = await ledger.advance(order.id, [], LATER, new_fills=[replace(fill, id="another")], source="poll")
    assert again.change is None
    assert await ledger.fills_of(order.id) == (fill,)


async def test_later_fills_are_averaged_with_the_earlier_ones(ledger: Ledger):
    order = await accepted(ledger, an_order())
    earlier, later = a_fill(order, "1", price="100"), a_fill(order, "2", price="103", quantity="0.5")
    await ledger.advance(order.id, [], LATER, new_fills=[earlier], source="stream")
    advanced = await ledger.advance(order.id, [], LATER, new_fills=[later, earlier], source="poll")
    assert advanced.order.filled_quantity == Decimal("0.75")
    assert advanced.order.average_price == vwap([earlier, later]) == Decimal(102)
    assert advanced.change is not None
    assert advanced.change.new_fills == (later,)


async def test_a_fill_after_the_cancel_is_kept(ledger: Ledger):
    order = await accepted(ledger, an_order())
    await ledger.advance(order.id, [Canceled()], LATER, source="stream")
    advanced = await ledger.advance(order.id, [], LATER, new_fills=[a_fill(order, "1")], source="poll")
    assert advanced.order.status is OrderStatus.CANCELED
    assert advanced.order.filled_quantity == Decimal("0.25")


async def test_symbols_count_their_trades_on_their_own(ledger: Ledger):
    bitcoin, ether = await accepted(ledger, an_order()), await accepted(ledger, an_order(symbol="ETH/USDT"))
    for order in (bitcoin, ether):
        await ledger.advance(order.id, [], LATER, new_fills=[a_fill(order, "1")], source="stream")
        assert len(await ledger.fills_of(order.id)) == 1


async def test_both_sides_of_a_trade_with_oneself_are_kept(ledger: Ledger):
    buy, sell = await accepted(ledger, an_order()), await accepted(ledger, an_order(side=Side.SELL))
    for order in (buy, sell):
        await ledger.advance(order.id, [], LATER, new_fills=[a_fill(order, "1")], source="stream")
        assert len(await ledger.fills_of(order.id)) == 1


async def test_a_fill_of_another_order_is_refused(ledger: Ledger):
    order, other = await accepted(ledger, an_order()), an_order()
    with pytest.raises(ValueError, match="does not belong"):
        await ledger.advance(order.id, [], LATER, new_fills=[a_fill(other, "1")], source="stream")


async def test_a_trade_that_is_a_fill_of_another_order_of_that_side_is_refused_and_writes_nothing(ledger: Ledger):
    first, second = await accepted(ledger, an_order()), await accepted(ledger, an_order())
    await ledger.advance(first.id, [], LATER, new_fills=[a_fill(first, "1")], source="stream")
    with pytest.raises(ValueError, match="another buy order"):
        await ledger.advance(second.id, [], LATER, new_fills=[a_fill(second, "1")], source="stream")
    assert await ledger.order(second.id) == second


# --- cancelling ------------------------------------------------------------------------------------------


async def test_asking_to_cancel_an_open_order_puts_a_cancel_command_in_once(ledger: Ledger):
    order = await accepted(ledger, an_order())
    first = await ledger.advance(order.id, [CancelRequested()], LATER, source="desk")
    assert first.order.status is OrderStatus.PENDING_CANCEL
    assert first.command is not None
    assert first.command.kind is CommandKind.CANCEL
    assert (await ledger.unpublished(10))[-1] == first.command
    again = await ledger.advance(order.id, [CancelRequested()], LATER, source="desk")
    assert again.command is None
    assert len(await ledger.unpublished(10)) == 2


async def test_an_order_that_was_not_sent_is_cancelled_without_a_command(ledger: Ledger):
    order = an_order()
    await ledger.record_order(order)
    advanced = await ledger.advance(order.id, [CancelRequested()], LATER, source="desk")
    assert advanced.order.status is OrderStatus.CANCELED
    assert advanced.command is None


@pytest.mark.parametrize("doubt", [[], [AnswerLost("timeout")]])
async def test_a_cancel_asked_for_on_the_way_is_sent_once_the_venue_has_the_order(
    ledger: Ledger, doubt: list[AnswerLost]
):
    order = an_order()
    await ledger.record_order(order)
    await ledger.advance(order.id, [Submitting(), *doubt], NOON, source="worker")
    wished = await ledger.advance(order.id, [CancelRequested()], NOON, source="desk")
    assert wished.command is None
    assert wished.order.cancel_requested_at == NOON
    there = await ledger.advance(order.id, [Accepted("v-1")], LATER, source="stream")
    assert there.order.status is OrderStatus.PENDING_CANCEL
    assert there.command is not None
    assert there.command.kind is CommandKind.CANCEL


async def test_a_wish_to_cancel_is_sent_when_a_fill_shows_that_the_venue_has_the_order(ledger: Ledger):
    order = an_order()
    await ledger.record_order(order)
    await ledger.advance(order.id, [Submitting(), CancelRequested()], NOON, source="worker")
    advanced = await ledger.advance(order.id, [], LATER, new_fills=[a_fill(order, "1")], source="stream")
    assert advanced.order.status is OrderStatus.PENDING_CANCEL
    assert advanced.command is not None


async def test_no_cancel_is_sent_for_an_order_that_the_same_call_finishes(ledger: Ledger):
    order = await accepted(ledger, an_order())
    advanced = await ledger.advance(order.id, [CancelRequested(), Canceled()], LATER, source="stream")
    assert advanced.order.status is OrderStatus.CANCELED
    assert advanced.command is None


async def test_a_fill_while_the_cancel_is_on_its_way_does_not_send_another(ledger: Ledger):
    order = await accepted(ledger, an_order())
    await ledger.advance(order.id, [CancelRequested()], LATER, source="desk")
    advanced = await ledger.advance(order.id, [], LATER, new_fills=[a_fill(order, "1")], source="stream")
    assert advanced.order.status is OrderStatus.PENDING_CANCEL
    assert advanced.command is None
    assert len(await ledger.unpublished(10)) == 2


async def test_after_a_refused_cancel_one_may_ask_again(ledger: Ledger):
    order = await accepted(ledger, an_order())
    first = await ledger.advance(order.id, [CancelRequested()], LATER, source="desk")
    await ledger.advance(order.id, [CancelRefused("busy")], LATER, source="worker")
    second = await ledger.advance(order.id, [CancelRequested()], LATER, source="desk")
    assert first.command is not None
    assert second.command is not None
    assert first.command.id != second.command.id


# --- the outbox ------------------------------------------------------------------------------------------


async def test_commands_wait_in_the_order_they_were_given_until_they_are_published(ledger: Ledger):
    commands = [(await ledger.record_order(an_order())).command for _ in range(5)]
    assert await ledger.unpublished(3) == tuple(commands[:3])
    await ledger.mark_published([command.id for command in commands[:2] if command], LATER)
    assert await ledger.unpublished(10) == tuple(commands[2:])
    await ledger.mark_published([], LATER)
    await ledger.mark_published(["unknown"], LATER)
    assert len(await ledger.unpublished(10)) == 3


async def take(ledger: Ledger, at_s: float, limit: int = 10, before: datetime = LATER) -> list[str]:
    """The orders of the commands that are taken `at_s` seconds after noon, for ten seconds."""
    at = NOON + timedelta(seconds=at_s)
    taken = await ledger.take_unpublished(limit, before=before, at=at, until=at + timedelta(seconds=10))
    return [command.order_id for command in taken]


async def test_what_a_relay_has_taken_is_in_its_hands_until_it_is_marked_or_its_time_is_over(ledger: Ledger):
    orders = [an_order() for _ in range(5)]
    commands = [(await ledger.record_order(order)).command for order in orders]
    ids = [order.id for order in orders]
    assert await take(ledger, 0, limit=2) == ids[:2]
    assert await take(ledger, 1, limit=2) == ids[2:4]
    await ledger.mark_published([command.id for command in commands[:1] if command], LATER)
    assert await take(ledger, 9) == ids[4:]
    assert await take(ledger, 10) == ids[1:2]
    assert await take(ledger, 11) == ids[2:4]
    assert await take(ledger, 12) == []
    assert len(await ledger.unpublished(10)) == 4


async def test_what_is_put_back_may_be_taken_at_once_and_what_is_young_stays(ledger: Ledger):
    old, young = an_order(), an_order(at=LATER)
    commands = [(await ledger.record_order(order)).command for order in (old, young)]
    assert await take(ledger, 5, before=NOON) == [old.id]
    assert await take(ledger, 5, before=NOON) == []
    await ledger.put_back([command.id for command in commands if command])
    assert await take(ledger, 5, before=NOON) == [old.id]
    assert await take(ledger, 5) == [young.id]


# --- event numbers ---------------------------------------------------------------------------------------


async def test_each_user_has_event_numbers_of_their_own(ledger: Ledger):
    await ledger.record_order(an_order(user_id="ann"))
    recorded = await ledger.record_order(an_order(user_id="ben", account_id="ben-paper"))
    assert recorded.change is not None
    assert recorded.change.sequence == 1
    assert await ledger.sequence("nobody") == 0


async def test_event_numbers_have_no_gap_and_fills_are_counted_once_under_concurrency(ledger: Ledger):
    """Stream and poll report the same fills at once, out of order, again and again."""
    draw = random.Random(7)
    orders = [await accepted(ledger, an_order(quantity="5")) for _ in range(10)]
    reports = [(order, a_fill(order, f"{order.id}-{trade}")) for order in orders for trade in range(20)] * 3
    draw.shuffle(reports)
    start = await ledger.sequence("ann")
    answers = await asyncio.gather(
        *(ledger.advance(order.id, [], LATER, new_fills=[fill], source="stream") for order, fill in reports)
    )
    numbers = sorted(answer.change.sequence for answer in answers if answer.change)
    assert numbers == list(range(start + 1, start + 201))
    for order in orders:
        stored = await ledger.order(order.id)
        assert stored is not None
        assert (stored.status, stored.filled_quantity) == (OrderStatus.FILLED, Decimal(5))
        assert len(await ledger.fills_of(order.id)) == 20


# --- reading ---------------------------------------------------------------------------------------------


async def test_orders_come_newest_first_page_by_page_each_once(ledger: Ledger):
    orders = [an_order(at=NOON + timedelta(seconds=number // 2)) for number in range(7)]
    for order in orders:
        await ledger.record_order(order)
    await ledger.record_order(an_order(user_id="ben"))
    seen: list[str] = []
    cursor = None
    for _ in range(10):
        page = await ledger.orders("ann", OrderFilter(), cursor=cursor, limit=3)
        seen += [order.id for order in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break
    assert seen == [order.id for order in reversed(orders)]


async def test_a_last_page_that_is_full_says_that_it_is_the_last(ledger: Ledger):
    for _ in range(3):
        await ledger.record_order(an_order())
    assert (await ledger.orders("ann", OrderFilter(), cursor=None, limit=3)).next_cursor is None


async def test_orders_are_filtered_by_symbol_account_status_and_openness(ledger: Ledger):
    plain = an_order()
    ether = an_order(symbol="ETH/USDT")
    elsewhere = an_order(account_id="ann-testnet")
    finished = an_order(status=OrderStatus.DENIED)
    for order in (plain, ether, elsewhere, finished):
        await ledger.record_order(order)

    async def found(query: OrderFilter) -> set[str]:
        return {order.id for order in (await ledger.orders("ann", query, cursor=None, limit=10)).items}

    assert await found(OrderFilter(symbol="ETH/USDT")) == {ether.id}
    assert await found(OrderFilter(account_id="ann-testnet")) == {elsewhere.id}
    assert await found(OrderFilter(statuses=frozenset({OrderStatus.DENIED, OrderStatus.FILLED}))) == {finished.id}
    assert await found(OrderFilter(open_only=True)) == {plain.id, ether.id, elsewhere.id}
    assert await found(OrderFilter(symbol="ETH/USDT", account_id="ann-testnet")) == set()


async def test_fills_come_newest_first_page_by_page_by_symbol_and_account(ledger: Ledger):
    bitcoin = await accepted(ledger, an_order(quantity="10"))
    ether = await accepted(ledger, an_order(symbol="ETH/USDT", account_id="ann-testnet"))
    fills = [a_fill(bitcoin, str(number), at=NOON + timedelta(seconds=number)) for number in range(5)]
    await ledger.advance(bitcoin.id, [], LATER, new_fills=fills, source="poll")
    await ledger.advance(ether.id, [], LATER, new_fills=[a_fill(ether, "0")], source="poll")
    first = await ledger.fills("ann", symbol="BTC/USDT", account_id=None, cursor=None, limit=3)
    rest = await ledger.fills("ann", symbol="BTC/USDT", account_id=None, cursor=first.next_cursor, limit=3)
    assert [*first.items, *rest.items] == fills[::-1]
    assert rest.next_cursor is None
    on_testnet = await ledger.fills("ann", symbol=None, account_id="ann-testnet", cursor=None, limit=3)
    assert [fill.symbol for fill in on_testnet.items] == ["ETH/USDT"]
    assert (await ledger.fills("ben", symbol=None, account_id=None, cursor=None, limit=3)).items == ()


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "!!!", "bnVsbA", "WyJvcmRlcnMiLCJhIiwiYiJd", "WzFd", "Ä", "A" * 500, "WyJvcmRlcnMiLHRydWUsImIiXQ"],
)
async def test_a_cursor_that_is_not_ours_is_a_value_error(ledger: Ledger, cursor: str):
    with pytest.raises(ValueError, match="cursor"):
        await ledger.orders("ann", OrderFilter(), cursor=cursor, limit=3)
    with pytest.raises(ValueError, match="cursor"):
        await ledger.fills("ann", symbol=None, account_id=None, cursor=cursor, limit=3)


async def test_a_cursor_of_one_list_does_not_open_another(ledger: Ledger):
    for _ in range(3):
        await ledger.record_order(an_order())
    page = await ledger.orders("ann", OrderFilter(), cursor=None, limit=1)
    assert page.next_cursor is not None
    with pytest.raises(ValueError, match="cursor"):
        await ledger.fills("ann", symbol=None, account_id=None, cursor=page.next_cursor, limit=3)


@pytest.mark.parametrize("limit", [0, -1, 1_001])
async def test_a_page_has_a_bound(ledger: Ledger, limit: int):
    with pytest.raises(ValueError, match="limit"):
        await ledger.orders("ann", OrderFilter(), cursor=None, limit=limit)


async def test_unfinished_orders_come_oldest_first_of_all_or_of_one_account(ledger: Ledger):
    second = an_order(at=LATER)
    first = an_order(account_id="ben-paper", user_id="ben")
    gone, lost = an_order(), an_order()
    for order in (second, first, gone, lost):
        await ledger.record_order(order)
    await ledger.advance(gone.id, [Submitting(), Rejected("no")], NOON, source="worker")
    await ledger.advance(lost.id, [Submitting(), NotAccepted()], NOON, source="recovery")
    assert [order.id for order in await ledger.unfinished()] == [first.id, second.id]
    assert [order.id for order in await ledger.unfinished("ben-paper")] == [first.id]


async def test_an_order_is_found_by_its_client_order_id_within_its_account(ledger: Ledger):
    order = an_order(client_order_id="a.b_c:d/e-f")
    await ledger.record_order(order)
    assert await ledger.order_by_client_id("ann-paper", "a.b_c:d/e-f") == order
    assert await ledger.order_by_client_id("ben-paper", "a.b_c:d/e-f") is None
    assert await ledger.order("nowhere") is None


# --- lists, replacements, orders from elsewhere, notes ------------------------------------------------------


def a_list(**changes: Any) -> OrderList:
    made = OrderList(
        "list", "ann", "ann-paper", "BTC/USDT", ListKind.OCO, False, LegPolicy.REPAIR, ListStatus.PENDING, NOON, NOON
    )
    return replace(made, **changes)


async def test_a_list_is_recorded_whole_and_its_first_order_takes_the_others_along(ledger: Ledger):
    orders = [replace(an_order(), list_id="list", leg=leg) for leg in (Leg.TAKE_PROFIT, Leg.STOP_LOSS)]
    recorded = await ledger.record_list(a_list(), orders)
    assert [one.created for one in recorded] == [True, True]
    assert [one.command is not None for one in recorded] == [True, False]
    assert await ledger.order_list("list") == (a_list(), tuple(orders))
    assert await ledger.lists_not_over() == (a_list(),)
    over = a_list(status=ListStatus.DONE, venue_list_id="7", note="done", updated_at=LATER)
    await ledger.update_list(over)
    assert await ledger.order_list("list") == (over, tuple(orders))
    assert await ledger.lists_not_over() == ()
    assert await ledger.order_list("nowhere") is None


async def test_a_list_with_a_client_order_id_that_is_taken_writes_nothing(ledger: Ledger):
    known = an_order(client_order_id="mine")
    await ledger.record_order(known)
    orders = [replace(an_order(), list_id="list"), replace(an_order(client_order_id="mine"), list_id="list")]
    (found,) = await ledger.record_list(a_list(), orders)
    assert (found.created, found.order) == (False, known)
    assert await ledger.order_list("list") is None
    assert await ledger.order(orders[0].id) is None


async def test_a_replacement_and_the_order_that_it_replaces_change_together(ledger: Ledger):
    order = await accepted(ledger, an_order())
    replacement = replace(an_order(quantity="0.5"), replaces=order.id)
    event = AmendRequested(replacement.quantity, replacement.price, replacement.id)
    advanced, recorded = await ledger.record_replacement(order.id, event, replacement, LATER)
    assert (advanced.order.status, advanced.order.replaced_by) == (OrderStatus.PENDING_AMEND, replacement.id)
    assert advanced.command is not None
    assert (advanced.command.kind, advanced.command.order_id) == (CommandKind.AMEND, order.id)
    assert (recorded.created, recorded.command, recorded.order.status) == (True, None, OrderStatus.PENDING)
    assert await ledger.order(replacement.id) == replacement
    again = replace(an_order(), replaces=order.id)
    with pytest.raises(IllegalTransition):
        await ledger.record_replacement(order.id, event, again, LATER)
    assert await ledger.order(again.id) is None


async def test_an_order_from_elsewhere_is_adopted_once_with_its_fills(ledger: Ledger):
    found = replace(
        an_order(),
        origin=Origin.EXTERNAL,
        status=OrderStatus.PARTIALLY_FILLED,
        venue_order_id="v-9",
        filled_quantity=Quantity(Decimal("0.25")),
        average_price=Price(Decimal(50000)),
    )
    fill = a_fill(found, "77")
    adopted = await ledger.adopt_order(found, [fill])
    assert (adopted.created, adopted.command, adopted.order) == (True, None, found)
    assert await ledger.fills_of(found.id) == (fill,)
    assert [line.event for line in await ledger.timeline(found.id)] == ["Adopted"]
    again = await ledger.adopt_order(replace(found, id="another"), [fill])
    assert (again.created, again.order) == (False, found)
    advanced = await ledger.advance(
        found.id, [], LATER, new_fills=[a_fill(found, "78", quantity="0.75")], source="stream"
    )
    assert advanced.order.status is OrderStatus.FILLED
    with pytest.raises(ValueError, match="elsewhere"):
        await ledger.adopt_order(an_order(), [])


async def test_notes_are_lines_that_change_nothing_and_tell_nobody(ledger: Ledger):
    order = await accepted(ledger, an_order())
    sequence = await ledger.sequence("ann")
    asked = Note(LATER, "AskedByClientId", {"answer": "no such order", "duration_ms": "12.5"})
    advanced = await ledger.advance(order.id, [], LATER, source="worker", notes=[asked])
    assert (advanced.change, advanced.command, advanced.order) == (None, None, order)
    line = (await ledger.timeline(order.id))[-1]
    assert (line.event, line.status, line.at) == ("AskedByClientId", "ACCEPTED", LATER)
    assert line.detail == {"source": "worker", "answer": "no such order", "duration_ms": "12.5"}
    assert await ledger.sequence("ann") == sequence
    ended = await ledger.advance(order.id, [Canceled()], LATER, source="worker", notes=[asked])
    assert ended.change is not None
    assert [line.event for line in (await ledger.timeline(order.id))[-2:]] == ["AskedByClientId", "Canceled"]


async def test_what_the_desk_kept_and_what_was_approved_get_their_command_when_they_are_let_go(ledger: Ledger):
    held = replace(an_order(), status=OrderStatus.HELD, held=True, stop_price=Price(Decimal(49000)))
    waiting = replace(an_order(), status=OrderStatus.AWAITING_APPROVAL)
    for order in (held, waiting):
        assert (await ledger.record_order(order)).command is None
    triggered = await ledger.advance(held.id, [Triggered(Price(Decimal(48999)))], LATER, source="desk")
    approved = await ledger.advance(waiting.id, [Approved("bea")], LATER, source="desk")
    for advanced in (triggered, approved):
        assert advanced.order.status is OrderStatus.PENDING
        assert advanced.command is not None
        assert advanced.command.kind is CommandKind.SUBMIT
    assert await ledger.order(held.id) == triggered.order


async def test_the_fills_of_an_account_come_oldest_first_and_go_on_where_they_stopped(ledger: Ledger):
    order = await accepted(ledger, an_order(quantity="9"))
    fills = [a_fill(order, str(number), at=NOON + timedelta(seconds=number // 2)) for number in range(6)]
    await ledger.advance(order.id, [], LATER, new_fills=fills, source="stream")
    first = await ledger.fills_of_account(order.account_id, None, 4)
    rest = await ledger.fills_of_account(order.account_id, first[-1], 4)
    assert [fill.venue_trade_id for fill in (*first, *rest)] == ["0", "1", "2", "3", "4", "5"]
    assert (len(first), len(rest)) == (4, 2)
    assert await ledger.fills_of_account("elsewhere", None, 4) == ()


# --- what was missed -------------------------------------------------------------------------------------


async def test_what_changed_since_an_event_is_each_order_once_as_it_is_now(ledger: Ledger):
    before, open_order, filled = an_order(), an_order(), an_order()
    await accepted(ledger, before)
    after = await ledger.sequence("ann")
    await accepted(ledger, open_order)
    await accepted(ledger, filled)
    fills = [a_fill(filled, "1"), a_fill(filled, "2", quantity="0.75")]
    await ledger.advance(filled.id, [], LATER, new_fills=fills[:1], source="stream")
    await ledger.advance(filled.id, [], LATER, new_fills=fills[1:], source="stream")
    since = await ledger.changed_since("ann", after, 10)
    assert since is not None
    assert since.sequence == await ledger.sequence("ann")
    assert [change.order for change in since.changes] == [
        await ledger.order(open_order.id),
        await ledger.order(filled.id),
    ]
    assert [change.new_fills for change in since.changes] == [(), tuple(fills)]
    assert since.changes[-1].sequence == since.sequence
    assert all(change.sequence > after for change in since.changes)


async def test_nothing_changed_since_the_newest_event_nor_for_a_user_without_any(ledger: Ledger):
    await ledger.record_order(an_order())
    assert await ledger.changed_since("ann", 1, 10) == ChangedSince(1, ())
    assert await ledger.changed_since("nobody", 0, 10) == ChangedSince(0, ())


async def test_what_cannot_be_told_of_the_past_is_not_made_up(ledger: Ledger):
    for _ in range(4):
        await ledger.record_order(an_order())
    assert await ledger.changed_since("ann", 0, 3) is None
    assert await ledger.changed_since("ann", 5, 10) is None
    assert await ledger.changed_since("nobody", 1, 10) is None
    whole = await ledger.changed_since("ann", 0, 4)
    assert whole is not None
    assert len(whole.changes) == 4


async def test_another_users_events_do_not_count(ledger: Ledger):
    await ledger.record_order(an_order(user_id="bob", account_id="bob-paper"))
    order = an_order()
    await ledger.record_order(order)
    since = await ledger.changed_since("ann", 0, 10)
    assert since is not None
    assert [change.order.id for change in since.changes] == [order.id]


async def test_several_orders_take_an_event_together_or_not_at_all(ledger: Ledger):
    orders = [replace(an_order(), list_id="list", status=OrderStatus.HELD) for _ in range(2)]
    recorded = await ledger.record_list(a_list(), orders)
    assert [one.command for one in recorded] == [None, None]
    ids = [order.id for order in orders]
    released = await ledger.advance_together(ids, Released(), LATER, source="lists")
    assert [one.order.status for one in released] == [OrderStatus.PENDING, OrderStatus.PENDING]
    assert [one.command is not None for one in released] == [True, False]
    await ledger.advance(orders[1].id, [CancelRequested()], LATER, source="desk")
    with pytest.raises(IllegalTransition):
        await ledger.advance_together(ids, Submitting(), LATER, source="worker")
    first = await ledger.order(orders[0].id)
    assert first is not None
    assert first.status is OrderStatus.PENDING
    more = replace(an_order(), list_id="list")
    assert (await ledger.record_list(a_list(), [more], new=False))[0].command is not None
    found = await ledger.order_list("list")
    assert found is not None
    assert (found[0], {one.id for one in found[1]}) == (a_list(), {*ids, more.id})


async def test_orders_are_found_by_the_venues_id_within_their_market(ledger: Ledger):
    order = await accepted(ledger, an_order())
    assert await ledger.order_by_venue_id(order.account_id, order.symbol, "v-1") == order
    assert await ledger.order_by_venue_id(order.account_id, "ETH/USDT", "v-1") is None
    assert await ledger.order_by_venue_id("elsewhere", order.symbol, "v-1") is None


async def test_an_accounts_markets_come_busiest_first_and_its_fills_are_counted(ledger: Ledger):
    order = await accepted(ledger, an_order(symbol="ETH/USDT", quantity="9"))
    await ledger.record_order(an_order(symbol="ETH/USDT"))
    await ledger.record_order(an_order(symbol="BTC/USDT"))
    await ledger.record_order(an_order(symbol="SOL/USDT", at=NOON - timedelta(days=9)))
    assert await ledger.symbols_since(order.account_id, NOON - timedelta(days=1)) == ("ETH/USDT", "BTC/USDT")
    assert await ledger.count_fills(order.account_id) == 0
    await ledger.advance(order.id, [], LATER, new_fills=[a_fill(order, "1"), a_fill(order, "2")], source="stream")
    assert await ledger.count_fills(order.account_id) == 2


async def test_what_the_desk_keeps_is_listed_oldest_first(ledger: Ledger):
    held = [
        replace(an_order(at=NOON + timedelta(seconds=second)), status=OrderStatus.HELD, held=True) for second in (2, 1)
    ]
    for order in held:
        await ledger.record_order(order)
    await ledger.record_order(an_order())
    assert await ledger.held() == (held[1], held[0])
