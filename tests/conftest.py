"""Fixtures that several parts share: the real desk as a process of its own."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import UNSAFE, PostgresServer
from tests.redis_server import RedisServer
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, DeskServer

OWNER = {"owner_email": OWNER_EMAIL, "owner_password": OWNER_PASSWORD}


@pytest.fixture(autouse=True, scope="module")
def leaks_are_told_where_they_happen() -> Iterator[None]:
    """What a module leaves unclosed is found at its own end, not in whichever test the collector runs in."""
    yield
    gc.collect()


@pytest.fixture(scope="session")
def desk_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskServer]:
    """One running desk with an owner and open registration, shared by all tests of this worker; ready for orders.

    `desk_server.url`; `.login()` gives the owner's session cookie (name `numatix`), `.api()` an HTTP client with
    the owner's access token. Market: synthetic, seed 7. Make a user of your own where state would disturb others:
    `POST /api/v1/auth/register`, then `.login(email, password)`.
    """
    server = DeskServer(
        tmp_path_factory.mktemp("desk") / "var", {**OWNER, "registration": "open", "simulator_seed": "7"}
    )
    server.start().wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL for all tests of this worker, quick because it spares the disk; each test has a database of its
    own. What stops or kills a server launches one for itself."""
    server = PostgresServer.launch(*UNSAFE)
    yield server
    server.remove()


@pytest.fixture
def start_desk(tmp_path: Path) -> Iterator[Callable[..., DeskServer]]:
    """`start_desk(**settings)` starts a desk of the test's own: no owner unless `owner_email` and
    `owner_password` are given. It has answered /healthz; `.wait_ready()` waits for more. Stopped at the end."""
    started: list[DeskServer] = []

    def start(**settings: str) -> DeskServer:
        server = DeskServer(tmp_path / f"var-{len(started)}", settings)
        started.append(server)
        return server.start()

    yield start
    for server in started:
        server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """One per worker; take `redis`, which is empty for each test."""
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[RedisServer]:
    """An empty Redis. A test that leaves a key without a time to live, and not meant to be permanent, fails."""
    redis_server.empty()
    yield redis_server
    endless = redis_server.endless_keys()
    redis_server.empty()
    assert not endless, f"keys that would stay for ever: {endless}"
