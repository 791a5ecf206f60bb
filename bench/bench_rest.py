"""Signed REST orders a second, end to end: a raw client in another process, its connections kept, a journal on disk.

The baseline is an empty signed endpoint of the same server in the same run.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile

import orjson

from bench.result import Result
from tests.simulator.process import ROOT, SimulatorProcess, start_simulator

CONNECTIONS = 16
SECONDS = 3.0
TIMES = 3
"""Each is measured so often, in turn; the best counts, since the machine is not ours alone."""


def main() -> list[Result]:
    """Orders a second, and the time of an answer, beside those of requests that ask for nothing."""
    with tempfile.TemporaryDirectory() as folder:
        exchange = start_simulator("--flow", "none", "--seed", "1", "--limits", "none", "--journal", folder)
        try:
            keys = [exchange.open_account() for _ in range(CONNECTIONS)]
            names = [f"{each.api_key}:{each.secret}" for each in keys]
            measured = [(ask(exchange, "empty", names), ask(exchange, "orders", names)) for _ in range(TIMES)]
        finally:
            exchange.stop()
    theirs = max((pair[0] for pair in measured), key=a_second)
    ours = max((pair[1] for pair in measured), key=a_second)
    note = f"journal on, {CONNECTIONS} connections; baseline: an empty signed request"
    return [
        Result("rest", "signed orders", a_second(ours), a_second(theirs), "requests/s", note),
        Result("rest", "signed orders", ours["p50_ms"], theirs["p50_ms"], "ms p50"),
        Result("rest", "signed orders", ours["p99_ms"], theirs["p99_ms"], "ms p99"),
    ]


def ask(exchange: SimulatorProcess, kind: str, keys: list[str]) -> dict[str, float]:
    """What a client of its own measured."""
    command = [sys.executable, "-m", "bench.rest_client", exchange.host, str(exchange.port), kind, str(SECONDS), *keys]
    run = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE)
    told = orjson.loads(run.stdout)
    if told.pop("refused"):
        raise RuntimeError(f"the exchange refused: {told}")
    return told


def a_second(measured: dict[str, float]) -> float:
    return measured["answers"] / measured["seconds"]
