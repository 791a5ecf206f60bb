"""Commits a batch of calls to SQLite: one transaction, with a savepoint around whatever may fail on its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data.batch import Batch
from data.calls import Attempt, Call, OperationCall, in_runs
from data.errors import DatabaseError
from data.sqlite.books import read_books, write_entries


@dataclass(frozen=True, slots=True)
class SqliteCommitter:
    """`data.writer.Committer` on the one connection that writes (autocommit mode, used by no one else)."""

    connection: sqlite3.Connection

    def commit(self, calls: Sequence[Call]) -> None:
        """All calls in one transaction; when that fails as a whole, every call of it has failed."""
        execute = self.connection.execute
        try:
            # Never a deferred one: what has read first can no longer write once anyone else has written.
            execute("BEGIN IMMEDIATE")
            for statements, operations in in_runs(calls):
                for call in statements:
                    self._apart(call, lambda call=call: call.run(self.connection))
                self._together(operations)
            execute("COMMIT")
        except sqlite3.Error as error:
            for call in calls:
                call.error = call.error or error
            if self.connection.in_transaction:
                execute("ROLLBACK")
        for call in calls:
            call.error = _translated(call.error)

    def close(self) -> None:
        self.connection.close()

    def _together(self, calls: Sequence[OperationCall]) -> None:
        """The operations as one batch; one by one when SQLite does not take it, so that only the guilty fail."""
        if len(calls) > 1:
            batch = Attempt()
            self._apart(batch, lambda: self._settle(calls))
            if batch.error is None:
                return
        for call in calls:
            self._apart(call, lambda call=call: self._settle([call]))

    def _settle(self, calls: Sequence[OperationCall]) -> None:
        batch = Batch(calls)
        entries = batch.decide(read_books(self.connection, batch.wanted()))
        batch.answer(entries, {} if entries.is_empty else write_entries(self.connection, entries))

    def _apart(self, attempt: Attempt, work: Callable[[], None]) -> None:
        """Do the work as if it were alone: its failure takes back its own statements and no one else's.

        Raises sqlite3.Error when SQLite has ended the whole transaction by itself (disk full, I/O error).
        """
        execute = self.connection.execute
        execute("SAVEPOINT apart")
        with attempt.keeping():
            work()
        if attempt.error is not None:
            if not self.connection.in_transaction:
                raise sqlite3.OperationalError(f"the transaction was lost: {attempt.error}")
            execute("ROLLBACK TO apart")
        execute("RELEASE apart")


def _translated(error: Exception | None) -> Exception | None:
    if not isinstance(error, sqlite3.Error):
        return error
    failure = DatabaseError(f"the database could not write: {error}")
    failure.__cause__ = error
    return failure
