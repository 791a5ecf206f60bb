"""The ledger on SQL: orders, fills, outbox, timeline and event numbers, written together or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from data.changes import adopting, recording
from data.connection import Connection
from data.cursors import cursor_after, place_of
from data.database import Database
from data.events import changed_since
from data.operations import Advance, AdvanceTogether, RecordList, RecordOrder, RecordReplacement
from data.rows import (
    FILL_COLUMNS,
    ORDER_COLUMNS,
    SqlValue,
    command_of,
    fill_of,
    list_changing_values,
    list_of,
    order_of,
    timeline_entry_of,
    to_micros,
)
from data.statements import (
    COUNT_FILLS,
    FILLS_OF,
    FILLS_OF_ACCOUNT,
    HELD,
    LIST_BY_ID,
    LISTS_NOT_OVER,
    MARK_PUBLISHED,
    OF_LIST,
    ORDER_BY_CLIENT_ID,
    ORDER_BY_ID,
    ORDER_BY_VENUE_ID,
    PUT_BACK,
    SEQUENCE,
    SYMBOLS_SINCE,
    TAKE_UNPUBLISHED,
    TIMELINE,
    UNFINISHED,
    UNFINISHED_OF_ACCOUNT,
    UNPUBLISHED,
    UPDATE_LIST,
    newest_first,
)
from engine.domain.fills import Fill
from engine.domain.messages import Command, Note, TimelineEntry
from engine.domain.order import AmendRequested, Order, OrderEvent, OrderStatus
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
        return await self.database.carry_out(RecordOrder(recording(order, self.ids.new()), self.writer))

    async def record_list(
        self, order_list: OrderList, orders: Sequence[Order], *, new: bool = True
    ) -> tuple[Recorded, ...]:
        lead = next((order for order in orders if order.status is OrderStatus.PENDING), None)
        changes = [recording(order, self.ids.new(), commanded=order is lead) for order in orders]
        return await self.database.carry_out(RecordList(order_list if new else None, tuple(changes), self.writer))

    async def record_replacement(
        self, order_id: str, event: AmendRequested, replacement: Order, at: datetime
    ) -> tuple[Advanced, Recorded]:
        change = recording(replacement, self.ids.new(), commanded=False)
        replaced = self._advance(order_id, [event], at, source="desk")
        return await self.database.carry_out(RecordReplacement(change, replaced, self.writer))

    async def adopt_order(self, order: Order, fills: Sequence[Fill]) -> Recorded:
        return await self.database.carry_out(RecordOrder(adopting(order, fills), self.writer))

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
        operation = self._advance(
            order_id, events, at, new_fills=new_fills, source=source, detail=detail or {}, notes=notes
        )
        return await self.database.carry_out(operation)

    async def advance_together(
        self, order_ids: Sequence[str], event: OrderEvent, at: datetime, *, source: str
    ) -> tuple[Advanced, ...]:
        advances = tuple(
            self._advance(order_id, [event], at, source=source, commanded=number == 0)
            for number, order_id in enumerate(order_ids)
        )
        return await self.database.carry_out(AdvanceTogether(advances, self.writer))

    async def update_list(self, order_list: OrderList) -> None:
        values = (*list_changing_values(order_list), order_list.id)
        await self.database.write(lambda connection: connection.execute(UPDATE_LIST, values).rowcount, alone=False)

    async def take_unpublished(
        self, limit: int, *, before: datetime, at: datetime, until: datetime
    ) -> tuple[Command, ...]:
        values = (to_micros(before), to_micros(at), limit, to_micros(until))
        rows = await self.database.write(
            lambda connection: connection.execute(TAKE_UNPUBLISHED, values).fetchall(), alone=False
        )
        return tuple(command_of(row) for row in sorted(rows, key=lambda row: row[-1]))

    async def put_back(self, command_ids: Sequence[str]) -> None:
        await self._mark(PUT_BACK, None, command_ids)

    async def mark_published(self, command_ids: Sequence[str], at: datetime) -> None:
        await self._mark(MARK_PUBLISHED, to_micros(at), command_ids)

    # --- what is ---

    async def order(self, order_id: str) -> Order | None:
        return await self.database.read(lambda connection: _order(connection, ORDER_BY_ID, order_id))

    async def order_by_client_id(self, account_id: str, client_order_id: str) -> Order | None:
        return await self.database.read(
            lambda connection: _order(connection, ORDER_BY_CLIENT_ID, account_id, client_order_id)
        )

    async def order_by_venue_id(self, account_id: str, symbol: str, venue_order_id: str) -> Order | None:
        return await self.database.read(
            lambda connection: _order(connection, ORDER_BY_VENUE_ID, account_id, venue_order_id, symbol)
        )

    async def symbols_since(self, account_id: str, since: datetime) -> tuple[str, ...]:
        return tuple(row[0] for row in await self._rows(SYMBOLS_SINCE, account_id, to_micros(since)))

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
            conditions["finished = FALSE"] = ()
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

    async def count_fills(self, account_id: str) -> int:
        ((count,),) = await self._rows(COUNT_FILLS, account_id)
        return count

    async def order_list(self, list_id: str) -> tuple[OrderList, tuple[Order, ...]] | None:
        def query(connection: Connection) -> tuple[OrderList, tuple[Order, ...]] | None:
            row = connection.execute(LIST_BY_ID, (list_id,)).fetchone()
            if row is None:
                return None
            return list_of(row), tuple(order_of(one) for one in connection.execute(OF_LIST, (list_id,)))

        return await self.database.read(query)

    async def lists_not_over(self) -> tuple[OrderList, ...]:
        return tuple(list_of(row) for row in await self._rows(LISTS_NOT_OVER))

    async def held(self) -> tuple[Order, ...]:
        return tuple(order_of(row) for row in await self._rows(HELD))

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

    def _advance(
        self,
        order_id: str,
        events: Sequence[OrderEvent],
        at: datetime,
        *,
        source: str,
        new_fills: Sequence[Fill] = (),
        detail: Mapping[str, str] | None = None,
        notes: Sequence[Note] = (),
        commanded: bool = True,
    ) -> Advance:
        return Advance(
            order_id,
            events,
            at,
            new_fills,
            source,
            detail or {},
            notes,
            command_id=self.ids.new(),
            writer=self.writer,
            commanded=commanded,
        )

    async def _mark(self, statement: str, mark: int | None, command_ids: Sequence[str]) -> None:
        """In the order of ids, as every other process does: two never wait for each other in a circle."""
        marks = [(mark, command_id) for command_id in sorted(command_ids)]
        await self.database.write(lambda connection: connection.executemany(statement, marks), alone=False)

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


def _order(connection: Connection, statement: str, *key: SqlValue) -> Order | None:
    row = connection.execute(statement, key).fetchone()
    return None if row is None else order_of(row)


def _fills_of(connection: Connection, order_id: str) -> tuple[Fill, ...]:
    return tuple(fill_of(row) for row in connection.execute(FILLS_OF, (order_id,)))
