"""A Redis that cannot be used stops the desk with one line: the setting, its fault, the mend."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data.errors import RedisFault
from data.redis_link import RedisLink, unfit
from engine.runtime import SystemClock
from tests.redis_server import RedisServer
from tests.serving import ROOT, desk_environment


@pytest.fixture
def guarded(redis: RedisServer) -> Iterator[RedisServer]:
    """One that asks for a password."""
    redis.run("ACL", "SETUSER", "trader", "on", ">open sesame", "~*", "&*", "+@all")
    redis.run("ACL", "SETUSER", "reader", "on", ">open sesame", "~*", "&*", "+ping")
    yield redis
    redis.run("ACL", "DELUSER", "trader", "reader")


def fault_of(url: str) -> str:
    with pytest.raises(RedisFault) as refused:
        RedisLink.open(url, SystemClock())
    line = str(refused.value)
    assert line.startswith("NUMATIX_REDIS_URL is ")
    assert "\n" not in line
    assert line.endswith(".")
    assert "sesame" not in line
    return line


def test_where_nothing_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        line = fault_of(f"redis://127.0.0.1:{taken.getsockname()[1]}/0")
    assert "no Redis answers there" in line
    assert "start it, or mend the address" in line


def test_where_no_such_host_is() -> None:
    assert "no Redis answers there" in fault_of("redis://no-such-host.invalid:6379/0")


def test_a_wrong_password_is_not_shown(guarded: RedisServer) -> None:
    line = fault_of(f"unix://trader:wrong-sesame@{guarded.socket}")
    assert "refuses the name or password" in line
    assert "mend them in the address" in line


def test_a_user_who_may_not_enough(guarded: RedisServer) -> None:
    assert "cannot be used" in fault_of(f"unix://reader:open%20sesame@{guarded.socket}")


async def test_the_right_password(guarded: RedisServer) -> None:
    await RedisLink.open(f"unix://trader:open%20sesame@{guarded.socket}", SystemClock()).close()


def test_a_database_that_is_not_there(redis: RedisServer) -> None:
    assert "DB index is out of range" in fault_of(f"{redis.url}?db=99")


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_a_policy_that_throws_away(redis: RedisServer, policy: str) -> None:
    redis.run("CONFIG", "SET", "maxmemory-policy", policy)
    line = fault_of(redis.url)
    assert f"maxmemory-policy {policy}" in line
    assert "must be noeviction" in line


def test_a_replica(redis: RedisServer) -> None:
    redis.run("REPLICAOF", "127.0.0.1", "1")
    try:
        assert "is a replica" in fault_of(redis.url)
    finally:
        redis.run("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize(
    ("version", "fit"), [("6.2.14", False), ("5.0", False), ("7.0.15", True), ("7.4.0", True), ("10.1", True)]
)
def test_a_version_that_is_too_old(version: str, fit: bool) -> None:
    fault = unfit({"redis_version": version, "maxmemory_policy": "noeviction", "role": "master"})
    assert (fault is None) is fit
    assert fit or "7.0 or later" in (fault or "")


def test_the_desk_itself_ends_with_the_line_and_code_2(redis: RedisServer, tmp_path: Path) -> None:
    redis.run("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
    ended = subprocess.run(
        [sys.executable, "-m", "numatix"],
        cwd=ROOT,
        env=desk_environment(tmp_path / "var", redis_url=redis.url),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    [line] = [line for line in ended.stderr.splitlines() if "NUMATIX_REDIS_URL" in line]
    assert line.startswith("numatix: NUMATIX_REDIS_URL is 'unix://")
