"""A real redis-server in a process of its own, which tests may fill, stop, hang and kill."""

from __future__ import annotations

import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from redis import Redis
from redis.exceptions import ConnectionError as LinkError

from data.redis_keys import PERMANENT

PATIENCE_S = 20.0


@dataclass
class RedisServer:
    """`redis-server` on a unix socket, without persistence. `client` speaks to it without the product's code."""

    folder: Path
    options: dict[str, str] = field(default_factory=dict[str, str])
    process: subprocess.Popen[bytes] | None = None

    @property
    def socket(self) -> Path:
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{self.socket}"

    @property
    def client(self) -> Any:
        return cast("Any", Redis).from_url(self.url, protocol=2, socket_timeout=PATIENCE_S)

    def start(self) -> RedisServer:
        """Also again, after `stop` or `kill`. It has answered when this returns."""
        settings = {"port": "0", "unixsocket": str(self.socket), "save": "", "appendonly": "no", **self.options}
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        self.process = subprocess.Popen(
            ["redis-server", *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        end = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self.process.poll() is None, "redis-server ended"
            assert time.monotonic() < end, "redis-server does not answer"
            time.sleep(0.01)
        return self

    def hang(self) -> None:
        """SIGSTOP: connections stay open, nothing is answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL; without persistence all is lost."""
        self._signal(signal.SIGKILL)
        self._wait()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.go_on()
            self._signal(signal.SIGTERM)
            self._wait()

    def run(self, *command: str | bytes | int) -> Any:
        """What Redis answers to one command, as it comes over the wire."""
        client = self.client
        client.response_callbacks.clear()
        try:
            return client.execute_command(*command)
        finally:
            client.close()

    def empty(self) -> None:
        """As it was at the start."""
        self.run("FLUSHALL")
        self.run("CONFIG", "SET", "maxmemory-policy", "noeviction", "maxmemory", "0")

    def endless_keys(self) -> list[str]:
        """The keys that will stay for ever and were not meant to."""
        client = self.client
        try:
            names = [name.decode() for name in client.scan_iter(count=1_000)]
            return sorted(name for name in names if name not in PERMANENT and client.pttl(name) == -1)
        finally:
            client.close()

    def _answers(self) -> bool:
        try:
            return bool(self.run("PING"))
        except (LinkError, OSError):
            return False

    def _signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def _wait(self) -> None:
        assert self.process is not None
        self.process.wait(PATIENCE_S)
