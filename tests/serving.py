"""A real desk in a process of its own, for tests that talk to it as a browser or a bot would."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

ROOT = Path(__file__).parent.parent
OWNER_EMAIL = "owner@example.org"
OWNER_PASSWORD = "a long enough password"
COOKIE = "numatix"
PATIENCE_S = 60.0


def wait_until(found: Any, what: str, patience_s: float = PATIENCE_S, pause_s: float = 0.02) -> Any:
    """Ask `found()` until it answers something true, and return that; AssertionError after the deadline."""
    deadline = time.monotonic() + patience_s
    while True:
        answer = found()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for {what}"
        time.sleep(pause_s)


def desk_environment(var_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment without its own NUMATIX_ settings, with free ports and the given ones.

    Settings are named without prefix in lower case: `registration="open"`.
    """
    plain = {name: value for name, value in os.environ.items() if not name.startswith("NUMATIX_")}
    plain.pop("PYTHONDONTWRITEBYTECODE", None)
    chosen = {"var_dir": str(var_dir), "port": "0", "simulator_port": "0", **settings}
    return plain | {f"NUMATIX_{name.upper()}": value for name, value in chosen.items()}


@dataclass
class DeskServer:
    """`python -m numatix` on free ports. `start` returns once it answers, `wait_ready` once it takes orders."""

    var_dir: Path
    settings: dict[str, str] = field(default_factory=dict[str, str])
    command: tuple[str, ...] = ("-m", "numatix")
    process: subprocess.Popen[bytes] | None = None
    url: str = ""
    port: int = 0

    @property
    def log_path(self) -> Path:
        return self.var_dir.parent / f"{self.var_dir.name}.log"

    @property
    def output_path(self) -> Path:
        return self.var_dir.parent / f"{self.var_dir.name}.out"

    def start(self) -> DeskServer:
        """Also to start it again on the same var dir, then on the same port."""
        before = len(self._listening_lines())
        settings = {"port": str(self.port), **self.settings} if self.port else self.settings
        with self.log_path.open("ab") as log, self.output_path.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, *self.command],
                cwd=ROOT,
                env=desk_environment(self.var_dir, **settings),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
            )
        process = self.process

        def listening() -> dict[str, Any] | None:
            assert process.poll() is None, f"the desk ended with {process.returncode}: {self.log()[-3000:]}"
            lines = self._listening_lines()
            return lines[-1] if len(lines) > before else None

        line = wait_until(listening, "the desk to listen")
        self.port = int(line["port"])
        self.url = f"http://127.0.0.1:{self.port}"
        wait_until(lambda: self._answers("/healthz"), "the desk to answer")
        return self

    def wait_ready(self) -> DeskServer:
        """Until /readyz answers 200."""
        wait_until(lambda: self._answers("/readyz"), f"the desk to be ready; log: {self.log()[-2000:]}")
        return self

    def stop(self) -> int:
        """SIGTERM, and the exit code; AssertionError when it does not end."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the desk did not end: {self.log()[-3000:]}") from None

    def kill(self) -> None:
        """SIGKILL: nothing of it may clean up."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def log(self) -> str:
        return self.log_path.read_text() if self.log_path.exists() else ""

    def log_lines(self, event: str) -> list[dict[str, Any]]:
        """The JSON lines of the log whose event this is."""
        lines: list[dict[str, Any]] = []
        for text in self.log().splitlines():
            if f'"{event}"' in text and text.startswith("{") and text.endswith("}"):
                line: dict[str, Any] = json.loads(text)
                if line.get("event") == event:
                    lines.append(line)
        return lines

    def setup_link(self) -> str:
        """The one-time link from the console; only without an owner in the settings."""
        return wait_until(
            lambda: next((word for word in self.output_path.read_text().split() if "/setup?code=" in word), None),
            "the setup link",
        )

    def simulator_pid(self) -> int:
        """The pid of the newest simulator that said it listens."""
        return wait_until(lambda: self.log_lines("the simulator is listening"), "the simulator")[-1]["pid"]

    def login(self, email: str = OWNER_EMAIL, password: str = OWNER_PASSWORD) -> str:
        """The session cookie's value."""
        answer = httpx.post(f"{self.url}/session", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        return answer.cookies[COOKIE]

    def api(self, email: str = OWNER_EMAIL, password: str = OWNER_PASSWORD) -> httpx.Client:
        """A client of /api/v1 with that user's access token; close it, or use it in `with`."""
        answer = httpx.post(f"{self.url}/api/v1/auth/login", json={"email": email, "password": password})
        assert answer.status_code == 200, answer.text
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return httpx.Client(base_url=f"{self.url}/api/v1", headers=headers, timeout=PATIENCE_S)

    def _listening_lines(self) -> list[dict[str, Any]]:
        return self.log_lines("the desk is listening")

    def _answers(self, path: str) -> bool:
        try:
            return httpx.get(f"{self.url}{path}").status_code == 200
        except httpx.TransportError:
            return False
