"""What the container runs, run here: its tree read-only, its user without privileges, one folder to write to."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError

import pytest

from tests.house.image import command, copy_shipped_tree, environment, stages, values

FINAL = stages()[-1]
START_S = 40
STOP_S = 15


@dataclass(frozen=True)
class Container:
    """The shipped tree in a folder, and how the Dockerfile says to run it."""

    app: Path
    var: Path
    log: Path
    port: int
    simulator_port: int

    @property
    def settings(self) -> dict[str, str]:
        """The variables of the image, with the libraries, the volume and the ports where they are on this machine."""
        return environment(FINAL) | {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": "/nonexistent",
            "TMPDIR": str(self.var.parent / "tmp"),
            "NUMATIX_VAR_DIR": str(self.var),
            "NUMATIX_PORT": str(self.port),
            "NUMATIX_SIMULATOR_PORT": str(self.simulator_port),
        }

    def run(self, words: list[str]) -> subprocess.Popen[bytes]:
        """Start a command of the Dockerfile as its user; what it prints goes to the log."""
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [*as_container_user(), sys.executable, *words[1:]],
                cwd=self.app,
                env=self.settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def answers(self, path: str) -> bool:
        """Whether the desk answers 200 there."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=2) as reply:
                return reply.status == 200
        except (URLError, ConnectionError, TimeoutError):
            return False

    def processes(self) -> set[int]:
        """What runs in the tree, whoever its parent is: every process that has it as its working folder."""
        found: set[int] = set()
        for link in Path("/proc").glob("[0-9]*/cwd"):
            # One that ends meanwhile, or has ended and waits to be reaped, has no working folder.
            with suppress(OSError):
                if link.readlink().is_relative_to(self.app):
                    found.add(int(link.parent.name))
        return found

    def kill(self) -> None:
        """End what a failed test left."""
        for process in self.processes():
            with suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)


@pytest.fixture
def container() -> Iterator[Container]:
    """The shipped tree, compiled as in the build and then read-only; beside it a volume and a /tmp of its own."""
    # Not pytest's folder: nobody but its owner may enter that.
    root = Path(tempfile.mkdtemp(prefix="numatix-container-"))
    root.chmod(0o755)
    app, var, scratch = root / "app", root / "var", root / "tmp"
    copy_shipped_tree(app)
    subprocess.run([sys.executable, "-m", "compileall", "-qq", app], check=True)
    for path in (app, *app.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    for folder in (var, scratch):
        folder.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(folder, *container_user())
    yield Container(app, var, root / "log", free_port(), free_port())
    for folder in (app, *app.rglob("*/")):
        folder.chmod(0o755)
    shutil.rmtree(root)


def test_the_entry_point_serves_from_a_read_only_tree_and_ends_when_told(container: Container) -> None:
    before = sorted(container.app.rglob("*"))
    desk = container.run(command(values(FINAL, "ENTRYPOINT")[0]))
    try:
        eventually(lambda: container.answers("/healthz") and container.answers("/readyz"), START_S, desk, container.log)
        health = container.run(command(values(FINAL, "HEALTHCHECK")[0]))
        assert health.wait(10) == 0
        assert container.processes() - {desk.pid}, "the simulator runs as a process of its own"
        desk.send_signal(signal.SIGTERM)
        assert desk.wait(STOP_S) == 0, container.log.read_text()
        assert container.processes() == set()
    finally:
        container.kill()
        desk.wait()
    assert "Traceback" not in container.log.read_text()
    assert sorted(container.app.rglob("*")) == before
    assert any(container.var.iterdir())


def test_the_health_check_fails_while_nothing_listens(container: Container) -> None:
    assert container.run(command(values(FINAL, "HEALTHCHECK")[0])).wait(10) != 0


def test_the_user_of_the_container_can_write_to_its_volume_alone(container: Container) -> None:
    attempt = "import pathlib, sys; pathlib.Path(sys.argv[1], 'mark').write_text('x')"
    assert container.run(["python", "-c", attempt, str(container.var)]).wait(10) == 0
    assert container.run(["python", "-c", attempt, str(container.app)]).wait(10) != 0
    assert container.run(["python", "-c", attempt, str(container.app / "engine")]).wait(10) != 0


def container_user() -> tuple[int, int]:
    user, _, group = values(FINAL, "USER")[0].partition(":")
    return int(user), int(group)


def as_container_user() -> list[str]:
    """The words that start a command as the image's user, with no capability, as compose.yaml asks.

    Without root we are unprivileged already. Where the interpreter lies in a folder that only root may enter, the
    command keeps the right to read and search, and no other: it can write no more than the image's user can.
    """
    if os.geteuid() != 0:
        return []
    plain = setpriv("")
    # Not the exit code alone: setpriv was seen to start another Python in place of one that it could not reach.
    probe = [*plain, sys.executable, "-c", "import sys; print(sys.base_prefix)"]
    answer = subprocess.run(probe, capture_output=True, text=True, check=False).stdout.strip()
    return plain if answer == sys.base_prefix else setpriv(",+dac_read_search")


def setpriv(capabilities: str) -> list[str]:
    user, group = container_user()
    sets = [f"--{name}=-all{capabilities}" for name in ("inh-caps", "ambient-caps", "bounding-set")]
    return ["setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", *sets, "--no-new-privs"]


def eventually(condition: Callable[[], bool], seconds: float, desk: subprocess.Popen[bytes], log: Path) -> None:
    """Poll until the condition holds; fail at the deadline, or as soon as the process has ended."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert desk.poll() is None, f"ended with {desk.returncode}:\n{log.read_text()}"
        assert time.monotonic() < deadline, f"not after {seconds} s:\n{log.read_text()}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
