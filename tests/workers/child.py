"""A worker in a process of its own, on the streams of a Redis. What it carries out it writes down, nothing else.

Arguments: the address of Redis, the file to write to, seconds that each command takes. It writes `begin COMMAND` and
`done COMMAND`, a line each, and ends in order at SIGTERM.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from data.redis_link import RedisLink
from data.redis_streams import RedisStream
from engine.domain.messages import Command
from engine.runtime import Supervisor, SystemClock, SystemIds
from engine.worker import Worker

LEASE_S = 1.5
"""Short, so that a test sees it end; the worker renews it in time."""


class Diary:
    """Carries commands out by writing them down. A line is one write: a kill cuts none."""

    def __init__(self, path: Path, takes_s: float) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._takes_s = takes_s

    async def execute(self, command: Command) -> None:
        os.write(self._file, f"begin {command.id}\n".encode())
        await asyncio.sleep(self._takes_s)
        os.write(self._file, f"done {command.id}\n".encode())


async def main(url: str, diary: Path, takes_s: float) -> None:
    clock = SystemClock()
    supervisor = Supervisor("worker under test", clock)
    link = RedisLink.open(url, clock)
    stream = RedisStream(link, clock, lease_s=LEASE_S)
    worker = Worker(stream, Diary(diary, takes_s), SystemIds(), renew_every_s=LEASE_S / 3)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    worker.start(supervisor)
    await ended.wait()
    await worker.drain(supervisor)
    await supervisor.close()
    await link.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3])))
