"""Brings a database from one schema to another with alembic; imported only when there is something to do."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, event, func, select, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

LOCK = 73108422
"""PostgreSQL's advisory lock that one process migrates under while others wait."""


def upgrade(database: Path | str, revision: str = "head") -> None:
    """Bring SQLite's file, or the PostgreSQL database of a libpq connection string, up to a revision.

    All steps are one transaction: a crash in the middle leaves the database as it was.
    """
    with _transaction(database) as connection:
        command.upgrade(config(connection), revision)


def downgrade(database: Path | str, revision: str) -> None:
    """Back to `revision`, or to nothing with `base`, in one transaction."""
    with _transaction(database) as connection:
        command.downgrade(config(connection), revision)


def revisions() -> tuple[str, ...]:
    """Every revision that the scripts hold, oldest first."""
    walk = ScriptDirectory.from_config(config(None)).walk_revisions()
    return tuple(script.revision for script in walk)[::-1]


def config(connection: Connection | None, dialect: str = "sqlite") -> Config:
    """Alembic's settings without a file; without a connection only `--sql` output and the scripts can be had."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["connection"] = connection
    settings.attributes["dialect"] = dialect
    return settings


@contextmanager
def _transaction(database: Path | str) -> Generator[Connection]:
    with _sqlite(database) if isinstance(database, Path) else _postgres(database) as connection:
        yield connection


@contextmanager
def _sqlite(path: Path) -> Generator[Connection]:
    """One transaction of ours, so that SQLite's DDL is part of it: its driver would commit before each statement.

    Foreign keys are off (SQLite's default) while tables are rebuilt, and checked before the commit.
    """
    engine = create_engine(
        URL.create("sqlite", database=str(path)), poolclass=NullPool, connect_args={"isolation_level": None}
    )
    event.listen(engine, "begin", _begin_immediate)
    with engine.begin() as connection:
        yield connection
        broken = connection.execute(text("PRAGMA foreign_key_check")).first()
        if broken is not None:
            raise RuntimeError(f"the migration would leave {broken[0]} row {broken[1]} without its {broken[2]} row")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


@contextmanager
def _postgres(conninfo: str) -> Generator[Connection]:
    """Of several processes that start at once one migrates; the others find it done. Raises psycopg's own errors."""
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool, creator=lambda: psycopg.connect(conninfo))
    try:
        with engine.begin() as connection:
            connection.execute(select(func.pg_advisory_xact_lock(LOCK)))
            yield connection
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.Error):
            raise error.orig from error
        raise
