"""Several processes on one PostgreSQL: each database below stands for one, with a writer and connections of its own."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator
from contextlib import ExitStack, asynccontextmanager
from datetime import timedelta

import psycopg
import pytest

from data import statements
from data.database import Database
from data.doctor import verify_chains
from data.ledger import SqlLedger
from data.postgres.session import Session
from data.rows import to_micros
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.order import Accepted, OrderStatus, Submitting
from engine.ports import RefreshToken
from engine.runtime import Supervisor, SystemIds
from tests.data.looking import half_done, until_someone_waits_for_a_lock
from tests.data.makers import NOON, HandClock, a_fill, a_user, an_order
from tests.data.writing import held
from tests.postgres import PostgresServer

PROCESSES = 3
LATER = NOON + timedelta(seconds=10)
VAULT = Vault(b"a secret key of the tests")


@pytest.fixture
def databases(postgres_url: str) -> Iterator[list[Database]]:
    with ExitStack() as opened:
        yield [opened.enter_context(Database.open(postgres_url)) for _ in range(PROCESSES)]


@pytest.fixture
def ledgers(databases: list[Database]) -> list[SqlLedger]:
    return [SqlLedger(database, SystemIds(), f"process-{number}") for number, database in enumerate(databases)]


async def test_of_one_client_order_id_at_several_processes_at_once_one_order_is_recorded(
    ledgers: list[SqlLedger], postgres_url: str
):
    for number in range(20):
        mine = f"mine-{number}"
        answers = await asyncio.gather(
            *(ledger.record_order(an_order(client_order_id=mine)) for ledger in ledgers for _ in range(3))
        )
        assert sum(answer.created for answer in answers) == 1
        assert len({answer.order.id for answer in answers}) == 1
        assert sum(answer.command is not None for answer in answers) == 1
    assert list(half_done(postgres_url)) == []


async def test_event_numbers_have_no_gap_in_the_order_of_commits_and_fills_count_once(
    ledgers: list[SqlLedger], databases: list[Database], postgres_url: str
):
    """Every process reports the same fills, out of order; who looks meanwhile sees no number without those below it."""
    draw = random.Random(7)
    orders = [an_order(quantity="5") for _ in range(8)]
    for order in orders:
        await ledgers[0].record_order(order)
        await ledgers[1].advance(order.id, [Submitting(), Accepted("v")], NOON, source="worker")
    reports = [(order, a_fill(order, f"{order.id}-{trade}")) for order in orders for trade in range(20)] * 3
    draw.shuffle(reports)
    async with looked_at(databases[2]) as looks:
        answers = await asyncio.gather(
            *(
                ledgers[number % PROCESSES].advance(order.id, [], NOON, new_fills=[fill], source="stream")
                for number, (order, fill) in enumerate(reports)
            )
        )
    numbers = sorted(answer.change.sequence for answer in answers if answer.change)
    assert numbers == [*range(len(orders) * 2 + 1, len(orders) * 2 + 161)]
    assert [look for look in looks if look[0] != look[1]] == []
    assert len(looks) > 1
    stored = [await ledgers[0].order(order.id) for order in orders]
    assert {order.status for order in stored if order} == {OrderStatus.FILLED}
    assert list(half_done(postgres_url)) == []


@asynccontextmanager
async def looked_at(database: Database) -> AsyncGenerator[list[tuple[int, int]]]:
    """How many events ann has and the highest number among them, again and again while the block runs."""
    looks: list[tuple[int, int]] = []
    tasks = Supervisor("test")
    statement = "SELECT count(*), coalesce(max(sequence), 0) FROM events WHERE user_id = 'ann'"

    async def look() -> None:
        while True:
            looks.append(await database.read(lambda connection: connection.execute(statement).fetchone()))

    tasks.run("look", look())
    yield looks
    await tasks.close()


async def test_batches_that_cross_do_not_wait_for_each_other_in_a_circle(
    ledgers: list[SqlLedger], postgres: PostgresServer, postgres_url: str
):
    """Every process advances the same orders of many users at once, each in an order of its own."""
    draw = random.Random(3)
    orders = [an_order(user_id=f"user-{number}") for number in range(20)]
    await asyncio.gather(*(ledgers[0].record_order(order) for order in orders))
    known = postgres.log.count("deadlock")
    for round_ in range(5):
        reports = [(ledger, order) for ledger in ledgers for order in draw.sample(orders, len(orders))]
        await asyncio.gather(
            *(
                ledger.advance(order.id, [Submitting()] if round_ == 0 else [], NOON, source="worker", new_fills=fills)
                for ledger, order in reports
                for fills in ([] if round_ == 0 else [a_fill(order, f"{order.id}-{round_}", quantity="0.1")],)
            ),
            return_exceptions=True,
        )
    assert postgres.log.count("deadlock") == known
    assert list(half_done(postgres_url)) == []


async def test_processes_that_share_a_name_in_the_audit_log_do_not_break_its_chain(databases: list[Database]):
    ledgers = [SqlLedger(database, SystemIds(), "desk") for database in databases]
    await asyncio.gather(*(ledger.record_order(an_order()) for ledger in ledgers for _ in range(20)))
    report = await verify_chains(databases[0])
    assert (report.lines, report.writers, report.faults) == (60, 1, ())


async def test_a_batch_that_the_database_gave_up_is_carried_out_again(
    ledgers: list[SqlLedger], databases: list[Database], postgres: PostgresServer, postgres_url: str
):
    """Somebody else locks two orders the other way round: PostgreSQL ends the transaction that looks first, ours."""
    first, second = sorted([an_order(), an_order()], key=lambda order: order.id)
    for order in (first, second):
        await ledgers[0].record_order(order)
    known = postgres.log.count("deadlock detected")
    with psycopg.connect(postgres_url) as stranger:
        stranger.execute("SET deadlock_timeout = '60s'")
        stranger.execute("SELECT 1 FROM orders WHERE id = %s FOR UPDATE", (second.id,))
        tasks = Supervisor("test")
        go_on = await held(databases[0], tasks)
        submitting = [ledgers[0].advance(order.id, [Submitting()], NOON, source="worker") for order in (first, second)]
        answers = asyncio.gather(*submitting)
        await asyncio.sleep(0)
        go_on.set()
        await asyncio.to_thread(until_someone_waits_for_a_lock, postgres_url)
        await asyncio.to_thread(stranger.execute, "SELECT 1 FROM orders WHERE id = %s FOR UPDATE", (first.id,))
    assert [answer.order.status for answer in await answers] == [OrderStatus.SUBMITTED] * 2
    assert postgres.log.count("deadlock detected") > known
    assert list(half_done(postgres_url)) == []
    await tasks.close()


# --- relays -----------------------------------------------------------------------------------------------


async def test_relays_of_several_processes_take_different_commands_and_do_not_wait_for_each_other(
    ledgers: list[SqlLedger], postgres_url: str
):
    for _ in range(12):
        await ledgers[0].record_order(an_order())
    with psycopg.connect(postgres_url) as stranger:
        # Another relay in the middle of it: it has taken three, and not committed yet.
        session = Session(stranger)
        held_up = session.execute(statements.TAKE_UNPUBLISHED, (to_micros(NOON), to_micros(NOON), 3, to_micros(LATER)))
        async with asyncio.timeout(5):
            taken = await asyncio.gather(
                *(ledger.take_unpublished(3, before=NOON, at=NOON, until=LATER) for ledger in ledgers)
            )
        ids = [row[0] for row in held_up] + [command.id for commands in taken for command in commands]
    assert len(set(ids)) == len(ids) == 12


# --- users ------------------------------------------------------------------------------------------------


async def test_of_several_processes_that_make_the_owner_at_once_one_does(databases: list[Database]):
    stores = [SqlUsers(database, VAULT, HandClock()) for database in databases]
    made = await asyncio.gather(
        *(users.create_owner(a_user(f"user-{n}", f"{n}@example.com"), "hash") for n, users in enumerate(stores))
    )
    assert sorted(made) == [False] * (PROCESSES - 1) + [True]
    assert await stores[0].count() == 1


async def test_a_refresh_token_is_fresh_for_one_process_only(databases: list[Database]):
    stores = [SqlUsers(database, VAULT, HandClock()) for database in databases]
    await stores[0].create(a_user(), "hash")
    for number in range(10):
        token = RefreshToken(f"token-{number}", "family", "ann", NOON, used=False)
        await stores[0].add_refresh_token(token, f"hash-{number}")
        found = await asyncio.gather(*(users.use_refresh_token(f"hash-{number}") for users in stores))
        assert sorted(one.used for one in found if one) == [False] + [True] * (PROCESSES - 1)
