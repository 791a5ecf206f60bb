"""What is really stored, seen past the program by a connection of the test's own."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg

from tests.serving import wait_until


def rows_in(address: str | Path, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement on a SQLite file or a PostgreSQL address."""
    if isinstance(address, Path):
        with closing(sqlite3.connect(address)) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()


def half_done(address: str | Path) -> Iterator[str]:
    """Everything that does not go together, where each order was recorded and advanced but had no notes: its version
    counts its timeline, its fills make its quantity, a user's events count on without a gap, every chain holds."""
    lines = Counter(order_id for (order_id,) in rows_in(address, "SELECT order_id FROM audit"))
    commands = Counter(order_id for (order_id,) in rows_in(address, "SELECT order_id FROM outbox"))
    filled: defaultdict[str, Decimal] = defaultdict(Decimal)
    for order_id, quantity in rows_in(address, "SELECT order_id, quantity FROM fills"):
        filled[order_id] += Decimal(quantity)
    for order_id, version, quantity in rows_in(address, "SELECT id, version, filled_quantity FROM orders"):
        if lines[order_id] != version:
            yield f"{order_id} is at version {version} with {lines[order_id]} lines"
        if commands[order_id] != 1:
            yield f"{order_id} has {commands[order_id]} commands"
        if Decimal(quantity) != filled[order_id]:
            yield f"{order_id} is filled by {quantity}, its fills make {filled[order_id]}"
    events: dict[str, list[int]] = {}
    for user_id, number in rows_in(address, "SELECT user_id, sequence FROM events ORDER BY sequence"):
        events.setdefault(user_id, []).append(number)
    for user_id, newest in rows_in(address, "SELECT user_id, sequence FROM sequences"):
        if events.get(user_id) != [*range(1, newest + 1)]:
            yield f"the events of {user_id} do not count from 1 to {newest}"


def until_someone_waits_for_a_lock(url: str) -> None:
    """Until some connection of this database waits for what another holds."""
    waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    wait_until(lambda: rows_in(url, waits), "a connection that waits for a lock")
