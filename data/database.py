"""Opens the database: one desk process, the schema that this program knows, one writer, a few readers."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, TypeVar

from data.errors import DatabaseError
from data.readers import Readers
from data.writer import Writer

T = TypeVar("T")

REVISIONS = ("0001", "0002", "0003")
"""The schema revisions this program knows, oldest first; the last is its own. A test holds them to the migrations."""
SQLITE_SCHEMES = ("sqlite", "sqlite+aiosqlite")
POSTGRES_SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg")


@dataclass(slots=True)
class Database:
    """An open SQLite database. Every write passes `write`, every read `read`; `close` finishes both."""

    path: Path
    writer: Writer
    readers: Readers
    lock: IO[str]

    @classmethod
    def open(cls, url: str | Path) -> Self:
        """Open (or make) the database at a path or `sqlite:///` URL and bring its schema up to date.

        Raises DatabaseError, one line with the fault and the mend: the place cannot be written, it is no database of
        ours, it is newer than this program, or another process has it open.
        """
        path = database_path(url) if isinstance(url, str) else url
        lock = _claim(path)
        try:
            _bring_up_to_date(path)
            writer = Writer(connect(path))
            readers = Readers(lambda: connect(path, read_only=True))
        except sqlite3.Error as error:
            lock.close()
            raise DatabaseError(_fault(path, error)) from error
        except BaseException:
            lock.close()
            raise
        writer.start()
        return cls(path, writer, readers, lock)

    async def write(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run the work in the writer's thread; back when it is durable. It happens wholly or not at all."""
        return await self.writer.run(work)

    async def read(self, query: Callable[[sqlite3.Connection], T]) -> T:
        """Run the query in a reader's thread; it sees all that was committed before."""
        return await self.readers.run(query)

    def close(self) -> None:
        """Finish what waits, close all connections and let the next process in."""
        self.readers.close()
        self.writer.close()
        self.lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()


def database_path(url: str) -> Path:
    """The file that a database URL names. Raises DatabaseError for any other kind of database."""
    scheme, separator, rest = url.partition("://")
    if separator and scheme in SQLITE_SCHEMES and rest.startswith("/") and len(rest) > 1:
        return Path(rest[1:])
    if scheme in POSTGRES_SCHEMES:
        raise DatabaseError(
            "NUMATIX_DATABASE_URL names PostgreSQL, which this version cannot use yet: leave it unset for SQLite "
            "in the var dir, or give sqlite:////absolute/path/numatix.db."
        )
    raise DatabaseError(
        "NUMATIX_DATABASE_URL is not a database address: give sqlite:////absolute/path/numatix.db, "
        "or leave it unset for SQLite in the var dir."
    )


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """A connection in autocommit mode, set up alike everywhere: WAL, durable commits, foreign keys on."""
    connection = sqlite3.connect(
        path, isolation_level=None, check_same_thread=False, cached_statements=256, timeout=10.0
    )
    try:
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            "journal_size_limit = 67108864",
        ):
            connection.execute(f"PRAGMA {pragma}")
        if read_only:
            connection.execute("PRAGMA query_only = ON")
    except BaseException:
        connection.close()
        raise
    return connection


def _claim(path: Path) -> IO[str]:
    """Take the lock that lets one process have the database; the system drops it however that process ends."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        lock = path.with_name(f"{path.name}.lock").open("a+", encoding="ascii")
    except OSError as error:
        reason = error.strerror or str(error)
        raise DatabaseError(
            f"The database {path} cannot be written ({reason}): let user {os.getuid()} write there, "
            "or choose another place with NUMATIX_VAR_DIR."
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        holder = lock.read().strip() or "unknown"
        lock.close()
        raise DatabaseError(
            f"The database {path} is in use by another Numatix process (pid {holder}): stop that one first, "
            "or choose another place with NUMATIX_VAR_DIR."
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()
    return lock


def _bring_up_to_date(path: Path) -> None:
    """Migrate when the schema is not this program's own; alembic is imported only then, it costs half a second."""
    revision = _revision(path)
    if revision == REVISIONS[-1]:
        return
    if revision is not None and revision not in REVISIONS:
        raise DatabaseError(
            f"The database {path} was written by a newer Numatix (schema {revision}, this one knows "
            f"{REVISIONS[-1]}): run that version, or choose another place with NUMATIX_VAR_DIR."
        )
    from data import migrations

    migrations.upgrade(path)


def _revision(path: Path) -> str | None:
    """The schema's revision; None for an empty database. Raises DatabaseError for one that is not ours."""
    with closing(connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "alembic_version" in tables:
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return None if row is None else str(row[0])
        if tables:
            raise DatabaseError(
                f"{path} is a database of another program: choose another place with NUMATIX_VAR_DIR "
                "or NUMATIX_DATABASE_URL."
            )
        return None


def _fault(path: Path, error: sqlite3.Error) -> str:
    if "not a database" in str(error):
        return (
            f"{path} is not a database, or it is damaged: restore it from a backup, move it away to start afresh, "
            "or choose another place with NUMATIX_VAR_DIR."
        )
    return (
        f"The database {path} cannot be opened ({error}): check the disk, and that user {os.getuid()} may write there."
    )
