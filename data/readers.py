"""A few read connections, each in a thread of its own: a slow page waits for itself, never for the writer."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import TypeVar

from data.errors import DatabaseError
from engine.domain.values import Unavailable

T = TypeVar("T")

SIZE = 4
MOST_WAITING = 1_000


@dataclass(slots=True)
class Readers:
    """Runs queries on the first connection that is free. Each sees all that was committed before it began."""

    connect: Callable[[], sqlite3.Connection]
    size: int = SIZE
    most_waiting: int = MOST_WAITING
    _threads: ThreadPoolExecutor = field(init=False)
    _free: SimpleQueue[sqlite3.Connection] = field(default_factory=SimpleQueue[sqlite3.Connection])
    _waiting: int = 0
    _closed: bool = False

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(self.size, thread_name_prefix="database-reader")
        for _ in range(self.size):
            self._free.put(self.connect())

    async def run(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """The query's result. Raises Unavailable when too many wait, DatabaseError when the database fails."""
        if self._closed:
            raise DatabaseError("the database is closed")
        if self._waiting >= self.most_waiting:
            raise Unavailable("ledger_busy", "The ledger has too many reads waiting; try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)
        except sqlite3.Error as error:
            raise DatabaseError(f"the database could not be read: {error}") from error
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finish the queries that run, then close the connections."""
        self._closed = True
        self._threads.shutdown()
        for _ in range(self.size):
            self._free.get().close()

    def _query(self, query: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._free.get()
        try:
            return query(connection)
        finally:
            self._free.put(connection)
