"""What a subscriber to a stream costs the exchange, and how long an order takes while a market moves.

The cost is CPU time a subscriber and message, less what the message costs with nobody there; the baseline is a bare
`broadcast` of the websockets library. Orders are timed under a thousand market events a second (a made-up recording,
played fast) with some subscribers; the baseline is the same on a quiet exchange.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

import orjson
import uvloop

from bench.listeners import Listener, listen
from bench.result import Result
from tests.simulator.flow.captures import write_capture
from tests.simulator.process import ROOT, SimulatorProcess, start_simulator

SUBSCRIBERS = (1, 10, 100, 300)
DELIVERIES = 12_000
"""About so many messages are delivered in each measurement, however many sockets share them."""
FEWEST, MOST = 60, 2_000
"""Messages in one measurement."""
TIMES = 3
PATH, MARK = "/ws/btcusdt@trade", b'"e":"trade"'

EVENTS = "a depth change, a trade and a best price, 333 times a second"
SPEED, DIFFS = 100 / 3, 20_000
"""The recording has thirty events a second, and enough of them."""
ORDERS_S, PACE_S = 6.0, 0.01


def main() -> list[Result]:
    """Microseconds a subscriber and message; milliseconds an order."""
    return [*uvloop.run(costs()), *uvloop.run(latencies())]


# --- what a subscriber costs -----------------------------------------------------------------------


class StreamServer:
    """A server in a process of its own."""

    def __init__(self, kind: str) -> None:
        command = [sys.executable, "-m", "bench.stream_server", kind]
        self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = int(self._pipe(self._process.stdout).readline())

    async def broadcast(self, messages: int, pace_s: float) -> float:
        """CPU seconds for so many messages to everyone."""
        asked = self._pipe(self._process.stdin)
        asked.write(f"{messages} {pace_s}\n")
        asked.flush()
        return float(await asyncio.to_thread(self._pipe(self._process.stdout).readline))

    def stop(self) -> None:
        """Its stdin ends, and so does it."""
        self._process.communicate(timeout=20)

    def _pipe(self, pipe: IO[str] | None) -> IO[str]:
        if pipe is None:
            raise RuntimeError("the server has no pipes")
        return pipe


async def costs() -> list[Result]:
    """For each number of subscribers."""
    ours, bare = StreamServer("ours"), StreamServer("bare")
    results: list[Result] = []
    try:
        for number in SUBSCRIBERS:
            pairs = [(await cost_us(ours, number), await cost_us(bare, number)) for _ in range(TIMES)]
            note = "" if results else "baseline: websockets' broadcast, nothing else"
            results.append(
                Result(
                    "streams",
                    f"{number} subscribers" if number > 1 else "1 subscriber",
                    min(pair[0] for pair in pairs),
                    min(pair[1] for pair in pairs),
                    "CPU µs/subscriber/message",
                    note,
                )
            )
    finally:
        ours.stop()
        bare.stop()
    return results


async def cost_us(server: StreamServer, number: int) -> float:
    """CPU microseconds for one message to one of so many subscribers."""
    messages = min(MOST, max(FEWEST, DELIVERIES // number))
    pace_s = max(0.001, number / 10_000)
    alone_s = await server.broadcast(messages, pace_s)
    listeners = await listen("127.0.0.1", server.port, PATH, MARK, number)
    together_s = await server.broadcast(messages, pace_s)
    heard = sum(listener.heard for listener in listeners)
    for listener in listeners:
        listener.close()
    await asyncio.sleep(0.2)
    if heard != messages * number:
        raise RuntimeError(f"{heard} of {messages * number} messages came")
    return (together_s - alone_s) * 1e6 / (messages * number)


# --- how long an order takes -----------------------------------------------------------------------


async def latencies() -> list[Result]:
    """Orders one at a time, a hundred a second, in a busy and in a quiet market."""
    with tempfile.TemporaryDirectory() as folder:
        recording = write_capture(Path(folder) / "recording", DIFFS)
        flow = f"replay:{recording}@{SPEED:.4f}"
        busy = [await timed(Path(folder) / f"busy-{number}", flow) for number in range(TIMES)]
        quiet = [await timed(Path(folder) / f"quiet-{number}", "none") for number in range(TIMES)]
    return [
        Result(
            "streams",
            "order in a busy market",
            min(times[f"p{percent}_ms"] for times in busy),
            min(times[f"p{percent}_ms"] for times in quiet),
            f"ms p{percent}",
            f"{EVENTS}; baseline: a quiet exchange" if percent == 50 else "",
        )
        for percent in (50, 99)
    ]


async def timed(journal: Path, flow: str) -> dict[str, float]:
    """Percentiles of an order's time."""
    exchange = start_simulator("--flow", flow, "--seed", "1", "--limits", "none", "--journal", str(journal))
    listeners: list[Listener] = []
    try:
        streams = "/stream?streams=btcusdt@trade/btcusdt@bookTicker/btcusdt@depth@100ms"
        listeners = await listen(exchange.host, exchange.port, streams, b'"stream":', 10)
        told = await asyncio.to_thread(place_orders, exchange)
        heard = sum(listener.heard for listener in listeners)
        if (heard > 0) == (flow == "none"):
            raise RuntimeError(f"{heard} market events were heard with flow {flow}")
        return told
    finally:
        for listener in listeners:
            listener.close()
        exchange.stop()


def place_orders(exchange: SimulatorProcess) -> dict[str, float]:
    keys = exchange.open_account()
    pair = f"{keys.api_key}:{keys.secret}"
    command = [sys.executable, "-m", "bench.rest_client", exchange.host, str(exchange.port), "paced", str(ORDERS_S)]
    run = subprocess.run([*command, pair], cwd=ROOT, check=True, stdout=subprocess.PIPE)
    told = orjson.loads(run.stdout)
    if told.pop("refused"):
        raise RuntimeError(f"the exchange refused: {told}")
    return told
