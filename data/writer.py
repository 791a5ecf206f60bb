"""The one writer of a process: what waits is committed together.

A commit costs a wait for the disk, whatever it holds. So one thread owns the only connection that writes, takes all the
calls that are waiting, has them committed at once, and only then answers. While it waits for the disk the next batch
gathers.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from data.books import Operation
from data.calls import Call, OperationCall, StatementsCall
from data.connection import Work
from data.errors import DatabaseError
from engine.domain.values import Unavailable

T = TypeVar("T")

MOST_WAITING = 10_000
LARGEST_BATCH = 512


class Committer(Protocol):
    """What a database does with a batch of calls, in the writer's thread."""

    def commit(self, calls: Sequence[Call]) -> None:
        """Carry them out in their order. Afterwards each call has its result, durable, or its error, with nothing of
        it written; errors of the driver come as DatabaseError or Unavailable."""
        ...

    def close(self) -> None: ...


@dataclass(slots=True)
class Writer:
    """Takes calls from any event loop and answers them in batches."""

    committer: Committer
    most_waiting: int = MOST_WAITING
    largest_batch: int = LARGEST_BATCH
    batches: int = 0
    """Commits so far."""
    calls: int = 0
    """Calls answered so far."""
    waited_s: float = 0.0
    """Time that calls waited for their answers, in all."""
    _waiting: deque[Call] = field(default_factory=deque[Call])
    _wake: threading.Condition = field(default_factory=threading.Condition)
    _closing: bool = False
    _thread: threading.Thread | None = None

    def start(self) -> None:
        self._thread = threading.Thread(target=self._serve, name="database-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Work[T], *, alone: bool) -> T:
        """What the statements gave once it is durable; what they raised when they failed, with nothing written.

        Raises Unavailable when too much waits already, DatabaseError when the database fails or is closed.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(StatementsCall(loop=loop, future=future, work=work, alone=alone))
        return await self._answer_to(loop, future)

    async def carry_out(self, operation: Operation[T]) -> T:
        """The operation's answer, likewise."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._put(OperationCall(loop=loop, future=future, operation=operation))
        return await self._answer_to(loop, future)

    def close(self) -> None:
        """Finish what waits, then end the thread and close the connection."""
        with self._wake:
            self._closing = True
            self._wake.notify()
        if self._thread is not None:
            self._thread.join()
        self.committer.close()

    async def _answer_to(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[T]) -> T:
        began = loop.time()
        try:
            return await future
        finally:
            self.waited_s += loop.time() - began

    def _put(self, call: Call) -> None:
        with self._wake:
            if self._closing or self._thread is None:
                raise DatabaseError("the database is closed")
            if len(self._waiting) >= self.most_waiting:
                raise Unavailable("ledger_busy", "The ledger has too many writes waiting; try again in a moment.")
            self._waiting.append(call)
            self._wake.notify()

    def _serve(self) -> None:
        try:
            while calls := self._take():
                self._commit(calls)
                self.batches += 1
                self.calls += len(calls)
                _answer(calls)
        finally:
            self._give_up()

    def _commit(self, calls: Sequence[Call]) -> None:
        try:
            self.committer.commit(calls)
        except BaseException as defect:
            _fail(calls, f"the database's writer has ended: {defect!r}")
            raise

    def _give_up(self) -> None:
        """The thread ends: nobody may wait for it any longer."""
        with self._wake:
            self._closing = True
            left, self._waiting = list(self._waiting), deque[Call]()
        _fail(left, "the database is closed")

    def _take(self) -> list[Call]:
        """The next batch, at least one call; empty when closing and nothing waits."""
        with self._wake:
            while not self._waiting and not self._closing:
                self._wake.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), self.largest_batch))]


def _fail(calls: Sequence[Call], why: str) -> None:
    for call in calls:
        call.error = DatabaseError(why)
    _answer(calls)


def _answer(calls: Sequence[Call]) -> None:
    """Wake each event loop once, with all the calls that were made from it."""
    for loop in {call.loop for call in calls}:
        own = [call for call in calls if call.loop is loop]
        with suppress(RuntimeError):  # the loop was closed: its waiters are gone, the writes stand
            loop.call_soon_threadsafe(_answer_in_loop, own)


def _answer_in_loop(calls: Sequence[Call]) -> None:
    for call in calls:
        call.answer()
