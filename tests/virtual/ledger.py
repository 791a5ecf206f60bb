"""A ledger in memory: what the simulated disk of a world holds, and the door to it that each of its processes has.

It passes tests/data/test_ledger_contract.py like the ones on SQL, and decides by the same `data.changes`.
"""

from __future__ import annotations

import sys
from bisect import insort
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeVar

import orjson

from data.changes import Change, Step, adopting, advancing, in_order_of_time, recording
from data.cursors import cursor_after, place_of
from data.ledger import LONGEST_PAGE
from data.rows import to_micros
from engine.domain.fills import Fill
from engine.domain.messages import Command, Note, OrderChanged, TimelineEntry
from engine.domain.order import AmendRequested, Order, OrderEvent, OrderStatus
from engine.domain.order_list import LISTS_OVER, OrderList
from engine.domain.values import Side
from engine.ports import Advanced, ChangedSince, OrderFilter, Page, Recorded
from engine.runtime import Ids

T = TypeVar("T")

Key = tuple[int, str]
"""Microseconds and id: what lists are in the order of."""


@dataclass(slots=True)
class MemoryStore:
    """What is committed. It outlives every process."""

    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    by_client_id: dict[tuple[str, str], str] = field(default_factory=dict[tuple[str, str], str])
    in_line: list[Key] = field(default_factory=list[Key])
    """Orders, oldest first."""
    unfinished: list[Key] = field(default_factory=list[Key])
    fills: dict[str, tuple[Fill, ...]] = field(default_factory=dict[str, tuple[Fill, ...]])
    trades: dict[tuple[str, str, str, Side], str] = field(default_factory=dict[tuple[str, str, str, Side], str])
    """Account, symbol, venue trade id and side: whose fill it is."""
    steps: dict[str, list[Step]] = field(default_factory=dict[str, list[Step]])
    lists: dict[str, OrderList] = field(default_factory=dict[str, OrderList])
    events: dict[str, list[str]] = field(default_factory=dict[str, list[str]])
    """By user: which order each of their events was about."""
    outbox: dict[str, Command] = field(default_factory=dict[str, Command])
    """Commands that are not marked as published."""
    taken: dict[str, datetime] = field(default_factory=dict[str, datetime])
    """Those of them that are in a relay's hands, and until when."""


class Disk(Protocol):
    """How long it takes until something is committed, or read, and whether that fails."""

    async def write(self, work: Callable[[], T]) -> T: ...
    async def read(self, work: Callable[[], T]) -> T: ...


class InstantDisk:
    """Takes no time and never fails."""

    async def write(self, work: Callable[[], T]) -> T:
        return work()

    async def read(self, work: Callable[[], T]) -> T:
        return work()


@dataclass(frozen=True, slots=True)
class MemoryLedger:
    """`engine.ports.Ledger` on a `MemoryStore`: each call is one step that nothing comes between."""

    store: MemoryStore
    ids: Ids
    disk: Disk = field(default_factory=InstantDisk)
    committed: Callable[[Change], None] | None = None
    """Told of every change that is written."""

    # --- what changes ---

    async def record_order(self, order: Order) -> Recorded:
        change = recording(order, self.ids.new())
        return await self.disk.write(lambda: self._stored(order) or self._record(change))

    async def record_list(
        self, order_list: OrderList, orders: Sequence[Order], *, new: bool = True
    ) -> tuple[Recorded, ...]:
        lead = next((order for order in orders if order.status is OrderStatus.PENDING), None)
        changes = [recording(order, self.ids.new(), commanded=order is lead) for order in orders]

        def write() -> tuple[Recorded, ...]:
            stored = tuple(found for one in orders if (found := self._stored(one)) is not None)
            if stored:
                return stored
            if new:
                self.store.lists[order_list.id] = order_list
            return tuple(self._record(change) for change in changes)

        return await self.disk.write(write)

    async def record_replacement(
        self, order_id: str, event: AmendRequested, replacement: Order, at: datetime
    ) -> tuple[Advanced, Recorded]:
        change = recording(replacement, self.ids.new(), commanded=False)
        command_id = self.ids.new()

        def write() -> tuple[Advanced, Recorded]:
            before = self._order(order_id)
            amended = advancing(before, (), (), [event], at=at, source="desk", detail={}, command_id=command_id)
            recorded = self._record(change)
            return self._advance(before, amended), recorded

        return await self.disk.write(write)

    async def adopt_order(self, order: Order, fills: Sequence[Fill]) -> Recorded:
        change = adopting(order, fills)
        return await self.disk.write(lambda: self._stored(order) or self._record(change))

    async def update_list(self, order_list: OrderList) -> None:
        def write() -> None:
            self.store.lists[order_list.id] = order_list

        await self.disk.write(write)

    async def advance(
        self,
        order_id: str,
        events: Sequence[OrderEvent],
        at: datetime,
        *,
        new_fills: Sequence[Fill] = (),
        source: str,
        detail: Mapping[str, str] | None = None,
        notes: Sequence[Note] = (),
    ) -> Advanced:
        command_id = self.ids.new()

        def write() -> Advanced:
            before = self._order(order_id)
            known = self.store.fills.get(order_id, ())
            change = advancing(
                before,
                known,
                new_fills,
                events,
                at=at,
                source=source,
                detail=detail or {},
                command_id=command_id,
                notes=notes,
            )
            return self._advance(before, change)

        return await self.disk.write(write)

    async def advance_together(
        self, order_ids: Sequence[str], event: OrderEvent, at: datetime, *, source: str
    ) -> tuple[Advanced, ...]:
        command_id = self.ids.new()

        def write() -> tuple[Advanced, ...]:
            orders = [self._order(order_id) for order_id in order_ids]
            changes = [
                advancing(
                    order,
                    (),
                    (),
                    [event],
                    at=at,
                    source=source,
                    detail={},
                    command_id=command_id,
                    commanded=order is orders[0],
                )
                for order in orders
            ]
            return tuple(self._advance(order, change) for order, change in zip(orders, changes, strict=True))

        return await self.disk.write(write)

    async def take_unpublished(
        self, limit: int, *, before: datetime, at: datetime, until: datetime
    ) -> tuple[Command, ...]:
        def write() -> tuple[Command, ...]:
            free = [
                command
                for command in self.store.outbox.values()
                if command.created_at <= before and self.store.taken.get(command.id, at) <= at
            ][:limit]
            self.store.taken.update({command.id: until for command in free})
            return tuple(free)

        return await self.disk.write(write)

    async def put_back(self, command_ids: Sequence[str]) -> None:
        def write() -> None:
            for command_id in command_ids:
                self.store.taken.pop(command_id, None)

        await self.disk.write(write)

    async def mark_published(self, command_ids: Sequence[str], at: datetime) -> None:
        def write() -> None:
            for command_id in command_ids:
                self.store.outbox.pop(command_id, None)
                self.store.taken.pop(command_id, None)

        await self.disk.write(write)

    # --- what is ---

    async def order(self, order_id: str) -> Order | None:
        return await self.disk.read(lambda: self.store.orders.get(order_id))

    async def order_by_client_id(self, account_id: str, client_order_id: str) -> Order | None:
        def read() -> Order | None:
            return self.store.orders.get(self.store.by_client_id.get((account_id, client_order_id), ""))

        return await self.disk.read(read)

    async def order_by_venue_id(self, account_id: str, symbol: str, venue_order_id: str) -> Order | None:
        def read() -> Order | None:
            wanted = (account_id, symbol, venue_order_id)
            orders = self.store.orders.values()
            return next((one for one in orders if (one.account_id, one.symbol, one.venue_order_id) == wanted), None)

        return await self.disk.read(read)

    async def symbols_since(self, account_id: str, since: datetime) -> tuple[str, ...]:
        def read() -> tuple[str, ...]:
            orders = self.store.orders.values()
            found = Counter(one.symbol for one in orders if one.account_id == account_id and one.updated_at >= since)
            return tuple(sorted(found, key=lambda symbol: (-found[symbol], symbol))[:20])

        return await self.disk.read(read)

    async def orders(self, user_id: str, query: OrderFilter, *, cursor: str | None, limit: int) -> Page[Order]:
        before = _place("orders", cursor, limit)

        def read() -> Page[Order]:
            found: list[Order] = []
            for key in reversed(self.store.in_line):
                order = self.store.orders[key[1]]
                if order.user_id == user_id and (before is None or key < before) and _wanted(order, query):
                    found.append(order)
            last = found[limit - 1] if len(found) > limit else None
            return Page(tuple(found[:limit]), cursor_after("orders", last.created_at, last.id) if last else None)

        return await self.disk.read(read)

    async def fills(
        self, user_id: str, *, symbol: str | None, account_id: str | None, cursor: str | None, limit: int
    ) -> Page[Fill]:
        before = _place("fills", cursor, limit)

        def read() -> Page[Fill]:
            found = [
                fill
                for order_id, fills in self.store.fills.items()
                if self.store.orders[order_id].user_id == user_id
                for fill in fills
                if symbol in {None, fill.symbol} and account_id in {None, fill.account_id}
                if before is None or _key_of(fill) < before
            ]
            found.sort(key=_key_of, reverse=True)
            last = found[limit - 1] if len(found) > limit else None
            return Page(tuple(found[:limit]), cursor_after("fills", last.time, last.id) if last else None)

        return await self.disk.read(read)

    async def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        return await self.disk.read(lambda: self.store.fills.get(order_id, ()))

    async def fills_of_account(self, account_id: str, after: Fill | None, limit: int) -> tuple[Fill, ...]:
        def read() -> tuple[Fill, ...]:
            fills = (one for known in self.store.fills.values() for one in known if one.account_id == account_id)
            found = sorted((one for one in fills if after is None or _key_of(one) > _key_of(after)), key=_key_of)
            return tuple(found[:limit])

        return await self.disk.read(read)

    async def count_fills(self, account_id: str) -> int:
        return len(await self.fills_of_account(account_id, None, sys.maxsize))

    async def order_list(self, list_id: str) -> tuple[OrderList, tuple[Order, ...]] | None:
        def read() -> tuple[OrderList, tuple[Order, ...]] | None:
            found = self.store.lists.get(list_id)
            if found is None:
                return None
            return found, tuple(order for order in self.store.orders.values() if order.list_id == list_id)

        return await self.disk.read(read)

    async def lists_not_over(self) -> tuple[OrderList, ...]:
        return await self.disk.read(
            lambda: tuple(one for one in self.store.lists.values() if one.status not in LISTS_OVER)
        )

    async def held(self) -> tuple[Order, ...]:
        return tuple(order for order in await self.unfinished() if order.status is OrderStatus.HELD)

    async def timeline(self, order_id: str) -> tuple[TimelineEntry, ...]:
        def read() -> tuple[TimelineEntry, ...]:
            steps = self.store.steps.get(order_id, ())
            return tuple(
                TimelineEntry(one.at, one.event, one.after, {"source": one.source} | orjson.loads(one.detail), one.hash)
                for one in steps
            )

        return await self.disk.read(read)

    async def unfinished(self, account_id: str | None = None) -> tuple[Order, ...]:
        def read() -> tuple[Order, ...]:
            orders = (self.store.orders[order_id] for _, order_id in self.store.unfinished)
            return tuple(order for order in orders if account_id in {None, order.account_id})

        return await self.disk.read(read)

    async def sequence(self, user_id: str) -> int:
        return await self.disk.read(lambda: len(self.store.events.get(user_id, ())))

    async def changed_since(self, user_id: str, sequence: int, limit: int) -> ChangedSince | None:
        def read() -> ChangedSince | None:
            events = self.store.events.get(user_id, [])
            touched = {order_id: number for number, order_id in enumerate(events, 1) if number > sequence}
            if sequence > len(events) or len(touched) > limit:
                return None
            newest = sorted(touched.items(), key=lambda pair: pair[1])
            return ChangedSince(len(events), tuple(self._as_it_is(order_id, number) for order_id, number in newest))

        return await self.disk.read(read)

    async def unpublished(self, limit: int) -> tuple[Command, ...]:
        return await self.disk.read(lambda: tuple(self.store.outbox.values())[:limit])

    # --- inside a transaction ---

    def _order(self, order_id: str) -> Order:
        return self.store.orders[order_id]

    def _stored(self, order: Order) -> Recorded | None:
        known = self.store.by_client_id.get((order.account_id, order.client_order_id))
        return None if known is None else Recorded(self._order(known), created=False, command=None, change=None)

    def _record(self, change: Change) -> Recorded:
        order, store = change.order, self.store
        self._refuse_fills_of_others(change)
        store.by_client_id[order.account_id, order.client_order_id] = order.id
        insort(store.in_line, (to_micros(order.created_at), order.id))
        if not order.finished:
            insort(store.unfinished, (to_micros(order.created_at), order.id))
        told = self._write_down(change)
        return Recorded(order, created=True, command=change.command, change=told)

    def _advance(self, before: Order, change: Change) -> Advanced:
        if not change.steps:
            return Advanced(before, None)
        self._refuse_fills_of_others(change)
        if change.order.finished != before.finished:
            key = (to_micros(before.created_at), before.id)
            if change.order.finished:
                self.store.unfinished.remove(key)
            else:
                insort(self.store.unfinished, key)
        return Advanced(change.order, self._write_down(change), change.command)

    def _refuse_fills_of_others(self, change: Change) -> None:
        for fill in change.new_fills:
            if _trade_of(fill) in self.store.trades:
                side = fill.side.value
                raise ValueError(
                    f"trade {fill.venue_trade_id} of {fill.symbol} is a fill of another {side} order already"
                )

    def _write_down(self, change: Change) -> OrderChanged | None:
        order, store = change.order, self.store
        if self.committed is not None:
            self.committed(change)
        store.orders[order.id] = order
        store.steps.setdefault(order.id, []).extend(change.steps)
        if change.new_fills:
            known = store.fills.get(order.id, ())
            store.fills[order.id] = in_order_of_time([*known, *change.new_fills])
            store.trades.update({_trade_of(fill): order.id for fill in change.new_fills})
        if change.command is not None:
            store.outbox[change.command.id] = change.command
        if not change.visible:
            return None
        events = store.events.setdefault(order.user_id, [])
        events.append(order.id)
        return OrderChanged(len(events), order.user_id, order, change.new_fills)

    def _as_it_is(self, order_id: str, number: int) -> OrderChanged:
        order = self._order(order_id)
        return OrderChanged(number, order.user_id, order, self.store.fills.get(order_id, ()))


def _place(kind: str, cursor: str | None, limit: int) -> Key | None:
    if not 1 <= limit <= LONGEST_PAGE:
        raise ValueError(f"limit must be from 1 to {LONGEST_PAGE}")
    return None if cursor is None else place_of(kind, cursor)


def _wanted(order: Order, query: OrderFilter) -> bool:
    return (
        query.symbol in {None, order.symbol}
        and query.account_id in {None, order.account_id}
        and (not query.statuses or order.status in query.statuses)
        and not (query.open_only and order.finished)
    )


def _key_of(fill: Fill) -> Key:
    return to_micros(fill.time), fill.id


def _trade_of(fill: Fill) -> tuple[str, str, str, Side]:
    return fill.account_id, fill.symbol, fill.venue_trade_id, fill.side
