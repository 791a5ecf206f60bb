"""PostgreSQL goes away in the middle of something: it costs waiting, and what was answered holds."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Callable, Generator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.database import Database
from data.doctor import verify_chains
from data.ledger import SqlLedger
from data.postgres.opening import OpenedPostgres
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.order import Accepted, Submitting
from engine.domain.values import Unavailable
from engine.ports import RefreshToken
from engine.runtime import Supervisor, SystemIds
from tests.data.looking import half_done, rows_in, until_someone_waits_for_a_lock
from tests.data.makers import NOON, HandClock, a_fill, a_user, an_order
from tests.engine.desks import eventually
from tests.postgres import PostgresServer

LANES = 10
SOCKET = ".s.PGSQL.5432"
END_ALL = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND application_name = 'numatix'"
)


async def trade(ledger: SqlLedger, answered: dict[str, int]) -> None:
    """One order after another, for ever; `answered` is the newest version that each was given out with."""
    while True:
        order = an_order(quantity="1")
        recorded = await ledger.record_order(order)
        assert recorded.created
        answered[order.id] = recorded.order.version
        assert await ledger.order(order.id) is not None
        answered[order.id] = (await ledger.advance(order.id, [Submitting()], NOON, source="worker")).order.version
        fills = [a_fill(order, f"{order.id}{end}", quantity="0.5") for end in "ab"]
        advanced = await ledger.advance(order.id, [Accepted("v")], NOON, new_fills=fills, source="worker")
        assert advanced.change is not None
        answered[order.id] = advanced.order.version


@asynccontextmanager
async def trading(database: Database) -> AsyncGenerator[dict[str, int]]:
    """Ten lanes of orders while the block runs; a call that fails fails the block's end."""
    answered: dict[str, int] = {}
    ledger = SqlLedger(database, SystemIds())
    lanes = asyncio.gather(*(trade(ledger, answered) for _ in range(LANES)))
    tasks = Supervisor("test")

    async def run() -> None:
        await lanes

    tasks.run("lanes", run())
    try:
        await reached(answered, 30)
        yield answered
        await reached(answered, len(answered) + 30)
    finally:
        await tasks.close()
    assert tasks.failures == ()


async def reached(answered: dict[str, int], orders: int) -> None:
    await eventually(lambda: len(answered) >= orders, f"{orders} orders are answered", 30)


async def holds(database: Database, url: str, answered: dict[str, int]) -> None:
    """Nothing that was answered is missing, nothing is there by half, no order is there twice."""
    # What the lanes had given to the writer when they ended is through once this is.
    await database.write(lambda connection: connection.execute("SELECT 1").fetchall())
    stored = dict(rows_in(url, "SELECT id, version FROM orders"))
    assert [order_id for order_id, version in answered.items() if stored.get(order_id, 0) < version] == []
    assert list(half_done(url)) == []
    assert (await verify_chains(database)).faults == ()


async def test_when_the_server_ends_every_connection_again_and_again_calls_wait_and_nothing_is_lost(
    postgres: PostgresServer, postgres_url: str
):
    with Database.open(postgres_url) as database:
        async with trading(database) as answered:
            for _ in range(15):
                await asyncio.to_thread(rows_in, postgres_url, END_ALL)
                await reached(answered, len(answered) + 5)
        await holds(database, postgres_url, answered)


# --- a server of one's own, which is stopped, crashed and started ------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """It writes to the disk before it answers, as a real one does."""
    server = PostgresServer.launch()
    yield server
    server.remove()


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.crash])
async def test_a_restart_or_a_crash_of_the_server_costs_waiting_and_nothing_that_was_answered(
    server: PostgresServer, end: Callable[[PostgresServer], None]
):
    url = server.url(server.new_database())
    with Database.open(url) as database:
        async with trading(database) as answered:
            await asyncio.to_thread(end, server)
            await asyncio.to_thread(server.start)
        await holds(database, url, answered)


async def test_while_the_server_stays_away_calls_are_refused_and_afterwards_all_is_well_by_itself(
    server: PostgresServer,
):
    url = server.url(server.new_database())
    with Database.open(url) as database:
        ledger = SqlLedger(database, SystemIds())
        order = an_order()
        await ledger.record_order(order)
        assert await ledger.order(order.id) == order
        hurry(database)
        server.stop()
        for call in (ledger.record_order(an_order()), ledger.order(order.id), ledger.mark_published(["x"], NOON)):
            with pytest.raises(Unavailable, match="cannot be reached"):
                await call
        server.start()
        assert (await ledger.record_order(an_order())).created
        assert await ledger.order(order.id) == order


async def test_closing_does_not_wait_for_a_server_that_is_away(server: PostgresServer):
    database = Database.open(server.url(server.new_database()))
    ledger = SqlLedger(database, SystemIds())
    await ledger.order("x")
    server.stop()
    waiting = asyncio.gather(ledger.record_order(an_order()), ledger.order("x"), return_exceptions=True)
    await asyncio.sleep(0)
    async with asyncio.timeout(8):
        await asyncio.to_thread(database.close)
        answers = await waiting
    assert [type(answer) for answer in answers] == [Unavailable] * 2
    server.start()


async def test_a_server_that_hangs_costs_waiting_and_does_not_keep_the_desk_from_ending(
    postgres_url: str,
):
    database = Database.open(postgres_url)
    ledger = SqlLedger(database, SystemIds())
    order = an_order()
    await ledger.record_order(order)
    await ledger.order(order.id)
    with frozen(postgres_url) as thaw:
        waiting = asyncio.gather(ledger.record_order(an_order()), ledger.order(order.id))
        done, _ = await asyncio.wait([waiting], timeout=0.2)
        assert not done
        thaw()
        recorded, found = await waiting
        assert (recorded.created, found) == (True, order)
    with frozen(postgres_url):
        database.grace_s = 0.2
        waiting = asyncio.gather(ledger.record_order(an_order()))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await asyncio.to_thread(database.close)
            with pytest.raises(Unavailable, match="cannot be reached"):
                await waiting


@contextmanager
def frozen(url: str) -> Generator[Callable[[], None]]:
    """The server's ends of a desk's connections stand still, until they are thawed or the block is over."""
    desks = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'numatix'"
    pids = [pid for (pid,) in rows_in(url, desks)]

    def thaw() -> None:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield thaw
    finally:
        thaw()


def hurry(database: Database) -> None:
    """Have it give up after a few tries."""
    opened = database.opened
    assert isinstance(opened, OpenedPostgres)
    for line in (opened.committer.line, *opened.lines):
        line.patience_s = 0.2


# --- the answer to COMMIT is lost ---------------------------------------------------------------------------


@dataclass
class Cutter:
    """Stands between a desk and its server, and cuts the connection that sends the next COMMIT: `before` it goes on to
    the server, `after` it was done there, or `late`, when it is done only after the desk has come back to ask."""

    server: Path
    until_asked: Callable[[], None]
    how: str = "never"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there = await asyncio.open_unix_connection(self.server / SOCKET)
        done = asyncio.Event()
        is_cut = False

        async def back() -> None:
            while answer := await there_reader.read(65_536):
                if is_cut:
                    done.set()
                else:
                    writer.write(answer)

        async def forth() -> None:
            nonlocal is_cut
            while not is_cut and (chunk := await reader.read(65_536)):
                is_cut = b"COMMIT\0" in chunk and self.how != "never"
                if not is_cut:
                    there.write(chunk)
                    continue
                how, self.how = self.how, "never"
                if how == "late":
                    writer.close()
                    await asyncio.to_thread(self.until_asked)
                if how != "before":
                    there.write(chunk)
                    await done.wait()
            for end in (writer, there):
                end.close()

        with suppress(ConnectionError):
            await asyncio.gather(forth(), back())


@asynccontextmanager
async def cut_between(server: PostgresServer, folder: Path, url: str) -> AsyncGenerator[tuple[Cutter, str]]:
    """A cutter before the server of this URL, and the URL by which a desk comes through it."""
    cutter = Cutter(server.folder, lambda: until_someone_waits_for_a_lock(url))
    listener = await asyncio.start_unix_server(cutter.serve, folder / SOCKET)
    try:
        yield cutter, url.replace(str(server.folder), str(folder))
    finally:
        listener.close()
        await listener.wait_closed()


@pytest.mark.parametrize("how", ["before", "after", "late"])
async def test_an_order_whose_commits_answer_is_lost_is_recorded_once_and_told_as_if_nothing_had_been(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path, how: str
):
    async with cut_between(postgres, tmp_path, postgres_url) as (cutter, url):
        database = await asyncio.to_thread(Database.open, url)
        ledger = SqlLedger(database, SystemIds())
        first = an_order()
        await ledger.record_order(first)
        cutter.how = how
        second, submitted = await asyncio.gather(
            ledger.record_order(an_order(order_id="second")),
            ledger.advance(first.id, [Submitting()], NOON, source="worker"),
        )
        assert cutter.how == "never"
        assert second.created
        assert second.command is not None
        assert {one.change.sequence for one in (second, submitted) if one.change} == {2, 3}
        assert await ledger.order("second") == second.order
        await holds(database, postgres_url, {"second": 1, first.id: 2})
        await asyncio.to_thread(database.close)


@pytest.mark.parametrize("how", ["before", "after", "late"])
async def test_a_token_whose_commits_answer_is_lost_is_used_up_once_and_still_fresh_for_its_holder(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path, how: str
):
    async with cut_between(postgres, tmp_path, postgres_url) as (cutter, url):
        database = await asyncio.to_thread(Database.open, url)
        users = SqlUsers(database, Vault(b"a secret key of the tests"), HandClock())
        await users.create(a_user(), "hash")
        await users.add_refresh_token(RefreshToken("token", "family", "ann", NOON, used=False), "hash")
        cutter.how = how
        token = await users.use_refresh_token("hash")
        assert cutter.how == "never"
        assert token is not None
        assert not token.used
        again = await users.use_refresh_token("hash")
        assert again is not None
        assert again.used
        await asyncio.to_thread(database.close)


async def test_whoever_cannot_be_told_whether_it_was_written_is_told_that(
    postgres: PostgresServer, postgres_url: str, tmp_path: Path
):
    """The server is gone for good after the commit."""
    async with cut_between(postgres, tmp_path, postgres_url) as (cutter, url):
        database = await asyncio.to_thread(Database.open, url)
        hurry(database)
        cutter.how = "after"
        (tmp_path / SOCKET).unlink()
        with pytest.raises(Unavailable, match="whether this was written is not known") as refused:
            await SqlLedger(database, SystemIds()).record_order(an_order(order_id="mine"))
        assert refused.value.code == "outcome_unknown"
        assert rows_in(postgres_url, "SELECT id FROM orders") == [("mine",)]
        await asyncio.to_thread(database.close)
