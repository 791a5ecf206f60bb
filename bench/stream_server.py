"""A server of `bench_streams.py`, in a process of its own: `python -m bench.stream_server ours|bare`.

Prints its port. For each line `COUNT PACE_S` on stdin it sends so many trades at that pace to everyone who is connected
to `/ws/btcusdt@trade`, and prints the CPU seconds that this took. `ours` are the exchange's own doors; `bare` is
`broadcast` of the websockets library with the same text.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

import orjson
import uvloop
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from websockets.asyncio.server import ServerConnection, broadcast, serve
from websockets.exceptions import ConnectionClosedError

from engine.runtime import Supervisor, SystemClock, SystemIds
from engine.simulator.channels import MarketChannels
from engine.simulator.events import trade_event
from engine.simulator.exchange import Exchange
from engine.simulator.faults import Faults
from engine.simulator.limits import parse_limits
from engine.simulator.lines import Server
from engine.simulator.listings import default_listings
from engine.simulator.model import PublicTrade
from engine.simulator.operations import Counter
from engine.simulator.server import COLLECT_AT
from engine.simulator.sockets import Sockets
from engine.simulator.streams import StreamDoor
from engine.simulator.usage import Usage
from engine.simulator.user_streams import UserStreams
from engine.simulator.wire import notations

Send = Callable[[int], None]
"""Sends the trade of this number to everyone."""


@asynccontextmanager
async def ours(listener: socket.socket) -> AsyncGenerator[Send]:
    """The exchange's stream door behind its own server."""
    clock, ids = SystemClock(), SystemIds()
    exchange = Exchange(default_listings(), 1, now_ms, None)
    usage = Usage(now_ms, parse_limits("none"))
    counter, faults = Counter(exchange, now_ms, ids, usage), Faults(1, now_ms, lambda _: None)
    supervisor = Supervisor("bench", clock)
    channels = MarketChannels(exchange, counter.notations, clock, now_ms)
    users = UserStreams(exchange, counter.notations, ids, now_ms, faults)
    door = StreamDoor(channels, users, Sockets(supervisor, ids, usage, now_ms))
    app = Starlette(routes=[WebSocketRoute("/ws/{names:path}", door.open)])
    server = Server(app, lambda: None, usage.limits.ping_s, usage.limits.pong_s)
    serving = asyncio.create_task(server.serve([listener]))

    def send(number: int) -> None:
        exchange.print_external_trade("BTCUSDT", 6_000_000 + number % 7, 100, buyer_is_maker=True)

    yield send
    server.should_exit = True
    await serving
    await supervisor.close()


@asynccontextmanager
async def bare(listener: socket.socket) -> AsyncGenerator[Send]:
    """Connected sockets and nothing else; each message is encoded once."""
    notation = notations({listing.symbol: listing for listing in default_listings()})["BTCUSDT"]

    async def stay(connection: ServerConnection) -> None:
        with suppress(ConnectionClosedError):
            async for _ in connection:
                pass

    async with serve(stay, sock=listener, compression=None) as server:

        def send(number: int) -> None:
            trade = PublicTrade("BTCUSDT", number, 6_000_000 + number % 7, 100, 0, 0, True, now_ms(), number)
            broadcast(server.connections, orjson.dumps(trade_event(notation, trade)).decode())

        yield send


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def run(kind: str) -> None:
    """Serve until stdin ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=512)
    listener.setblocking(False)
    gc.freeze()
    gc.set_threshold(*COLLECT_AT)
    loop = asyncio.get_running_loop()
    async with {"ours": ours, "bare": bare}[kind](listener) as send:
        say(str(listener.getsockname()[1]))
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            count, pace_s = line.split()
            began = time.process_time()
            for number in range(int(count)):
                send(number)
                await asyncio.sleep(float(pace_s))
            await asyncio.sleep(0.2)  # what waits in outboxes is written
            say(str(time.process_time() - began))


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1]))
