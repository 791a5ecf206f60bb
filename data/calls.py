"""Calls of the writer: what is to be written, who waits for it, and what came of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from types import TracebackType
from typing import Any

from data.books import Operation
from data.connection import Connection, Work


@dataclass(slots=True, kw_only=True)
class Attempt:
    """Something that may fail, and the error when it has."""

    error: Exception | None = None

    def keeping(self) -> _Keeping:
        """A block whose error is kept for the one who waits for it, so that it does not end the thread for all."""
        return _Keeping(self)


@dataclass(slots=True, kw_only=True)
class Call(Attempt):
    """Who waits; a committer leaves the result or the error."""

    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None

    def answer(self) -> None:
        """In the waiter's loop. A waiter that was cancelled meanwhile gets nothing; its write stands."""
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


@dataclass(slots=True, kw_only=True)
class StatementsCall(Call):
    """Statements of the caller's."""

    work: Work[Any]
    alone: bool
    """No other process may write such statements meanwhile."""

    def run(self, connection: Connection) -> None:
        """Run them and keep their result or their error."""
        with self.keeping():
            self.result = self.work(connection)


@dataclass(slots=True, kw_only=True)
class OperationCall(Call):
    """An operation of the ledger, carried out together with its neighbours."""

    operation: Operation[Any]


def in_runs(calls: Sequence[Call]) -> Iterator[tuple[Sequence[StatementsCall], Sequence[OperationCall]]]:
    """The calls in their order, those of one kind that stand side by side together: one of each pair is empty."""
    for _, side_by_side in groupby(calls, type):
        run = [*side_by_side]
        yield (
            [call for call in run if isinstance(call, StatementsCall)],
            [call for call in run if isinstance(call, OperationCall)],
        )


@dataclass(slots=True)
class _Keeping:
    attempt: Attempt

    def __enter__(self) -> None:
        self.attempt.error = None

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _at: TracebackType | None
    ) -> bool:
        if isinstance(error, Exception):
            self.attempt.error = error
            return True
        return False
