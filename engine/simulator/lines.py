"""The server that the doors stand in, and the wire under every request: it can be cut or left to hang.

ASGI knows no way to tear a connection without an answer, which is what an exchange does to its clients on a bad
day; so the two protocols of uvicorn hand their transport's ends through the scope.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Generator, Iterable, MutableMapping
from dataclasses import dataclass
from functools import lru_cache
from socket import socket
from struct import pack
from typing import Any, Final, cast

import uvicorn
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.http11 import Request

LARGEST_MESSAGE: Final = 64 * 1024
GRACE_S: Final = 1
LINE: Final = "simulator.line"
TEXT_FRAME: Final = 0x81
"""A whole message of text."""
FRAMES: Final = 256
"""So many of the newest are kept: whoever hears the same gets the same bytes."""


class HttpLine(HttpToolsProtocol):
    """HTTP whose connection can be cut."""

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {LINE: {"cut": self.transport.abort}}


class SocketLine(WebSocketsSansIOProtocol):
    """A WebSocket that can be cut, or fall silent with its connection open."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            ends = {"cut": self.transport.abort, "silence": self.silence, "say": self.say}
            cast("dict[str, Any]", self.scope)["extensions"][LINE] = ends

    async def send(self, message: ASGISendEvent) -> None:
        """Send; who writes once a broken frame or a lost pong has ended the socket hears that the peer is gone."""
        if self.close_sent and self.initial_response is None:
            raise ClientDisconnected
        await super().send(message)

    def say(self, texts: Iterable[str]) -> bool:
        """Write text messages at once; False, and nothing is written, when the socket does not take them now.

        Each is framed once for all sockets, and many go to the system together.
        """
        if self.close_sent or self.disconnected or not self.writable.is_set():
            return False
        self.transport.write(b"".join([framed(text) for text in texts]))
        return True

    def silence(self) -> None:
        """Read nothing any more and ping no longer; what the peer sends stays in the network's buffers."""
        self.stop_keepalive()
        self.read_paused = False
        self.transport.pause_reading()


@dataclass(frozen=True, slots=True)
class Line:
    """The wire under one request or socket."""

    cut: Callable[[], None]
    silence: Callable[[], None]
    say: Callable[[Iterable[str]], bool]
    """Writes text messages at once, or tells that it cannot."""

    @classmethod
    def of(cls, scope: MutableMapping[str, Any]) -> Line:
        """The wire of an ASGI scope; one that cannot be cut when another server made the scope."""
        found = scope.get("extensions", {}).get(LINE, {})
        return cls(found.get("cut", _nothing), found.get("silence", _nothing), found.get("say", _never))


class Torn(Response):
    """No answer: the connection is cut."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Cut it and wait until it is gone, so that nothing is answered after all."""
        del send
        Line.of(scope).cut()
        while (await receive())["type"] != "http.disconnect":
            continue


class Server(uvicorn.Server):
    """uvicorn without its own signal handlers, saying when it is ready."""

    def __init__(self, app: ASGIApp, ready: Callable[[], None], ping_s: float, pong_s: float) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http=HttpLine,
                ws=SocketLine,
                lifespan="off",
                log_config=None,
                log_level="error",  # a warning for each request that is no HTTP would fill the log from outside
                access_log=False,
                server_header=False,
                ws_max_size=LARGEST_MESSAGE,
                ws_ping_interval=ping_s,
                ws_ping_timeout=pong_s,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._ready = ready
        self.on_end: Callable[[], None] = _nothing
        """Called when the server begins to end: what hangs must be let go."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        self.on_end()
        await super().shutdown(sockets)


@lru_cache(maxsize=FRAMES)
def framed(text: str) -> bytes:
    """A text message as one WebSocket frame of a server (RFC 6455, 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        head = bytes((TEXT_FRAME, size))
    elif size < 1 << 16:
        head = pack("!BBH", TEXT_FRAME, 126, size)
    else:
        head = pack("!BBQ", TEXT_FRAME, 127, size)
    return head + payload


def _nothing() -> None:
    return


def _never(texts: Iterable[str]) -> bool:
    del texts
    return False
