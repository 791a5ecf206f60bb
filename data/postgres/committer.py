"""Commits a batch of calls to PostgreSQL, beside other processes that do the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import psycopg

from data.batch import Batch
from data.calls import Attempt, Call, OperationCall, StatementsCall, in_runs
from data.errors import DatabaseError
from data.postgres.books import ask_for_books, newest_by_user, write_entries
from data.postgres.line import Line, in_words
from data.postgres.session import Session
from engine.domain.values import Unavailable

C = TypeVar("C", bound=Call)

TRIES = 3
ROLLED_BACK = ("40001", "40P01")
COLLISIONS = (*ROLLED_BACK, "23505")
"""Two processes wrote the same at once: one of them begins again, and then finds what the other has written."""
HELD_UP = ("55P03", "57014")
"""It waited too long for what another process holds."""
ALONE = "SELECT pg_advisory_xact_lock(73108421)"
LEAVE_RECEIPT = "UPDATE receipts SET number = ? WHERE writer = ?"
OPEN_RECEIPT = "INSERT INTO receipts (writer, number) VALUES (?, 0) ON CONFLICT (writer) DO NOTHING"
THROW_RECEIPT_AWAY = "DELETE FROM receipts WHERE writer = ?"
HAS_RECEIPT = "SELECT number = ? FROM receipts WHERE writer = ? FOR UPDATE"


@dataclass(slots=True)
class PostgresCommitter:
    """`data.writer.Committer` on the one line of this process that writes.

    Operations that stand side by side are a transaction, and so are statements. One that was lost together with its
    connection is begun again on the next; one that was lost while it committed left a receipt if it did.
    """

    line: Line
    writer: str
    """This process's name on receipts."""
    _number: int = 0
    _in_doubt: bool = False

    def commit(self, calls: Sequence[Call]) -> None:
        for statements, operations in in_runs(calls):
            if statements:
                self._carry_out(statements, self._one_by_one)
            else:
                self._carry_out(operations, self._together)
        for call in calls:
            call.error = _translated(call.error)

    def close(self) -> None:
        """The receipt is not needed any more; where the server is away it stays."""
        with suppress(psycopg.Error):
            self.line.session().execute(THROW_RECEIPT_AWAY, (self.writer,))
        self.line.close()

    def _carry_out(self, calls: Sequence[C], work: Callable[[Session, Sequence[C]], bool]) -> None:
        """One transaction for all; when the database refuses it, one for each half, until only the guilty fail."""
        attempt = Attempt()
        for _ in range(TRIES):
            with attempt.keeping():
                self._transact(lambda session: work(session, calls))
            if _state(attempt.error) not in COLLISIONS:
                break
        if attempt.error is None:
            return
        if len(calls) > 1 and not isinstance(attempt.error, Unavailable):
            half = len(calls) // 2
            self._carry_out(calls[:half], work)
            self._carry_out(calls[half:], work)
            return
        for call in calls:
            call.error = attempt.error

    def _transact(self, work: Callable[[Session], bool]) -> None:
        """Do the work in a transaction; it has been committed when this returns, unless the work said that there is
        nothing to commit. What it raises was not written, but for Unavailable `outcome_unknown`."""
        self._in_doubt = False
        try:
            self.line.patiently(lambda session: self._attempt(session, work))
        except (psycopg.Error, Unavailable) as error:
            if self._in_doubt:
                raise Unavailable(
                    "outcome_unknown",
                    "The database was lost while it committed: whether this was written is not known. Look before "
                    "you repeat it.",
                ) from error
            if _state(error) in HELD_UP:
                raise Unavailable("ledger_busy", "The ledger is held up; try again in a moment.") from error
            raise

    def _attempt(self, session: Session, work: Callable[[Session], bool]) -> None:
        if self._in_doubt and session.execute(HAS_RECEIPT, (self._number, self.writer)).fetchall() == [(True,)]:
            return
        self._in_doubt = False
        self._number += 1
        try:
            if work(session):
                self._in_doubt = True
                session.commit()
            else:
                session.execute("ROLLBACK")
        except BaseException:
            if not session.is_lost:
                session.rollback()
                self._in_doubt = False
            raise

    def _begin(self, session: Session) -> None:
        """The receipt is locked first: whoever looks for it after a loss waits for the transaction's end."""
        if self._number & (self._number - 1) == 0:
            # Each time that twice as much has been written plans are made anew: another index may be the best by now.
            session.execute("DISCARD PLANS")
        session.execute("BEGIN")
        session.execute(LEAVE_RECEIPT, (self._number, self.writer))

    def _together(self, session: Session, calls: Sequence[OperationCall]) -> bool:
        batch = Batch(calls)
        with session.pipeline():
            self._begin(session)
            asked_for = ask_for_books(session, batch.wanted())
        entries = batch.decide(asked_for.books())
        if entries.is_empty:
            batch.answer(entries, {})
            return False
        with session.pipeline():
            events = write_entries(session, entries)
        batch.answer(entries, newest_by_user(events))
        return True

    def _one_by_one(self, session: Session, calls: Sequence[StatementsCall]) -> bool:
        """Each as if it were alone: its failure takes back its own statements and no one else's."""
        with session.pipeline():
            self._begin(session)
            if any(call.alone for call in calls):
                session.execute(ALONE)
        for call in calls:
            session.execute("SAVEPOINT apart")
            call.run(session)
            if call.error is not None:
                self._raise_if_common(call.error)
                session.execute("ROLLBACK TO apart")
            session.execute("RELEASE apart")
        return True

    def _raise_if_common(self, error: Exception) -> None:
        """A lost connection, or two transactions in each other's way: not this one call's fault."""
        if isinstance(error, psycopg.Error) and (self.line.was_lost(error) or _state(error) in ROLLED_BACK):
            raise error


def _state(error: Exception | None) -> str:
    """PostgreSQL's code of the error; empty when it is none of its."""
    return (error.sqlstate or "") if isinstance(error, psycopg.Error) else ""


def _translated(error: Exception | None) -> Exception | None:
    if not isinstance(error, psycopg.Error):
        return error
    failure = DatabaseError(f"the database could not write: {in_words(error)}")
    failure.__cause__ = error
    return failure
