"""Opens a SQLite database: the lock that keeps other processes out, the schema, the connections."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TypeVar

from data.connection import Work
from data.errors import DatabaseError
from data.readers import SIZE
from data.schema import VERSION, VERSION_TABLE, must_migrate
from data.sqlite.committer import SqliteCommitter

T = TypeVar("T")

ELSEWHERE = "choose another place with NUMATIX_VAR_DIR"


@dataclass(frozen=True, slots=True)
class SqliteLine:
    """`data.readers.Line` on a connection that cannot write."""

    connection: sqlite3.Connection

    def ask(self, query: Work[T]) -> T:
        try:
            return query(self.connection)
        except sqlite3.Error as error:
            raise DatabaseError(f"the database could not be read: {error}") from error

    def close(self) -> None:
        self.connection.close()


@dataclass(frozen=True, slots=True)
class OpenedSqlite:
    """What an open database consists of."""

    committer: SqliteCommitter
    lines: tuple[SqliteLine, ...]
    lock: IO[str]

    def hang_up(self) -> None:
        """A file is never away."""

    def cut(self) -> None:
        """And always answers."""

    def release(self) -> None:
        """Let the next process in."""
        self.lock.close()


def open_sqlite(path: Path) -> OpenedSqlite:
    """Open (or make) the database and bring its schema up to date. Raises DatabaseError, one line."""
    lock = _claim(path)
    try:
        _bring_up_to_date(path)
        committer = SqliteCommitter(connect(path))
        lines = tuple(SqliteLine(connect(path, read_only=True)) for _ in range(SIZE))
    except sqlite3.Error as error:
        lock.close()
        raise DatabaseError(_fault(path, error)) from error
    except BaseException:
        lock.close()
        raise
    return OpenedSqlite(committer, lines, lock)


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
    if must_migrate(_revision(path), f"The database {path}", ELSEWHERE):
        from data import migrations

        migrations.upgrade(path)


def _revision(path: Path) -> str | None:
    """The schema's revision; None for an empty database. Raises DatabaseError for one that is not ours."""
    with closing(connect(path)) as connection:
        tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if VERSION_TABLE in tables:
            row = connection.execute(VERSION).fetchone()
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
