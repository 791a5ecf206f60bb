"""The schema goes up and down, with data, in one piece."""

from __future__ import annotations

import io
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command

from data import migrations
from data.database import REVISIONS, Database
from data.errors import DatabaseError
from data.ledger import SqlLedger
from engine.domain.order import Submitting
from tests.data.makers import NOON, CountedIds, an_order


def names(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        return {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE name NOT LIKE 'sqlite_%'")}


def test_the_program_knows_exactly_the_revisions_that_the_scripts_hold():
    assert migrations.revisions() == REVISIONS


async def test_down_takes_everything_away_and_up_brings_it_back_empty(tmp_path: Path):
    path = tmp_path / "numatix.db"
    with Database.open(path) as database:
        ledger = SqlLedger(database, CountedIds())
        order = an_order()
        await ledger.record_order(order)
        await ledger.advance(order.id, [Submitting()], NOON, source="worker")
    before = names(path)
    migrations.downgrade(path, "base")
    assert names(path) == {"alembic_version"}
    with Database.open(path) as database:
        assert await SqlLedger(database, CountedIds()).unfinished() == ()
    assert names(path) == before


async def test_opening_an_up_to_date_database_keeps_its_rows(tmp_path: Path):
    path = tmp_path / "numatix.db"
    order = an_order()
    with Database.open(path) as database:
        await SqlLedger(database, CountedIds()).record_order(order)
    migrations.upgrade(path)
    with Database.open(path) as database:
        assert await SqlLedger(database, CountedIds()).order(order.id) == order


def test_a_migration_that_breaks_in_the_middle_leaves_the_database_as_it_was(tmp_path: Path):
    """A table that is in the way stands for any failure: what was made before it is taken back."""
    path = tmp_path / "numatix.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE outbox (mine TEXT)")
    with pytest.raises(Exception, match="outbox"):
        migrations.upgrade(path)
    assert names(path) == {"outbox"}


def test_the_schema_can_be_written_out_as_sql_without_a_database():
    settings = migrations.config(None)
    settings.output_buffer = io.StringIO()
    command.upgrade(settings, "head", sql=True)
    text = settings.output_buffer.getvalue()
    assert "CREATE TABLE orders" in text
    assert "append-only" in text


async def test_the_audit_log_only_grows(database: Database):
    await SqlLedger(database, CountedIds()).record_order(an_order())
    for statement in ("UPDATE audit SET detail = '{}'", "DELETE FROM audit"):
        with pytest.raises(DatabaseError, match="append-only"):
            await database.write(lambda connection, text=statement: connection.execute(text).rowcount)
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM audit").fetchone()[0]) == 1
