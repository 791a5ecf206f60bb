"""What an event makes of an order: the next status by the table, and the facts that the event carries."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from engine.domain.fills import fees, filled_quantity, vwap
from engine.domain.order import (
    AT_THE_DESK,
    NOT_ACCEPTED,
    OWN_CONCLUSIONS,
    Accepted,
    Amended,
    AmendRefused,
    AmendRequested,
    AnswerLost,
    Canceled,
    CancelRefused,
    CancelRequested,
    Completed,
    Declined,
    Executed,
    Expired,
    NotAccepted,
    Order,
    OrderEvent,
    OrderStatus,
    Rejected,
    Submitting,
    Trailed,
    Triggered,
)
from engine.domain.transitions import TRANSITIONS, Ignore, Refuse, Rule

S = OrderStatus


class IllegalTransition(Exception):
    """The event cannot happen to an order in this status: a defect, or a venue that contradicts itself."""

    def __init__(self, order: Order, event: OrderEvent, why: str) -> None:
        super().__init__(f"{type(event).__name__} cannot happen to order {order.id} in status {order.status}: {why}")
        self.order = order
        self.event = event
        self.why = why


def advance(order: Order, event: OrderEvent, at: datetime) -> Order:
    """The order after the event, one version on; the very same object when nothing changes.

    Raises IllegalTransition for a pair that the table refuses.
    """
    cell = TRANSITIONS[order.status, type(event)]
    if isinstance(cell, Refuse):
        raise IllegalTransition(order, event, cell.why)
    if isinstance(cell, Ignore) or (cell.to is Rule.REVIVE and not given_up(order)):
        return _learn_venue_id(order, event, at)
    changed = _apply_detail(order, event, at)
    status = cell.to if isinstance(cell.to, OrderStatus) else _resolve(changed, cell.to)
    changed = replace(changed, status=status)
    if changed == order:
        return order
    return replace(changed, updated_at=at, version=order.version + 1)


def given_up(order: Order) -> bool:
    """Whether its end was concluded from the venue's silence."""
    codes = (order.reason or "").split(": ")[:2]
    return order.finished and any(code in OWN_CONCLUSIONS for code in codes)


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
        case CancelRequested() if order.status in AT_THE_DESK:
            return replace(order, cancel_requested_at=at, reason="CANCELED_BEFORE_SENDING: it never left the desk")
        case CancelRequested():
            return replace(order, cancel_requested_at=order.cancel_requested_at or at)
        case CancelRefused(detail):
            return replace(order, cancel_requested_at=None, reason=f"CANCEL_REFUSED: {detail}")
        case Trailed(price):
            return replace(order, trail_price=price)
        case Triggered():
            return replace(order, triggered_at=at)
        case AmendRequested() | Amended() | AmendRefused():
            return _amend(order, event, at)
        case _:
            return _end(order, event)


def _end(order: Order, event: OrderEvent) -> Order:
    match event:
        case Completed():
            return replace(_settled(order), reason=None)
        case Canceled(detail):
            return replace(_settled(order), reason=_reason("CANCELED", detail))
        case Expired(detail):
            return replace(_settled(order), reason=_reason("EXPIRED", detail))
        case Rejected(code, detail):
            return replace(_settled(order), reason=_reason(code, detail))
        case NotAccepted():
            return replace(order, reason=f"{NOT_ACCEPTED}: the venue knows no such order")
        case Declined(by, detail):
            return replace(order, reason=_reason(f"DECLINED: by {by}", detail))
        case _:
            return order


def _amend(order: Order, event: AmendRequested | Amended | AmendRefused, at: datetime) -> Order:
    match event:
        case AmendRequested(quantity, price, replaced_by):
            return replace(
                order,
                amend_quantity=quantity,
                amend_price=price,
                amend_requested_at=at,
                replaced_by=replaced_by,
                reason=None,
            )
        case Amended(quantity, price, stop_price):
            return replace(
                _settled(order),
                amend_quantity=None,
                amend_price=None,
                quantity=quantity or order.quantity,
                price=price or order.price,
                stop_price=stop_price or order.stop_price,
            )
        case AmendRefused(detail):
            refused = replace(_settled(order), amend_quantity=None, amend_price=None, replaced_by=None)
            return replace(refused, reason=f"AMEND_REFUSED: {detail}")


def _settled(order: Order) -> Order:
    """The amendment that was on its way is over; what it asked for stays known to the order that takes the place."""
    return order if order.amend_requested_at is None else replace(order, amend_requested_at=None)


def _reason(code: str, detail: str) -> str:
    return f"{code}: {detail}" if detail else code


def _resolve(order: Order, rule: Rule) -> OrderStatus:
    complete = order.quantity is not None and order.filled_quantity >= order.quantity
    match rule:
        case Rule.RELEASE:
            return S.HELD if order.held else S.PENDING
        case Rule.END_REST:
            return S.EXPIRED if order.filled_quantity else S.REJECTED
        case Rule.BY_FILLS | Rule.LATE_FILL | Rule.REOPEN | Rule.REVIVE if complete:
            return S.FILLED
        case Rule.LATE_FILL | Rule.MARK_CANCEL:
            return order.status
        case Rule.BY_FILLS if order.status is S.PENDING_AMEND:
            return S.PENDING_AMEND
        case _ if rule is not Rule.UNCANCEL and order.cancel_requested_at is not None:
            return S.PENDING_CANCEL
        case _:
            return S.PARTIALLY_FILLED if order.filled_quantity > 0 else S.ACCEPTED
