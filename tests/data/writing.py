"""Small writes that tests send through a database's writer."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from data.connection import Connection
from data.database import Database
from engine.runtime import Supervisor
from tests.data.looking import rows_in


def put(name: str):
    """Work that writes one row under this name."""

    def work(connection: Connection) -> str:
        connection.execute("INSERT INTO sequences (user_id, sequence) VALUES (?, 1)", (name,))
        return name

    return work


def stored(address: str | Path) -> set[str]:
    return {row[0] for row in rows_in(address, "SELECT user_id FROM sequences")}


async def held(database: Database, tasks: Supervisor) -> threading.Event:
    """Keep the writer busy with one call until the event is set, so that more calls gather behind it."""
    started, go_on = threading.Event(), threading.Event()

    def wait(_: Connection) -> None:
        started.set()
        assert go_on.wait(5)

    tasks.run("hold", database.write(wait))
    await asyncio.to_thread(started.wait, 5)
    return go_on
