"""A raw client in a process of its own: `python -m bench.rest_client HOST PORT KIND SECONDS KEY:SECRET…`.

Speaks signed HTTP/1.1 over one kept connection a key, each with one request under way, and does no more than a client
must: build, sign, send, find the end of the answer. Prints a JSON line: how many answers came in how many seconds, what
was refused, and the 50th and 99th percentile of an answer's time in ms.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import cast

import orjson
import uvloop

HEAD = (
    "{method} {path}{query} HTTP/1.1\r\nHost: {host}\r\nX-MBX-APIKEY: {key}\r\n"
    "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{body}"
)


class Connection(asyncio.Protocol):
    """One request after the other, until told to end."""

    def __init__(self, request: Callable[[], bytes], pace_s: float, done: asyncio.Event) -> None:
        self.request = request
        self.times_s: list[float] = []
        self.refused: dict[bytes, int] = {}
        self._pace_s = pace_s
        self._done = done
        self._sent_s = 0.0
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found or len(body) < length_in(head):
            return
        self.times_s.append(time.perf_counter() - self._sent_s)
        if not head.startswith(b"HTTP/1.1 200"):
            self.refused[body] = self.refused.get(body, 0) + 1
        self._received = b""
        if self._pace_s:
            asyncio.get_running_loop().call_later(self._pace_s, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if self._transport is None:
            return
        if self._done.is_set():
            self._transport.close()
            return
        self._sent_s = time.perf_counter()
        self._transport.write(self.request())


def length_in(head: bytes) -> int:
    """The length of the body that this head tells."""
    _, _, rest = head.lower().partition(b"content-length:")
    return int(rest.partition(b"\r\n")[0])


def orders(host: str, key: str, secret: str) -> Callable[[], bytes]:
    """Limit orders at one price, a purchase and a sale in turn: they meet those of the other connections."""
    numbers = count()

    def request() -> bytes:
        side = "SELL" if next(numbers) % 2 else "BUY"
        form = (
            f"symbol=BTCUSDT&side={side}&type=LIMIT&timeInForce=GTC&quantity=0.001&price=20000"
            f"&newOrderRespType=FULL&timestamp={time.time_ns() // 1_000_000}"
        )
        return post("/api/v3/order", form, host, key, secret)

    return request


def passing(host: str, key: str, secret: str) -> Callable[[], bytes]:
    """Orders that meet nobody and do not rest."""

    def request() -> bytes:
        form = (
            "symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity=0.001&price=20000"
            f"&newOrderRespType=FULL&timestamp={time.time_ns() // 1_000_000}"
        )
        return post("/api/v3/order", form, host, key, secret)

    return request


def post(path: str, form: str, host: str, key: str, secret: str) -> bytes:
    body = f"{form}&signature={signed(form, secret)}"
    return HEAD.format(method="POST", path=path, query="", host=host, key=key, length=len(body), body=body).encode()


def empty(host: str, key: str, secret: str) -> Callable[[], bytes]:
    """A signed request that asks for nothing much: there are never any allocations."""

    def request() -> bytes:
        form = f"symbol=BTCUSDT&timestamp={time.time_ns() // 1_000_000}"
        query = f"?{form}&signature={signed(form, secret)}"
        path = "/api/v3/myAllocations"
        return HEAD.format(method="GET", path=path, query=query, host=host, key=key, length=0, body="").encode()

    return request


def signed(form: str, secret: str) -> str:
    return hmac.new(secret.encode(), form.encode(), hashlib.sha256).hexdigest()


KINDS = {"orders": orders, "empty": empty, "paced": passing}
PACE_S = {"paced": 0.01}
"""How long a connection waits between two requests; else it does not."""


async def run(host: str, port: int, kind: str, seconds: float, keys: list[str]) -> dict[str, object]:
    """All connections at once for so long."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()
    began = time.perf_counter()
    connections = [Connection(KINDS[kind](host, *key.split(":")), PACE_S.get(kind, 0.0), done) for key in keys]
    for connection in connections:
        await loop.create_connection(lambda made=connection: made, host, port)
    await asyncio.sleep(seconds)
    took_s = time.perf_counter() - began
    done.set()
    times_s = sorted(each for connection in connections for each in connection.times_s)
    refused = [body.decode() for connection in connections for body in connection.refused]
    return {
        "answers": len(times_s),
        "seconds": took_s,
        "refused": refused[:3],
        "p50_ms": times_s[len(times_s) // 2] * 1_000,
        "p99_ms": times_s[len(times_s) * 99 // 100] * 1_000,
    }


if __name__ == "__main__":
    host, port, kind, seconds, *keys = sys.argv[1:]
    sys.stdout.write(orjson.dumps(uvloop.run(run(host, int(port), kind, float(seconds), keys))).decode() + "\n")
