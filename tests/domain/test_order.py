"""An order's status changes by one table, and by nothing else."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.advance import IllegalTransition, advance, given_up
from engine.domain.fills import Fill
from engine.domain.order import (
    AT_THE_DESK,
    FINISHED,
    IN_DOUBT,
    OPEN_AT_VENUE,
    Accepted,
    Amended,
    AmendRefused,
    AmendRequested,
    AnswerLost,
    Approved,
    Canceled,
    CancelRefused,
    CancelRequested,
    Completed,
    Declined,
    Executed,
    Expired,
    GivenUp,
    NotAccepted,
    Order,
    OrderEvent,
    OrderStatus,
    Rejected,
    Rewritten,
    Submitting,
    Trailed,
    Triggered,
)
from engine.domain.transitions import can_happen
from engine.domain.values import Price, Quantity
from tests.domain.strategies import NOW, PENDING, a_fill, events, firsts

S = OrderStatus
LATER = NOW + timedelta(seconds=1)
HALF = Executed((a_fill(1), a_fill(2)))
LESS = AmendRequested(Quantity(Decimal("0.5")))
ALL = Executed((a_fill(1), a_fill(2), a_fill(3), a_fill(4)))


def after(*happened: OrderEvent, order: Order = PENDING) -> Order:
    for event in happened:
        order = advance(order, event, LATER)
    return order


@pytest.mark.parametrize(
    ("happened", "status"),
    [
        ((), S.PENDING),
        ((Submitting(),), S.SUBMITTED),
        ((Submitting(), Accepted("7")), S.ACCEPTED),
        ((Submitting(), Accepted("7"), HALF), S.PARTIALLY_FILLED),
        ((Submitting(), Accepted("7"), HALF, ALL), S.FILLED),
        ((Submitting(), ALL, Accepted("7")), S.FILLED),
        ((Submitting(), HALF, Accepted("7")), S.PARTIALLY_FILLED),
        ((Submitting(), Rejected("FILTER", "no")), S.REJECTED),
        ((Submitting(), AnswerLost("timeout")), S.UNKNOWN),
        ((Submitting(), AnswerLost("timeout"), NotAccepted()), S.REJECTED),
        ((Submitting(), AnswerLost("timeout"), Accepted("7")), S.ACCEPTED),
        ((Submitting(), AnswerLost("timeout"), HALF), S.PARTIALLY_FILLED),
        ((Submitting(), AnswerLost("timeout"), HALF, Expired()), S.EXPIRED),
        ((CancelRequested(),), S.CANCELED),
        ((Submitting(), CancelRequested()), S.SUBMITTED),
        ((Submitting(), CancelRequested(), Accepted("7")), S.PENDING_CANCEL),
        ((Submitting(), CancelRequested(), Rejected("FILTER")), S.REJECTED),
        ((Submitting(), AnswerLost(""), CancelRequested(), Accepted("7")), S.PENDING_CANCEL),
        ((Submitting(), Accepted("7"), CancelRequested()), S.PENDING_CANCEL),
        ((Submitting(), Accepted("7"), CancelRequested(), Canceled()), S.CANCELED),
        ((Submitting(), Accepted("7"), CancelRequested(), HALF), S.PENDING_CANCEL),
        ((Submitting(), Accepted("7"), CancelRequested(), HALF, CancelRefused("")), S.PARTIALLY_FILLED),
        ((Submitting(), Accepted("7"), CancelRequested(), CancelRefused("")), S.ACCEPTED),
        ((Submitting(), Accepted("7"), CancelRequested(), ALL), S.FILLED),
        ((Submitting(), Accepted("7"), Canceled(), HALF), S.CANCELED),
        ((Submitting(), Accepted("7"), Canceled(), ALL), S.FILLED),
        ((Submitting(), Accepted("7"), HALF, Expired()), S.EXPIRED),
        ((Submitting(), Accepted("7"), HALF, Completed()), S.FILLED),
        ((Submitting(), AnswerLost(""), NotAccepted(), Accepted("7")), S.ACCEPTED),
        ((Submitting(), Rejected("FILTER"), Accepted("7")), S.REJECTED),
        ((Submitting(), Accepted("7"), Canceled("GONE: no longer known"), Accepted("7")), S.ACCEPTED),
        ((Submitting(), Accepted("7"), Canceled("by the user"), Accepted("7")), S.CANCELED),
        ((Submitting(), Accepted("7"), LESS), S.PENDING_AMEND),
        ((Submitting(), Accepted("7"), LESS, Amended(LESS.quantity)), S.ACCEPTED),
        ((Submitting(), Accepted("7"), HALF, LESS, Amended(LESS.quantity)), S.FILLED),
        ((Submitting(), Accepted("7"), LESS, AmendRefused("no")), S.ACCEPTED),
        ((Submitting(), Accepted("7"), LESS, HALF), S.PENDING_AMEND),
        ((Submitting(), Accepted("7"), LESS, ALL), S.FILLED),
        ((Submitting(), Accepted("7"), LESS, HALF, AmendRefused("no")), S.PARTIALLY_FILLED),
        ((Submitting(), Accepted("7"), LESS, CancelRequested()), S.PENDING_AMEND),
        ((Submitting(), Accepted("7"), LESS, CancelRequested(), AmendRefused("no")), S.PENDING_CANCEL),
        ((Submitting(), Accepted("7"), LESS, CancelRequested(), Amended(LESS.quantity)), S.PENDING_CANCEL),
        ((Submitting(), Accepted("7"), LESS, Canceled()), S.CANCELED),
        ((Submitting(), Accepted("7"), CancelRequested(), Rejected("LATE")), S.REJECTED),
        ((Submitting(), Accepted("7"), HALF, Rejected("LATE")), S.EXPIRED),
    ],
)
def test_what_happens_leads_to_the_status(happened: tuple[OrderEvent, ...], status: OrderStatus) -> None:
    assert after(*happened).status is status


@pytest.mark.parametrize(
    ("happened", "impossible"),
    [
        ((), Accepted("7")),
        ((), HALF),
        ((), Canceled()),
        ((), NotAccepted()),
        ((Submitting(),), Submitting()),
        ((Submitting(), Accepted("7")), Submitting()),
        ((Submitting(), Accepted("7")), NotAccepted()),
        ((Submitting(), ALL), Submitting()),
        ((Submitting(), ALL), Rejected("FILTER")),
        ((CancelRequested(),), Submitting()),
        ((Submitting(), Accepted("7"), LESS), LESS),
        ((Submitting(), Accepted("7"), CancelRequested()), LESS),
        ((Submitting(),), LESS),
        ((), Approved("somebody")),
    ],
)
def test_what_cannot_happen_is_refused(happened: tuple[OrderEvent, ...], impossible: OrderEvent) -> None:
    order = after(*happened)
    with pytest.raises(IllegalTransition):
        advance(order, impossible, LATER)


def try_all(happened: list[OrderEvent], first: Order = PENDING) -> list[Order]:
    """The order after each event that was possible. What is known of fills only grows."""
    orders = [first]
    known: tuple[Fill, ...] = ()
    for told in happened:
        event = told
        if isinstance(told, Executed):
            known = max(known, told.fills, key=len)
            event = Executed(known)
        if can_happen(orders[-1].status, type(event)):
            orders.append(advance(orders[-1], event, LATER))
    return orders


@given(firsts, st.lists(events, max_size=15))
def test_an_order_that_ended_stays_ended(first: Order, happened: list[OrderEvent]) -> None:
    """But for one that we had given up ourselves: the venue's word is worth more than our conclusion."""
    orders = try_all(happened, first)
    for before, now in itertools.pairwise(orders):
        if before.finished and not given_up(before):
            assert now.finished
        if before.status is S.FILLED:
            assert now.status is S.FILLED


@given(firsts, st.lists(events, max_size=15))
def test_an_order_is_never_sent_a_second_time(first: Order, happened: list[OrderEvent]) -> None:
    orders = try_all(happened, first)
    sent = [now for before, now in itertools.pairwise(orders) if before.status is S.PENDING]
    assert len([order for order in sent if order.status is S.SUBMITTED]) <= 1
    left = [index for index, order in enumerate(orders) if order.status not in AT_THE_DESK]
    assert all(order.status not in AT_THE_DESK for order in orders[left[0] if left else len(orders) :])


@given(firsts, st.lists(events, max_size=15))
def test_versions_count_changes_one_by_one(first: Order, happened: list[OrderEvent]) -> None:
    orders = try_all(happened, first)
    for before, now in itertools.pairwise(orders):
        assert now is before or now.version == before.version + 1


@given(firsts, st.lists(events, max_size=10), events)
def test_the_same_report_twice_changes_nothing_more(
    first: Order, happened: list[OrderEvent], event: OrderEvent
) -> None:
    order = try_all(happened, first)[-1]
    if not can_happen(order.status, type(event)):
        return
    once = advance(order, event, LATER)
    if can_happen(once.status, type(event)):
        twice = advance(once, event, LATER)
        assert replace(twice, version=once.version) == once


@given(firsts, st.lists(events, max_size=15))
def test_filled_means_that_all_of_it_is_filled_or_the_venue_says_so(first: Order, happened: list[OrderEvent]) -> None:
    orders = try_all(happened, first)
    complete = any(isinstance(event, Completed) for event in happened)
    for order in orders:
        if order.quantity is not None and order.filled_quantity >= order.quantity:
            assert order.status is S.FILLED
        if order.status is S.FILLED and not complete and order.quantity is not None:
            assert order.filled_quantity >= order.quantity


@given(firsts, st.lists(events, max_size=15))
def test_an_amendment_on_its_way_and_its_status_go_together(first: Order, happened: list[OrderEvent]) -> None:
    for order in try_all(happened, first):
        assert (order.status is S.PENDING_AMEND) == (order.amend_requested_at is not None)


def test_every_status_is_finished_open_in_doubt_or_waiting() -> None:
    groups = [FINISHED, OPEN_AT_VENUE, IN_DOUBT, AT_THE_DESK]
    assert sorted(status for group in groups for status in group) == sorted(S)


def test_a_late_report_still_teaches_the_venues_id() -> None:
    order = after(Submitting(), ALL)
    assert order.venue_order_id is None
    assert advance(order, Accepted("7"), LATER).venue_order_id == "7"


def test_a_finished_order_says_why() -> None:
    assert after(Submitting(), Rejected("FILTER_FAILURE:LOT_SIZE", "Filter failure: LOT_SIZE")).reason == (
        "FILTER_FAILURE:LOT_SIZE: Filter failure: LOT_SIZE"
    )
    assert (after(Submitting(), NotAccepted()).reason or "").startswith("NOT_ACCEPTED")
    assert (after(CancelRequested()).reason or "").startswith("CANCELED_BEFORE_SENDING")
    assert after(Submitting(), AnswerLost("timeout"), Accepted("7")).reason is None


def test_a_market_order_by_quote_is_complete_when_the_venue_says_so() -> None:
    by_quote = replace(PENDING, quantity=None, quote_quantity=PENDING.quantity, price=None)
    order = after(Submitting(), ALL, order=by_quote)
    assert order.status is S.PARTIALLY_FILLED
    assert order.remaining is None
    assert advance(order, Completed(), LATER).status is S.FILLED
    assert after(Submitting(), HALF, order=PENDING).remaining == Decimal("0.5")


def test_what_the_desk_keeps_is_sent_when_its_price_comes_or_changed_at_once() -> None:
    held = replace(PENDING, status=S.HELD, held=True)
    assert after(Trailed(Price(Decimal(101))), order=held).trail_price == 101
    assert after(Triggered(Price(Decimal(99))), order=held).status is S.PENDING
    assert after(Triggered(Price(Decimal(99))), Submitting(), Triggered(Price(Decimal(98))), order=held).status is (
        S.SUBMITTED
    )
    changed = after(Rewritten(Quantity(Decimal(2)), stop_price=Price(Decimal(98))), order=held)
    assert (changed.status, changed.quantity, changed.stop_price) == (S.HELD, 2, 98)
    assert after(CancelRequested(), order=held).status is S.CANCELED


def test_what_has_left_the_desk_is_not_the_desks_to_give_up_or_to_rewrite() -> None:
    for event in (GivenUp("LATE"), Rewritten(Quantity(Decimal(2)))):
        with pytest.raises(IllegalTransition):
            after(Submitting(), event, order=PENDING)
        with pytest.raises(IllegalTransition):
            after(Submitting(), Accepted("7"), event, order=PENDING)
    given_up = after(GivenUp("LATE", "it waited"), order=PENDING)
    assert (given_up.status, given_up.reason) == (S.REJECTED, "LATE: it waited")


def test_a_second_persons_word_sends_it_or_denies_it() -> None:
    waiting = replace(PENDING, status=S.AWAITING_APPROVAL)
    assert after(Approved("eve"), order=waiting).status is S.PENDING
    assert after(Approved("eve"), order=replace(waiting, held=True)).status is S.HELD
    declined = after(Declined("eve", "too large"), order=waiting)
    assert (declined.status, declined.reason) == (S.DENIED, "DECLINED: by eve: too large")
    assert after(Expired("an hour has passed"), order=waiting).status is S.EXPIRED
