"""The simulator as serve's child: started first thing, watched, started again, gone when serve is gone.

Run as a module this file is the child's side: it reads its configuration from the pipe that also tells
it when its parent ends, so that the admin token is neither in the arguments nor in the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from engine.runtime import Clock
from numatix.settings import PREFIX, is_anywhere

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

log = structlog.get_logger(__name__)

RESTART_DELAYS_S = (0.1, 0.5, 1.0, 2.0, 5.0)
HELD_S = 30.0
"""A child that has lived this long has earned a quick restart."""
GRACE_S = 3.0
CANNOT_START = 2
LONGEST_LINE = 64 * 1024
MENDED_BY = f"{PREFIX}SIMULATOR_FLOW, {PREFIX}SIMULATOR_SEED or {PREFIX}VAR_DIR"


@dataclass(frozen=True, slots=True)
class ChildConfig:
    """What the child is told."""

    host: str
    port: int
    seed: int | None
    flow: str
    journal_dir: Path
    admin_token: str


class CannotStart(Exception):
    """The child ended before it served for the first time; it has said why on stderr."""


class SimulatorProcess:
    """The parent's side. `start` is called once, before the event loop runs; `watch` then takes over."""

    def __init__(self, config: ChildConfig, clock: Clock) -> None:
        self._config = config
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._pipe: int | None = None
        self._served = asyncio.Event()
        self.restarts = 0
        """How often it was started again since the first time."""

    @property
    def url(self) -> str:
        """Its base address, such as http://127.0.0.1:8090."""
        host = self._config.host
        if is_anywhere(host):
            host = "::1" if ":" in host else "127.0.0.1"
        return f"http://[{host}]:{self._config.port}" if ":" in host else f"http://{host}:{self._config.port}"

    @property
    def admin_token(self) -> str:
        return self._config.admin_token

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process is not None else None

    def start(self) -> None:
        """Start the child. Must be called by the main thread: the child ends when the thread that started it does."""
        config = self._config
        read_end, write_end = os.pipe()
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", __spec__.name, str(read_end)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                pass_fds=[read_end],
                cwd=Path(__file__).parent.parent,
                # Ctrl-C reaches a whole process group: serve alone decides when the simulator ends.
                start_new_session=True,
            )
        finally:
            os.close(read_end)
        told = {
            "host": config.host,
            "port": config.port,
            "seed": config.seed,
            "flow": config.flow,
            "journal_dir": str(config.journal_dir),
            "admin_token": config.admin_token,
        }
        os.write(write_end, json.dumps(told).encode() + b"\n")
        self._pipe = write_end

    async def watch(self) -> None:
        """Follow the child and start it again whenever it ends, until cancelled. CannotStart when it never can."""
        failures = 0
        while True:
            started = self._clock.monotonic()
            code = await self._follow()
            if code == CANNOT_START and not self._served.is_set():
                raise CannotStart
            failures = 0 if self._clock.monotonic() - started > HELD_S else failures + 1
            delay_s = RESTART_DELAYS_S[min(failures, len(RESTART_DELAYS_S) - 1)]
            log.warning("the simulator ended; starting it again", exit_code=code, delay_s=delay_s)
            await asyncio.sleep(delay_s)
            self.restarts += 1
            self.start()

    async def first_service(self, within_s: float) -> None:
        """Wait until it served for the first time, but not for ever: the desk has its uses without it."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._served.wait(), within_s)

    async def close(self) -> None:
        """Ask the child to end, and end it when it does not within `GRACE_S`."""
        process = self._process
        if process is None:
            return
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_ended(process), GRACE_S)
        self.kill()

    def kill(self) -> None:
        """End the child at once; no error when it has ended already."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()
        self._close_pipe()

    async def _follow(self) -> int:
        """Read what the child says until it ends; its exit code."""
        process = self._process
        if process is None or process.stdout is None:
            raise RuntimeError("the simulator was never started")
        async for line in _lines(process.stdout.fileno()):
            self._hear(line)
        code = await _ended(process)
        self._process = None
        process.stdout.close()
        self._close_pipe()
        return code

    def _hear(self, line: bytes) -> None:
        text = line.decode(errors="replace").rstrip()
        if '"simulator listening"' in text:
            self._served.set()
            log.info("the simulator is listening", url=self.url, pid=self.pid)
        elif text:
            log.info("the simulator says", text=text)

    def _close_pipe(self) -> None:
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None


async def _ended(process: subprocess.Popen[bytes]) -> int:
    """Its exit code, once there is one. A thread waits, for the child may have closed its output before it ends."""
    return await asyncio.get_running_loop().run_in_executor(None, process.wait)


async def _lines(descriptor: int) -> AsyncIterator[bytes]:
    """The lines of a pipe until it closes, without a thread or a task of its own."""
    loop = asyncio.get_running_loop()
    os.set_blocking(descriptor, False)
    rest = b""
    while True:
        readable = asyncio.Event()
        loop.add_reader(descriptor, readable.set)
        try:
            await readable.wait()
        finally:
            loop.remove_reader(descriptor)
        try:
            chunk = os.read(descriptor, 4096)
        except BlockingIOError:
            continue
        if not chunk:
            return
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[-LONGEST_LINE:]
        for line in lines:
            yield line


def _told(pipe: int) -> dict[str, Any]:
    """The one line that the parent writes; read byte by byte, for the pipe stays open behind it."""
    line = b""
    while not line.endswith(b"\n") and len(line) < LONGEST_LINE:
        byte = os.read(pipe, 1)
        if not byte:
            break
        line += byte
    return json.loads(line)


def main() -> int:
    """The child's side."""
    from engine.simulator.limits import parse_limits
    from engine.simulator.server import SimulatorConfig, run

    pipe = int(sys.argv[1])
    told = _told(pipe)
    return run(
        SimulatorConfig(
            host=told["host"],
            port=told["port"],
            seed=told["seed"],
            flow=told["flow"],
            journal_dir=Path(told["journal_dir"]),
            admin_token=told["admin_token"],
            parent_fd=pipe,
            # Binance counts by address, and here all users of the desk share one: limits are for bots that test theirs.
            limits=parse_limits("none"),
        ),
        name=f"numatix: the built-in exchange cannot start (mend {MENDED_BY})",
    )


if __name__ == "__main__":
    sys.exit(main())
