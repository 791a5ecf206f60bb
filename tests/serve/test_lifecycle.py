"""The desk's process: it starts, watches its simulator, restarts on the same state, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.conftest import OWNER
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, ROOT, DeskServer, desk_environment, wait_until


def run_numatix(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it to its end."""
    return subprocess.run(
        [sys.executable, "-m", "numatix", *arguments],
        cwd=ROOT,
        env=environment,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def is_alive(pid: int) -> bool:
    """Also says no of a zombie, which nothing but its parent's look keeps in the table."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def assert_one_line(run: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 2, and one line on stderr with all these words."""
    assert run.returncode == 2, run.stderr
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    for word in words:
        assert word in lines[0], lines[0]


# --- starting and ending


def test_a_desk_without_owner_prints_a_link_that_makes_one_once(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(simulator_flow="none")
    link = desk.setup_link()
    assert link.startswith(f"{desk.url}/setup?code=")
    with httpx.Client(base_url=desk.url) as browser:
        assert "owner" in browser.get("/login").text
        page = browser.get(link)
        assert page.status_code == 200
        code = link.partition("code=")[2]
        assert code in page.text
        body = {"code": code, "email": OWNER_EMAIL, "password": OWNER_PASSWORD}
        weak = browser.post("/setup", json={**body, "password": "short"})
        assert (weak.status_code, weak.json()["field"]) == (422, "password")
        forged = browser.post("/setup", json={**body, "code": "guess"})
        assert (forged.status_code, forged.json()["code"]) == (403, "bad_setup_code")
        assert browser.post("/setup", json=body).status_code == 200
        assert browser.get("/session").json() == {"email": OWNER_EMAIL}
        assert browser.post("/setup", json=body).status_code == 403
        assert browser.get(link).status_code == 303
    assert code not in desk.log()


def test_it_ends_cleanly_on_sigterm_with_its_simulator(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER).wait_ready()
    simulator = desk.simulator_pid()
    begun = time.monotonic()
    assert desk.stop() == 0
    assert time.monotonic() - begun < 20
    assert not is_alive(simulator)
    assert "Traceback" not in desk.log()


def test_ctrl_c_ends_it_cleanly_too(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER)
    simulator = desk.simulator_pid()
    assert desk.process is not None
    desk.process.send_signal(signal.SIGINT)
    assert desk.process.wait(60) == 0
    assert not is_alive(simulator)
    assert "Traceback" not in desk.log()


def test_a_signal_during_the_start_ends_it_without_a_trace(tmp_path: Path) -> None:
    for delay_s in (0.2, 0.6, 1.0, 1.4):
        with subprocess.Popen(
            [sys.executable, "-m", "numatix"],
            cwd=ROOT,
            env=desk_environment(tmp_path / "var"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            time.sleep(delay_s)  # the moment is what is tested, whatever the desk is doing then
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=30)
        assert process.returncode in {0, -signal.SIGINT}, errors
        assert "Traceback" not in errors


def test_killed_outright_it_leaves_no_simulator_and_starts_again_where_it_was(
    start_desk: Callable[..., DeskServer],
) -> None:
    desk = start_desk(**OWNER).wait_ready()
    simulator = desk.simulator_pid()
    with desk.api() as http:
        order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.001"}
        placed = http.post("/orders", json=order).json()["id"]
    desk.kill()
    wait_until(lambda: not is_alive(simulator), "the orphan to end", 15)
    desk.start().wait_ready()
    with desk.api() as http:
        found = wait_until(
            lambda: next(
                (one for one in [http.get(f"/orders/{placed}").json()] if one["status"] in {"FILLED", "REJECTED"}), None
            ),
            "the order to reach its end",
        )
    assert found["status"] in {"FILLED", "REJECTED"}


def test_a_session_outlives_a_restart_of_the_desk(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER, simulator_flow="none").wait_ready()
    cookie = desk.login()
    assert desk.stop() == 0
    desk.start()
    with httpx.Client(base_url=desk.url, cookies={"numatix": cookie}) as browser:
        assert browser.get("/session").json() == {"email": OWNER_EMAIL}


def test_a_simulator_that_dies_is_started_again_and_the_desk_goes_on(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER).wait_ready()
    first = desk.simulator_pid()
    os.kill(first, signal.SIGKILL)
    second = wait_until(lambda: pid if (pid := desk.simulator_pid()) != first else None, "another simulator")
    assert is_alive(second)
    assert desk.log_lines("the simulator ended; starting it again")
    with desk.api() as http:
        order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.001"}

        def placed() -> str | None:
            answer = http.post("/orders", json=order)
            return answer.json()["id"] if answer.status_code == 202 else None

        order_id = wait_until(placed, "an order to be taken")
        wait_until(lambda: http.get(f"/orders/{order_id}").json()["status"] == "FILLED", "the order to be filled")


def test_a_second_start_is_ready_within_three_seconds_of_quiet_time(start_desk: Callable[..., DeskServer]) -> None:
    """On a busy machine the processes' own time counts: what else runs is not the desk's doing."""
    desk = start_desk(**OWNER).wait_ready()
    assert desk.stop() == 0
    begun = time.monotonic()
    desk.start().wait_ready()
    elapsed = time.monotonic() - begun
    assert desk.process is not None
    pids = (desk.process.pid, desk.simulator_pid())
    used = max(cpu_seconds(pid) for pid in pids)
    assert elapsed < 3 or used < 3, f"{elapsed:.1f} s, of which {used:.1f} s of work"


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nothing_secret_is_in_arguments_environment_or_files_of_others(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER, simulator_flow="none").wait_ready()
    assert desk.process is not None
    key = (desk.var_dir / "secret_key").read_text().strip()
    simulator = desk.simulator_pid()
    for pid in (desk.process.pid, simulator):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode()
        assert len(arguments) < 200
        assert key not in arguments
        assert OWNER_PASSWORD not in arguments
    assert "TOKEN" not in Path(f"/proc/{simulator}/environ").read_bytes().decode()
    assert stat.S_IMODE((desk.var_dir / "secret_key").stat().st_mode) == 0o600
    assert stat.S_IMODE(desk.var_dir.stat().st_mode) == 0o700
    assert key not in desk.log()
    assert OWNER_PASSWORD not in desk.log()


def test_the_log_of_a_service_is_json_lines(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER, simulator_flow="none").wait_ready()
    for line in desk.log().splitlines():
        assert "event" in json.loads(line)


# --- what stands in the way


def test_a_port_in_use_is_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        run = run_numatix(**desk_environment(tmp_path / "var", port=port))
        assert_one_line(run, port, "in use", "NUMATIX_PORT")
        run = run_numatix(**desk_environment(tmp_path / "var", simulator_port=port))
        assert_one_line(run, port, "in use", "NUMATIX_SIMULATOR_PORT")


def test_a_port_that_comes_free_is_waited_for(tmp_path: Path) -> None:
    taken = socket.create_server(("127.0.0.1", 0))
    port = taken.getsockname()[1]
    desk = DeskServer(tmp_path / "var", {"port": str(port), "simulator_flow": "none"})
    leaving = threading.Timer(2, taken.close)
    leaving.start()
    try:
        assert desk.start().port == port
    finally:
        desk.stop()
        leaving.join()


def test_a_second_desk_on_the_same_var_dir_is_one_line(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(simulator_flow="none")
    assert desk.process is not None
    run = run_numatix(**desk_environment(desk.var_dir))
    assert_one_line(run, str(desk.var_dir), str(desk.process.pid), "NUMATIX_VAR_DIR")
    assert httpx.get(f"{desk.url}/healthz").status_code == 200


def test_a_var_dir_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    run = run_numatix(**desk_environment(tmp_path / "file" / "var"))
    assert_one_line(run, "NUMATIX_VAR_DIR", "cannot be written")
    run = run_numatix(**desk_environment(Path("/proc/numatix")))
    assert_one_line(run, "NUMATIX_VAR_DIR", "cannot be written")


def test_a_database_that_is_none_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "numatix.db").write_bytes(b"no database at all" * 100)
    assert_one_line(run_numatix(**desk_environment(tmp_path / "var")), "numatix.db")


@pytest.mark.parametrize(
    ("email", "password", "words"),
    [("a@b.c", "short", "NUMATIX_OWNER_PASSWORD"), ("nobody", "long enough to be one", "NUMATIX_OWNER_EMAIL")],
)
def test_an_owner_who_will_not_do_is_one_line(tmp_path: Path, email: str, password: str, words: str) -> None:
    run = run_numatix(**desk_environment(tmp_path / "var", owner_email=email, owner_password=password))
    assert_one_line(run, words)
    assert password not in run.stderr


@pytest.mark.parametrize("name", ["desk.lock", "numatix.db", "secret_key"])
def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "var" / name).mkdir(parents=True)
    assert_one_line(run_numatix(**desk_environment(tmp_path / "var")), name)


@pytest.mark.parametrize("flow", ["replay:nothing", "replay:/nothing/there.gz@1", "replay:/nothing/there.gz@fast"])
def test_an_exchange_that_cannot_start_is_one_line_and_no_invitation(tmp_path: Path, flow: str) -> None:
    run = run_numatix(**desk_environment(tmp_path / "var", simulator_flow=flow))
    assert_one_line(run, "NUMATIX_SIMULATOR_FLOW", "built-in exchange")
    assert run.stdout == ""


@pytest.mark.parametrize("content", ["", "too short"])
def test_a_secret_key_file_that_is_cut_short_is_one_line(tmp_path: Path, content: str) -> None:
    (tmp_path / "secret_key").write_text(content)
    assert_one_line(run_numatix(**desk_environment(tmp_path)), "secret key", "cut short")


# --- the other commands


def test_users_are_listed_and_given_new_passwords(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER, simulator_flow="none").wait_ready()
    environment = desk_environment(desk.var_dir)
    running = run_numatix("users", "list", **environment)
    assert_one_line(running, "numatix.db")
    assert desk.stop() == 0
    assert f"{OWNER_EMAIL}  owner" in run_numatix("users", "list", **environment).stdout
    assert_one_line(run_numatix("users", "reset-password", "nobody@b.c", stdin="x" * 12, **environment), "nobody@b.c")
    assert_one_line(run_numatix("users", "reset-password", OWNER_EMAIL, stdin="short", **environment), "password")
    new = "an entirely new password"
    assert run_numatix("users", "reset-password", OWNER_EMAIL.upper(), stdin=f"{new}\n", **environment).returncode == 0
    desk.start()
    assert httpx.post(f"{desk.url}/session", json={"email": OWNER_EMAIL, "password": OWNER_PASSWORD}).status_code == 401
    assert desk.login(password=new)


def test_migrate_makes_the_database_and_help_lists_the_commands(tmp_path: Path) -> None:
    environment = desk_environment(tmp_path / "var")
    assert run_numatix("migrate", **environment).returncode == 0
    assert (tmp_path / "var" / "numatix.db").exists()
    help_text = run_numatix("--help", **environment).stdout
    for command in ("serve", "simulator", "migrate", "users"):
        assert command in help_text
    assert run_numatix("no-such-command", **environment).returncode == 2


def test_the_simulator_runs_on_its_own(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "numatix", "simulator", "--port", "0", "--flow", "none", "--seed", "1"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=desk_environment(tmp_path)
    ) as process:
        assert process.stdout is not None
        line = json.loads(process.stdout.readline())
        assert httpx.get(f"http://{line['host']}:{line['port']}/api/v3/ping").status_code == 200
        process.terminate()
        assert process.wait(10) == 0
