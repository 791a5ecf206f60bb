"""A start from the journal of a million orders and cancels of clients: snapshot, then what came after.

The baseline of a start is reading the same files: checksums and JSON, nothing done with them. Then the pause that a cut
of the journal makes with a hundred thousand open orders: how long nothing else could run, beside the time that writing
the same snapshot takes on the spot.
"""

from __future__ import annotations

import asyncio
import gc
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson
import uvloop

from bench.bench_matching import slow_clock
from bench.clients import RICH, Clients, Request, request_of
from bench.order_mix import order_mix
from bench.result import Result
from engine.simulator.exchange import Exchange
from engine.simulator.journal import MOST_RECORDS
from engine.simulator.listings import default_listings
from engine.simulator.model import NewOrder, OrderType, Side
from engine.simulator.server import COLLECT_AT
from tests.simulator.process import until

ORDERS = 1_000_000
ROUNDS, ROUND = 6, 400
OPEN_ORDERS, OPEN_ACCOUNTS = 100_000, 600
TIMES = 3


def main() -> list[Result]:
    """Seconds for a start, and milliseconds that a cut stands in the way."""
    usual = gc.get_threshold()
    gc.set_threshold(*COLLECT_AT)
    with tempfile.TemporaryDirectory() as folder:
        begun, uncut = Path(folder) / "begun", Path(folder) / "uncut"
        made = uvloop.run(lay_down(begun, (request_of(step) for step in order_mix(2 * ORDERS, 1)), ORDERS))
        starts = [timed_start(begun) for _ in range(TIMES)]
        shutil.copytree(begun, uncut)
        more = (request_of(step) for step in order_mix(ORDERS, 2))
        made += uvloop.run(lay_down(uncut, more, MOST_RECORDS - 1, snapshot_every=10 * MOST_RECORDS))
        worst = [timed_start(uncut) for _ in range(TIMES)]
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(a_hundred_thousand_open(Path(folder) / "journal"))
        pauses = uvloop.run(pauses_of_cuts(Path(folder) / "journal"))
        in_line = time_of_snapshot(Path(folder) / "journal")
    gc.set_threshold(*usual)
    as_it_lies = f"{made:,} orders and cancels were journalled; baseline: reading the files"
    return [
        Result("recovery", "a million orders", *quickest(starts), "s", as_it_lies),
        Result("recovery", "just before a cut", *quickest(worst), "s", f"{MOST_RECORDS:,} records more"),
        Result("recovery", "pause of a cut", min(pauses), in_line, "ms", f"{OPEN_ORDERS:,} open orders; a fork writes"),
    ]


def quickest(times_s: list[tuple[float, float]]) -> tuple[float, float]:
    return min(ours for ours, _ in times_s), min(theirs for _, theirs in times_s)


async def lay_down(journal: Path, requests: Iterable[Request], wanted: int, snapshot_every: int = MOST_RECORDS) -> int:
    """Trade until so much is journalled, then leave the files as a kill would; how many orders and cancels it was."""
    exchange = Exchange(default_listings(), 1, slow_clock(), journal, snapshot_every=snapshot_every)
    clients = Clients(exchange, requests, most=wanted)
    keeping = asyncio.create_task(exchange.keep_together())
    await clients.trade()
    killed = journal.with_name("killed")
    shutil.copytree(journal, killed)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    exchange.close()
    shutil.rmtree(journal)
    killed.rename(journal)
    return clients.done


def timed_start(journal: Path) -> tuple[float, float]:
    """Seconds until the exchange is there, and until the files are read."""
    copy = journal.with_name("copy")
    shutil.copytree(journal, copy)
    began = time.perf_counter()
    read_files(copy)
    read_s = time.perf_counter() - began
    gc.collect()
    began = time.perf_counter()
    exchange = Exchange(default_listings(), 1, slow_clock(), copy)
    start_s = time.perf_counter() - began
    if not exchange.recovered:
        raise RuntimeError("nothing was there to recover")
    exchange.close()
    shutil.rmtree(copy)
    return start_s, read_s


def read_files(journal: Path) -> None:
    for path in journal.iterdir():
        for line in path.read_bytes().split(b"\n"):
            if line.startswith((b"{", b"[")):
                orjson.loads(line)
            elif line[9:]:
                orjson.loads(line[9:])


async def a_hundred_thousand_open(journal: Path) -> None:
    """A market in which so many orders rest."""
    exchange = Exchange(default_listings(), 1, slow_clock(), journal, snapshot_every=10 * OPEN_ORDERS)
    keeping = asyncio.create_task(exchange.keep_together())
    await Clients(exchange, resting_orders(OPEN_ORDERS), accounts=OPEN_ACCOUNTS).trade()
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    exchange.close()


def resting_orders(wanted: int, first: int = 0) -> Iterator[Request]:
    """Orders that only wait, each at a price of its own."""
    for number in range(first, first + wanted):
        side, away = (Side.BUY, -1) if number % 2 else (Side.SELL, 1)
        price = 6_000_000 + away * (10_000 + number)
        yield NewOrder("BTCUSDT", side, OrderType.LIMIT, f"rest-{number}", price_ticks=price, lots=100), number


async def pauses_of_cuts(journal: Path) -> list[float]:
    """The longest that nothing else could run in each of some rounds with a cut, in ms."""
    exchange = Exchange(default_listings(), 1, slow_clock(), journal, snapshot_every=ROUND)
    keeping = asyncio.create_task(exchange.keep_together())
    await asyncio.sleep(0)
    gc.freeze()
    pauses: list[float] = []
    for round_ in range(ROUNDS):
        newest = files_of(journal)[-1]
        over = asyncio.Event()
        watching = asyncio.create_task(longest_pause(over))
        await trade_alone(exchange, round_)
        await until(lambda before=newest: files_of(journal) == [before + 1], "the end of a cut", 60)
        over.set()
        pauses.append(await watching * 1_000)
    keeping.cancel()
    await asyncio.gather(keeping, return_exceptions=True)
    exchange.close()
    gc.unfreeze()
    return pauses


async def longest_pause(over: asyncio.Event) -> float:
    """The longest time between two turns of the event loop, in seconds."""
    longest, last = 0.0, time.perf_counter()
    while not over.is_set():
        await asyncio.sleep(0)
        longest, last = max(longest, time.perf_counter() - last), time.perf_counter()
    return longest


async def trade_alone(exchange: Exchange, round_: int) -> None:
    """One client who places and cancels, one thing at a time."""
    account = exchange.create_account(f"alone-{round_}", "secret", RICH).account_id
    for order, _ in resting_orders(ROUND // 2 + 1, OPEN_ORDERS):
        if order is not None:
            placed, _ = exchange.place(account, order)
            await exchange.kept()
            exchange.cancel(account, "BTCUSDT", order_id=placed.order_id)
            await exchange.kept()


def files_of(journal: Path) -> list[int]:
    return sorted(int(path.suffix[1:]) for path in journal.glob("journal.*"))


def time_of_snapshot(journal: Path) -> float:
    """Milliseconds for the snapshot of the same market when it is written on the spot."""
    exchange = Exchange(default_listings(), 1, slow_clock(), journal, snapshot_every=1)
    account = exchange.create_account("on-the-spot", "secret", RICH).account_id
    times_ms: list[float] = []
    for order, _ in resting_orders(TIMES, 2 * OPEN_ORDERS):
        if order is not None:
            began = time.perf_counter()
            exchange.place(account, order)
            times_ms.append((time.perf_counter() - began) * 1_000)
    exchange.close()
    return min(times_ms)
