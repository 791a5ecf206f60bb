"""Moving windows: on the desk's own clock, or on Redis by Redis' clock for several processes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from limits import RateLimitItem, RateLimitItemPerMinute

from data.redis_keys import LIMITS
from data.redis_limits import RedisWindows
from data.redis_link import RedisLink
from engine.domain.values import TooMany, Unavailable
from engine.identity import Limits
from engine.identity import limits as limits_module
from engine.identity.limits import ACCOUNT_FAILURES, AUTH_REQUESTS, ORDERS, REQUESTS, WindowStore, network_of
from engine.runtime import SystemClock
from tests.identity.conftest import HandClock
from tests.redis_server import RedisServer

Forward = Callable[[float], None]


@pytest.fixture(params=["memory", "redis"])
def form(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def limits(request: pytest.FixtureRequest, form: str, clock: HandClock) -> AsyncIterator[Limits]:
    if form == "memory":
        yield Limits(clock)
        return
    link = RedisLink.open(request.getfixturevalue("redis").url, SystemClock())
    yield Limits(clock, RedisWindows(link))
    await link.close()


@pytest.fixture
def forward(request: pytest.FixtureRequest, form: str, clock: HandClock) -> Forward:
    """Lets that many seconds pass. Redis goes by its own clock: there every hit grows older."""

    def pass_by(seconds: float) -> None:
        clock.forward(seconds=seconds)
        if form == "redis":
            make_older(request.getfixturevalue("redis"), seconds)

    return pass_by


def make_older(redis: RedisServer, seconds: float) -> None:
    for key in redis.run("KEYS", f"{LIMITS}*"):
        hits = [int(hit) - round(seconds * 1_000_000) for hit in redis.run("LRANGE", key, 0, -1)]
        life_ms = redis.run("PTTL", key)
        redis.run("DEL", key)
        redis.run("RPUSH", key, *hits)
        redis.run("PEXPIRE", key, life_ms)


async def test_the_limit_is_taken_in_full_and_not_once_more(limits: Limits) -> None:
    for _ in range(100):
        await limits.hit(AUTH_REQUESTS, "a")
    with pytest.raises(TooMany) as refused:
        await limits.hit(AUTH_REQUESTS, "a")
    assert refused.value.code == "too_many_auth_requests"
    assert 890 < refused.value.retry_after_s <= 900
    await limits.hit(AUTH_REQUESTS, "b")


async def test_the_window_moves_so_that_no_edge_gives_twice_the_limit(limits: Limits, forward: Forward) -> None:
    for _ in range(50):
        await limits.hit(AUTH_REQUESTS, "a")
    forward(14 * 60)
    for _ in range(50):
        await limits.hit(AUTH_REQUESTS, "a")
    forward(61)
    for _ in range(50):
        await limits.hit(AUTH_REQUESTS, "a")
    with pytest.raises(TooMany) as refused:
        await limits.hit(AUTH_REQUESTS, "a")
    assert 820 < refused.value.retry_after_s < 840


async def test_what_is_refused_is_not_counted(limits: Limits, forward: Forward) -> None:
    for _ in range(ACCOUNT_FAILURES.amount):
        await limits.hit(ACCOUNT_FAILURES, "a")
    for _ in range(5):
        with pytest.raises(TooMany):
            await limits.hit(ACCOUNT_FAILURES, "a")
    forward(ACCOUNT_FAILURES.get_expiry())
    for _ in range(ACCOUNT_FAILURES.amount):
        await limits.hit(ACCOUNT_FAILURES, "a")


async def test_forgiving_starts_again_from_nothing(limits: Limits) -> None:
    for _ in range(ACCOUNT_FAILURES.amount):
        await limits.hit(ACCOUNT_FAILURES, "a")
    await limits.forgive(ACCOUNT_FAILURES, "a")
    await limits.hit(ACCOUNT_FAILURES, "a")


async def test_processes_on_one_redis_count_together(redis: RedisServer, clock: HandClock) -> None:
    links = [RedisLink.open(redis.url, SystemClock()) for _ in range(2)]
    here, there = (Limits(clock, RedisWindows(link)) for link in links)
    for limits in (here, there) * (ACCOUNT_FAILURES.amount // 2):
        await limits.hit(ACCOUNT_FAILURES, "a")
    for limits in (here, there):
        with pytest.raises(TooMany):
            await limits.hit(ACCOUNT_FAILURES, "a")
    await here.forgive(ACCOUNT_FAILURES, "a")
    await there.hit(ACCOUNT_FAILURES, "a")
    for link in links:
        await link.close()


@pytest.mark.parametrize("rule", [AUTH_REQUESTS, ACCOUNT_FAILURES])
async def test_without_its_redis_nobody_logs_in(redis: RedisServer, clock: HandClock, rule: RateLimitItem) -> None:
    async with away(redis, clock) as limits:
        with pytest.raises(Unavailable) as refused:
            await limits.hit(rule, "a")
        assert refused.value.code == "logins_not_counted"
        await limits.forgive(rule, "a")


@pytest.mark.parametrize("rule", [REQUESTS, ORDERS])
async def test_without_its_redis_each_process_counts_for_itself(
    redis: RedisServer, clock: HandClock, rule: RateLimitItem
) -> None:
    async with away(redis, clock) as limits:
        for _ in range(rule.amount):
            await limits.hit(rule, "a")
        with pytest.raises(TooMany):
            await limits.hit(rule, "a")


@asynccontextmanager
async def away(redis: RedisServer, clock: HandClock) -> AsyncGenerator[Limits]:
    """Limits whose Redis is gone."""
    link = RedisLink.open(redis.url, SystemClock())
    redis.kill()
    try:
        yield Limits(clock, RedisWindows(link))
    finally:
        redis.start()
        await link.close()


async def test_many_strangers_do_not_fill_the_memory(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MOST_KEYS", 100)
    store = WindowStore(clock)
    rule = RateLimitItemPerMinute(5)
    for number in range(1000):
        assert await store.acquire_entry(rule.key_for(str(number)), 5, 60)
    assert await store.reset() == 100


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002::/64"),
        ("testclient", "testclient"),
    ],
)
def test_one_household_is_one_asker(ip: str, network: str) -> None:
    assert network_of(ip) == network
