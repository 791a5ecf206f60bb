"""Two commands on a fresh machine: what `make run` and `make test` do before they do what they are for."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.house.tree import ROOT

PROGRAM = """
import sys
import time
try:
    print("serving", *sys.argv[1:], flush=True)
    time.sleep(30 if "wait" in sys.argv else 0)
except KeyboardInterrupt:
    print("ended", flush=True)
    sys.exit(0)
sys.exit(3 if "fail" in sys.argv else 0)
"""
# A requirement that no index can answer: set-up with it fails as it does without a network.
UNREACHABLE = "nothing-of-that-name==1.0 \\\n    --hash=sha256:" + "0" * 64 + "\n"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with the real scripts, locks that name nothing, a tiny program, and a first run behind it."""
    root = tmp_path_factory.mktemp("checkout")
    shutil.copy(ROOT / "Makefile", root)
    shutil.copytree(ROOT / "scripts", root / "scripts")
    (root / "requirements.lock").write_text("# nothing\n")
    (root / "requirements-dev.lock").write_text("# nothing\n")
    (root / "numatix").mkdir()
    (root / "numatix" / "__main__.py").write_text(PROGRAM)
    first = run(root)
    assert first.returncode == 0, first.stderr
    assert first.stdout.splitlines()[0].startswith("numatix: making .venv with Python 3.")
    assert first.stdout.splitlines()[-1] == "serving"
    return root


@pytest.fixture
def checkout(prepared: Path) -> Path:
    """The prepared checkout with its locks as they were."""
    (prepared / "requirements.lock").write_text("# nothing\n")
    return prepared


def run(root: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`scripts/run` as a stranger's shell would start it: no index, a hostile PYTHONDONTWRITEBYTECODE, no home."""
    settings = {
        "PYTHON": sys.executable,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PIP_NO_INDEX": "1",
        "HOME": "/nonexistent",
    }
    return subprocess.run(
        [root / "scripts" / "run", *arguments],
        cwd="/",
        env=os.environ | settings | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_second_run_goes_straight_to_the_program(checkout: Path) -> None:
    assert run(checkout).returncode == 0
    started = time.monotonic()
    second = run(checkout)
    assert second.stdout == "serving\n"
    assert second.stderr == ""
    assert time.monotonic() - started < 10


def test_arguments_and_exit_code_pass_through(checkout: Path) -> None:
    ended = run(checkout, "fail", "--port", "1")
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (3, "serving fail --port 1")


def test_what_is_installed_is_compiled_whatever_the_machine_says(checkout: Path) -> None:
    assert any((checkout / ".venv" / "lib").rglob("site-packages/pip/__pycache__/__main__.*.pyc"))


def test_a_changed_lock_is_installed_once(checkout: Path) -> None:
    run(checkout)
    (checkout / "requirements.lock").write_text("# nothing, otherwise\n")
    assert "installing 0 packages from requirements.lock" in run(checkout).stdout
    assert run(checkout).stdout == "serving\n"


def test_a_set_up_that_failed_says_so_and_is_taken_up_again(checkout: Path) -> None:
    (checkout / "requirements.lock").write_text(UNREACHABLE)
    failed = run(checkout)
    assert failed.returncode == 2
    assert "serving" not in failed.stdout
    assert "numatix: the packages could not be installed: see above, then run the same command again" in failed.stderr
    (checkout / "requirements.lock").write_text("# nothing\n")
    assert run(checkout).stdout.splitlines()[-1] == "serving"


def test_an_environment_left_half_made_is_made_anew(checkout: Path) -> None:
    for stamp in (checkout / ".venv").glob("ready-*"):
        stamp.unlink()
    shutil.rmtree(next((checkout / ".venv").glob("lib/python3*/site-packages/pip")))
    again = run(checkout)
    assert again.returncode == 0
    assert "making .venv" in again.stdout


def test_a_python_without_venv_is_told_the_command_that_mends_it(checkout: Path, tmp_path: Path) -> None:
    bare = tmp_path / "python3"
    bare.write_text(f'#!/bin/sh\ncase "$*" in *ensurepip*) exit 1 ;; esac\nexec {sys.executable} "$@"\n')
    bare.chmod(0o755)
    fresh = tmp_path / "fresh"
    shutil.copytree(checkout, fresh, ignore=shutil.ignore_patterns(".venv"))
    told = run(fresh, PYTHON=str(bare))
    assert told.returncode == 2
    sudo = "" if os.geteuid() == 0 else "sudo "
    assert (
        told.stderr == f"numatix: Python's venv module is missing; this mends it: {sudo}apt-get install python3-venv\n"
    )
    assert not (fresh / ".venv").exists()


@pytest.mark.parametrize(("user", "sudo"), [("0", ""), ("1000", "sudo ")])
def test_what_debian_must_provide_is_installed_by_root_and_named_to_anyone_else(
    tmp_path: Path, user: str, sudo: str
) -> None:
    for name, body in {"id": f"echo {user}", "apt-get": f'echo "$@" >>{tmp_path}/calls'}.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{body}\n")
        (tmp_path / name).chmod(0o755)
    told = subprocess.run(
        ["sh", "-euc", ". scripts/environment.sh; debian_package no-such-command some-package; echo ready"],
        cwd=ROOT,
        env=os.environ | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    if user == "0":
        assert (told.returncode, told.stdout.splitlines()[-1]) == (0, "ready")
        assert (tmp_path / "calls").read_text().splitlines()[-1].endswith("--no-install-recommends some-package")
    else:
        mend = f"{sudo}apt-get update && {sudo}apt-get install --yes some-package"
        assert told.returncode == 2
        assert told.stderr == f"numatix: no-such-command is missing; this mends it: {mend}\n"


def test_an_interrupt_reaches_the_program_and_leaves_nothing_behind(checkout: Path) -> None:
    run(checkout)
    with subprocess.Popen(
        ["make", "--no-print-directory", "-C", checkout, "run", "RUN=wait"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "serving wait\n"
        os.killpg(running.pid, signal.SIGINT)  # what a terminal does on Ctrl-C
        output, errors = running.communicate(timeout=10)
    assert output == "ended\n"
    assert "Traceback" not in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(running.pid, 0)


def test_the_makefile_names_every_command_and_each_is_a_script() -> None:
    rules = re.findall(r"(?m)^(\w+):\n\t@(scripts/\w+)", (ROOT / "Makefile").read_text())
    assert {target for target, _ in rules} == {"run", "test", "lint", "bench", "soak", "lock", "clean"}
    for target, script in rules:
        assert script == f"scripts/{target}"
        assert os.access(ROOT / script, os.X_OK)


def test_every_script_is_valid_shell_and_stops_at_the_first_error() -> None:
    for script in sorted((ROOT / "scripts").iterdir()):
        assert subprocess.run(["sh", "-n", script], check=False).returncode == 0
        assert script.suffix == ".sh" or "\nset -eu\n" in script.read_text(), script.name


def test_ci_runs_what_a_person_runs() -> None:
    ci = ROOT / ".ci" / "run"
    assert os.access(ci, os.X_OK)
    assert ci.read_text().splitlines()[-1] == "exec make test"


def test_no_file_of_the_set_up_names_a_package_index() -> None:
    files = [
        ROOT / "Makefile",
        ROOT / "Dockerfile",
        ROOT / "compose.yaml",
        ROOT / "pyproject.toml",
        ROOT / ".ci" / "run",
    ]
    for file in [*files, *(ROOT / "scripts").iterdir()]:
        assert re.findall(r"(?<!--no-emit-)(?:index-url|find-links)|trusted-host|pypi", file.read_text()) == [], (
            file.name
        )
