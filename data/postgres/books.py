"""The ledger's books in PostgreSQL: what a batch wants is asked for in one go, its rows are written in another.

Rows travel as one JSON text a table and become rows by the table's own type: columns are declared nowhere but in
`data.tables` and the migrations, and one prepared statement takes any number of rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from data.books import INSERTED, ORDER_UPDATED, WRITER_UPDATED, Books, Entries, Wanted
from data.connection import Rows
from data.postgres.session import Session
from data.rows import FILL_COLUMNS, ORDER_COLUMNS, Values, fill_of, order_of
from data.statements import select
from engine.domain.values import Side

# Plans are kept while tables grow, so each statement leaves no other way than by its keys: an array of ids, or a
# look-up for each key, which the fence (OFFSET 0) keeps from becoming a join.
IDS = "ANY (ARRAY(SELECT json_array_elements_text(?::json)))"
EACH_KEY = "FROM json_array_elements(?::json) AS key CROSS JOIN LATERAL"
# Locked in the order of ids, as by every other process: two batches wait for each other never in a circle.
ORDERS = select(ORDER_COLUMNS, "orders", f"WHERE id = {IDS} ORDER BY id FOR NO KEY UPDATE")
ORDERS_BY_CLIENT_ID = " ".join(
    [
        f"SELECT one.* {EACH_KEY} (",
        select(ORDER_COLUMNS, "orders", "WHERE account_id = key ->> 0 AND client_order_id = key ->> 1 OFFSET 0"),
        ") AS one",
    ]
)
FILLS = select(FILL_COLUMNS, "fills", f"WHERE order_id = {IDS} ORDER BY time, length(venue_trade_id), venue_trade_id")
OWNERS = " ".join(
    [
        f"SELECT one.* {EACH_KEY} (",
        select(
            ("account_id", "symbol", "venue_trade_id", "side", "order_id"),
            "fills",
            "WHERE account_id = key ->> 0 AND symbol = key ->> 1 AND venue_trade_id = key ->> 2 OFFSET 0",
        ),
        ") AS one",
    ]
)


def insert_many(table: str, columns: Sequence[str], rest: str = "") -> str:
    names = ", ".join(columns)
    return " ".join(["INSERT INTO", table, f"({names}) SELECT {names} FROM", rows_for(table), rest])


def update_many(table: str, columns: Sequence[str], key: str) -> str:
    """Takes the rows, then their keys."""
    changes = ", ".join(f"{column} = new.{column}" for column in columns)
    same = f"{table}.{key} = new.{key} AND {table}.{key} = {IDS}"
    return " ".join(["UPDATE", table, "SET", changes, "FROM", rows_for(table), "AS new WHERE", same])


def rows_for(table: str) -> str:
    return f"json_populate_recordset(NULL::{table}, ?::json)"


INSERTS = {table: insert_many(table, columns) for table, columns in INSERTED.items()}
UPDATE_ORDERS = update_many("orders", ORDER_UPDATED[:-1], ORDER_UPDATED[-1])
UPDATE_WRITERS = update_many("writers", WRITER_UPDATED[:-1], WRITER_UPDATED[-1])
# Takes the writers' rows, or makes them; what it sets is what it is.
WRITERS = insert_many(
    "writers",
    ("id", "started_at", "number", "hash"),
    "ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING id, number, hash",
)
COUNT_ON = insert_many(
    "sequences",
    ("user_id", "sequence"),
    "ON CONFLICT (user_id) DO UPDATE SET sequence = sequences.sequence + excluded.sequence RETURNING user_id, sequence",
)
# An event comes with how many of its user's events come after it, and gets its number here.
TELL = " ".join(
    [
        *("WITH counted AS (", COUNT_ON, ") INSERT INTO events (user_id, sequence, order_id)"),
        "SELECT new.user_id, counted.sequence - new.sequence, new.order_id FROM",
        *(rows_for("events"), "AS new JOIN counted ON counted.user_id = new.user_id RETURNING user_id, sequence"),
    ]
)
UNIQUE = {"orders": ("account_id", "client_order_id"), "fills": ("account_id", "symbol", "venue_trade_id", "side")}
"""Rows of these tables are inserted in the order of their keys: who comes second waits for the first, in no circle."""


@dataclass(frozen=True, slots=True)
class AskedFor:
    """Answers that are on their way."""

    orders: Rows | None
    by_client_id: Rows | None
    fills: Rows | None
    owners: Rows | None
    writers: Rows

    def books(self) -> Books:
        books = Books()
        books.add_orders(order_of(row) for row in self.orders or ())
        books.add_orders(order_of(row) for row in self.by_client_id or ())
        books.add_fills(fill_of(row) for row in self.fills or ())
        for account_id, symbol, trade_id, side, order_id in self.owners or ():
            books.owners[(account_id, symbol, trade_id), Side(side)] = order_id
        books.writers.update((writer, (number, end)) for writer, number, end in self.writers)
        return books


def ask_for_books(session: Session, wanted: Wanted) -> AskedFor:
    """Inside a transaction. Each statement sees what was committed before it: fills are read once their order is
    locked, so that none of another process's is missed."""

    def rows(statement: str, keys: set[Any]) -> Rows | None:
        return session.execute(statement, (_json([*keys]),)) if keys else None

    begun = [(writer, at, 0, "") for writer, at in wanted.writers.items()]
    writers = session.execute(WRITERS, (_rows(("id", "started_at", "number", "hash"), begun, ("id",)),))
    return AskedFor(
        rows(ORDERS, wanted.orders),
        rows(ORDERS_BY_CLIENT_ID, wanted.client_ids),
        rows(FILLS, wanted.fills),
        rows(OWNERS, wanted.trades),
        writers,
    )


def write_entries(session: Session, entries: Entries) -> Rows | None:
    """Write every row. The answer has user and number of each event, if there are any.

    Event numbers come last: their locks, which all of a user's orders share, are held for the commit only.
    """
    changed = entries.updated()
    if changed:
        session.execute(UPDATE_ORDERS, (_rows(ORDER_UPDATED, changed), _json([row[-1] for row in changed])))
    for table, rows in entries.inserted.items():
        if rows:
            session.execute(INSERTS[table], (_rows(INSERTED[table], rows, UNIQUE.get(table, ())),))
    ends = entries.ends()
    session.execute(UPDATE_WRITERS, (_rows(WRITER_UPDATED, ends), _json([row[-1] for row in ends])))
    if not entries.events:
        return None
    left = dict(entries.events_by_user())
    counts = _rows(("user_id", "sequence"), [*left.items()], ("user_id",))
    events: list[Values] = []
    for user_id, order_id in entries.events:
        left[user_id] -= 1
        events.append((user_id, left[user_id], order_id))
    return session.execute(TELL, (counts, _rows(("user_id", "sequence", "order_id"), events)))


def newest_by_user(events: Rows | None) -> Mapping[str, int]:
    """Each user's last event number, from the answer of `write_entries`."""
    newest: dict[str, int] = {}
    for user_id, sequence in events or ():
        newest[user_id] = max(sequence, newest.get(user_id, 0))
    return newest


def _rows(columns: Sequence[str], rows: Sequence[Values], key: Sequence[str] = ()) -> str:
    named: list[Mapping[str, Any]] = [dict(zip(columns, row, strict=True)) for row in rows]
    return _json(sorted(named, key=lambda row: [row[column] for column in key]) if key else named)


def _json(value: Sequence[Any]) -> str:
    return orjson.dumps(value).decode()
