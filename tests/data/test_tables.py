"""The statements of the order path, the declared tables and the migrated schema say the same."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import URL, BigInteger, Boolean, Engine, Integer, Table, Text, create_engine
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine
from sqlmodel import Session, select

from data import rows, statements, tables
from data.columns import DecimalText, Instant
from data.database import Database
from data.ledger import SqlLedger
from data.postgres import books as postgres_books
from data.rows import SqlValue
from data.sqlite import books as sqlite_books
from engine.domain.order import Accepted, CancelRequested, Submitting
from engine.ports import Login, RefreshToken
from tests.data.makers import NOON, CountedIds, a_command, a_fill, a_user, an_account, an_order

METADATA = tables.Table.metadata
DRIVER_TYPES: dict[type[TypeEngine[Any]], type] = {
    Text: str,
    DecimalText: str,
    Instant: int,
    BigInteger: int,
    Integer: int,
    Boolean: bool,
}
STATEMENTS = {"SELECT", "INSERT", "UPDATE", "DELETE", "WITH"}
FULL_ORDER = replace(
    an_order(),
    venue_order_id="v",
    reason="r",
    submitted_at=NOON,
    cancel_requested_at=NOON,
    average_price=Decimal("1.5"),
    quote_quantity=Decimal(3),
    fees={"BNB": Decimal("0.1")},
)
EMPTY_ORDER = replace(an_order(), time_in_force=None, quantity=None, price=None)
LATER = NOON + timedelta(hours=1)


def engine_of(address: str | Path) -> Engine:
    """SQLAlchemy's road to it."""
    if isinstance(address, Path):
        return create_engine(URL.create("sqlite", database=str(address)), poolclass=NullPool)
    return create_engine("postgresql+psycopg://", poolclass=NullPool, creator=lambda: psycopg.connect(address))


def statements_in(module: ModuleType) -> dict[str, str]:
    """By name: those that stand alone, and those that stand in a table of statements."""
    alone = {name: text for name, text in vars(module).items() if name.isupper() and isinstance(text, str)}
    inserts: dict[str, str] = getattr(module, "INSERTS", {})
    return {name: text for name, text in {**alone, **inserts}.items() if text.split()[0] in STATEMENTS}


def books_of(address: str | Path) -> ModuleType:
    return sqlite_books if isinstance(address, Path) else postgres_books


async def plan_of(database: Database, statement: str) -> str:
    """How the writer would go about it."""
    query = "EXPLAIN QUERY PLAN" if database.path else "EXPLAIN"
    values = [None] * statement.count("?")
    found = await database.write(lambda connection: connection.execute(f"{query} {statement}", values).fetchall())
    return "\n".join(str(row[-1]) for row in found)


async def test_every_statement_prepares_on_the_migrated_schema(database: Database, address: str | Path):
    known = {**statements_in(statements), **statements_in(books_of(address))}
    plans = [await plan_of(database, statement) for statement in known.values()]
    assert len(plans) > 50


async def test_a_batch_finds_all_that_it_touches_by_keys(database: Database, address: str | Path):
    """However large a table has become. Only what the statement brings along itself is gone through."""
    plans = {name: await plan_of(database, text) for name, text in statements_in(books_of(address)).items()}
    assert plans
    assert {name: plan for name, plan in plans.items() if any(scans_of(plan))} == {}


def scans_of(plan: str) -> Iterator[str]:
    """Where the plan goes through a whole table, or a whole index."""
    lines = [line.strip() for line in plan.splitlines()]
    for line, condition in pairwise([*lines, ""]):
        if re.match(r"SCAN (?!json_each)", line):
            yield line
        table = re.search(r"(?:Seq|Index|Index Only|Heap) Scan .*on (\w+)", line)
        if table and not condition.startswith(("Index Cond", "Recheck Cond")):
            yield line


@pytest.mark.parametrize(
    ("table", "columns", "values"),
    [
        ("orders", rows.ORDER_COLUMNS, rows.order_values(FULL_ORDER)),
        ("orders", rows.ORDER_COLUMNS, rows.order_values(EMPTY_ORDER)),
        ("orders", rows.ORDER_CHANGING, rows.order_changing_values(FULL_ORDER)),
        ("fills", rows.FILL_COLUMNS, rows.fill_values(a_fill(FULL_ORDER, "1"))),
        ("outbox", rows.COMMAND_COLUMNS, rows.command_values(a_command("c", "o"))),
        ("users", rows.USER_COLUMNS, rows.user_values(a_user())),
        ("logins", rows.LOGIN_COLUMNS, rows.login_values(Login("l", "u", NOON, NOON, LATER))),
        ("tokens", rows.TOKEN_COLUMNS, rows.token_values(RefreshToken("t", "f", "u", LATER, used=False))),
        ("accounts", rows.ACCOUNT_COLUMNS, rows.account_values(an_account())),
    ],
)
def test_what_is_written_has_the_declared_columns_types(table: str, columns: list[str], values: list[SqlValue]):
    declared = METADATA.tables[table].columns
    for name, value in zip(columns, values, strict=True):
        if value is None:
            assert declared[name].nullable, name
        else:
            assert type(value) is DRIVER_TYPES[type(declared[name].type)], name


@pytest.mark.parametrize(
    ("table", "written"),
    [
        ("orders", rows.ORDER_COLUMNS),
        ("fills", (*rows.FILL_COLUMNS, *rows.FILL_OWNER_COLUMNS)),
        ("outbox", rows.COMMAND_COLUMNS),
        ("audit", rows.AUDIT_COLUMNS),
    ],
)
def test_every_declared_column_that_must_have_a_value_is_written(table: str, written: list[str]):
    declared: Table = METADATA.tables[table]
    required = {column.name for column in declared.columns if not column.nullable and not column.primary_key}
    assert required <= set(written) <= set(declared.columns.keys())


async def test_what_the_writer_wrote_reads_the_same_through_sqlmodel(database: Database, address: str | Path):
    ledger = SqlLedger(database, CountedIds())
    order = an_order(quantity="99999999999.99999999")
    await ledger.record_order(order)
    await ledger.advance(order.id, [Submitting(), Accepted("v-1"), CancelRequested()], LATER, source="worker")
    fill = a_fill(order, "7", price="0.1", quantity="3", fee="-0.25")
    advanced = await ledger.advance(order.id, [], LATER, new_fills=[fill], source="stream")
    engine = engine_of(address)
    with Session(engine) as session:
        row = session.exec(select(tables.Orders)).one()
        assert (row.quantity, row.price, row.average_price) == (order.quantity, order.price, Decimal("0.1"))
        assert (row.created_at, row.submitted_at, row.status) == (NOON, LATER, advanced.order.status)
        assert row.finished is False
        fill_row = session.exec(select(tables.Fills)).one()
        assert (fill_row.price, fill_row.fee, fill_row.time, fill_row.user_id) == (fill.price, fill.fee, NOON, "ann")
        assert [command.kind for command in session.exec(select(tables.Outbox).order_by("number"))] == [
            "commands:order:submit",
            "commands:order:cancel",
        ]
        lines = session.exec(select(tables.Audit).order_by("number")).all()
        assert [(line.event, line.status_before, line.status_after) for line in lines] == [
            ("Recorded", None, "PENDING"),
            ("Submitting", "PENDING", "SUBMITTED"),
            ("Accepted", "SUBMITTED", "ACCEPTED"),
            ("CancelRequested", "ACCEPTED", "PENDING_CANCEL"),
            ("Executed", "PENDING_CANCEL", "PENDING_CANCEL"),
        ]
    engine.dispose()


def test_the_migrated_schema_is_the_declared_one(address: str | Path):
    engine = engine_of(address)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
    engine.dispose()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_figure_is_not_stored(value: str):
    with pytest.raises(ValueError, match="not a figure"):
        rows.to_text(Decimal(value))


def test_an_instant_without_a_time_zone_is_not_stored():
    with pytest.raises(TypeError):
        rows.to_micros(NOON.replace(tzinfo=None))


def test_instants_keep_their_microseconds():
    for microseconds in (1, 123456, 999999):
        at = NOON + timedelta(microseconds=microseconds)
        assert rows.from_micros(rows.to_micros(at)) == at
