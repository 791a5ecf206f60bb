"""The ledger on SQL: orders, fills, outbox, timeline and event numbers, written together or not at all."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.chains import writer_hash
from data.changes import Change, adopting, advancing, recording
from data.cursors import cursor_after, place_of
from data.database import Database
from data.events import changed_since
from data.rows import (
    FILL_COLUMNS,
    ORDER_COLUMNS,
    SqlValue,
    command_of,
    command_values,
    fill_of,
    fill_values,
    list_changing_values,
    list_of,
    list_values,
    order_changing_values,
    order_of,
    order_values,
    timeline_entry_of,
    to_micros,
)
from data.statements import (
    FILLS_OF,
    FILLS_OF_ACCOUNT,
    INSERT_AUDIT,
    INSERT_COMMAND,
    INSERT_EVENT,
    INSERT_FILL,
    INSERT_LIST,
    INSERT_ORDER,
    LIST_BY_ID,
    LISTS_NOT_OVER,
    MARK_PUBLISHED,
    NEXT_SEQUENCE,
    OF_LIST,
    ORDER_BY_CLIENT_ID,
    ORDER_BY_ID,
    SEQUENCE,
    SET_WRITER,
    TIMELINE,
    UNFINISHED,
    UNFINISHED_OF_ACCOUNT,
    UNPUBLISHED,
    UPDATE_LIST,
    UPDATE_ORDER,
    WRITER,
    newest_first,
)
from engine.domain.fills import Fill
from engine.domain.messages import Command, Note, OrderChanged, TimelineEntry
from engine.domain.order import AmendRequested, Order, OrderEvent
from engine.domain.order_list import OrderList
from engine.ports import Advanced, ChangedSince, OrderFilter, Page, Recorded
from engine.runtime import Ids

LONGEST_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class SqlLedger:
    """`engine.ports.Ledger` on a `Database`. Ids are drawn before the transaction, never in the writer's thread.

    `advance` also raises ValueError for a fill that does not belong to the order; `orders` and `fills` for a limit
    that is not from 1 to `LONGEST_PAGE`. Every call may raise DatabaseError and Unavailable (see `Database`).
    """

    database: Database
    ids: Ids
    writer: str = "desk"
    """This process in the audit log: the name of its chain."""

    # --- what changes ---

    async def record_order(self, order: Order) -> Recorded:
        change = recording(order, self.ids.new())

        def write(connection: sqlite3.Connection) -> Recorded:
            stored = _order(connection, ORDER_BY_CLIENT_ID, order.account_id, order.client_order_id)
            if stored is not None:
                return Recorded(stored, created=False, command=None, change=None)
            return self._record(connection, change)

        return await self.database.write(write)

    async def record_list(self, order_list: OrderList, orders: Sequence[Order]) -> tuple[Recorded, ...]:
        changes = [recording(order, self.ids.new(), commanded=number == 0) for number, order in enumerate(orders)]

        def write(connection: sqlite3.Connection) -> tuple[Recorded, ...]:
            stored = [_order(connection, ORDER_BY_CLIENT_ID, one.account_id, one.client_order_id) for one in orders]
            if any(stored):
                return tuple(Recorded(one, False, None, None) for one in stored if one is not None)
            connection.execute(INSERT_LIST, list_values(order_list))
            return tuple(self._record(connection, change) for change in changes)

        return await self.database.write(write)

    async def record_replacement(
        self, order_id: str, event: AmendRequested, replacement: Order, at: datetime
    ) -> tuple[Advanced, Recorded]:
        change = recording(replacement, self.ids.new(), commanded=False)
        command_id = self.ids.new()

        def write(connection: sqlite3.Connection) -> tuple[Advanced, Recorded]:
            recorded = self._record(connection, change)
            advanced = self._advance(connection, order_id, [event], at, command_id, source="desk")
            return advanced, recorded

        return await self.database.write(write)

    async def adopt_order(self, order: Order, fills: Sequence[Fill]) -> Recorded:
        change = adopting(order, fills)

        def write(connection: sqlite3.Connection) -> Recorded:
            stored = _order(connection, ORDER_BY_CLIENT_ID, order.account_id, order.client_order_id)
            if stored is not None:
                return Recorded(stored, created=False, command=None, change=None)
            return self._record(connection, change)

        return await self.database.write(write)

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

        def write(connection: sqlite3.Connection) -> Advanced:
            return self._advance(
                connection,
                order_id,
                events,
                at,
                command_id,
                source=source,
                new_fills=new_fills,
                detail=detail,
                notes=notes,
            )

        return await self.database.write(write)

    async def update_list(self, order_list: OrderList) -> None:
        def write(connection: sqlite3.Connection) -> None:
            connection.execute(UPDATE_LIST, (*list_changing_values(order_list), order_list.id))

        await self.database.write(write)

    async def mark_published(self, command_ids: Sequence[str], at: datetime) -> None:
        marks = [(to_micros(at), command_id) for command_id in command_ids]

        def write(connection: sqlite3.Connection) -> None:
            connection.executemany(MARK_PUBLISHED, marks)

        await self.database.write(write)

    # --- what is ---

    async def order(self, order_id: str) -> Order | None:
        return await self.database.read(lambda connection: _order(connection, ORDER_BY_ID, order_id))

    async def order_by_client_id(self, account_id: str, client_order_id: str) -> Order | None:
        return await self.database.read(
            lambda connection: _order(connection, ORDER_BY_CLIENT_ID, account_id, client_order_id)
        )

    async def orders(self, user_id: str, query: OrderFilter, *, cursor: str | None, limit: int) -> Page[Order]:
        conditions: dict[str, Sequence[SqlValue]] = {"user_id = ?": (user_id,)}
        if query.symbol is not None:
            conditions["symbol = ?"] = (query.symbol,)
        if query.account_id is not None:
            conditions["account_id = ?"] = (query.account_id,)
        if query.statuses:
            statuses = sorted(status.value for status in query.statuses)
            conditions[f"status IN ({', '.join('?' * len(statuses))})"] = statuses
        if query.open_only:
            conditions["finished = 0"] = ()
        rows = await self._newest("orders", ORDER_COLUMNS, "created_at", conditions, cursor, limit)
        found = [order_of(row) for row in rows]
        last = found[limit - 1] if len(found) > limit else None
        return Page(tuple(found[:limit]), cursor_after("orders", last.created_at, last.id) if last else None)

    async def fills(
        self, user_id: str, *, symbol: str | None, account_id: str | None, cursor: str | None, limit: int
    ) -> Page[Fill]:
        conditions: dict[str, Sequence[SqlValue]] = {"user_id = ?": (user_id,)}
        if symbol is not None:
            conditions["symbol = ?"] = (symbol,)
        if account_id is not None:
            conditions["account_id = ?"] = (account_id,)
        rows = await self._newest("fills", FILL_COLUMNS, "time", conditions, cursor, limit)
        found = [fill_of(row) for row in rows]
        last = found[limit - 1] if len(found) > limit else None
        return Page(tuple(found[:limit]), cursor_after("fills", last.time, last.id) if last else None)

    async def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        return await self.database.read(lambda connection: _fills_of(connection, order_id))

    async def fills_of_account(self, account_id: str, after: Fill | None, limit: int) -> tuple[Fill, ...]:
        place = (0, "") if after is None else (to_micros(after.time), after.id)
        return tuple(fill_of(row) for row in await self._rows(FILLS_OF_ACCOUNT, account_id, *place, limit))

    async def order_list(self, list_id: str) -> tuple[OrderList, tuple[Order, ...]] | None:
        def query(connection: sqlite3.Connection) -> tuple[OrderList, tuple[Order, ...]] | None:
            row = connection.execute(LIST_BY_ID, (list_id,)).fetchone()
            if row is None:
                return None
            return list_of(row), tuple(order_of(one) for one in connection.execute(OF_LIST, (list_id,)))

        return await self.database.read(query)

    async def lists_not_over(self) -> tuple[OrderList, ...]:
        return tuple(list_of(row) for row in await self._rows(LISTS_NOT_OVER))

    async def timeline(self, order_id: str) -> tuple[TimelineEntry, ...]:
        rows = await self._rows(TIMELINE, order_id)
        return tuple(timeline_entry_of(row) for row in rows)

    async def unfinished(self, account_id: str | None = None) -> tuple[Order, ...]:
        if account_id is None:
            rows = await self._rows(UNFINISHED)
        else:
            rows = await self._rows(UNFINISHED_OF_ACCOUNT, account_id)
        return tuple(order_of(row) for row in rows)

    async def sequence(self, user_id: str) -> int:
        rows = await self._rows(SEQUENCE, user_id)
        return rows[0][0] if rows else 0

    async def changed_since(self, user_id: str, sequence: int, limit: int) -> ChangedSince | None:
        return await self.database.read(lambda connection: changed_since(connection, user_id, sequence, limit))

    async def unpublished(self, limit: int) -> tuple[Command, ...]:
        return tuple(command_of(row) for row in await self._rows(UNPUBLISHED, limit))

    async def _rows(self, statement: str, *values: SqlValue) -> list[tuple[Any, ...]]:
        return await self.database.read(lambda connection: connection.execute(statement, values).fetchall())

    async def _newest(
        self,
        table: str,
        columns: Sequence[str],
        time_column: str,
        conditions: Mapping[str, Sequence[SqlValue]],
        cursor: str | None,
        limit: int,
    ) -> list[tuple[Any, ...]]:
        """A page's rows, newest first, and one more when there is more. ValueError for a bad cursor or limit."""
        if not 1 <= limit <= LONGEST_PAGE:
            raise ValueError(f"limit must be from 1 to {LONGEST_PAGE}")
        where = dict(conditions)
        if cursor is not None:
            where[f"({time_column}, id) < (?, ?)"] = place_of(table, cursor)
        statement, values = newest_first(columns, table, time_column, where)
        return await self._rows(statement, *values, limit + 1)

    # --- inside a transaction ---

    def _record(self, connection: sqlite3.Connection, change: Change) -> Recorded:
        connection.execute(INSERT_ORDER, order_values(change.order))
        told = self._write_down(connection, change)
        return Recorded(change.order, created=True, command=change.command, change=told)

    def _advance(
        self,
        connection: sqlite3.Connection,
        order_id: str,
        events: Sequence[OrderEvent],
        at: datetime,
        command_id: str,
        *,
        source: str,
        new_fills: Sequence[Fill] = (),
        detail: Mapping[str, str] | None = None,
        notes: Sequence[Note] = (),
    ) -> Advanced:
        order = _order(connection, ORDER_BY_ID, order_id)
        if order is None:
            raise KeyError(order_id)
        known = _fills_of(connection, order_id) if new_fills else ()
        change = advancing(
            order,
            known,
            new_fills,
            events,
            at=at,
            source=source,
            detail=detail or {},
            command_id=command_id,
            notes=notes,
        )
        if not change.steps:
            return Advanced(order, None)
        connection.execute(UPDATE_ORDER, (*order_changing_values(change.order), order_id))
        return Advanced(change.order, self._write_down(connection, change), change.command)

    def _write_down(self, connection: sqlite3.Connection, change: Change) -> OrderChanged | None:
        """Everything that goes with the order's own row; the user's next event, unless only notes were added."""
        order = change.order
        self._write_lines(connection, change)
        for fill in change.new_fills:
            _insert_fill(connection, order, fill)
        if change.command is not None:
            connection.execute(INSERT_COMMAND, command_values(change.command))
        if not change.visible:
            return None
        ((sequence,),) = connection.execute(NEXT_SEQUENCE, (order.user_id,)).fetchall()
        connection.execute(INSERT_EVENT, (order.user_id, sequence, order.id))
        return OrderChanged(sequence, order.user_id, order, change.new_fills)

    def _write_lines(self, connection: sqlite3.Connection, change: Change) -> None:
        """The steps as audit lines, chained onto the newest line of this writer."""
        number, end = connection.execute(WRITER, (self.writer,)).fetchone() or (0, "")
        order = change.order
        lines: list[tuple[SqlValue, ...]] = []
        for step in change.steps:
            number += 1
            end = writer_hash(end, number, step.hash)
            before = step.before.value if step.before else None
            lines.append(
                (
                    to_micros(step.at),
                    step.source,
                    order.user_id,
                    order.id,
                    step.event,
                    before,
                    step.after.value,
                    step.detail,
                    step.hash,
                    self.writer,
                    number,
                    end,
                )
            )
        connection.executemany(INSERT_AUDIT, lines)
        connection.execute(SET_WRITER, (self.writer, to_micros(order.updated_at), number, end))


def _insert_fill(connection: sqlite3.Connection, order: Order, fill: Fill) -> None:
    try:
        connection.execute(INSERT_FILL, (*fill_values(fill), order.user_id))
    except sqlite3.IntegrityError as error:
        raise ValueError(
            f"trade {fill.venue_trade_id} of {fill.symbol} is a fill of another {order.side.value} order already"
        ) from error


def _order(connection: sqlite3.Connection, statement: str, *key: SqlValue) -> Order | None:
    row = connection.execute(statement, key).fetchone()
    return None if row is None else order_of(row)


def _fills_of(connection: sqlite3.Connection, order_id: str) -> tuple[Fill, ...]:
    return tuple(fill_of(row) for row in connection.execute(FILLS_OF, (order_id,)))
