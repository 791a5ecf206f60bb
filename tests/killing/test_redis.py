"""A whole desk on Redis, and Redis emptied, killed, hung, filled and cut off while users trade: every order ends once,
by itself, and the desk answers meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import httpx
import pytest

from data.redis_keys import PUBLISHED
from tests.killing.campaign import Campaign, campaign
from tests.killing.mortal import Victim
from tests.redis_server import RedisServer
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, PATIENCE_S

ANSWERS_WITHIN_S = 6.0
"""Redis is given a second, once for counting the request and once for publishing; the rest is a slow machine."""


class Trouble(StrEnum):
    EMPTIED = "emptied"
    KILLED = "killed"
    HUNG = "hung"
    FULL = "full"
    CUT = "cut"


@pytest.mark.parametrize("seed", [1])
async def test_whatever_happens_to_redis_every_order_ends_once(tmp_path: Path, seed: int) -> None:
    await troubled(tmp_path, seed, tuple(Trouble))


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 106))
async def test_however_often_redis_fails_every_order_ends_once(tmp_path: Path, seed: int) -> None:
    await troubled(tmp_path, seed, random.Random(seed).choices(tuple(Trouble), k=12))


async def troubled(tmp_path: Path, seed: int, troubles: Sequence[Trouble]) -> None:
    print(f"seed {seed}: {', '.join(troubles)}")
    redis = RedisServer(tmp_path).start()
    try:
        async with campaign(tmp_path, seed, redis_url=redis.url) as run, run.traffic():
            for trouble in troubles:
                await run.some_moment()
                await strike(run, redis, trouble)
            assert max(user.slowest_s for user in run.users) < ANSWERS_WITHIN_S
            # What the dead one had in hand on Redis is taken over, and its orders are asked after.
            await run.kill(Victim.DESK)
            await run.some_moment()
            assert int(redis.run("GET", PUBLISHED)) > 0
        assert redis.endless_keys() == []
    finally:
        redis.stop()


async def strike(run: Campaign, redis: RedisServer, trouble: Trouble) -> None:
    """In the middle of a rush; over when this returns."""
    rush = asyncio.gather(*(user.rush() for user in run.users))
    lasts_s = run.rng.uniform(0.5, 2.0)
    await asyncio.sleep(run.rng.uniform(0.02, 0.3))
    match trouble:
        case Trouble.EMPTIED:
            for _ in range(3):
                await asyncio.to_thread(redis.run, "FLUSHALL")
                await asyncio.sleep(lasts_s / 10)
        case Trouble.KILLED:
            redis.kill()
            await nobody_logs_in(run.desk.url)
            await asyncio.sleep(lasts_s)
            await asyncio.to_thread(redis.start)
        case Trouble.HUNG:
            redis.hang()
            await asyncio.sleep(lasts_s)
            redis.go_on()
        case Trouble.FULL:
            await asyncio.to_thread(redis.run, "CONFIG", "SET", "maxmemory", "1")
            await asyncio.sleep(lasts_s)
            await asyncio.to_thread(redis.run, "CONFIG", "SET", "maxmemory", "0")
        case Trouble.CUT:
            await asyncio.to_thread(redis.run, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            await asyncio.to_thread(redis.run, "CLIENT", "KILL", "TYPE", "pubsub")
    await rush


async def nobody_logs_in(url: str) -> None:
    """Guesses cannot be counted together: the answer is a clear one."""
    who = {"email": OWNER_EMAIL, "password": OWNER_PASSWORD}
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as http:
        for path in ("/api/v1/auth/login", "/session"):
            answer = await http.post(path, json=who)
            assert (answer.status_code, answer.json()["code"]) == (503, "logins_not_counted")
