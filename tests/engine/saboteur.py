"""A man in the middle with real sockets: passes everything on to an exchange, but for what a test tells it to spoil."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

Writer = asyncio.StreamWriter


@dataclass(frozen=True)
class Request:
    """An HTTP request as it came."""

    method: str
    path: str
    """Without the query."""
    raw: bytes

    @property
    def is_upgrade(self) -> bool:
        return b"upgrade: websocket" in self.raw.lower()


Fault = Callable[["Saboteur", Request, Writer], Awaitable[None]]
"""Answers a request instead of the exchange, or spoils what the exchange answers; then the connection is closed."""


@dataclass
class Saboteur:
    """Faults are asked in their order; the first that takes a request spoils it, and is used up."""

    upstream: tuple[str, int] | None
    port: int = 0
    requests: list[Request] = field(default_factory=list[Request])
    _faults: list[tuple[str, str, Fault]] = field(default_factory=list[tuple[str, str, Fault]])
    _sockets: set[Writer] = field(default_factory=set[Writer])
    refusing: bool = False
    """New connections are closed at once."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def spoil(self, method: str, path_end: str, fault: Fault, times: int = 1) -> None:
        """Spoil the next requests of a method whose path ends like this."""
        self._faults.extend([(method, path_end, fault)] * times)

    def heal(self) -> None:
        self._faults.clear()
        self.refusing = False

    def count(self, method: str, path_end: str) -> int:
        """How many such requests came."""
        return sum(1 for one in self.requests if one.method == method and one.path.endswith(path_end))

    def cut(self) -> None:
        """Break every connection that is open now."""
        for writer in tuple(self._sockets):
            writer.transport.abort()

    async def forward(self, request: Request) -> bytes:
        """The exchange's whole answer."""
        assert self.upstream is not None
        reader, writer = await asyncio.open_connection(*self.upstream)
        try:
            writer.write(_closing(request.raw))
            await writer.drain()
            return await reader.read()
        finally:
            await _finish(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self._sockets.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while not self.refusing and await self._one(reader, writer):
                    pass
        finally:
            self._sockets.discard(writer)
            await _finish(writer)

    async def _one(self, reader: asyncio.StreamReader, writer: Writer) -> bool:
        """Serve one request; whether the connection goes on."""
        request = await _read_request(reader)
        self.requests.append(request)
        for number, (method, path_end, fault) in enumerate(self._faults):
            if request.method == method and request.path.endswith(path_end):
                del self._faults[number]
                await fault(self, request, writer)
                return False
        if request.is_upgrade:
            await self._tunnel(request, reader, writer)
            return False
        writer.write(await self.forward(request))
        await writer.drain()
        return False

    async def _tunnel(self, request: Request, reader: asyncio.StreamReader, writer: Writer) -> None:
        assert self.upstream is not None
        there_reader, there_writer = await asyncio.open_connection(*self.upstream)
        self._sockets.add(there_writer)
        there_writer.write(request.raw)

        async def pump(source: asyncio.StreamReader, sink: Writer) -> None:
            with suppress(ConnectionError):
                while chunk := await source.read(65_536):
                    sink.write(chunk)
                    await sink.drain()
            sink.close()

        try:
            await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))
        finally:
            self._sockets.discard(there_writer)
            await _finish(there_writer)


@asynccontextmanager
async def sabotage(upstream: tuple[str, int] | None = None) -> AsyncGenerator[Saboteur]:
    saboteur = Saboteur(upstream)
    server = await asyncio.start_server(saboteur.serve, "127.0.0.1", 0)
    saboteur.port = server.sockets[0].getsockname()[1]
    try:
        yield saboteur
    finally:
        server.close()
        saboteur.cut()
        await server.wait_closed()


# --- faults --------------------------------------------------------------------------------------------


def answer(status: int, body: str, *headers: str) -> Fault:
    """Answer this instead of the exchange, which never hears of the request."""

    async def fault(_: Saboteur, __: Request, writer: Writer) -> None:
        head = "\r\n".join([f"HTTP/1.1 {status} Made Up", f"Content-Length: {len(body.encode())}", *headers])
        writer.write(f"{head}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()

    return fault


async def drop_before(_: Saboteur, __: Request, writer: Writer) -> None:
    """Break the connection without telling the exchange anything."""
    writer.transport.abort()


async def drop_after(saboteur: Saboteur, request: Request, writer: Writer) -> None:
    """Let the exchange do it, then break the connection: the answer is lost."""
    await saboteur.forward(request)
    writer.transport.abort()


async def truncate(saboteur: Saboteur, request: Request, writer: Writer) -> None:
    """Let the exchange do it and answer half of what it says, as if that were all."""
    head, _, body = (await saboteur.forward(request)).partition(b"\r\n\r\n")
    half = body[: len(body) // 2]
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%b" % (len(half), half))
    await writer.drain()
    assert head


def hold(seconds: float, then: Fault) -> Fault:
    """Do it only after a while."""

    async def fault(saboteur: Saboteur, request: Request, writer: Writer) -> None:
        await asyncio.sleep(seconds)
        await then(saboteur, request, writer)

    return fault


async def silence(_: Saboteur, __: Request, writer: Writer) -> None:
    """Say nothing until the other side gives up."""
    with suppress(ConnectionError):
        await writer.wait_closed()


async def pass_on(saboteur: Saboteur, request: Request, writer: Writer) -> None:
    """The exchange's own answer."""
    writer.write(await saboteur.forward(request))
    await writer.drain()


# --- parts ----------------------------------------------------------------------------------------------


async def _read_request(reader: asyncio.StreamReader) -> Request:
    head = await reader.readuntil(b"\r\n\r\n")
    first, *fields = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    lengths = [line.partition(":")[2] for line in fields if line.lower().startswith("content-length:")]
    body = await reader.readexactly(int(lengths[0])) if lengths else b""
    return Request(method, target.partition("?")[0], head + body)


def _closing(raw: bytes) -> bytes:
    head, separator, body = raw.partition(b"\r\n\r\n")
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([*lines, b"Connection: close"]) + separator + body


async def _finish(writer: Writer) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
