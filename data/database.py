"""The database, whichever it is: one writer, a few readers, and the schema that this program knows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, TypeVar

from data.books import Operation
from data.connection import Work
from data.errors import DatabaseError
from data.readers import Line, Readers
from data.schemes import POSTGRES_SCHEMES, SQLITE_SCHEMES, scheme_of
from data.sqlite.opening import open_sqlite
from data.writer import Committer, Writer

T = TypeVar("T")

GRACE_S = 5.0


class Opened(Protocol):
    """What `open_sqlite` and `open_postgres` give."""

    @property
    def committer(self) -> Committer: ...
    @property
    def lines(self) -> Sequence[Line]: ...
    def hang_up(self) -> None:
        """Wait no longer for a server that is away: the end has come."""
        ...

    def cut(self) -> None:
        """End what still waits for an answer."""
        ...

    def release(self) -> None:
        """After both are closed."""
        ...


@dataclass(slots=True)
class Database:
    """An open database. Every write passes `write`, every read `read`; `close` finishes both."""

    writer: Writer
    readers: Readers
    opened: Opened
    path: Path | None
    """SQLite's file; None on PostgreSQL."""
    grace_s: float = GRACE_S

    @classmethod
    def open(cls, address: str | Path) -> Self:
        """Open the database at a path, a `sqlite:///` or a `postgresql://` URL and bring its schema up to date.

        SQLite's file is made when missing. Raises DatabaseError, one line with the fault and the mend: it cannot be
        reached or written, it is no database of ours, it is newer than this program, or (SQLite) another process has
        it open.
        """
        path = address if isinstance(address, Path) else sqlite_path(address)
        opened = open_sqlite(path) if path is not None else _open_postgres(str(address))
        writer = Writer(opened.committer)
        writer.start()
        return cls(writer, Readers(opened.lines), opened, path)

    async def write(self, work: Work[T], *, alone: bool = True) -> T:
        """Run the work in the writer's thread; back when it is durable. It happens wholly or not at all.

        Work that reads first and writes by what it has read is alone: no other process does such work meanwhile.
        `alone=False` is for a single statement that holds by itself.
        """
        return await self.writer.run(work, alone=alone)

    async def carry_out(self, operation: Operation[T]) -> T:
        """An operation of the ledger, likewise; with those that wait beside it, and with no order changed meanwhile
        by any other process."""
        return await self.writer.carry_out(operation)

    async def read(self, query: Work[T]) -> T:
        """Run the query in a reader's thread; it sees all that was committed before."""
        return await self.readers.run(query)

    def close(self) -> None:
        """Finish what waits, close all connections and let the next process in. A server that does not answer is cut
        off after `grace_s`."""
        self.opened.hang_up()
        patience = threading.Timer(self.grace_s, self.opened.cut)
        patience.start()
        self.readers.close()
        self.writer.close()
        patience.cancel()
        self.opened.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()


def sqlite_path(url: str) -> Path | None:
    """The file that a URL names; None when it is PostgreSQL's. Raises DatabaseError for what is neither."""
    rest = url.partition("://")[2]
    if scheme_of(url) in POSTGRES_SCHEMES:
        return None
    if scheme_of(url) in SQLITE_SCHEMES and rest.startswith("/") and len(rest) > 1:
        return Path(rest[1:])
    raise DatabaseError(
        "NUMATIX_DATABASE_URL is not a database address: give sqlite:////absolute/path/numatix.db or "
        "postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or leave it unset for SQLite in the var dir."
    )


def _open_postgres(url: str) -> Opened:
    from data.postgres.opening import open_postgres  # the driver takes a tenth of a second to import

    return open_postgres(url)
