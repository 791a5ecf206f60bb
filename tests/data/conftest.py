"""The stores under test.

The contract suites take `ledger`, `users`, `stream` and `bus`: another form of each joins as a further parameter.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from data.bus import MemoryBus
from data.database import Database
from data.drifts import SqlDrifts
from data.ledger import SqlLedger
from data.redis_bus import RedisBus
from data.redis_keys import STREAMS
from data.redis_link import RedisLink
from data.redis_scripts import GROUP
from data.redis_streams import RedisStream
from data.streams import MemoryStream
from data.users import SqlUsers
from data.vault import Vault
from engine.ports import Drifts, EventBus, Ledger, Stream, Users
from engine.runtime import Supervisor, SystemClock
from tests.data.makers import CountedIds, Forward, HandClock
from tests.postgres import PostgresServer
from tests.redis_server import RedisServer
from tests.virtual.drifts import MemoryDrifts
from tests.virtual.ledger import MemoryLedger, MemoryStore
from tests.virtual.users import MemoryUsers


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file, migrated and without rows, made once; each test works on a copy."""
    path = tmp_path_factory.mktemp("store") / "numatix.db"
    Database.open(path).close()
    return path


@pytest.fixture
def sqlite_path(tmp_path: Path, empty_database: Path) -> Path:
    path = tmp_path / "numatix.db"
    shutil.copyfile(empty_database, path)
    return path


@pytest.fixture
def sqlite(sqlite_path: Path) -> Iterator[Database]:
    """For what only SQLite does."""
    with Database.open(sqlite_path) as database:
        yield database


@pytest.fixture(scope="session")
def empty_postgres(postgres: PostgresServer) -> str:
    """The name of a database that is migrated once; before each test its rows are taken out."""
    name = postgres.new_database()
    Database.open(postgres.url(name)).close()
    return name


@pytest.fixture
def postgres_url(postgres: PostgresServer, empty_postgres: str) -> str:
    """A PostgreSQL database, migrated and without rows."""
    postgres.empty(empty_postgres)
    return postgres.url(empty_postgres)


DATABASES = ("sqlite_path", "postgres_url")


@pytest.fixture(params=DATABASES)
def address(request: pytest.FixtureRequest) -> str | Path:
    """A migrated database without rows, for `Database.open`."""
    return request.getfixturevalue(request.param)


@pytest.fixture
def database(address: str | Path) -> Iterator[Database]:
    """The database under test, of either kind."""
    with Database.open(address) as database:
        yield database


@pytest.fixture(params=[*DATABASES, "memory"])
def ledger(request: pytest.FixtureRequest) -> Iterator[Ledger]:
    if request.param == "memory":
        yield MemoryLedger(MemoryStore(), CountedIds())
        return
    with Database.open(request.getfixturevalue(request.param)) as database:
        yield SqlLedger(database, CountedIds())


@pytest.fixture(params=[*DATABASES, "memory"])
def users(request: pytest.FixtureRequest, clock: HandClock) -> Iterator[Users]:
    if request.param == "memory":
        yield MemoryUsers(clock)
        return
    with Database.open(request.getfixturevalue(request.param)) as database:
        yield SqlUsers(database, Vault(b"a secret key of the tests"), clock)


@pytest.fixture(params=[*DATABASES, "memory"])
def drifts(request: pytest.FixtureRequest) -> Iterator[Drifts]:
    if request.param == "memory":
        yield MemoryDrifts()
        return
    with Database.open(request.getfixturevalue(request.param)) as database:
        yield SqlDrifts(database)


@pytest.fixture(params=["memory", "redis"])
def form(request: pytest.FixtureRequest) -> str:
    """Where streams and buses live."""
    return request.param


@pytest.fixture
async def link(request: pytest.FixtureRequest, form: str) -> AsyncIterator[RedisLink | None]:
    """To this worker's Redis, empty; None for what lives in memory."""
    if form == "memory":
        yield None
        return
    link = RedisLink.open(request.getfixturevalue("redis").url, SystemClock())
    yield link
    await link.close()


@pytest.fixture
async def stream(link: RedisLink | None, clock: HandClock) -> Stream:
    if link is None:
        return MemoryStream(clock, lease_s=30.0, capacity=100, most_dead=10)
    return RedisStream(link, clock, lease_s=30.0, capacity=100, most_dead=10)


@pytest.fixture
def forward(request: pytest.FixtureRequest, form: str, clock: HandClock) -> Forward:
    """Lets that many seconds pass for the stream. Redis goes by its own clock: there what is held grows older."""

    def pass_by(seconds: float) -> None:
        clock.forward(seconds)
        if form == "redis":
            make_older(request.getfixturevalue("redis"), seconds)

    return pass_by


@pytest.fixture
async def bus(link: RedisLink | None) -> AsyncIterator[EventBus]:
    if link is None:
        yield MemoryBus(capacity=10)
        return
    supervisor = Supervisor("bus under test")
    yield RedisBus(link, supervisor, capacity=10)
    await supervisor.close()


def make_older(redis: RedisServer, seconds: float) -> None:
    """As if what consumers hold had been theirs for so much longer, and what stands there stood there so long."""
    for stream in STREAMS:
        if not redis.run("EXISTS", stream):
            continue
        for entry, consumer, idle_ms, _ in redis.run("XPENDING", stream, GROUP, "-", "+", 1_000):
            idle = idle_ms + round(seconds * 1_000)
            redis.run("XCLAIM", stream, GROUP, consumer, 0, entry, "IDLE", idle, "JUSTID")
