"""A connection to PostgreSQL as `data.connection.Connection`."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from socket import SHUT_RDWR, socket
from typing import Any, LiteralString, cast

import psycopg

from data.connection import Rows
from data.rows import SqlValue


@dataclass(frozen=True, slots=True)
class Session:
    """Takes the statements that SQLite takes, too."""

    connection: psycopg.Connection

    def execute(self, statement: str, values: Sequence[SqlValue] = (), /) -> Rows:
        return self.connection.execute(for_postgres(statement), values or None)

    def executemany(self, statement: str, values: Iterable[Sequence[SqlValue]], /) -> Rows:
        cursor = self.connection.cursor()
        cursor.executemany(for_postgres(statement), values)
        return cursor

    def pipeline(self) -> Any:
        return self.connection.pipeline()

    def commit(self) -> None:
        self.connection.commit()

    def rollback(self) -> None:
        """Without effect outside a transaction. The driver also forgets what it believes to have prepared: a statement
        that came behind the failed one in a pipeline never was."""
        self.connection.rollback()

    @property
    def is_lost(self) -> bool:
        """Whether the server is gone, or has ended this connection."""
        return self.connection.closed

    def cut(self) -> None:
        """Both directions are over at once, for the thread that waits as well. Closing is still that thread's part."""
        with suppress(OSError, psycopg.Error), socket(fileno=os.dup(self.connection.fileno())) as line:
            line.shutdown(SHUT_RDWR)

    def close(self) -> None:
        self.connection.close()


@lru_cache(maxsize=512)
def for_postgres(statement: str) -> LiteralString:
    """The same statement with psycopg's placeholders, and with what stands in a comment for PostgreSQL alone."""
    text = statement.replace("/*postgres ", "").replace(" postgres*/", "").replace("%", "%%").replace("?", "%s")
    # The statements are this program's own text (`data.statements`); their values never become part of it.
    return cast("LiteralString", text)
