"""A few connections for reading, each in one thread's hands at a time: a slow page waits for itself, not the writer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Protocol, TypeVar

from data.connection import Work
from data.errors import DatabaseError
from engine.domain.values import Unavailable

T = TypeVar("T")

SIZE = 4
MOST_WAITING = 1_000


class Line(Protocol):
    """One connection that only reads."""

    def ask(self, query: Work[T]) -> T:
        """The query's result; it sees all that was committed before. Raises DatabaseError or Unavailable."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Readers:
    """Runs queries on the first line that is free."""

    lines: Sequence[Line]
    most_waiting: int = MOST_WAITING
    _threads: ThreadPoolExecutor = field(init=False)
    _free: SimpleQueue[Line] = field(default_factory=SimpleQueue[Line])
    _waiting: int = 0
    _closed: bool = False

    def __post_init__(self) -> None:
        self._threads = ThreadPoolExecutor(len(self.lines), thread_name_prefix="database-reader")
        for line in self.lines:
            self._free.put(line)

    async def run(self, query: Work[T]) -> T:
        """The query's result. Raises Unavailable when too many wait, DatabaseError when the database fails."""
        if self._closed:
            raise DatabaseError("the database is closed")
        if self._waiting >= self.most_waiting:
            raise Unavailable("ledger_busy", "The ledger has too many reads waiting; try again in a moment.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._query, query)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Finish the queries that run, then close the lines."""
        self._closed = True
        self._threads.shutdown()
        for line in self.lines:
            line.close()

    def _query(self, query: Work[T]) -> T:
        line = self._free.get()
        try:
            return line.ask(query)
        finally:
            self._free.put(line)
