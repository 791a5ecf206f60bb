"""The simulator as a process: how it starts, what it says when it cannot, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tests.simulator.process import ROOT, TOKEN, SimulatorProcess, Trader, plain_client, start_simulator

PARENT = """
import json, os, subprocess, sys, time
read_end, write_end = os.pipe()
child = subprocess.Popen(
    [sys.executable, "-m", "engine.simulator", "--port", "0", "--flow", "none", "--parent-fd", str(read_end)],
    stdout=subprocess.PIPE, pass_fds=(read_end,), preexec_fn=PREEXEC,
)
os.close(read_end)
told = json.loads(child.stdout.readline())
print(json.dumps({"pid": child.pid, "port": told["port"]}), flush=True)
time.sleep(60)
"""
REFUSES_DEATH_SIGNAL = "lambda: __import__('signal').pthread_sigmask(0, [__import__('signal').SIGTERM])"


def run_to_its_end(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "engine.simulator", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=20, check=False)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.parametrize("preexec", ["None", REFUSES_DEATH_SIGNAL], ids=["signal or pipe", "pipe alone"])
def test_it_is_gone_within_two_seconds_of_its_parents_sudden_death(preexec: str) -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.replace("PREEXEC", preexec)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    with parent.stdout:
        told = json.loads(parent.stdout.readline())
        assert is_alive(told["pid"])
        parent.kill()
        parent.wait()
    ends = time.monotonic() + 2
    while is_alive(told["pid"]):
        assert time.monotonic() < ends, "still there"
        time.sleep(0.02)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", told["port"]), 1):
        pass


def test_a_port_in_use_is_told_in_one_line_with_exit_code_2() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = run_to_its_end("--port", str(port), "--flow", "none")
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1
    assert f"127.0.0.1:{port}" in ended.stderr


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--flow", "tide"), "tide"),
        (("--flow", "replay:/nowhere.gz@1"), "/nowhere.gz"),
        (("--journal", "/proc/nowhere"), "/proc/nowhere"),
        (("--host", "203.0.113.1"), "203.0.113.1"),
        (("--port", "70000"), "70000"),
    ],
)
def test_what_stands_in_the_way_is_told_in_one_line_with_exit_code_2(arguments: tuple[str, ...], word: str) -> None:
    ended = run_to_its_end("--port", "0", *arguments)
    assert ended.returncode == 2
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert word in ended.stderr


@pytest.mark.parametrize("arguments", [("--key", "nosecret"), ("--balance", "USDT=-1"), ("--port", "x")])
def test_a_wrong_option_is_told_with_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert run_to_its_end(*arguments).returncode == 2


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly_even_while_clients_are_connected(number: signal.Signals) -> None:
    running = start_simulator("--flow", "synthetic", "--seed", "3")
    with httpx.Client(base_url=running.http, trust_env=False, verify=False) as http:
        assert http.get("/api/v3/ping").status_code == 200
        os.kill(running.process.pid, number)
        assert running.process.wait(5) == 0
    assert running.process.stderr is not None
    assert running.process.stderr.read() == b""
    running.stop()


def test_two_simulators_cannot_share_a_journal(tmp_path: Path) -> None:
    running = start_simulator("--flow", "none", "--journal", str(tmp_path / "journal"))
    try:
        second = run_to_its_end("--port", "0", "--flow", "none", "--journal", str(tmp_path / "journal"))
    finally:
        running.stop()
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1


async def test_a_killed_exchange_comes_back_with_its_orders_accounts_and_seed(tmp_path: Path) -> None:
    options = ("--flow", "none", "--journal", str(tmp_path / "journal"))
    first = start_simulator(*options)
    keys = first.open_account()
    async with plain_client(first) as http:
        order = await Trader(http, keys).place("BUY", "LIMIT", quantity="1", price="20000", newClientOrderId="kept")
    seed = status_of(first)["seed"]
    first.process.kill()
    first.stop()
    second = start_simulator(*options)
    try:
        status = status_of(second)
        assert (status["recovered"], status["seed"]) == (True, seed)
        async with plain_client(second) as http:
            found = (await Trader(http, keys).call("GET", "/api/v3/openOrders", symbol="BTCUSDT")).json()
    finally:
        second.stop()
    assert [(row["orderId"], row["clientOrderId"]) for row in found] == [(order["orderId"], "kept")]


def status_of(simulator: SimulatorProcess) -> dict[str, object]:
    answer = httpx.get(f"{simulator.http}/sim/status", headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False)
    told: dict[str, object] = answer.json()
    return told


def test_it_is_ready_soon_with_a_week_of_history() -> None:
    began = time.monotonic()
    running = start_simulator("--flow", "synthetic")
    took_s = time.monotonic() - began
    try:
        candles = httpx.get(
            f"{running.http}/api/v3/klines?symbol=DOGEUSDT&interval=1d&limit=1000", trust_env=False
        ).json()
    finally:
        running.stop()
    assert len(candles) >= 7
    assert took_s < 5, "meant to be 1.2 s; the bound is wide for a loaded machine"
