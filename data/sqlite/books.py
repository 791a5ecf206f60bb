"""The ledger's books in SQLite: what a batch wants is read by few statements, its rows are written table by table."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from data.books import INSERTED, ORDER_UPDATED, WRITER_UPDATED, Books, Entries, Wanted
from data.rows import FILL_COLUMNS, ORDER_COLUMNS, fill_of, order_of
from data.statements import insert, select, update
from engine.domain.values import Side

# Many keys come as one JSON text, so that the driver prepares each statement once for any number of them.
IDS = "(SELECT value FROM json_each(?))"
PAIRS = "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]') FROM json_each(?))"
TRIPLES = (
    "(SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), json_extract(value, '$[2]') FROM json_each(?))"
)
ORDERS = select(ORDER_COLUMNS, "orders", f"WHERE id IN {IDS}")
ORDERS_BY_CLIENT_ID = select(ORDER_COLUMNS, "orders", f"WHERE (account_id, client_order_id) IN {PAIRS}")
FILLS = select(FILL_COLUMNS, "fills", f"WHERE order_id IN {IDS} ORDER BY time, length(venue_trade_id), venue_trade_id")
OWNERS = select(
    ("account_id", "symbol", "venue_trade_id", "side", "order_id"),
    "fills",
    f"WHERE (account_id, symbol, venue_trade_id) IN {TRIPLES}",
)
OPEN_WRITER = insert("writers", ("id", "started_at", "number", "hash"), "ON CONFLICT (id) DO NOTHING")
WRITER = select(("number", "hash"), "writers", "WHERE id = ?")

INSERTS = {table: insert(table, columns) for table, columns in INSERTED.items()}
UPDATE_ORDER = update("orders", ORDER_UPDATED[:-1], f"WHERE {ORDER_UPDATED[-1]} = ?")
UPDATE_WRITER = update("writers", WRITER_UPDATED[:-1], f"WHERE {WRITER_UPDATED[-1]} = ?")
COUNT_ON = insert(
    "sequences",
    ("user_id", "sequence"),
    "ON CONFLICT (user_id) DO UPDATE SET sequence = sequences.sequence + excluded.sequence RETURNING sequence",
)
INSERT_EVENT = insert("events", ("user_id", "sequence", "order_id"))


def read_books(connection: sqlite3.Connection, wanted: Wanted) -> Books:
    """The write lock is held: nothing read here can change before the commit."""
    books = Books()
    if wanted.orders:
        books.add_orders(order_of(row) for row in connection.execute(ORDERS, _json(wanted.orders)))
    if wanted.client_ids:
        books.add_orders(order_of(row) for row in connection.execute(ORDERS_BY_CLIENT_ID, _json(wanted.client_ids)))
    if wanted.fills:
        books.add_fills(fill_of(row) for row in connection.execute(FILLS, _json(wanted.fills)))
    if wanted.trades:
        for account_id, symbol, trade_id, side, order_id in connection.execute(OWNERS, _json(wanted.trades)):
            books.owners[(account_id, symbol, trade_id), Side(side)] = order_id
    for writer, began in wanted.writers.items():
        number, end = connection.execute(WRITER, (writer,)).fetchone() or (None, "")
        if number is None:
            connection.execute(OPEN_WRITER, (writer, began, 0, ""))
        books.writers[writer] = (number or 0, end)
    return books


def write_entries(connection: sqlite3.Connection, entries: Entries) -> Mapping[str, int]:
    """Write every row; each user's last event number afterwards."""
    connection.executemany(UPDATE_ORDER, entries.updated())
    for table, rows in entries.inserted.items():
        if rows:
            connection.executemany(INSERTS[table], rows)
    connection.executemany(UPDATE_WRITER, entries.ends())
    newest: dict[str, int] = {}
    for user_id, count in entries.events_by_user().items():
        ((newest[user_id],),) = connection.execute(COUNT_ON, (user_id, count)).fetchall()
    connection.executemany(INSERT_EVENT, entries.numbered(newest))
    return newest


def _json(keys: Iterable[Any]) -> tuple[str]:
    return (orjson.dumps([*keys]).decode(),)
