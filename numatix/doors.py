"""The guard of NiceGUI's sockets: a page's socket must belong to the login that the page was made for.

NiceGUI 3.18 takes a page's `client_id` as proof of who asks, from any origin and for ever. Here its Socket.IO
handlers are replaced by ones that ask first, at every message; what passes goes to NiceGUI's own handlers.
"""

# pyright: reportPrivateUsage=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# The handlers that are wrapped are NiceGUI's private ones, and python-socketio carries no types.

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, cast
from urllib.parse import parse_qs

import structlog
from nicegui import core, nicegui
from nicegui.client import Client
from socketio.exceptions import ConnectionRefusedError as Refused

from engine.identity import Asker, Identity
from engine.runtime import Clock
from numatix.settings import PublicAddress

log = structlog.get_logger(__name__)

SWEEP_S = 5.0
TRUSTED_S = 20.0
"""A login that was not found alive for this long is not believed: the sweep must have died."""
LOG_LINES_A_MINUTE = 30
LONGEST_LOG_LINE = 500
REFUSED = "Implicit handshake failed"
"""The words on which NiceGUI's browser side reloads the page, and so comes to the login."""

Message = Mapping[str, Any]


@dataclass(slots=True)
class Passage:
    """A connected socket and the login that its cookie proved."""

    asker: Asker
    token: str = field(repr=False)
    alive_at: float
    used: bool = False
    """Whether the user did something since the last sweep: that prolongs the login."""
    log_lines: deque[float] = field(default_factory=lambda: deque[float](maxlen=LOG_LINES_A_MINUTE))


class SocketDoors:
    """Knows every connected socket's login; `pages.guard.Doors` is what pages see of it."""

    def __init__(self, identity: Identity, address: PublicAddress, clock: Clock) -> None:
        self._identity = identity
        self._address = address
        self._clock = clock
        self._passages: dict[str, Passage] = {}
        self._cutting: set[str] = set()
        self._wake = asyncio.Event()

    def install(self) -> None:
        """Put the guard in front of NiceGUI's handlers. Once, before the server starts."""
        sio = core.sio
        # Long polling needs no upgrade and no origin check: the whole door stays shut.
        sio.eio.transports = ["websocket"]
        core.app.config.socket_io_js_transports = ["websocket"]
        sio.eio.cors_allowed_origins = self._allows_origin
        sio.on("connect", self._connect)
        sio.on("handshake", self._handshake)
        sio.on("disconnect", self._disconnect)
        sio.on("event", self._guarded(nicegui._on_event, _is_event, uses=True))
        sio.on("javascript_response", self._guarded(nicegui._on_javascript_response, _is_javascript_response))
        sio.on("ack", self._guarded(nicegui._on_ack, _is_ack))
        sio.on("log", self._log)
        self._identity.watch_endings(self.cut)

    # --- what pages ask

    def verified(self, sid: str, client_id: str) -> Asker | None:
        """Who sends from this socket, when the page is theirs, their login is alive and the socket has joined it."""
        passage = self._passages.get(sid)
        if passage is None or not self._owns(passage, client_id) or client_id not in core.sio.rooms(sid):
            return None
        return passage.asker

    def is_alive(self, login_id: str) -> bool:
        """Whether this browser session still has a socket whose login was found alive."""
        return any(p.asker.login_id == login_id and self._is_fresh(p) for p in self._passages.values())

    def owns_page(self, asker: Asker, client_id: str) -> bool:
        """Whether the page was made for this very login."""
        return _login_of_page(client_id) == asker.login_id is not None

    @property
    def sockets(self) -> int:
        """Open now."""
        return len(self._passages)

    @property
    def sessions(self) -> int:
        """Logins with a socket open."""
        return len({passage.asker.login_id for passage in self._passages.values()})

    # --- endings

    def cut(self, login_id: str) -> None:
        """Forget the login's sockets at once, so that nothing they still send counts; `sweep` closes them."""
        for sid, passage in list(self._passages.items()):
            if passage.asker.login_id == login_id:
                del self._passages[sid]
                self._cutting.add(sid)
        self._wake.set()

    async def sweep(self) -> None:
        """Until cancelled: close what was cut, and look every few seconds whether logins are still alive."""
        checked_at = self._clock.monotonic()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SWEEP_S):
                    await self._wake.wait()
            self._wake.clear()
            if self._clock.monotonic() - checked_at >= SWEEP_S:
                await self._recheck()
                checked_at = self._clock.monotonic()
            while self._cutting:
                await _send_to_login(self._cutting.pop())

    async def _recheck(self) -> None:
        for sid, passage in list(self._passages.items()):
            prolong, passage.used = passage.used, False
            asker = await self._identity.asker_by_cookie(passage.token, prolong=prolong)
            if asker is None and self._passages.pop(sid, None) is not None:
                self._cutting.add(sid)
            passage.alive_at = self._clock.monotonic()

    # --- NiceGUI's messages

    async def _connect(self, sid: str, environ: Message, _auth: object = None) -> None:
        query = {name: values[0] for name, values in parse_qs(str(environ.get("QUERY_STRING", ""))).items()}
        token = self._cookie(str(environ.get("HTTP_COOKIE", "")))
        asker = await self._identity.asker_by_cookie(token) if token else None
        if asker is None:
            raise Refused(REFUSED)
        passage = Passage(asker, token or "", self._clock.monotonic())
        implicit = query.get("implicit_handshake") == "true"
        if implicit and not (self._owns(passage, query.get("client_id", "")) and _is_handshake(query)):
            raise Refused(REFUSED)
        self._passages[sid] = passage
        try:
            await nicegui._on_connect(sid, dict(environ))
        except Refused:
            self._passages.pop(sid, None)
            raise

    async def _handshake(self, sid: str, message: object = None) -> bool:
        passage = self._passages.get(sid)
        if passage is None or not _is_handshake(message):
            return False
        told = cast("dict[str, Any]", message)
        return self._owns(passage, told["client_id"]) and await nicegui._on_handshake(sid, told)

    def _disconnect(self, sid: str, *_reason: object) -> None:
        self._passages.pop(sid, None)
        self._cutting.discard(sid)
        nicegui._on_disconnect(sid)

    def _guarded(
        self, handler: Callable[[str, Any], object], is_well_formed: Callable[[Any], bool], *, uses: bool = False
    ) -> Callable[..., None]:
        """Synchronous, so that messages keep their order."""

        def guarded(sid: str, message: object = None) -> None:
            if not _names_page(message) or not is_well_formed(message):
                return
            told = cast("dict[str, Any]", message)
            if self.verified(sid, told["client_id"]) is None:
                return
            if uses:
                self._passages[sid].used = True
            handler(sid, told)

        return guarded

    def _log(self, sid: str, message: object = None) -> None:
        """A browser's own words in the desk's log: one line, cut, and not too many."""
        if not _names_page(message):
            return
        told = cast("dict[str, Any]", message)
        if self.verified(sid, told["client_id"]) is None:
            return
        lines, now = self._passages[sid].log_lines, self._clock.monotonic()
        if len(lines) == LOG_LINES_A_MINUTE and lines[0] > now - 60:
            return
        lines.append(now)
        text = "".join(c if c.isprintable() else " " for c in str(told.get("message", ""))[:LONGEST_LOG_LINE])
        log.info("a browser says", level=str(told.get("level", ""))[:10], text=text)

    # --- parts

    def _owns(self, passage: Passage, client_id: str) -> bool:
        return self._is_fresh(passage) and _login_of_page(client_id) == passage.asker.login_id

    def _is_fresh(self, passage: Passage) -> bool:
        return self._clock.monotonic() - passage.alive_at < TRUSTED_S

    def _cookie(self, header: str) -> str | None:
        return session_cookie(header, self._address.cookie)

    def _allows_origin(self, origin: str | None, environ: Message) -> bool:
        return origin is None or self._address.allows_origin(origin, str(environ.get("HTTP_HOST", "")))


def session_cookie(header: str, name: str) -> str | None:
    """The value of the session cookie in a Cookie header."""
    try:
        morsel = SimpleCookie(header).get(name)
    except CookieError:
        return None
    return morsel.value if morsel is not None else None


async def _send_to_login(sid: str) -> None:
    """The last that a cut socket hears."""
    await core.sio.emit("open", {"path": "/login", "new_tab": False}, to=sid)
    await cast("Awaitable[None]", core.sio.disconnect(sid))


def _login_of_page(client_id: str) -> str | None:
    client = Client.instances.get(client_id)
    if client is None or client._request is None:
        return None
    asker = getattr(client._request.state, "asker", None)
    return asker.login_id if isinstance(asker, Asker) else None


def _names_page(message: object) -> bool:
    return isinstance(message, dict) and isinstance(cast("dict[str, Any]", message).get("client_id"), str)


def _is_event(message: Message) -> bool:
    arguments = message.get("args", [])
    return (
        isinstance(message.get("id"), int)
        and isinstance(message.get("listener_id"), str)
        and isinstance(arguments, list)
        and all(argument is None or isinstance(argument, str) for argument in cast("list[object]", arguments))
    )


def _is_javascript_response(message: Message) -> bool:
    return isinstance(message.get("request_id"), str)


def _is_ack(message: Message) -> bool:
    return isinstance(message.get("next_message_id"), int)


def _is_handshake(message: object) -> bool:
    """From the query every value is text; from the event the message number is a number."""
    if not isinstance(message, dict):
        return False
    told = cast("dict[str, Any]", message)
    number = told.get("next_message_id")
    return all(isinstance(told.get(name), str) for name in ("client_id", "tab_id", "document_id")) and (
        number is None or str(number).isdecimal()
    )
