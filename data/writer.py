"""The one writer of a SQLite database: what waits is committed together.

A commit costs a wait for the disk, whatever it holds. So one thread owns the only connection that writes, takes all the
calls that are waiting, runs each between two savepoints, commits once, and only then answers. While it waits for the
disk the next batch gathers.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, TypeVar

from data.errors import DatabaseError
from engine.domain.values import Unavailable

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""Statements to run inside a transaction that is open already. Pure but for them: it runs in the writer's thread."""

MOST_WAITING = 10_000
LARGEST_BATCH = 512


@dataclass(slots=True)
class _Call:
    """Work, who waits for it, and what came of it."""

    work: Work[Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def run(self, connection: sqlite3.Connection) -> None:
        """Run the work and keep its result or its error."""
        with _Keeping(self):
            self.result = self.work(connection)

    def answer(self) -> None:
        """In the waiter's loop. A waiter that was cancelled meanwhile gets nothing; its write stands."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(_translated(self.error))


@dataclass(slots=True)
class _Keeping:
    """Keeps the error of one call for the one who waits for it, so that it does not end the thread for all."""

    call: _Call

    def __enter__(self) -> None:
        self.call.error = None

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.call.error = error
            return True
        return False


@dataclass(slots=True)
class Writer:
    """Runs work in batches on its own connection (autocommit mode, used by no one else from now on)."""

    connection: sqlite3.Connection
    most_waiting: int = MOST_WAITING
    largest_batch: int = LARGEST_BATCH
    batches: int = 0
    """Commits so far."""
    calls: int = 0
    """Calls answered so far."""
    _waiting: deque[_Call] = field(default_factory=deque[_Call])
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _closing: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._serve, name="database-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Work[T]) -> T:
        """The work's result once it is durable on disk; what it raised when it failed, with nothing of it written.

        Raises Unavailable when too much waits already, DatabaseError when the database fails or is closed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._wake:
            if self._closing or self._thread is None:
                raise DatabaseError("the database is closed")
            if len(self._waiting) >= self.most_waiting:
                raise Unavailable("ledger_busy", "The ledger has too many writes waiting; try again in a moment.")
            self._waiting.append(_Call(work, loop, future))
            self._wake.notify()
        return await future

    def close(self) -> None:
        """Finish what waits, then end the thread and close the connection."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self.connection.close()

    def _serve(self) -> None:
        try:
            while calls := self._take():
                self._commit(calls)
                self.batches += 1
                self.calls += len(calls)
                _answer(calls)
        finally:
            self._give_up()

    def _give_up(self) -> None:
        """The thread ends: nobody may wait for it any longer."""
        with self._wake:
            self._closing = True
            left, self._waiting = list(self._waiting), deque[_Call]()
        for call in left:
            call.error = DatabaseError("the database is closed")
        _answer(left)

    def _take(self) -> list[_Call]:
        """The next batch, at least one call; empty when closing and nothing waits."""
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self.largest_batch))]

    def _commit(self, calls: Sequence[_Call]) -> None:
        """Run all calls in one transaction; when that fails as a whole, every call of it has failed."""
        execute = self.connection.execute
        try:
            execute("BEGIN IMMEDIATE")
            for call in calls:
                self._run_alone(call)
            execute("COMMIT")
        except sqlite3.Error as error:
            for call in calls:
                call.error = call.error or error
            if self.connection.in_transaction:
                execute("ROLLBACK")

    def _run_alone(self, call: _Call) -> None:
        """One call as if it were alone: its failure takes back its own statements and no one else's.

        Raises sqlite3.Error when SQLite has ended the whole transaction by itself (disk full, I/O error).
        """
        execute = self.connection.execute
        execute("SAVEPOINT one_call")
        call.run(self.connection)
        if call.error is not None:
            if not self.connection.in_transaction:
                raise sqlite3.OperationalError(f"the transaction was lost: {call.error}")
            execute("ROLLBACK TO one_call")
        execute("RELEASE one_call")


def _answer(calls: Sequence[_Call]) -> None:
    """Wake each event loop once, with all the calls that were made from it."""
    for loop in {call.loop for call in calls}:
        own = [call for call in calls if call.loop is loop]
        with suppress(RuntimeError):  # the loop was closed: its waiters are gone, the writes stand
            loop.call_soon_threadsafe(_answer_in_loop, own)


def _answer_in_loop(calls: Sequence[_Call]) -> None:
    for call in calls:
        call.answer()


def _translated(error: Exception) -> Exception:
    if not isinstance(error, sqlite3.Error):
        return error
    failure = DatabaseError(f"the database could not write: {error}")
    failure.__cause__ = error
    return failure
