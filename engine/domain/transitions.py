"""The one table by which an order's status changes: every status × everything that can happen to it.

A cell says where the event leads and what that is called, why it changes nothing, or why it cannot be. `advance`
looks the pair up; nothing else changes a status. `docs/order-states.md` is printed from here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, get_args

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
    OrderEvent,
    OrderStatus,
    Rejected,
    Released,
    Rewritten,
    Submitting,
    Trailed,
    Triggered,
)


class Rule(StrEnum):
    """What a pair of status and event leads to where it is not simply the next status."""

    BY_FILLS = "by fills"
    """FILLED when all of the quantity is filled; else PARTIALLY_FILLED, or the same while something is on its way."""
    REOPEN = "open again"
    """Open by what is filled; PENDING_CANCEL when a cancel was asked for meanwhile; FILLED when nothing is left."""
    UNCANCEL = "open, not cancelled"
    """Open by what is filled; the cancel request is withdrawn."""
    MARK_CANCEL = "same, cancel noted"
    """The same status, with the wish to cancel noted: it is sent as soon as the venue can take it."""
    LATE_FILL = "same, or FILLED"
    """The same finished status, or FILLED when the fills complete it: venues do report fills after a cancel."""
    END_REST = "REJECTED, or EXPIRED when partly filled"
    """The venue ends an order that it had: what is filled stays filled."""
    REVIVE = "open again, if we had given it up"
    """Open again when its end was our own conclusion from the venue's silence; else the same."""
    RELEASE = "PENDING, or HELD"
    """On its way, or into the desk's keeping where that was asked for."""


@dataclass(frozen=True, slots=True)
class Move:
    """It happens, under this name."""

    to: OrderStatus | Rule
    name: str


@dataclass(frozen=True, slots=True)
class Ignore:
    """It changes nothing: known, or overtaken by what happened since."""

    why: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """It cannot be: a defect, or a venue that contradicts itself."""

    why: str


Cell = Move | Ignore | Refuse
Row = Mapping[OrderStatus, Cell]
S = OrderStatus
ENDED: Final = FINISHED - {S.DENIED}
RESTING: Final = (S.ACCEPTED, S.PARTIALLY_FILLED)
NEVER_SENT: Final = Refuse("it was never sent")
OVER: Final = Ignore("it has ended already")


def _all(statuses: Iterable[OrderStatus], cell: Cell) -> dict[OrderStatus, Cell]:
    return dict.fromkeys(statuses, cell)


_NEVER_SENT = _all((*AT_THE_DESK, S.DENIED), NEVER_SENT)
_OVER = _all(ENDED, OVER)

ROWS: Final[Mapping[type[OrderEvent], Row]] = {
    Approved: {
        **_all(S, Refuse("it does not wait for approval")),
        S.AWAITING_APPROVAL: Move(Rule.RELEASE, "approved"),
    },
    Declined: {
        **_all(S, Refuse("it does not wait for approval")),
        S.AWAITING_APPROVAL: Move(S.DENIED, "declined"),
        S.DENIED: Ignore("it was denied already"),
    },
    Trailed: {
        **_all(S, Ignore("the desk no longer keeps it")),
        S.HELD: Move(S.HELD, "stop follows"),
    },
    Triggered: {
        **_all(S, Ignore("the desk no longer keeps it")),
        S.HELD: Move(S.PENDING, "triggered"),
    },
    Released: {
        **_all(S, Ignore("the desk no longer keeps it")),
        S.HELD: Move(S.PENDING, "let go"),
    },
    Submitting: {
        **_all(S, Refuse("only a PENDING order is sent, and only once")),
        S.PENDING: Move(S.SUBMITTED, "sent"),
    },
    AnswerLost: {
        **_NEVER_SENT,
        **_all(OPEN_AT_VENUE, Ignore("the venue has acknowledged it meanwhile")),
        **_OVER,
        S.SUBMITTED: Move(S.UNKNOWN, "answer lost"),
        S.UNKNOWN: Ignore("it is in doubt already"),
    },
    Accepted: {
        **_NEVER_SENT,
        **_all(OPEN_AT_VENUE, Ignore("known")),
        S.SUBMITTED: Move(Rule.REOPEN, "accepted"),
        S.UNKNOWN: Move(Rule.REOPEN, "found at the venue"),
        S.FILLED: Ignore("a late report; it may teach the venue's id"),
        S.EXPIRED: Ignore("a late report; it may teach the venue's id"),
        S.CANCELED: Move(Rule.REVIVE, "the venue has it after all"),
        S.REJECTED: Move(Rule.REVIVE, "the venue has it after all"),
    },
    Executed: {
        **_NEVER_SENT,
        **_all(IN_DOUBT, Move(Rule.BY_FILLS, "filled before it was acknowledged")),
        **_all(RESTING, Move(Rule.BY_FILLS, "filled")),
        S.PENDING_CANCEL: Move(Rule.BY_FILLS, "filled while being cancelled"),
        S.PENDING_AMEND: Move(Rule.BY_FILLS, "filled while being amended"),
        **_all(ENDED, Move(Rule.LATE_FILL, "a late fill")),
        S.FILLED: Move(Rule.LATE_FILL, "a late fill, more than was asked for"),
    },
    Completed: {
        **_NEVER_SENT,
        **_all((*IN_DOUBT, *OPEN_AT_VENUE), Move(S.FILLED, "filled entirely")),
        **_OVER,
    },
    CancelRequested: {
        S.PENDING: Move(S.CANCELED, "cancelled before it was sent"),
        S.AWAITING_APPROVAL: Move(S.CANCELED, "cancelled before it was approved"),
        S.HELD: Move(S.CANCELED, "cancelled before its price came"),
        **_all(IN_DOUBT, Move(Rule.MARK_CANCEL, "cancel waits for the acknowledgement")),
        **_all(RESTING, Move(S.PENDING_CANCEL, "cancel asked for")),
        S.PENDING_CANCEL: Ignore("a cancel is on its way"),
        S.PENDING_AMEND: Move(Rule.MARK_CANCEL, "cancel waits for the amendment"),
        **_OVER,
        S.DENIED: OVER,
    },
    CancelRefused: {
        **_NEVER_SENT,
        **_all(IN_DOUBT, Refuse("no cancel is sent before the acknowledgement")),
        **_all(RESTING, Ignore("no cancel is on its way")),
        S.PENDING_CANCEL: Move(Rule.UNCANCEL, "cancel refused"),
        S.PENDING_AMEND: Ignore("no cancel is on its way"),
        **_OVER,
    },
    Canceled: {
        **_NEVER_SENT,
        **_all(IN_DOUBT, Move(S.CANCELED, "cancelled before it was acknowledged")),
        **_all(RESTING, Move(S.CANCELED, "cancelled by the venue, or elsewhere")),
        S.PENDING_CANCEL: Move(S.CANCELED, "cancelled"),
        S.PENDING_AMEND: Move(S.CANCELED, "cancelled while being amended"),
        **_OVER,
    },
    Expired: {
        S.PENDING: NEVER_SENT,
        S.AWAITING_APPROVAL: Move(S.EXPIRED, "nobody approved it in time"),
        S.HELD: Move(S.EXPIRED, "the desk's keeping ended"),
        S.DENIED: NEVER_SENT,
        **_all((*IN_DOUBT, *OPEN_AT_VENUE), Move(S.EXPIRED, "ended by the venue's rules")),
        **_OVER,
    },
    Rejected: {
        **_NEVER_SENT,
        **_all(IN_DOUBT, Move(S.REJECTED, "refused by the venue")),
        **_all(OPEN_AT_VENUE, Move(Rule.END_REST, "refused by the venue afterwards")),
        **_OVER,
        S.FILLED: Refuse("what is filled cannot have been refused"),
    },
    GivenUp: {
        S.PENDING: Move(S.REJECTED, "given up before it was sent"),
        S.AWAITING_APPROVAL: Refuse("nobody has approved it yet"),
        S.HELD: Move(S.REJECTED, "given up before its price came"),
        S.DENIED: OVER,
        **_all((*IN_DOUBT, *OPEN_AT_VENUE), Refuse("it has left the desk meanwhile")),
        **_OVER,
    },
    NotAccepted: {
        **_NEVER_SENT,
        **_all(IN_DOUBT, Move(S.REJECTED, "not accepted: the settle window is over")),
        **_all(OPEN_AT_VENUE, Refuse("the venue has acknowledged it")),
        **_OVER,
    },
    Rewritten: {
        S.PENDING: Move(S.PENDING, "rewritten before it is sent"),
        S.AWAITING_APPROVAL: Refuse("what is approved must be what was asked for"),
        S.HELD: Move(S.HELD, "rewritten by the desk"),
        S.DENIED: OVER,
        **_all((*IN_DOUBT, *OPEN_AT_VENUE), Refuse("it has left the desk meanwhile")),
        **_OVER,
    },
    AmendRequested: {
        **_all((S.PENDING, S.AWAITING_APPROVAL), Refuse("it is not at the venue yet")),
        S.HELD: Refuse("the desk keeps it and changes it at once"),
        **_all(IN_DOUBT, Refuse("what became of it is being asked")),
        **_all(RESTING, Move(S.PENDING_AMEND, "amendment asked for")),
        S.PENDING_CANCEL: Refuse("it is being cancelled"),
        S.PENDING_AMEND: Refuse("an earlier amendment is on its way"),
        **_all(FINISHED, Refuse("it has ended")),
    },
    Amended: {
        **_NEVER_SENT,
        **_all(IN_DOUBT, Refuse("its acceptance is told first")),
        **_all(RESTING, Move(Rule.REOPEN, "amended elsewhere")),
        S.PENDING_CANCEL: Move(Rule.REOPEN, "amended before its cancel"),
        S.PENDING_AMEND: Move(Rule.REOPEN, "amended"),
        **_OVER,
    },
    AmendRefused: {
        **_NEVER_SENT,
        **_all(IN_DOUBT, Refuse("no amendment is sent before the acknowledgement")),
        **_all((*RESTING, S.PENDING_CANCEL), Ignore("no amendment is on its way")),
        S.PENDING_AMEND: Move(Rule.REOPEN, "amendment refused"),
        **_OVER,
    },
}
EVENTS: Final[tuple[type[OrderEvent], ...]] = get_args(OrderEvent)
TRANSITIONS: Final[Mapping[tuple[OrderStatus, type[OrderEvent]], Cell]] = {
    (status, event): ROWS[event][status] for status in S for event in EVENTS
}
"""Whole: a missing cell stops the import."""


def can_happen(status: OrderStatus, event: type[OrderEvent]) -> bool:
    """Whether an order in this status may hear of it, if only to ignore it."""
    return not isinstance(TRANSITIONS[status, event], Refuse)
