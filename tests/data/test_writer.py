"""The one writer: batches that are as good as single calls."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from data.connection import Connection
from data.database import Database
from data.doctor import verify_chains
from data.errors import DatabaseError
from data.ledger import SqlLedger
from engine.domain.values import Unavailable
from engine.runtime import Supervisor
from tests.data.makers import CountedIds, an_order
from tests.data.writing import held, put, stored


async def test_a_result_is_durable_when_it_is_given(database: Database, address: str | Path):
    assert await database.write(put("a")) == "a"
    assert stored(address) == {"a"}


async def test_calls_that_wait_are_committed_together(database: Database, address: str | Path):
    tasks = Supervisor("test")
    go_on = await held(database, tasks)
    before = database.writer.batches
    waiting = asyncio.gather(*(database.write(put(str(number))) for number in range(100)))
    await asyncio.sleep(0)
    go_on.set()
    assert await waiting == [str(number) for number in range(100)]
    assert database.writer.batches == before + 2
    assert len(stored(address)) == 100
    await tasks.close()


async def test_a_call_that_fails_takes_back_its_own_writes_and_no_one_elses(database: Database, address: str | Path):
    def breaks(connection: Connection) -> None:
        put("half")(connection)
        raise LookupError("broke in the middle")

    def collides(connection: Connection) -> None:
        put("other half")(connection)
        put("a")(connection)

    tasks = Supervisor("test")
    go_on = await held(database, tasks)
    works = (put("a"), breaks, collides, put("b"))
    waiting = asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    first, broken, collided, last = await waiting
    assert (first, last) == ("a", "b")
    assert isinstance(broken, LookupError)
    assert isinstance(collided, DatabaseError)
    assert "unique" in str(collided).lower()
    assert stored(address) == {"a", "b"}
    await tasks.close()


async def test_an_operation_that_cannot_be_written_fails_alone_and_takes_no_event_number(database: Database):
    """Half a surrogate pair stands for whatever a database refuses: the batch is carried out without that one."""
    ledger = SqlLedger(database, CountedIds())
    names = [*"abcd", "half \ud800", *"efgh"]
    tasks = Supervisor("test")
    go_on = await held(database, tasks)
    waiting = asyncio.gather(
        *(ledger.record_order(an_order(client_order_id=name)) for name in names), return_exceptions=True
    )
    await asyncio.sleep(0)
    go_on.set()
    answers = await waiting
    assert [isinstance(answer, Exception) for answer in answers] == [name.startswith("half") for name in names]
    assert await ledger.sequence("ann") == len(names) - 1
    assert (await verify_chains(database)).faults == ()
    await tasks.close()


async def test_a_caller_that_is_cancelled_leaves_its_write_whole(database: Database, address: str | Path):
    tasks = Supervisor("test")
    go_on = await held(database, tasks)

    async def write() -> None:
        await database.write(put("a"))

    waiting = tasks.run("write", write())
    await asyncio.sleep(0)
    tasks.stop("write")
    go_on.set()
    await database.write(put("b"))
    assert waiting.cancelled()
    assert stored(address) == {"a", "b"}
    await tasks.close()


async def test_too_many_waiting_calls_are_refused(database: Database, address: str | Path):
    database.writer.most_waiting = 2
    tasks = Supervisor("test")
    go_on = await held(database, tasks)
    waiting = asyncio.gather(database.write(put("a")), database.write(put("b")))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await database.write(put("c"))
    go_on.set()
    await waiting
    assert stored(address) == {"a", "b"}
    await tasks.close()


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(address: str | Path):
    database = Database.open(address)
    waiting = asyncio.gather(*(database.write(put(str(number))) for number in range(20)))
    await asyncio.sleep(0)
    database.close()
    assert len(await waiting) == 20
    assert len(stored(address)) == 20
    with pytest.raises(DatabaseError, match="closed"):
        await database.write(put("late"))
    with pytest.raises(DatabaseError, match="closed"):
        await database.read(lambda _: None)


def test_a_loop_that_ended_before_its_answer_does_not_end_the_writer(database: Database):
    started, go_on = threading.Event(), threading.Event()

    def wait(_: Connection) -> None:
        started.set()
        assert go_on.wait(5)

    async def leave_early() -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(0.01):
                await database.write(wait)
        assert started.wait(5)

    async def write() -> str:
        return await database.write(put("a"))

    asyncio.run(leave_early())
    go_on.set()
    assert asyncio.run(write()) == "a"


async def test_reads_see_all_that_was_committed_and_cannot_write(database: Database):
    await database.write(put("a"))
    assert await database.read(lambda c: c.execute("SELECT count(*) FROM sequences").fetchone()[0]) == 1
    with pytest.raises(DatabaseError, match=r"read-?only"):
        await database.read(lambda c: c.execute("DELETE FROM sequences").rowcount)
