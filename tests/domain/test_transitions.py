"""The table of statuses and events is whole, leads where it says, and stands in the documents as it is."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.domain.advance import IllegalTransition, advance
from engine.domain.order import (
    FINISHED,
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
    Released,
    Rewritten,
    Submitting,
    Trailed,
    Triggered,
)
from engine.domain.states_page import page
from engine.domain.transitions import EVENTS, TRANSITIONS, Ignore, Move, Refuse
from engine.domain.values import Price, Quantity
from tests.domain.strategies import NOW, PENDING, a_fill

S = OrderStatus
EXAMPLES: dict[type[OrderEvent], OrderEvent] = {
    type(event): event
    for event in (
        Submitting(),
        AnswerLost("timeout"),
        Accepted("77"),
        Executed((a_fill(1),)),
        Completed(),
        CancelRequested(),
        CancelRefused("unknown order"),
        Canceled(),
        Expired(),
        Rejected("FILTER", "no"),
        GivenUp("LATE"),
        NotAccepted(),
        Approved("bea"),
        Declined("bea"),
        Trailed(Price(Decimal(101))),
        Triggered(Price(Decimal(99))),
        Released(),
        Rewritten(Quantity(Decimal("0.5"))),
        AmendRequested(Quantity(Decimal("0.5"))),
        Amended(Quantity(Decimal("0.5"))),
        AmendRefused("too late"),
    )
}
PAIRS = [(status, event) for status in S for event in EVENTS]


def in_status(status: OrderStatus) -> Order:
    """An order in that status, with what belongs to it."""
    order = replace(PENDING, status=status, held=status is S.HELD)
    match status:
        case S.PARTIALLY_FILLED:
            return replace(order, filled_quantity=Quantity(Decimal("0.1")))
        case S.PENDING_CANCEL:
            return replace(order, cancel_requested_at=NOW)
        case S.PENDING_AMEND:
            return replace(order, amend_requested_at=NOW, amend_quantity=Quantity(Decimal("0.5")))
        case _:
            return order


def test_there_is_a_cell_for_every_status_and_event() -> None:
    assert set(TRANSITIONS) == set(PAIRS)
    assert set(EXAMPLES) == set(EVENTS)
    assert len(TRANSITIONS) == len(S) * len(EVENTS)


@pytest.mark.parametrize(("status", "event"), PAIRS, ids=[f"{status}-{event.__name__}" for status, event in PAIRS])
def test_a_pair_does_what_its_cell_says(status: OrderStatus, event: type[OrderEvent]) -> None:
    order, cell = in_status(status), TRANSITIONS[status, event]
    match cell:
        case Refuse(why):
            with pytest.raises(IllegalTransition, match=why.split(";")[0]):
                advance(order, EXAMPLES[event], NOW)
        case Ignore():
            assert advance(order, EXAMPLES[event], NOW).status is status
        case Move(OrderStatus() as to):
            assert advance(order, EXAMPLES[event], NOW).status is to
        case Move():
            after = advance(order, EXAMPLES[event], NOW)
            assert status not in FINISHED or after.finished


@pytest.mark.parametrize("status", list(S))
def test_every_status_can_be_reached_and_left(status: OrderStatus) -> None:
    first = {S.PENDING, S.AWAITING_APPROVAL, S.HELD, S.DENIED}
    reached = {cell.to for (_, _), cell in TRANSITIONS.items() if isinstance(cell, Move)}
    assert status in first | reached or status in {S.ACCEPTED, S.PARTIALLY_FILLED}
    leaves = [cell for (at, _), cell in TRANSITIONS.items() if at is status and isinstance(cell, Move)]
    assert leaves or status is S.DENIED


def test_the_document_is_printed_from_the_table() -> None:
    written = (Path(__file__).parents[2] / "docs" / "order-states.md").read_text()
    assert written == page(), "print it anew: python -m engine.domain.states_page > docs/order-states.md"
