"""An order and the one table by which its status changes.

What happens to an order arrives as an `OrderEvent`; `advance(order, event)` looks the pair of status and
event up in `TRANSITIONS` and gives the order as it is afterwards. Nothing else changes a status.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from engine.domain.fills import Fill, fees, filled_quantity, vwap
from engine.domain.values import NOTHING, OrderType, Price, Quantity, Side, TimeInForce


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    """Recorded, not sent."""
    DENIED = "DENIED"
    """Our own check refused it; never sent."""
    SUBMITTED = "SUBMITTED"
    """On its way: from here on the venue is asked, the order is never sent again."""
    UNKNOWN = "UNKNOWN"
    """Sent, the answer was lost; being resolved."""
    ACCEPTED = "ACCEPTED"
    """Open at the venue."""
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    """Open at the venue, its cancel is on the way."""
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    """The venue refused it, or had no such order when the settle window ended (reason NOT_ACCEPTED)."""
    EXPIRED = "EXPIRED"


FINISHED = frozenset(
    {OrderStatus.DENIED, OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)
OPEN_AT_VENUE = frozenset({OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL})
IN_DOUBT = frozenset({OrderStatus.SUBMITTED, OrderStatus.UNKNOWN})

NOT_ACCEPTED = "NOT_ACCEPTED"
"""The reason of an order that the venue does not know after the settle window."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one user on one account, as the ledger holds it."""

    id: str
    user_id: str
    account_id: str
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None
    quantity: Quantity | None
    quote_quantity: Quantity | None
    price: Price | None
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    venue_order_id: str | None = None
    reason: str | None = None
    """Why it was denied, rejected, cancelled or expired: a stable code, then words after a colon."""
    submitted_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    filled_quantity: Quantity = NOTHING
    average_price: Price | None = None
    fees: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    version: int = 1

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def remaining(self) -> Quantity | None:
        """What is still to be filled, in base units; None for a market order by quote quantity."""
        return None if self.quantity is None else Quantity(self.quantity - self.filled_quantity)


# --- what can happen to an order -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submitting:
    """It is about to be sent: committed before the network is touched."""


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The request may or may not have reached the venue."""

    detail: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue has it open."""

    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Executed:
    """It has these fills: all unique fills known so far, not only the new ones."""

    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Completed:
    """The venue says that it is filled entirely; given once all its fills are in."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The user wants it gone."""


@dataclass(frozen=True, slots=True)
class CancelRefused:
    """The venue would not cancel it although it is still open."""

    detail: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """The venue took it out of the book."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """The venue ended it by its own rules (IOC, FOK, no liquidity)."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The venue refused it; `code` is stable, `detail` the venue's words."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """The settle window has passed and the venue knows no such order."""


OrderEvent = (
    Submitting
    | AnswerLost
    | Accepted
    | Executed
    | Completed
    | CancelRequested
    | CancelRefused
    | Canceled
    | Expired
    | Rejected
    | NotAccepted
)


class IllegalTransition(Exception):
    """The event cannot happen to an order in this status: a defect, or a venue that contradicts itself."""

    def __init__(self, order: Order, event: OrderEvent) -> None:
        super().__init__(f"{type(event).__name__} cannot happen to order {order.id} in status {order.status}")
        self.order = order
        self.event = event


class Rule(StrEnum):
    """What a pair of status and event leads to where it is not simply the next status."""

    BY_FILLS = "by fills"
    """FILLED when all of the quantity is filled; else PARTIALLY_FILLED, or the same when it must stay."""
    REOPEN = "reopen"
    """ACCEPTED or PARTIALLY_FILLED by what is filled; PENDING_CANCEL when a cancel was asked for."""
    UNCANCEL = "uncancel"
    """ACCEPTED or PARTIALLY_FILLED by what is filled; the cancel request is withdrawn."""
    MARK_CANCEL = "mark cancel"
    """The same status, with the wish to cancel noted: it is sent as soon as the venue has the order."""
    LATE_FILL = "late fill"
    """The same finished status, or FILLED when the fills complete it: venues do report fills after a cancel."""
    IGNORE = "ignore"
    """Already known, or overtaken by what happened since: nothing changes."""


S = OrderStatus
TRANSITIONS: Mapping[tuple[OrderStatus, type[OrderEvent]], OrderStatus | Rule] = {
    (S.PENDING, Submitting): S.SUBMITTED,
    (S.PENDING, CancelRequested): S.CANCELED,
    (S.PENDING, Rejected): S.REJECTED,
    (S.SUBMITTED, AnswerLost): S.UNKNOWN,
    (S.SUBMITTED, Accepted): Rule.REOPEN,
    (S.SUBMITTED, Executed): Rule.BY_FILLS,
    (S.SUBMITTED, Completed): S.FILLED,
    (S.SUBMITTED, CancelRequested): Rule.MARK_CANCEL,
    (S.SUBMITTED, Canceled): S.CANCELED,
    (S.SUBMITTED, Expired): S.EXPIRED,
    (S.SUBMITTED, Rejected): S.REJECTED,
    (S.SUBMITTED, NotAccepted): S.REJECTED,
    (S.UNKNOWN, AnswerLost): Rule.IGNORE,
    (S.UNKNOWN, Accepted): Rule.REOPEN,
    (S.UNKNOWN, Executed): Rule.BY_FILLS,
    (S.UNKNOWN, Completed): S.FILLED,
    (S.UNKNOWN, CancelRequested): Rule.MARK_CANCEL,
    (S.UNKNOWN, Canceled): S.CANCELED,
    (S.UNKNOWN, Expired): S.EXPIRED,
    (S.UNKNOWN, Rejected): S.REJECTED,
    (S.UNKNOWN, NotAccepted): S.REJECTED,
    (S.ACCEPTED, AnswerLost): Rule.IGNORE,
    (S.ACCEPTED, Accepted): Rule.IGNORE,
    (S.ACCEPTED, Executed): Rule.BY_FILLS,
    (S.ACCEPTED, Completed): S.FILLED,
    (S.ACCEPTED, CancelRequested): S.PENDING_CANCEL,
    (S.ACCEPTED, CancelRefused): Rule.IGNORE,
    (S.ACCEPTED, Canceled): S.CANCELED,
    (S.ACCEPTED, Expired): S.EXPIRED,
    (S.ACCEPTED, Rejected): S.REJECTED,
    (S.PARTIALLY_FILLED, AnswerLost): Rule.IGNORE,
    (S.PARTIALLY_FILLED, Accepted): Rule.IGNORE,
    (S.PARTIALLY_FILLED, Executed): Rule.BY_FILLS,
    (S.PARTIALLY_FILLED, Completed): S.FILLED,
    (S.PARTIALLY_FILLED, CancelRequested): S.PENDING_CANCEL,
    (S.PARTIALLY_FILLED, CancelRefused): Rule.IGNORE,
    (S.PARTIALLY_FILLED, Canceled): S.CANCELED,
    (S.PARTIALLY_FILLED, Expired): S.EXPIRED,
    (S.PENDING_CANCEL, AnswerLost): Rule.IGNORE,
    (S.PENDING_CANCEL, Accepted): Rule.IGNORE,
    (S.PENDING_CANCEL, Executed): Rule.BY_FILLS,
    (S.PENDING_CANCEL, Completed): S.FILLED,
    (S.PENDING_CANCEL, CancelRequested): Rule.IGNORE,
    (S.PENDING_CANCEL, CancelRefused): Rule.UNCANCEL,
    (S.PENDING_CANCEL, Canceled): S.CANCELED,
    (S.PENDING_CANCEL, Expired): S.EXPIRED,
    **{(status, Executed): Rule.LATE_FILL for status in (S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED)},
    **{
        (status, event): Rule.IGNORE
        for status in (S.FILLED, S.CANCELED, S.EXPIRED, S.REJECTED)
        for event in (AnswerLost, Accepted, Completed, CancelRequested, CancelRefused, Canceled, Expired, NotAccepted)
    },
    **{(status, Rejected): Rule.IGNORE for status in (S.REJECTED, S.CANCELED, S.EXPIRED)},
    (S.DENIED, CancelRequested): Rule.IGNORE,
}


def advance(order: Order, event: OrderEvent, at: datetime) -> Order:
    """The order after the event, one version on; the very same object when nothing changes.

    Raises IllegalTransition for a pair that `TRANSITIONS` does not hold.
    """
    target = TRANSITIONS.get((order.status, type(event)))
    if target is None:
        raise IllegalTransition(order, event)
    if target is Rule.IGNORE:
        return _learn_venue_id(order, event, at)
    changed = _apply_detail(order, event, at)
    status = target if isinstance(target, OrderStatus) else _resolve(changed, target)
    changed = replace(changed, status=status)
    if changed == order:
        return order
    return replace(changed, updated_at=at, version=order.version + 1)


def _learn_venue_id(order: Order, event: OrderEvent, at: datetime) -> Order:
    """A report that came late may still be the first to carry the venue's id."""
    if isinstance(event, Accepted) and order.venue_order_id is None:
        return replace(order, venue_order_id=event.venue_order_id, updated_at=at, version=order.version + 1)
    return order


def _apply_detail(order: Order, event: OrderEvent, at: datetime) -> Order:
    match event:
        case Submitting():
            return replace(order, submitted_at=at)
        case Accepted(venue_order_id):
            return replace(order, venue_order_id=venue_order_id, reason=None)
        case AnswerLost(detail):
            return replace(order, reason=f"ANSWER_LOST: {detail}")
        case Executed(fills):
            return replace(
                order, filled_quantity=filled_quantity(fills), average_price=vwap(fills), fees=fees(fills), reason=None
            )
        case Completed():
            return replace(order, reason=None)
        case CancelRequested() if order.status is S.PENDING:
            return replace(order, cancel_requested_at=at, reason="CANCELED_BEFORE_SENDING: it never left the desk")
        case CancelRequested():
            return replace(order, cancel_requested_at=order.cancel_requested_at or at)
        case CancelRefused(detail):
            return replace(order, cancel_requested_at=None, reason=f"CANCEL_REFUSED: {detail}")
        case Canceled(detail):
            return replace(order, reason=_reason("CANCELED", detail))
        case Expired(detail):
            return replace(order, reason=_reason("EXPIRED", detail))
        case Rejected(code, detail):
            return replace(order, reason=_reason(code, detail))
        case NotAccepted():
            return replace(order, reason=f"{NOT_ACCEPTED}: the venue knows no such order")


def _reason(code: str, detail: str) -> str:
    return f"{code}: {detail}" if detail else code


def _resolve(order: Order, rule: Rule) -> OrderStatus:
    complete = order.quantity is not None and order.filled_quantity >= order.quantity
    if complete and rule in {Rule.BY_FILLS, Rule.LATE_FILL}:
        return S.FILLED
    if rule in {Rule.LATE_FILL, Rule.MARK_CANCEL}:
        return order.status
    if rule is not Rule.UNCANCEL and order.cancel_requested_at is not None:
        return S.PENDING_CANCEL
    return S.PARTIALLY_FILLED if order.filled_quantity > 0 else S.ACCEPTED
