"""What an order list needs next. Pure: the same list and orders always ask for the same step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.domain.instrument import Instrument
from engine.domain.list_draft import EXITS
from engine.domain.order import Leg, Order, OrderStatus
from engine.domain.order_list import LegPolicy, ListStatus, OrderList
from engine.domain.values import NOTHING, Quantity, Side, floor_to

MOST_REPAIRS = 3
S = OrderStatus


@dataclass(frozen=True, slots=True)
class Become:
    """The list has come to this; `note` says why where a person should know."""

    status: ListStatus
    note: str = ""


@dataclass(frozen=True, slots=True)
class Release:
    """The entry is filled: these exits are sent, for this quantity."""

    orders: tuple[Order, ...]
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class CancelThem:
    """These have nothing left to wait for."""

    orders: tuple[Order, ...]


@dataclass(frozen=True, slots=True)
class Fire:
    """The price of this order has come and the others are out of its way."""

    order: Order
    quantity: Quantity


@dataclass(frozen=True, slots=True)
class Repair:
    """These exits could not be placed, or were ended by the venue: place them anew, for this quantity."""

    orders: tuple[Order, ...]
    quantity: Quantity
    why: str


@dataclass(frozen=True, slots=True)
class Unwind:
    """Close at market what the entry filled and no exit covers."""

    quantity: Quantity
    why: str


Step = Become | Release | CancelThem | Fire | Repair | Unwind


def next_step(of: OrderList, orders: Sequence[Order], instrument: Instrument) -> Step | None:
    """None while everything is as it should be."""
    entry = next((one for one in orders if one.leg is Leg.ENTRY), None)
    exits = tuple(one for one in orders if one.leg in EXITS)
    if of.status is ListStatus.CLOSING:
        return _close(exits, instrument)
    if entry is None:
        return _oco(of, exits)
    if not entry.finished:
        return None if of.held else _begun(of, (entry,))
    return _after_entry(of, entry, exits, orders, instrument)


def _begun(of: OrderList, orders: Sequence[Order]) -> Step | None:
    known = any(one.venue_order_id is not None for one in orders)
    return Become(ListStatus.ACTIVE, of.note) if of.status is ListStatus.PENDING and known else None


def _oco(of: OrderList, exits: Sequence[Order]) -> Step | None:
    live = tuple(one for one in exits if not one.finished)
    if not live:
        return Become(ListStatus.DONE, _why(exits))
    ended = tuple(one for one in exits if one.finished)
    kept = tuple(one for one in live if one.status is S.HELD)
    if ended and kept == live:
        return CancelThem(kept)
    return _begun(of, exits)


def _after_entry(
    of: OrderList, entry: Order, exits: Sequence[Order], orders: Sequence[Order], instrument: Instrument
) -> Step | None:
    live = tuple(one for one in exits if not one.finished)
    if not entry.filled_quantity:
        kept = tuple(one for one in live if one.status is S.HELD)
        if kept:
            return CancelThem(kept)
        return None if live else Become(ListStatus.DONE, _why((entry,)))
    unwinding = next((one for one in orders if one.leg is Leg.UNWIND), None)
    if unwinding is not None:
        return _unwound(unwinding)
    uncovered = _uncovered(entry, exits, instrument)
    kept = tuple(one for one in live if one.status is S.HELD)
    if kept and of.status is ListStatus.PENDING:
        return Release(kept, uncovered) if uncovered else CancelThem(kept)
    if live:
        return _missing(of, exits, live, uncovered)
    if not uncovered or any(one.filled_quantity for one in _newest(exits)):
        return Become(ListStatus.DONE)
    if any(one.cancel_requested_at is not None for one in _newest(exits)):
        return Become(ListStatus.DONE, "The exits were cancelled: what the entry filled has none now.")
    return _by_policy(of, _newest(exits), uncovered, exits)


def _missing(of: OrderList, exits: Sequence[Order], live: Sequence[Order], quantity: Quantity) -> Step | None:
    """One exit is there and the other is not: placed again while it may help, else the user is told."""
    lost = tuple(one for one in _newest(exits) if one.finished and one.status is S.REJECTED)
    if not lost or not of.held:
        settled = of.status in {ListStatus.PENDING, ListStatus.REPAIRING}
        known = all(one.venue_order_id is not None or one.status is S.HELD for one in live)
        return Become(ListStatus.ACTIVE, of.note) if settled and known else None
    if of.policy is LegPolicy.REPAIR and _repairs(exits, lost) < MOST_REPAIRS:
        return Repair(lost, quantity, _why(lost))
    note = f"The {lost[0].leg} could not be placed: {lost[0].reason}"
    return None if of.note == note else Become(ListStatus.ACTIVE, note)


def _by_policy(of: OrderList, lost: tuple[Order, ...], quantity: Quantity, exits: Sequence[Order]) -> Step:
    why = _why(lost)
    if of.policy is LegPolicy.REPAIR and _repairs(exits, lost) < MOST_REPAIRS:
        return Repair(lost, quantity, why)
    return Unwind(quantity, why)


def _unwound(unwinding: Order) -> Step | None:
    if not unwinding.finished:
        return None
    if unwinding.status is S.FILLED:
        return Become(ListStatus.UNWOUND, "The exits could not be placed: the entry was closed at market.")
    return Become(
        ListStatus.BROKEN,
        f"The exits could not be placed, and closing at market ended {unwinding.status}:"
        f" {unwinding.reason or 'no reason given'}. What the entry filled is yours to close.",
    )


def _close(exits: Sequence[Order], instrument: Instrument) -> Step | None:
    """A stop's price has come: the other leg goes first, and what it has not filled is left for the stop."""
    stop = next((one for one in exits if one.status is S.HELD), None)
    if stop is None:
        return Become(ListStatus.ACTIVE) if any(not one.finished for one in exits) else Become(ListStatus.DONE)
    others = tuple(one for one in exits if one.id != stop.id)
    if any(not one.finished for one in others):
        return None
    left = (stop.quantity or NOTHING) - sum((one.filled_quantity for one in _newest(others)), Decimal(0))
    quantity = Quantity(floor_to(max(left, Decimal(0)), instrument.lot))
    return Fire(stop, quantity) if quantity else CancelThem((stop,))


def _uncovered(entry: Order, exits: Sequence[Order], instrument: Instrument) -> Quantity:
    """What the entry brought (less the fee that was taken from it) and no exit has closed, in whole lots."""
    brought = Decimal(entry.filled_quantity)
    if entry.side is Side.BUY:
        brought -= entry.fees.get(instrument.base, Decimal(0))
    closed = sum((one.filled_quantity for one in exits), Decimal(0))
    quantity = floor_to(max(brought - closed, Decimal(0)), instrument.lot)
    too_little = instrument.min_quantity is not None and quantity < instrument.min_quantity
    return NOTHING if too_little else Quantity(quantity)


def _newest(exits: Sequence[Order]) -> tuple[Order, ...]:
    """The last order of each leg: those before it were made up for."""
    return tuple({one.leg: one for one in exits}.values())


def _repairs(exits: Sequence[Order], lost: Sequence[Order]) -> int:
    return max(sum(1 for one in exits if one.leg is gone.leg) for gone in lost) - 1


def _why(orders: Sequence[Order]) -> str:
    """The reasons of those that did not end by filling or by the user's wish."""
    failed = [one for one in orders if one.status in {S.REJECTED, S.EXPIRED} and not one.filled_quantity]
    return "; ".join(f"{one.leg}: {one.reason or one.status}" for one in failed)
