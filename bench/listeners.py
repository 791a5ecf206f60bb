"""WebSocket clients that do as little as a client can: they count messages by a mark in them."""

from __future__ import annotations

import asyncio
from typing import cast

HELLO = (
    "GET {path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Listener(asyncio.Protocol):
    """One socket."""

    def __init__(self, hello: bytes, mark: bytes) -> None:
        self.heard = 0
        self.opened = asyncio.Event()
        self._hello = hello
        self._mark = mark
        self._tail = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._hello)

    def data_received(self, data: bytes) -> None:
        if not self.opened.is_set():
            if not data.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"no socket was opened: {data[:200]!r}")
            self.opened.set()
        heard = self._tail + data
        self.heard += heard.count(self._mark)
        self._tail = heard[1 - len(self._mark) :]

    def close(self) -> None:
        """End it."""
        if self._transport is not None:
            self._transport.abort()


async def listen(host: str, port: int, path: str, mark: bytes, number: int) -> list[Listener]:
    """So many sockets, open."""
    hello = HELLO.format(path=path, host=host).encode()
    listeners = [Listener(hello, mark) for _ in range(number)]
    for listener in listeners:
        await asyncio.get_running_loop().create_connection(lambda made=listener: made, host, port)
        await listener.opened.wait()
    return listeners
