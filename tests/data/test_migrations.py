"""The schema goes up and down, with data, in one piece."""

from __future__ import annotations

import io
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic import command

from data import migrations
from data.connection import Connection
from data.database import Database
from data.errors import DatabaseError
from data.ledger import SqlLedger
from data.schema import REVISIONS
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.order import Accepted, Submitting
from engine.ports import Credentials, Login, RefreshToken
from tests.data.looking import rows_in
from tests.data.makers import NOON, CountedIds, HandClock, a_fill, a_user, an_account, an_order
from tests.postgres import PostgresServer

NAMES_IN_SQLITE = "SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'"
NAMES_IN_POSTGRES = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
    "UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace "
    "UNION SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
)
Contents = dict[str, list[dict[str, Any]]]
"""By table: its rows, as values by column."""


@pytest.fixture(params=["sqlite", "postgres"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """The address of a database that has no tables yet."""
    if request.param == "sqlite":
        return tmp_path / "numatix.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.url(server.new_database())


def names(address: str | Path) -> set[str]:
    """Everything that a migration may make: tables, indexes, sequences, triggers, functions."""
    statement = NAMES_IN_SQLITE if isinstance(address, Path) else NAMES_IN_POSTGRES
    return {row[0] for row in rows_in(address, statement)}


async def filled(address: str | Path) -> None:
    """One row or more in every table that holds what must not be lost."""
    with Database.open(address) as database:
        ledger, users = (
            SqlLedger(database, CountedIds()),
            SqlUsers(database, Vault(b"a key of tests only"), HandClock()),
        )
        await users.create(a_user(), "hash")
        await users.add_account(an_account(), Credentials("public", "secret"))
        await users.add_login(Login("login", "ann", NOON, NOON, NOON), "hash of a cookie")
        await users.add_refresh_token(RefreshToken("token", "family", "ann", NOON, used=False), "hash of a token")
        await users.set_preference("ann", "theme", "dark")
        order = an_order(quantity="0.000000010000000001")
        await ledger.record_order(order)
        await ledger.record_order(an_order())
        await ledger.advance(order.id, [Submitting()], NOON, source="worker")
        await ledger.advance(order.id, [Accepted("v")], NOON, new_fills=[a_fill(order, "1")], source="worker")


def contents(address: str | Path) -> Contents:
    """Everything that the tables hold."""
    found: Contents = {}
    for table in sorted(names(address)):
        columns = columns_of(address, table)
        if columns and table != "alembic_version":
            rows = rows_in(address, f"SELECT {', '.join(columns)} FROM {table}")
            found[table] = sorted((dict(zip(columns, row, strict=True)) for row in rows), key=str)
    return found


def columns_of(address: str | Path, table: str) -> list[str]:
    """None of what is no table."""
    if isinstance(address, Path):
        is_table = rows_in(address, f"SELECT 1 FROM sqlite_master WHERE (type, name) = ('table', '{table}')")
        return [row[1] for row in rows_in(address, f"PRAGMA table_info({table})")] if is_table else []
    statement = (
        "SELECT attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid WHERE attnum > 0 AND NOT "
        f"attisdropped AND relkind = 'r' AND (relnamespace, relname) = ('public'::regnamespace, '{table}')"
    )
    return [row[0] for row in rows_in(address, statement)]


def only_what(known: Contents, contents: Contents) -> Contents:
    """The contents without tables and columns that are not among the known ones."""
    return {
        table: sorted(
            ({name: row[name] for name in rows[0]} for row in contents[table]) if rows else contents[table], key=str
        )
        for table, rows in known.items()
    }


def test_the_program_knows_exactly_the_revisions_that_the_scripts_hold():
    assert migrations.revisions() == REVISIONS


async def test_down_takes_everything_away_and_up_brings_it_back_empty(nowhere: str | Path):
    await filled(nowhere)
    before = names(nowhere)
    migrations.downgrade(nowhere, "base")
    left = names(nowhere)
    assert left <= {"alembic_version", "alembic_version_pkc"}
    with Database.open(nowhere) as database:
        assert await SqlLedger(database, CountedIds()).unfinished() == ()
    assert names(nowhere) == before


@pytest.mark.parametrize("revision", REVISIONS[:-1])
async def test_down_to_an_older_schema_and_up_again_keeps_what_both_know(nowhere: str | Path, revision: str):
    await filled(nowhere)
    before, things = contents(nowhere), names(nowhere)
    migrations.downgrade(nowhere, revision)
    older = contents(nowhere)
    assert all(older[table] for table in ("orders", "fills", "outbox", "audit", "sequences", "users", "accounts"))
    assert older == only_what(older, before)
    migrations.upgrade(nowhere)
    assert names(nowhere) == things
    assert only_what(older, contents(nowhere)) == older


async def test_opening_an_up_to_date_database_keeps_its_rows(address: str | Path):
    order = an_order()
    with Database.open(address) as database:
        await SqlLedger(database, CountedIds()).record_order(order)
    migrations.upgrade(address)
    with Database.open(address) as database:
        assert await SqlLedger(database, CountedIds()).order(order.id) == order


def test_a_migration_that_breaks_in_the_middle_leaves_the_database_as_it_was(nowhere: str | Path):
    """A table that is in the way stands for any failure: what was made before it is taken back."""
    if isinstance(nowhere, Path):
        with closing(sqlite3.connect(nowhere)) as connection:
            connection.execute("CREATE TABLE outbox (mine TEXT)")
    else:
        with psycopg.connect(nowhere, autocommit=True) as connection:
            connection.execute("CREATE TABLE outbox (mine TEXT)")
    with pytest.raises(Exception, match="outbox"):
        migrations.upgrade(nowhere)
    assert names(nowhere) == {"outbox"}


def test_two_processes_that_start_at_once_on_an_empty_database_both_open_it(postgres: PostgresServer):
    url = postgres.url(postgres.new_database())
    with ThreadPoolExecutor(3) as starts:
        for database in starts.map(Database.open, [url] * 3):
            database.close()
    assert rows_in(url, "SELECT version_num FROM alembic_version") == [(REVISIONS[-1],)]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_the_schema_can_be_written_out_as_sql_without_a_database(dialect: str):
    settings = migrations.config(None, dialect)
    settings.output_buffer = io.StringIO()
    command.upgrade(settings, "head", sql=True)
    text = settings.output_buffer.getvalue()
    assert "CREATE TABLE orders" in text
    assert "append-only" in text


async def test_the_audit_log_only_grows(database: Database):
    await SqlLedger(database, CountedIds()).record_order(an_order())
    for statement in ("UPDATE audit SET detail = '{}'", "DELETE FROM audit"):

        def spoil(connection: Connection, text: str = statement) -> int:
            return connection.execute(text).rowcount

        with pytest.raises(DatabaseError, match="append-only"):
            await database.write(spoil)
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM audit").fetchone()[0]) == 1
