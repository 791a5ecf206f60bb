"""What an event makes of an order: the next status by the table, and the facts that the event carries."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

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
    altered,
)
from engine.domain.transitions import TRANSITIONS, Ignore, Refuse, Rule
from engine.domain.values import Price, Quantity

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
    facts = _facts(order, event, at)
    status = cell.to if isinstance(cell.to, OrderStatus) else _resolve(order, facts, cell.to)
    if status is order.status and all(getattr(order, name) == fact for name, fact in facts.items()):
        return order
    return altered(order, **facts, status=status, updated_at=at, version=order.version + 1)


def given_up(order: Order) -> bool:
    """Whether its end was concluded from the venue's silence."""
    codes = (order.reason or "").split(": ")[:2]
    return order.finished and any(code in OWN_CONCLUSIONS for code in codes)


def _learn_venue_id(order: Order, event: OrderEvent, at: datetime) -> Order:
    """A report that came late may still be the first to carry the venue's id."""
    if isinstance(event, Accepted) and order.venue_order_id is None:
        return altered(order, venue_order_id=event.venue_order_id, updated_at=at, version=order.version + 1)
    return order


Facts = dict[str, object]
"""What changes about an order, by name."""


def _facts(order: Order, event: OrderEvent, at: datetime) -> Facts:
    """What the event says of the order, but for its status."""
    match event:
        case Submitting():
            return {"submitted_at": at}
        case Accepted(venue_order_id):
            return {"venue_order_id": venue_order_id, "reason": None}
        case AnswerLost(detail):
            return {"reason": f"ANSWER_LOST: {detail}"}
        case Executed(fills):
            return {
                "filled_quantity": filled_quantity(fills),
                "average_price": vwap(fills),
                "fees": fees(fills),
                "reason": None,
            }
        case CancelRequested() if order.status in AT_THE_DESK:
            return {"cancel_requested_at": at, "reason": "CANCELED_BEFORE_SENDING: it never left the desk"}
        case CancelRequested():
            return {"cancel_requested_at": order.cancel_requested_at or at}
        case CancelRefused(detail):
            return {"cancel_requested_at": None, "reason": f"CANCEL_REFUSED: {detail}"}
        case Trailed(price):
            return {"trail_price": price}
        case Rewritten(quantity, price, stop_price):
            return _figures(order, quantity, price, stop_price)
        case Triggered():
            return {"triggered_at": at}
        case AmendRequested() | Amended() | AmendRefused():
            return _of_amendment(order, event, at)
        case _:
            return _of_end(event)


def _of_end(event: OrderEvent) -> Facts:
    match event:
        case Completed():
            return {**SETTLED, "reason": None}
        case Canceled(detail):
            return {**SETTLED, "reason": _reason("CANCELED", detail)}
        case Expired(detail):
            return {**SETTLED, "reason": _reason("EXPIRED", detail)}
        case Rejected(code, detail):
            return {**SETTLED, "reason": _reason(code, detail)}
        case GivenUp(code, detail):
            return {"reason": _reason(code, detail)}
        case NotAccepted():
            return {"reason": f"{NOT_ACCEPTED}: the venue knows no such order"}
        case Declined(by, detail):
            return {"reason": _reason(f"DECLINED: by {by}", detail)}
        case _:
            return {}


def _of_amendment(order: Order, event: AmendRequested | Amended | AmendRefused, at: datetime) -> Facts:
    match event:
        case AmendRequested(quantity, price, replaced_by):
            return {
                "amend_quantity": quantity,
                "amend_price": price,
                "amend_requested_at": at,
                "replaced_by": replaced_by,
                "reason": None,
            }
        case Amended(quantity, price, stop_price):
            return {
                **SETTLED,
                "amend_quantity": None,
                "amend_price": None,
                **_figures(order, quantity, price, stop_price),
            }
        case AmendRefused(detail):
            return {
                **SETTLED,
                "amend_quantity": None,
                "amend_price": None,
                "replaced_by": None,
                "reason": f"AMEND_REFUSED: {detail}",
            }


def _figures(order: Order, quantity: Quantity | None, price: Price | None, stop_price: Price | None) -> Facts:
    return {
        "quantity": quantity or order.quantity,
        "price": price or order.price,
        "stop_price": stop_price or order.stop_price,
    }


SETTLED: Facts = {"amend_requested_at": None}
"""The amendment that was on its way is over; what it asked for stays known to the order that takes the place."""


def _reason(code: str, detail: str) -> str:
    return f"{code}: {detail}" if detail else code


def _resolve(order: Order, facts: Facts, rule: Rule) -> OrderStatus:
    """The status that the rule leads to, once the facts are the order's."""
    filled = facts.get("filled_quantity", order.filled_quantity)
    quantity = facts.get("quantity", order.quantity)
    cancelling = facts.get("cancel_requested_at", order.cancel_requested_at) is not None
    complete = isinstance(quantity, Decimal) and isinstance(filled, Decimal) and filled >= quantity
    match rule:
        case Rule.RELEASE:
            return S.HELD if order.held else S.PENDING
        case Rule.END_REST:
            return S.EXPIRED if filled else S.REJECTED
        case Rule.BY_FILLS | Rule.LATE_FILL | Rule.REOPEN | Rule.REVIVE if complete:
            return S.FILLED
        case Rule.LATE_FILL | Rule.MARK_CANCEL:
            return order.status
        case Rule.BY_FILLS if order.status is S.PENDING_AMEND:
            return S.PENDING_AMEND
        case _ if rule is not Rule.UNCANCEL and cancelling:
            return S.PENDING_CANCEL
        case _:
            return S.PARTIALLY_FILLED if filled else S.ACCEPTED
