"""The ledger's books as an operation sees them: what it must know, what it decides, and the rows that follow.

Pure, so that both databases decide alike: a batch of operations is decided in memory on what was read for all of them
at once, each seeing what those before it decided, and is then written at once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from data.chains import writer_hash
from data.changes import Change
from data.rows import (
    AUDIT_COLUMNS,
    COMMAND_COLUMNS,
    FILL_COLUMNS,
    FILL_OWNER_COLUMNS,
    LIST_COLUMNS,
    ORDER_CHANGING,
    ORDER_COLUMNS,
    Values,
    command_values,
    fill_values,
    list_values,
    order_changing_values,
    order_values,
    to_micros,
)
from engine.domain.fills import Fill
from engine.domain.messages import OrderChanged
from engine.domain.order import Order
from engine.domain.order_list import OrderList
from engine.domain.values import Side

T = TypeVar("T")

TradeId = tuple[str, str, str]
"""Account, symbol and the venue's id of a trade; together with a side it names one fill."""
INSERTED: Mapping[str, Sequence[str]] = {
    "orderlists": LIST_COLUMNS,
    "orders": ORDER_COLUMNS,
    "fills": (*FILL_COLUMNS, *FILL_OWNER_COLUMNS),
    "outbox": COMMAND_COLUMNS,
    "audit": AUDIT_COLUMNS,
}
"""The tables that grow with the ledger and the columns that are written; those that refer to others come later."""
ORDER_UPDATED = (*ORDER_CHANGING, "id")
"""The columns of a changed order; the last tells which."""
WRITER_UPDATED = ("number", "hash", "id")
"""The columns of a writer whose chain has grown, likewise."""


@dataclass(slots=True)
class Wanted:
    """What a batch must know of the ledger before it can decide."""

    orders: set[str] = field(default_factory=set[str])
    """Ids of orders that may change: they are locked."""
    client_ids: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    """Account and client order id."""
    fills: set[str] = field(default_factory=set[str])
    """Ids of orders whose fills count."""
    trades: set[TradeId] = field(default_factory=set[TradeId])
    writers: dict[str, int] = field(default_factory=dict[str, int])
    """Names of chains that may grow, each with the time (microseconds) that a new one has begun."""


@dataclass(slots=True)
class Books:
    """What the ledger holds of what was wanted, with what the batch has decided so far."""

    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    by_client_id: dict[tuple[str, str], Order] = field(default_factory=dict[tuple[str, str], Order])
    fills: dict[str, tuple[Fill, ...]] = field(default_factory=dict[str, tuple[Fill, ...]])
    """By order, oldest first."""
    owners: dict[tuple[TradeId, Side], str] = field(default_factory=dict[tuple[TradeId, Side], str])
    """By trade and side: the order that it is a fill of."""
    writers: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    """By name: number and hash of the newest line of its chain."""

    def add_orders(self, orders: Iterable[Order]) -> None:
        for order in orders:
            self.orders[order.id] = order
            self.by_client_id[order.account_id, order.client_order_id] = order

    def add_fills(self, fills: Iterable[Fill]) -> None:
        """Fills of whole orders, each order's oldest first."""
        by_order: dict[str, list[Fill]] = {}
        for fill in fills:
            by_order.setdefault(fill.order_id, []).append(fill)
        self.fills.update((order_id, tuple(own)) for order_id, own in by_order.items())

    def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        return self.fills.get(order_id, ())

    def enter(self, change: Change) -> None:
        """Make it what the next operation sees."""
        order = change.order
        self.add_orders((order,))
        if change.new_fills:
            self.fills[order.id] = (*self.fills_of(order.id), *change.new_fills)
            for fill in change.new_fills:
                self.owners[trade_id(fill), fill.side] = order.id


@dataclass(frozen=True, slots=True)
class Decision(Generic[T]):
    """What an operation writes, and how its answer is made of what the user's desks are told of each change."""

    changes: tuple[Change, ...]
    answer: Callable[[Sequence[OrderChanged | None]], T]
    new_list: OrderList | None = None


class Operation(ABC, Generic[T]):
    """One call of the ledger, as data: carried out wholly or not at all."""

    writer: str
    """The chain of the audit log that its lines go to."""

    @abstractmethod
    def ask_for(self, wanted: Wanted) -> None:
        """Name what `decide` has to know."""

    @abstractmethod
    def decide(self, books: Books) -> Decision[T]:
        """What it writes on these books. What it raises is its caller's answer, and nothing of it is written."""


@dataclass(slots=True)
class Entries:
    """The rows that a batch writes, each table's in the order in which they came about."""

    writers: dict[str, tuple[int, str]]
    """Where the chains end: at first what was read, then what is to be written."""
    inserted: dict[str, list[Values]] = field(default_factory=lambda: {table: [] for table in INSERTED})
    """By table, as `INSERTED`."""
    changed: dict[str, Order] = field(default_factory=dict[str, Order])
    """By id: orders as they are in the end; those in `created` are new."""
    created: set[str] = field(default_factory=set[str])
    events: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """User and order of each event."""

    @property
    def is_empty(self) -> bool:
        return not self.changed

    def add(self, decision: Decision[Any], writer: str) -> None:
        """All that the operation of this writer changes."""
        if decision.new_list is not None:
            self.inserted["orderlists"].append(list_values(decision.new_list))
        for change in decision.changes:
            order = change.order
            self.changed[order.id] = order
            if change.is_new:
                self.created.add(order.id)
            self.inserted["fills"] += [(*fill_values(fill), order.user_id) for fill in change.new_fills]
            if change.command is not None:
                self.inserted["outbox"].append(command_values(change.command))
            self._add_lines(change, writer)
            if change.visible:
                self.events.append((order.user_id, order.id))

    def close(self) -> None:
        """An order that changed more than once is written once, as it is in the end."""
        self.inserted["orders"] = [order_values(self.changed[order_id]) for order_id in self.created]

    def updated(self) -> list[Values]:
        """Changed orders as `ORDER_UPDATED`."""
        known = (order for order in self.changed.values() if order.id not in self.created)
        return [(*order_changing_values(order), order.id) for order in known]

    def ends(self) -> list[Values]:
        """Chains as `WRITER_UPDATED`."""
        return [(number, end, writer) for writer, (number, end) in self.writers.items()]

    def numbered(self, newest: Mapping[str, int]) -> list[tuple[str, int, str]]:
        """Each event as user, number and order; `newest` is each user's last number, these events included."""
        numbers = {user: newest[user] - count for user, count in self.events_by_user().items()}
        rows: list[tuple[str, int, str]] = []
        for user, order_id in self.events:
            numbers[user] += 1
            rows.append((user, numbers[user], order_id))
        return rows

    def events_by_user(self) -> Mapping[str, int]:
        return Counter(user for user, _ in self.events)

    def _add_lines(self, change: Change, writer: str) -> None:
        """The steps as audit lines, chained onto the newest line of this writer."""
        order = change.order
        number, end = self.writers[writer]
        for step in change.steps:
            number += 1
            end = writer_hash(end, number, step.hash)
            self.inserted["audit"].append(
                (
                    to_micros(step.at),
                    step.source,
                    order.user_id,
                    order.id,
                    step.event,
                    step.before.value if step.before else None,
                    step.after.value,
                    step.detail,
                    step.hash,
                    writer,
                    number,
                    end,
                )
            )
        self.writers[writer] = (number, end)


def trade_id(fill: Fill) -> TradeId:
    return (fill.account_id, fill.symbol, fill.venue_trade_id)
