"""The ledger's writes as operations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from typing_extensions import override

from data.books import Books, Decision, Operation, Wanted, trade_id
from data.changes import Change, advancing
from data.rows import to_micros
from engine.domain.fills import Fill
from engine.domain.messages import Note, OrderChanged
from engine.domain.order import Order, OrderEvent
from engine.domain.order_list import OrderList
from engine.ports import Advanced, Recorded


@dataclass(frozen=True, slots=True)
class RecordOrder(Operation[Recorded]):
    """Insert a new order, unless its account has one of that client order id."""

    change: Change
    writer: str

    @override
    def ask_for(self, wanted: Wanted) -> None:
        _ask_for_new(wanted, self.change, self.writer)

    @override
    def decide(self, books: Books) -> Decision[Recorded]:
        stored = _stored(books, self.change.order)
        if stored is not None:
            return Decision((), lambda _: _known(stored))
        _refuse_taken_fills(books, self.change)
        return Decision((self.change,), lambda told: _new(self.change, told[0]))


@dataclass(frozen=True, slots=True)
class RecordList(Operation[tuple[Recorded, ...]]):
    """Insert a list with its orders, or more orders of one that is there; nothing if one of them is there already."""

    order_list: OrderList | None
    changes: tuple[Change, ...]
    writer: str

    @override
    def ask_for(self, wanted: Wanted) -> None:
        for change in self.changes:
            _ask_for_new(wanted, change, self.writer)

    @override
    def decide(self, books: Books) -> Decision[tuple[Recorded, ...]]:
        found = (_stored(books, change.order) for change in self.changes)
        stored = tuple(_known(order) for order in found if order is not None)
        if stored:
            return Decision((), lambda _: stored)
        return Decision(
            self.changes,
            lambda told: tuple(_new(change, event) for change, event in zip(self.changes, told, strict=True)),
            self.order_list,
        )


@dataclass(frozen=True, slots=True)
class Advance(Operation[Advanced]):
    """Apply events and reported fills to an order (`data.changes.advancing`)."""

    order_id: str
    events: Sequence[OrderEvent]
    at: datetime
    reported: Sequence[Fill]
    source: str
    detail: Mapping[str, str]
    notes: Sequence[Note]
    command_id: str
    """For the command that may follow."""
    writer: str
    commanded: bool = True
    """Whether the order gets the command itself, rather than being taken along by another's."""

    @override
    def ask_for(self, wanted: Wanted) -> None:
        wanted.orders.add(self.order_id)
        wanted.writers.setdefault(self.writer, to_micros(self.at))
        if self.reported:
            wanted.fills.add(self.order_id)
            wanted.trades.update(trade_id(fill) for fill in self.reported)

    @override
    def decide(self, books: Books) -> Decision[Advanced]:
        order = books.orders.get(self.order_id)
        if order is None:
            raise KeyError(self.order_id)
        change = advancing(
            order,
            books.fills_of(order.id),
            self.reported,
            self.events,
            at=self.at,
            source=self.source,
            detail=self.detail,
            command_id=self.command_id,
            notes=self.notes,
            commanded=self.commanded,
        )
        if not change.steps:
            return Decision((), lambda _: Advanced(order, None))
        _refuse_taken_fills(books, change)
        return Decision((change,), lambda told: Advanced(change.order, told[0], change.command))


@dataclass(frozen=True, slots=True)
class AdvanceTogether(Operation[tuple[Advanced, ...]]):
    """Tell several orders the same; all of them or none."""

    advances: tuple[Advance, ...]
    """Of different orders."""
    writer: str

    @override
    def ask_for(self, wanted: Wanted) -> None:
        for advance in self.advances:
            advance.ask_for(wanted)

    @override
    def decide(self, books: Books) -> Decision[tuple[Advanced, ...]]:
        decisions = [advance.decide(books) for advance in self.advances]

        def answer(told: Sequence[OrderChanged | None]) -> tuple[Advanced, ...]:
            rest = iter(told)
            return tuple(one.answer([next(rest) for _ in one.changes]) for one in decisions)

        return Decision(tuple(change for one in decisions for change in one.changes), answer)


@dataclass(frozen=True, slots=True)
class RecordReplacement(Operation[tuple[Advanced, Recorded]]):
    """Insert the order that takes another's place, and tell that one."""

    replacement: Change
    replaced: Advance
    writer: str

    @override
    def ask_for(self, wanted: Wanted) -> None:
        _ask_for_new(wanted, self.replacement, self.writer)
        self.replaced.ask_for(wanted)

    @override
    def decide(self, books: Books) -> Decision[tuple[Advanced, Recorded]]:
        order = self.replacement.order
        if _stored(books, order) is not None:
            raise ValueError(f"client order id {order.client_order_id} is taken already")
        replaced = self.replaced.decide(books)
        return Decision(
            (self.replacement, *replaced.changes),
            lambda told: (replaced.answer(told[1:]), _new(self.replacement, told[0])),
        )


def _ask_for_new(wanted: Wanted, change: Change, writer: str) -> None:
    order = change.order
    wanted.client_ids.add((order.account_id, order.client_order_id))
    wanted.trades.update(trade_id(fill) for fill in change.new_fills)
    wanted.writers.setdefault(writer, to_micros(order.updated_at))


def _stored(books: Books, order: Order) -> Order | None:
    return books.by_client_id.get((order.account_id, order.client_order_id))


def _known(order: Order) -> Recorded:
    return Recorded(order, created=False, command=None, change=None)


def _new(change: Change, told: OrderChanged | None) -> Recorded:
    return Recorded(change.order, created=True, command=change.command, change=told)


def _refuse_taken_fills(books: Books, change: Change) -> None:
    order = change.order
    for fill in change.new_fills:
        if books.owners.get((trade_id(fill), fill.side), order.id) != order.id:
            raise ValueError(
                f"trade {fill.venue_trade_id} of {fill.symbol} is a fill of another {fill.side.value} order already"
            )
