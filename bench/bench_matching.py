"""Orders a second through the matching engine behind its queue, in one process, all rules on: filters, balances, fees,
reports. An answer counts when it may go out: with a journal, when the order is on the disk.

The baseline is the same mix through nautilus_trader's backtest engine in the same run, a shorter piece of it, since
that slows down as orders accumulate. CPU time is told beside: it says more on a machine that is not ours alone.
"""

from __future__ import annotations

import asyncio
import gc
import subprocess
import tempfile
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path

import orjson
import uvloop

from bench.clients import CLIENTS, Clients, Request, request_of
from bench.nautilus_home import nautilus_python
from bench.order_mix import order_mix
from bench.result import Result
from engine.simulator.exchange import Exchange
from engine.simulator.listings import default_listings
from engine.simulator.server import COLLECT_AT

STEPS = 60_000
BASELINE_STEPS = 1_000
TIMES = 5
STARTED_MS = 1_700_000_040_000
READS_A_MS = 50
"""How fast the exchange's clock goes: the same every time, so that the market is the same."""

Rate = tuple[float, float]
"""Orders and cancels a second, and microseconds of CPU for each."""


def main() -> list[Result]:
    """Orders and cancels a second: in memory, and with a journal whose syncs they share."""
    mix = list(order_mix(STEPS, seed=1))
    piece = orjson.dumps([tuple(step) for step in mix[:BASELINE_STEPS]])
    theirs = best([nautilus(piece) for _ in range(2)])
    requests = [request_of(step) for step in mix]
    gc.collect()
    gc.freeze()
    usual = gc.get_threshold()
    gc.set_threshold(*COLLECT_AT)
    in_memory = best([uvloop.run(through(requests, None)) for _ in range(TIMES)])
    kept = best([journalled(requests) for _ in range(TIMES)])
    gc.set_threshold(*usual)
    note = f"{CLIENTS} clients; baseline: nautilus_trader's backtest engine"
    return [
        Result("matching", "in memory", in_memory[0], theirs[0], "orders/s", note),
        Result("matching", "journal on", kept[0], theirs[0], "orders/s", "on the disk before the answer"),
        Result("matching", "in memory", in_memory[1], theirs[1], "CPU µs/order"),
        Result("matching", "journal on", kept[1], theirs[1], "CPU µs/order"),
    ]


def best(rates: list[Rate]) -> Rate:
    """The most orders a second and the least time for one, be they of one round or not."""
    return max(rate[0] for rate in rates), min(rate[1] for rate in rates)


def nautilus(mix: bytes) -> Rate:
    """The baseline's."""
    side = Path(__file__).with_name("nautilus_side.py")
    run = subprocess.run([nautilus_python(), side], check=True, input=mix, stdout=subprocess.PIPE)
    told = orjson.loads(run.stdout)
    if not told["filled"]:
        raise RuntimeError(f"nothing was filled: {told}")
    return told["sent"] / told["seconds"], told["cpu_seconds"] * 1e6 / told["sent"]


def journalled(requests: list[Request]) -> Rate:
    with tempfile.TemporaryDirectory() as folder:
        return uvloop.run(through(requests, Path(folder) / "journal"))


async def through(requests: list[Request], journal: Path | None) -> Rate:
    """All of the requests through one exchange."""
    exchange = Exchange(default_listings(), 1, slow_clock(), journal)
    clients = Clients(exchange, requests)
    keeping = asyncio.create_task(exchange.keep_together())
    began, cpu_began = time.perf_counter(), time.process_time()
    await clients.trade()
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    exchange.close()
    if clients.reports < clients.done:
        raise RuntimeError("not every order was reported")
    return clients.done / took_s, cpu_s * 1e6 / clients.done


def slow_clock() -> Callable[[], int]:
    """A clock that goes on as it is read."""
    reads = count()
    return lambda: STARTED_MS + next(reads) // READS_A_MS
