"""The stores under test.

The contract suites take `ledger`, `users`, `stream` and `bus`: another form of each joins as a further parameter.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.bus import MemoryBus
from data.database import Database
from data.ledger import SqlLedger
from data.streams import MemoryStream
from data.users import SqlUsers
from data.vault import Vault
from engine.ports import EventBus, Ledger, Stream, Users
from tests.data.makers import CountedIds, HandClock


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated database without rows, made once; each test works on a copy."""
    path = tmp_path_factory.mktemp("store") / "numatix.db"
    Database.open(path).close()
    return path


@pytest.fixture
def database(tmp_path: Path, empty_database: Path) -> Iterator[Database]:
    path = tmp_path / "numatix.db"
    shutil.copyfile(empty_database, path)
    with Database.open(path) as database:
        yield database


@pytest.fixture(params=["sqlite"])
def ledger(database: Database) -> Ledger:
    return SqlLedger(database, CountedIds())


@pytest.fixture(params=["sqlite"])
def users(database: Database, clock: HandClock) -> Users:
    return SqlUsers(database, Vault(b"a secret key of the tests"), clock)


@pytest.fixture(params=["memory"])
def stream(clock: HandClock) -> Stream:
    return MemoryStream(clock, lease_s=30.0, capacity=100)


@pytest.fixture(params=["memory"])
def bus() -> EventBus:
    return MemoryBus(capacity=10)
