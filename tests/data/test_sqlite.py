"""What only SQLite can do to a writer."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from data.connection import Connection
from data.database import Database
from data.errors import DatabaseError
from engine.runtime import Supervisor
from tests.data.writing import held, put, stored


async def test_when_the_transaction_is_lost_every_call_of_the_batch_has_failed(sqlite: Database, sqlite_path: Path):
    def loses(connection: Connection) -> None:
        connection.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    tasks = Supervisor("test")
    go_on = await held(sqlite, tasks)
    works = (put("a"), loses, put("b"))
    waiting = asyncio.gather(*(sqlite.write(work) for work in works), return_exceptions=True)
    await asyncio.sleep(0)
    go_on.set()
    answers = await waiting
    assert [type(answer) for answer in answers] == [DatabaseError] * 3
    assert all("disk I/O error" in str(answer) for answer in answers)
    assert stored(sqlite_path) == set()
    assert await sqlite.write(put("afterwards")) == "afterwards"
    await tasks.close()


async def test_a_full_disk_is_told_to_who_writes_and_the_next_goes_through_once_there_is_room(sqlite: Database):
    """SQLite's own limit of pages stands for the disk's."""

    def fill_the_disk(connection: Connection) -> None:
        connection.execute("INSERT INTO sequences (user_id, sequence) VALUES (hex(zeroblob(1000000)), 1)")

    await sqlite.write(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchone())
    with pytest.raises(DatabaseError, match="full"):
        await sqlite.write(fill_the_disk)
    await sqlite.write(lambda connection: connection.execute("PRAGMA max_page_count = 1000000").fetchone())
    assert await sqlite.write(put("a")) == "a"


async def test_commits_reach_the_disk_before_they_are_answered(sqlite: Database):
    """WAL alone would keep a commit through a crash of the program, not of the machine: FULL (2) does both."""
    settings = await sqlite.write(
        lambda c: [
            c.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    )
    assert settings == ["wal", 2, 1]
