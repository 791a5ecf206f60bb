"""Whoever changes, moves or takes out a line of the audit log is found out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from data.connection import Connection
from data.database import Database
from data.doctor import verify_chains
from data.ledger import SqlLedger
from engine.domain.order import Accepted, Submitting
from tests.data.makers import NOON, CountedIds, a_fill, an_order


@pytest.fixture
async def written(database: Database) -> Database:
    """Two writers, two orders, seven lines."""
    ids = CountedIds()
    first, second = SqlLedger(database, ids, "one"), SqlLedger(database, ids, "two")
    order, other = an_order(order_id="order"), an_order(order_id="other")
    await first.record_order(order)
    await second.record_order(other)
    await second.advance("order", [Submitting(), Accepted("v")], NOON, source="worker")
    await first.advance("other", [Submitting()], NOON, source="worker")
    await first.advance("order", [], NOON, new_fills=[a_fill(order, "1")], source="stream")
    await second.advance("other", [Accepted("w")], NOON, source="worker")
    return database


async def forge(database: Database, forgery: Callable[[Connection], object]) -> None:
    """As somebody with the file, or the server's superuser, would: the triggers are out of the way."""
    on_sqlite = ("DROP TRIGGER audit_no_update", "DROP TRIGGER audit_no_delete")
    on_postgres = ("SET LOCAL session_replication_role = replica",)

    def work(connection: Connection) -> None:
        for statement in on_sqlite if database.path else on_postgres:
            connection.execute(statement)
        forgery(connection)

    await database.write(work)


async def test_what_was_written_holds(written: Database):
    report = await verify_chains(written)
    assert (report.lines, report.orders, report.writers, report.faults) == (7, 2, 2, ())


@pytest.mark.parametrize(
    ("forgery", "found"),
    [
        ('UPDATE audit SET detail = \'{"venue_order_id":"x"}\' WHERE number = 4', "order order"),
        ("UPDATE audit SET at = at + 1 WHERE number = 1", "order order"),
        ("UPDATE audit SET user_id = 'eve' WHERE number = 2", "order other"),
        ("DELETE FROM audit WHERE number = 3", "order order"),
        ("DELETE FROM audit WHERE number = 7", "order other"),
        ("DELETE FROM audit WHERE writer = 'one'", "writer one"),
        ("DELETE FROM audit WHERE order_id = 'other'", "order other"),
        ("UPDATE audit SET number = number + 100 WHERE number = 1", "order order"),
        ("UPDATE audit SET order_id = 'other' WHERE number = 6", "order other"),
        ("UPDATE orders SET chain = 'f' WHERE id = 'order'", "order order"),
        ("UPDATE writers SET number = 2 WHERE id = 'one'", "writer one"),
        ("UPDATE audit SET writer = 'one' WHERE number = 7", "writer one"),
    ],
)
async def test_a_forgery_is_found(written: Database, forgery: str, found: str):
    await forge(written, lambda connection: connection.execute(forgery))
    faults = (await verify_chains(written)).faults
    assert found in {fault.chain for fault in faults}


async def test_a_line_that_is_cut_off_with_its_orders_end_shows_at_the_writer(written: Database):
    """Who also puts the order's end back to the line before is found by the other chain."""

    def cut(connection: Connection) -> None:
        before = connection.execute("SELECT order_hash FROM audit WHERE number = 5").fetchone()[0]
        connection.execute("DELETE FROM audit WHERE number = 7")
        connection.execute("UPDATE orders SET chain = ? WHERE id = 'other'", (before,))

    await forge(written, cut)
    assert [fault.chain for fault in (await verify_chains(written)).faults] == ["writer two"]


async def test_a_write_that_fails_leaves_both_chains_whole(written: Database):
    ledger = SqlLedger(written, CountedIds(count=100), "one")
    with pytest.raises(Exception, match="cannot happen"):
        await ledger.advance("order", [Submitting()], NOON, source="worker")
    await ledger.record_order(an_order(order_id="third"))
    report = await verify_chains(written)
    assert (report.lines, report.faults) == (8, ())
