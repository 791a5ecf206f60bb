"""The one writer: batches that are as good as single calls."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from data.database import Database
from data.errors import DatabaseError
from engine.domain.values import Unavailable
from engine.runtime import Supervisor


def put(name: str):
    """Work that writes one row under this name."""

    def work(connection: sqlite3.Connection) -> str:
        connection.execute("INSERT INTO sequences (user_id, sequence) VALUES (?, 1)", (name,))
        return name

    return work


def stored(path: Path) -> set[str]:
    connection = sqlite3.connect(path)
    try:
        return {row[0] for row in connection.execute("SELECT user_id FROM sequences")}
    finally:
        connection.close()


async def hold(database: Database, tasks: Supervisor) -> threading.Event:
    """Keep the writer busy with one call until the event is set, so that more calls gather behind it."""
    started, go_on = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        started.set()
        assert go_on.wait(5)

    tasks.run("hold", database.write(wait))
    await asyncio.to_thread(started.wait, 5)
    return go_on


async def test_a_result_is_durable_when_it_is_given(database: Database):
    assert await database.write(put("a")) == "a"
    assert stored(database.path) == {"a"}


async def test_calls_that_wait_are_committed_together(database: Database):
    tasks = Supervisor("test")
    go_on = await hold(database, tasks)
    before = database.writer.batches
    waiting = asyncio.gather(*(database.write(put(str(number))) for number in range(100)))
    await asyncio.sleep(0)
    go_on.set()
    assert await waiting == [str(number) for number in range(100)]
    assert database.writer.batches == before + 2
    assert len(stored(database.path)) == 100
    await tasks.close()


async def test_a_call_that_fails_takes_back_its_own_writes_and_no_one_elses(database: Database):
    def breaks(connection: sqlite3.Connection) -> None:
        put("half")(connection)
        raise LookupError("broke in the middle")

    def collides(connection: sqlite3.Connection) -> None:
        put("other half")(connection)
        put("a")(connection)

    tasks = Supervisor("test")
    go_on = await hold(database, tasks)
    works = (put("a"), breaks, collides, put("b"))
    waiting = asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    first, broken, collided, last = await waiting
    assert (first, last) == ("a", "b")
    assert isinstance(broken, LookupError)
    assert isinstance(collided, DatabaseError)
    assert "UNIQUE" in str(collided)
    assert stored(database.path) == {"a", "b"}
    await tasks.close()


async def test_when_the_transaction_is_lost_every_call_of_the_batch_has_failed(database: Database):
    def loses(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    tasks = Supervisor("test")
    go_on = await hold(database, tasks)
    works = (put("a"), loses, put("b"))
    waiting = asyncio.gather(*(database.write(work) for work in works), return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    answers = await waiting
    assert [type(answer) for answer in answers] == [DatabaseError] * 3
    assert all("disk I/O error" in str(answer) for answer in answers)
    assert stored(database.path) == set()
    assert await database.write(put("afterwards")) == "afterwards"
    await tasks.close()


async def test_a_full_disk_is_told_to_who_writes_and_the_next_goes_through_once_there_is_room(database: Database):
    """SQLite's own limit of pages stands for the disk's."""

    def fill_the_disk(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO sequences (user_id, sequence) VALUES (hex(zeroblob(1000000)), 1)")

    await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(DatabaseError, match="full"):
        await database.write(fill_the_disk)
    await database.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert await database.write(put("a")) == "a"


async def test_a_caller_that_is_cancelled_leaves_its_write_whole(database: Database):
    tasks = Supervisor("test")
    go_on = await hold(database, tasks)

    async def write() -> None:
        await database.write(put("a"))

    waiting = tasks.run("write", write())
    await asyncio.sleep(0)
    tasks.stop("write")
    go_on.set()
    await database.write(put("b"))
    assert waiting.cancelled()
    assert stored(database.path) == {"a", "b"}
    await tasks.close()


async def test_too_many_waiting_calls_are_refused(database: Database):
    database.writer.most_waiting = 2
    tasks = Supervisor("test")
    go_on = await hold(database, tasks)
    waiting = asyncio.gather(database.write(put("a")), database.write(put("b")))
    await asyncio.sleep(0)
    with pytest.raises(Unavailable):
        await database.write(put("c"))
    go_on.set()
    await waiting
    assert stored(database.path) == {"a", "b"}
    await tasks.close()


async def test_closing_finishes_what_waits_and_refuses_what_comes_later(tmp_path: Path):
    database = Database.open(tmp_path / "numatix.db")
    waiting = asyncio.gather(*(database.write(put(str(number))) for number in range(20)))
    await asyncio.sleep(0)
    database.close()
    assert len(await waiting) == 20
    assert len(stored(database.path)) == 20
    with pytest.raises(DatabaseError, match="closed"):
        await database.write(put("late"))
    with pytest.raises(DatabaseError, match="closed"):
        await database.read(lambda _: None)


def test_a_loop_that_ended_before_its_answer_does_not_end_the_writer(database: Database):
    started, go_on = threading.Event(), threading.Event()

    def wait(_: sqlite3.Connection) -> None:
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
    with pytest.raises(DatabaseError, match="readonly"):
        await database.read(lambda c: c.execute("DELETE FROM sequences").rowcount)


async def test_commits_reach_the_disk_before_they_are_answered(database: Database):
    """WAL alone would keep a commit through a crash of the program, not of the machine: FULL (2) does both."""
    settings = await database.write(
        lambda c: [
            c.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    assert settings == ["wal", 2, 1]
