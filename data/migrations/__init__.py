"""Brings a database from one schema to another with alembic; imported only when there is something to do."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, create_engine, event, text
from sqlalchemy.pool import NullPool


def upgrade(path: Path, revision: str = "head") -> None:
    """All steps in one transaction: a crash in the middle leaves the database as it was."""
    with _transaction(path) as connection:
        command.upgrade(config(connection), revision)


def downgrade(path: Path, revision: str) -> None:
    """Back to `revision`, or to nothing with `base`, in one transaction."""
    with _transaction(path) as connection:
        command.downgrade(config(connection), revision)


def revisions() -> tuple[str, ...]:
    """Every revision that the scripts hold, oldest first."""
    walk = ScriptDirectory.from_config(config(None)).walk_revisions()
    return tuple(script.revision for script in walk)[::-1]


def config(connection: Connection | None) -> Config:
    """Alembic's settings without a file; without a connection only `--sql` output and the scripts can be had."""
    settings = Config()
    settings.set_main_option("script_location", str(Path(__file__).parent))
    settings.attributes["connection"] = connection
    return settings


@contextmanager
def _transaction(path: Path) -> Generator[Connection]:
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
