"""Two workers, each a process of its own, on one stream: each command is done once, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from data.redis_link import RedisLink
from data.redis_streams import RedisStream
from engine.domain.messages import CommandKind
from engine.ports import Backlog
from engine.runtime import SystemClock
from tests.data.makers import a_command
from tests.engine.desks import eventually_true
from tests.redis_server import RedisServer
from tests.serving import ROOT, wait_until

KINDS = tuple(CommandKind)
COMMANDS, ORDERS = 160, 40


@dataclass
class WorkerProcess:
    process: subprocess.Popen[bytes]
    diary: Path

    def lines(self, word: str) -> list[str]:
        """The commands that it wrote down with this word, in order."""
        text = self.diary.read_text() if self.diary.exists() else ""
        return [line.split()[1] for line in text.splitlines() if line.startswith(word)]

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(20)


@pytest.fixture
def start_worker(redis: RedisServer, tmp_path: Path) -> Iterator[Callable[[float], WorkerProcess]]:
    started: list[WorkerProcess] = []

    def start(takes_s: float) -> WorkerProcess:
        diary = tmp_path / f"diary-{len(started)}"
        command = [sys.executable, "-m", "tests.workers.child", redis.url, str(diary), str(takes_s)]
        started.append(WorkerProcess(subprocess.Popen(command, cwd=ROOT), diary))
        return started[-1]

    yield start
    for worker in started:
        worker.process.kill()
        worker.process.wait()


@pytest.fixture
async def stream(redis: RedisServer) -> AsyncIterator[RedisStream]:
    link = RedisLink.open(redis.url, SystemClock())
    yield RedisStream(link, SystemClock())
    await link.close()


async def publish_all(stream: RedisStream) -> list[str]:
    """Commands of all kinds, several for each order."""
    ids = [f"c{number}" for number in range(COMMANDS)]
    for number, command_id in enumerate(ids):
        await stream.publish(a_command(command_id, f"o{number % ORDERS}", KINDS[number % len(KINDS)]))
    return ids


async def done(stream: RedisStream, within_s: float = 30.0) -> None:
    """Until every command is acknowledged."""

    async def look() -> bool:
        return await stream.pending() == Backlog(waiting=0, in_hand=0, dead=0, oldest_s=None)

    await eventually_true(look, "every command is acknowledged", within_s)


async def test_two_workers_share_the_commands_and_do_each_once(
    start_worker: Callable[[float], WorkerProcess], stream: RedisStream, redis: RedisServer
) -> None:
    workers = [start_worker(0.02), start_worker(0.02)]
    await asyncio.to_thread(wait_until, lambda: b"blocked_clients:2" in redis.run("INFO", "clients"), "both to read")
    ids = await publish_all(stream)
    await done(stream)
    lines = [worker.lines("done") for worker in workers]
    assert Counter(lines[0] + lines[1]) == Counter(ids)
    assert min(map(len, lines)) > 0


async def test_what_takes_longer_than_the_lease_is_done_once(
    start_worker: Callable[[float], WorkerProcess], stream: RedisStream
) -> None:
    workers = [start_worker(2.5), start_worker(2.5)]
    for number in range(6):
        await stream.publish(a_command(f"c{number}", f"o{number}"))
    await done(stream)
    assert Counter(workers[0].lines("begin") + workers[1].lines("begin")) == Counter(f"c{n}" for n in range(6))


async def test_what_a_killed_worker_had_in_hand_is_taken_over_by_the_other(
    start_worker: Callable[[float], WorkerProcess], stream: RedisStream
) -> None:
    victim = start_worker(0.7)
    ids = await publish_all(stream)
    await asyncio.to_thread(
        wait_until, lambda: len(victim.lines("begin")) > len(victim.lines("done")) > 9, "some to be done, some in hand"
    )
    victim.end(signal.SIGKILL)
    survivor = start_worker(0.01)
    await done(stream)
    finished, begun = Counter(victim.lines("done")), Counter(victim.lines("begin"))
    assert begun - finished, "it was killed with nothing in hand"
    counted = finished + Counter(survivor.lines("done"))
    assert set(counted) == set(ids)
    # What was done and not acknowledged any more comes once again: the ledger tells a real worker that it is done.
    twice = {command_id for command_id, count in counted.items() if count > 1}
    assert twice <= set(victim.lines("done")[-16:])
    assert max(counted.values()) <= 2


async def test_a_worker_that_is_told_to_end_finishes_what_it_has_in_hand(
    start_worker: Callable[[float], WorkerProcess], stream: RedisStream
) -> None:
    leaving = start_worker(0.1)
    ids = await publish_all(stream)
    await asyncio.to_thread(wait_until, lambda: leaving.lines("done"), "some to be done")
    assert leaving.end(signal.SIGTERM) == 0
    assert Counter(leaving.lines("begin")) == Counter(leaving.lines("done"))
    assert (await stream.pending()).in_hand == 0
    staying = start_worker(0.01)
    await done(stream, within_s=10)
    assert Counter(leaving.lines("done") + staying.lines("done")) == Counter(ids)
