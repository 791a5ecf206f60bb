"""What is really stored, seen past the program by a connection of the test's own."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg


def rows_in(address: str | Path, statement: str) -> list[tuple[Any, ...]]:
    """The rows of a statement on a SQLite file or a PostgreSQL address."""
    if isinstance(address, Path):
        with closing(sqlite3.connect(address)) as connection:
            return connection.execute(statement).fetchall()
    with psycopg.connect(address, autocommit=True) as connection:
        return connection.execute(statement.encode()).fetchall()
