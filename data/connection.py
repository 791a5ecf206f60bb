"""What statements run on: the part of a connection that SQLite's and PostgreSQL's have in common.

Statements are our own text with `?` for each value. They are written so that both databases take them: conditions on
flags say `= FALSE`, names that an upsert could confuse carry their table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

from data.rows import SqlValue

T = TypeVar("T")


class Rows(Protocol):
    """What a statement gave: its rows, or how many it changed."""

    @property
    def rowcount(self) -> int: ...
    def fetchone(self) -> Any: ...
    def fetchall(self) -> list[Any]: ...
    def __iter__(self) -> Iterator[Any]: ...


class Connection(Protocol):
    """Runs statements, one after another."""

    def execute(self, statement: str, values: Sequence[SqlValue] = ..., /) -> Rows: ...
    def executemany(self, statement: str, values: Iterable[Sequence[SqlValue]], /) -> Rows: ...


Work = Callable[[Connection], T]
"""Statements to run. Pure but for them: it runs in a thread of the database's, and again where a try was in vain."""
