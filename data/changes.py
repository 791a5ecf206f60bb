"""What an event means for the ledger, decided before any SQL: the order afterwards and all that is written with it.

Pure, so that every form of the ledger decides alike: each reads the order's row inside its transaction, asks here, and
writes down what it is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal

from data.chains import line_hash
from data.rows import to_json, to_micros
from engine.domain.advance import advance
from engine.domain.fills import Fill, filled_quantity, vwap
from engine.domain.messages import Command, CommandKind, Note
from engine.domain.order import Accepted, Executed, Order, OrderEvent, OrderStatus, Origin, altered
from engine.domain.values import decimal_text

S = OrderStatus


@dataclass(frozen=True, slots=True)
class Step:
    """One line of the timeline and of the audit log."""

    at: datetime
    source: str
    event: str
    before: OrderStatus | None
    after: OrderStatus
    detail: str
    """JSON: text by name."""
    hash: str
    """Of this line and the order's line before it."""


@dataclass(frozen=True, slots=True)
class Change:
    """What one transaction writes for an order; without steps nothing happened and nothing is written."""

    order: Order
    steps: tuple[Step, ...]
    new_fills: tuple[Fill, ...] = ()
    command: Command | None = None
    visible: bool = True
    """Whether it is worth an event to the user's desks: notes alone are not."""

    @property
    def is_new(self) -> bool:
        """Whether it is the order's first: there was no status before."""
        return bool(self.steps) and self.steps[0].before is None


RECORDED_AS = frozenset({S.PENDING, S.AWAITING_APPROVAL, S.HELD, S.DENIED})
COMMAND_OF: Mapping[OrderStatus, CommandKind] = {
    S.PENDING: CommandKind.SUBMIT,
    S.PENDING_CANCEL: CommandKind.CANCEL,
    S.PENDING_AMEND: CommandKind.AMEND,
}
"""What the worker is told when an order comes to one of these statuses."""


def recording(order: Order, command_id: str, *, commanded: bool = True) -> Change:
    """A new order: PENDING goes to the worker (unless another order's command takes it along), the others are kept.

    ValueError for a status that no order begins with.
    """
    if order.status not in RECORDED_AS:
        raise ValueError(f"an order is recorded as {', '.join(sorted(RECORDED_AS))}, not {order.status}")
    event = "Denied" if order.status is S.DENIED else "Recorded"
    chained, steps = _first_step(order, "desk", event, order.created_at, {"reason": order.reason or ""})
    command = None
    if commanded and order.status is S.PENDING:
        command = _command(command_id, CommandKind.SUBMIT, order, order.created_at)
    return Change(chained, steps, command=command)


def adopting(order: Order, fills: Sequence[Fill]) -> Change:
    """An order that somebody else placed with the same key, as the venue has it now, with the fills we know of."""
    if order.origin is not Origin.EXTERNAL:
        raise ValueError("only an order from elsewhere is adopted")
    ordered = in_order_of_time(fills)
    facts = {"venue_order_id": order.venue_order_id or "", "fills": str(len(fills)) if fills else ""}
    chained, steps = _first_step(order, "reconciliation", "Adopted", order.updated_at, facts)
    return Change(chained, steps, ordered)


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
    notes: Sequence[Note] = (),
    commanded: bool = True,
) -> Change:
    """Write the notes down, apply the reported fills that are not among the known ones, then the events in their order.

    A step that brings the order to a status of `COMMAND_OF`, and leaves it there, also gives the worker that command,
    unless another order's command takes it along.
    Raises IllegalTransition for an event that cannot happen, ValueError for a fill of another order.
    """
    new_fills = _unknown(order, known, reported)
    if new_fills:
        # What the venue took it could fill: an acceptance that comes along was there first.
        taken = tuple(event for event in events[:1] if isinstance(event, Accepted))
        executed = Executed(in_order_of_time([*known, *new_fills]))
        events = (*taken, executed, *events[len(taken) :])
    now = order
    steps: list[Step] = []
    for note in notes:
        steps.append(_next_step(now, _end(order, steps), source, note.event, now.status, note.at, note.detail))
    for event in events:
        before = now
        now = advance(before, event, at)
        if now is before and not (new_fills and isinstance(event, Executed)):
            continue
        facts = {**_facts(event, new_fills), **detail}
        steps.append(_next_step(now, _end(order, steps), source, type(event).__name__, before.status, at, facts))
    kind = COMMAND_OF.get(now.status) if now.status is not order.status else None
    command = _command(command_id, kind, now, at) if kind and commanded else None
    chained = altered(now, chain=_end(order, steps)) if steps else order
    return Change(chained, tuple(steps), new_fills, command, visible=len(steps) > len(notes))


def _first_step(
    order: Order, source: str, event: str, at: datetime, detail: Mapping[str, str]
) -> tuple[Order, tuple[Step]]:
    """A new order with its first line."""
    step = _next_step(order, order.chain, source, event, None, at, detail)
    return altered(order, chain=step.hash), (step,)


def _next_step(
    order: Order,
    chain: str,
    source: str,
    event: str,
    before: OrderStatus | None,
    at: datetime,
    detail: Mapping[str, str],
) -> Step:
    """The line of the order as it is now, hashed onto the one before it."""
    facts = to_json({name: text for name, text in detail.items() if text})
    values = (
        to_micros(at),
        source,
        order.user_id,
        order.id,
        event,
        before.value if before else None,
        order.status.value,
        facts,
    )
    return Step(at, source, event, before, order.status, facts, line_hash(chain, values))


def _end(order: Order, steps: Sequence[Step]) -> str:
    """The hash of the newest line."""
    return steps[-1].hash if steps else order.chain


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
    carried = {part.name: getattr(event, part.name) for part in fields(event)}
    return {name: _word(value) for name, value in carried.items() if value is not None}


def _word(value: object) -> str:
    return decimal_text(value) if isinstance(value, Decimal) else str(value)


def _command(command_id: str, kind: CommandKind, order: Order, at: datetime) -> Command:
    return Command(command_id, kind, order.id, order.account_id, at)
