"""Commands from a publisher to a worker: over Redis Streams, each published and acknowledged in Redis.

The baseline is the stream in memory, which one process needs no more than.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from bench.result import Result, percentile
from data.redis_link import RedisLink
from data.redis_streams import RedisStream
from data.streams import MemoryStream
from engine.domain.messages import Command, CommandKind
from engine.ports import Stream
from engine.runtime import Supervisor, SystemClock
from tests.redis_server import RedisServer

STEADY, A_SECOND = 300, 100
RUSH, AT_ONCE = 2_000, 16


def main() -> list[Result]:
    """Milliseconds from publishing to delivery at a steady rate, and commands a second when there are plenty."""
    with tempfile.TemporaryDirectory() as folder:
        redis = RedisServer(Path(folder)).start()
        try:
            return uvloop.run(compared(redis.url))
        finally:
            redis.stop()


async def compared(url: str) -> list[Result]:
    clock = SystemClock()
    memory = MemoryStream(clock)
    link = RedisLink.open(url, clock)
    redis = RedisStream(link, clock)
    try:
        theirs_ms, ours_ms = await steady(memory), await steady(redis)
        theirs_s, ours_s = await rush(memory), await rush(redis)
    finally:
        await link.close()
    at_rate, plenty = f"{A_SECOND} commands/s", f"{AT_ONCE} at once"
    return [
        Result("stream", at_rate, percentile(ours_ms, 50), percentile(theirs_ms, 50), "ms p50", "baseline: in memory"),
        Result("stream", at_rate, percentile(ours_ms, 99), percentile(theirs_ms, 99), "ms p99"),
        Result("stream", plenty, RUSH / ours_s, RUSH / theirs_s, "commands/s", "published, delivered, acknowledged"),
    ]


def command(number: int) -> Command:
    return Command(f"c{number}", CommandKind.SUBMIT, f"o{number}", "account", SystemClock().now())


async def steady(stream: Stream) -> list[float]:
    """How long each was on its way, in milliseconds."""
    published: dict[str, float] = {}
    times_ms: list[float] = []

    async def work() -> None:
        while len(times_ms) < STEADY:
            delivery = await stream.read(tuple(CommandKind), "worker")
            times_ms.append((time.perf_counter() - published[delivery.command.id]) * 1_000)
            await stream.ack(delivery)

    async def publish() -> None:
        for number in range(STEADY):
            published[f"c{number}"] = time.perf_counter()
            await stream.publish(command(number))
            await asyncio.sleep(1 / A_SECOND)

    await together(work, publish)
    return times_ms


async def rush(stream: Stream) -> float:
    """Seconds for all, with one reader and as many acknowledged at once as a worker has places."""
    places = asyncio.Semaphore(AT_ONCE)
    supervisor = Supervisor("bench")
    done = asyncio.Event()
    left = RUSH

    async def ack(delivery_done: Awaitable[None]) -> None:
        nonlocal left
        await delivery_done
        places.release()
        left -= 1
        if not left:
            done.set()

    async def work() -> None:
        for number in range(RUSH):
            await places.acquire()
            delivery = await stream.read(tuple(CommandKind), "worker")
            supervisor.run(f"ack {number}", ack(stream.ack(delivery)))
        await done.wait()

    async def publish() -> None:
        for first in range(0, RUSH, AT_ONCE):
            await asyncio.gather(*(stream.publish(command(number)) for number in range(first, first + AT_ONCE)))

    began = time.perf_counter()
    await together(work, publish)
    return time.perf_counter() - began


async def together(*works: Callable[[], Awaitable[None]]) -> None:
    await asyncio.gather(*(work() for work in works))
