"""What an event means for the ledger, decided before any SQL: the order afterwards and all that is written with it.

Pure, so that every form of the ledger decides alike: each reads the order's row inside its transaction, asks here, and
writes down what it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from engine.domain.fills import Fill, filled_quantity, vwap
from engine.domain.messages import Command, CommandKind
from engine.domain.order import Accepted, Executed, Order, OrderEvent, OrderStatus, advance
from engine.domain.values import decimal_text


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline and of the audit log."""

    at: datetime
    source: str
    event: str
    before: OrderStatus | None
    after: OrderStatus
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction writes for an order; without steps nothing happened and nothing is written."""

    order: Order
    steps: tuple[Step, ...]
    new_fills: tuple[Fill, ...] = ()
    command: Command | None = None


def recording(order: Order, command_id: str) -> Change:
    """A new order: PENDING goes to the worker, DENIED is only kept. ValueError for any other status."""
    if order.status not in {OrderStatus.PENDING, OrderStatus.DENIED}:
        raise ValueError(f"an order is recorded as PENDING or DENIED, not {order.status}")
    pending = order.status is OrderStatus.PENDING
    step = Step(
        order.created_at,
        "desk",
        "Recorded" if pending else "Denied",
        None,
        order.status,
        {"reason": order.reason} if order.reason else {},
    )
    command = _command(command_id, CommandKind.SUBMIT, order, order.created_at) if pending else None
    return Change(order, (step,), command=command)


def advancing(
    order: Order,
    known: Sequence[Fill],
    reported: Sequence[Fill],
    events: Sequence[OrderEvent],
    *,
    at: datetime,
    source: str,
    detail: Mapping[str, str],
    command_id: str,
) -> Change:
    """Apply the reported fills that are not among the known ones, then the events in their order.

    A step that brings the order to PENDING_CANCEL, and leaves it there, also gives the command to cancel it. Raises
    IllegalTransition for an event that cannot happen, ValueError for a fill of another order.
    """
    new_fills = _unknown(order, known, reported)
    if new_fills:
        # What the venue took it could fill: an acceptance that comes along was there first.
        taken = tuple(event for event in events[:1] if isinstance(event, Accepted))
        executed = Executed(in_order_of_time([*known, *new_fills]))
        events = (*taken, executed, *events[len(taken) :])
    steps: list[Step] = []
    asks_to_cancel = False
    now = order
    for event in events:
        before = now
        now = advance(before, event, at)
        if now is before and not (new_fills and isinstance(event, Executed)):
            continue
        facts = {**_facts(event, new_fills), **detail}
        steps.append(Step(at, source, type(event).__name__, before.status, now.status, facts))
        if now.status is OrderStatus.PENDING_CANCEL and before.status is not OrderStatus.PENDING_CANCEL:
            asks_to_cancel = True
    asks_to_cancel = asks_to_cancel and now.status is OrderStatus.PENDING_CANCEL
    command = _command(command_id, CommandKind.CANCEL, now, at) if asks_to_cancel else None
    return Change(now, tuple(steps), new_fills, command)


def in_order_of_time(fills: Sequence[Fill]) -> tuple[Fill, ...]:
    """Oldest first; within an instant by the venue's count of its trades."""
    return tuple(sorted(fills, key=lambda fill: (fill.time, len(fill.venue_trade_id), fill.venue_trade_id)))


def _unknown(order: Order, known: Sequence[Fill], reported: Sequence[Fill]) -> tuple[Fill, ...]:
    """The reported fills that are new, each once, oldest first."""
    seen = {fill.venue_trade_id for fill in known}
    new: list[Fill] = []
    for fill in reported:
        if (fill.order_id, fill.account_id, fill.symbol) != (order.id, order.account_id, order.symbol):
            raise ValueError(f"fill {fill.venue_trade_id} of {fill.symbol} does not belong to order {order.id}")
        if fill.venue_trade_id not in seen:
            seen.add(fill.venue_trade_id)
            new.append(fill)
    return in_order_of_time(new)


def _facts(event: OrderEvent, new_fills: Sequence[Fill]) -> dict[str, str]:
    """What the event carries, in words."""
    if isinstance(event, Executed):
        fills = new_fills or event.fills
        price = vwap(fills)
        return {
            "quantity": decimal_text(filled_quantity(fills)),
            "price": "" if price is None else decimal_text(price),
            "fills": str(len(fills)),
        }
    carried = {part.name: str(getattr(event, part.name)) for part in fields(event)}
    return {name: text for name, text in carried.items() if text}


def _command(command_id: str, kind: CommandKind, order: Order, at: datetime) -> Command:
    return Command(command_id, kind, order.id, order.account_id, at)
