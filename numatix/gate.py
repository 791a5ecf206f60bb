"""The gate in front of everything: which Host, which Origin, how large, how often, and who asks.

Pages are closed unless a live login's cookie comes with the request. What is open to everybody is listed here.
"""

from __future__ import annotations

from ipaddress import ip_address

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from engine.domain.values import TooMany
from engine.identity import Identity
from engine.identity.limits import REQUESTS, network_of
from engine.runtime import Ids
from numatix.api.problems import internal_error, problem, refusal_problem
from numatix.doors import SocketDoors, session_cookie
from numatix.settings import Network, PublicAddress
from pages.login import login_address

log = structlog.get_logger(__name__)

LARGEST_BODY = 64 * 1024
SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}
OPEN_PATHS = {"/login", "/setup", "/session", "/healthz", "/readyz", "/metrics", "/favicon.ico"}
OPEN_PREFIXES = ("/api/", "/assets/", "/_nicegui/3")
"""The API asks for a bearer token itself; assets and NiceGUI's own files are the same for everybody."""
UPLOADS = "/_nicegui/client/"

PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; worker-src 'self' blob:; frame-src 'self';"
    " frame-ancestors 'self'; object-src 'none'; base-uri 'none'; form-action 'self'"
)
"""NiceGUI needs inline scripts and eval; the rest is kept tight."""
API_POLICY = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"


class TooLarge(Exception):
    """The body goes on past the limit."""


class Gate:
    """ASGI middleware around the whole application. It leaves `request.state.ip` and `.asker` for those behind."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        identity: Identity,
        doors: SocketDoors,
        address: PublicAddress,
        trusted_proxies: tuple[Network, ...],
        ids: Ids,
    ) -> None:
        self.app = app
        self._identity = identity
        self._doors = doors
        self._address = address
        self._trusted = trusted_proxies
        self._ids = ids

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        request_id = self._ids.new()
        headers = Headers(scope=scope)
        state = scope.setdefault("state", {})
        state["ip"] = client_ip(scope, headers, self._trusted)
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            refused = self._refuse_stranger(scope, headers)
            if scope["type"] == "websocket":
                if refused is None:
                    await self.app(scope, receive, send)
                else:
                    await send({"type": "websocket.close", "code": 1008})
                return
            dressed = _dressed(scope, send, request_id, secure=self._address.secure)
            answer = refused or _refuse_body(scope, headers) or await self._refuse_asker(scope, headers)
            if answer is not None:
                await answer(scope, receive, dressed)
                return
            await self._pass(scope, receive, dressed)

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let the request through, and answer for it where what is behind cannot."""
        course = _Course(receive, send)
        try:
            await self.app(scope, course.receive, course.send)
        except TooLarge:
            log.info("a body was too large", path=scope["path"])
        except Exception as defect:  # the top of every request: recorded here, and nothing of it goes out
            log.exception("a request failed", path=scope["path"], exc_info=defect)
            if not course.answered:
                await internal_error()(scope, receive, send)
                return
        if course.too_large and not course.answered:
            await _too_large()(scope, receive, send)

    def _refuse_stranger(self, scope: Scope, headers: Headers) -> Response | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not self._address.allows_host(host):
            return problem(
                400,
                "unknown_host",
                "This desk does not answer to that Host: set NUMATIX_PUBLIC_URL to the address you use.",
            )
        harmless = scope["type"] == "http" and scope["method"] in SAFE_METHODS
        if origin is not None and not harmless and not self._address.allows_origin(origin, host):
            return problem(403, "foreign_origin", "A page of another site may not act here.")
        return None

    async def _refuse_asker(self, scope: Scope, headers: Headers) -> Response | None:
        """Find out who asks; an answer when that is not enough for what is asked."""
        path: str = scope["path"]
        if path.startswith(OPEN_PREFIXES):
            return None
        token = session_cookie(headers.get("cookie", ""), self._address.cookie)
        asker = await self._identity.asker_by_cookie(token) if token else None
        scope["state"]["asker"] = asker
        if asker is None and path != "/healthz":
            try:
                await self._identity.limits.hit(REQUESTS, network_of(scope["state"]["ip"]))
            except TooMany as refusal:
                return refusal_problem(refusal)
        if path in OPEN_PATHS:
            return None
        if asker is None:
            return _to_login(Request(scope))
        if path.startswith(UPLOADS) and not self._doors.owns_page(asker, path.removeprefix(UPLOADS).partition("/")[0]):
            return problem(403, "not_your_page", "This page belongs to another login.")
        return None


def client_ip(scope: Scope, headers: Headers, trusted: tuple[Network, ...]) -> str:
    """Who is at the other end: the nearest address in X-Forwarded-For that is none of our trusted proxies.

    The header is believed only as far as each hop that wrote it is trusted.
    """
    client = scope.get("client")
    ip = client[0] if client else ""
    hops = [hop.strip() for value in headers.getlist("x-forwarded-for") for hop in value.split(",")]
    while hops and _is_trusted(ip, trusted):
        ip = hops.pop()
    return ip


def _is_trusted(ip: str, trusted: tuple[Network, ...]) -> bool:
    if not trusted:
        return False
    try:
        address = ip_address(ip)
    except ValueError:
        return False
    return any(address in network for network in trusted)


def _refuse_body(scope: Scope, headers: Headers) -> Response | None:
    """Only JSON is taken, and not too much of it. Bodies without a length are measured while they come."""
    length = headers.get("content-length", "0")
    if not (length.isascii() and length.isdecimal() and len(length) < 20 and int(length) <= LARGEST_BODY):
        return _too_large()
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    holds_body = length != "0" or "transfer-encoding" in headers
    if holds_body and media != "application/json" and not scope["path"].startswith(UPLOADS):
        return problem(415, "not_json", "Send the body as JSON, with Content-Type: application/json.")
    return None


def _too_large() -> Response:
    return problem(413, "body_too_large", f"A request may hold {LARGEST_BODY} bytes at most.")


def _to_login(request: Request) -> Response:
    """A person is sent to the login and back; a script is told."""
    if request.method in SAFE_METHODS and "text/html" in request.headers.get("accept", ""):
        return RedirectResponse(login_address(request), 303, {"Cache-Control": "no-store"})
    return problem(401, "login_needed", "Log in first.")


def _dressed(scope: Scope, send: Send, request_id: str, *, secure: bool) -> Send:
    """Adds the security headers to every answer."""
    path: str = scope["path"]
    policy = API_POLICY if path.startswith("/api/") and path != "/api/docs" else PAGE_POLICY

    async def dressed(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers["X-Frame-Options"] = "SAMEORIGIN"
            headers["Referrer-Policy"] = "same-origin"
            headers["Cross-Origin-Opener-Policy"] = "same-origin"
            headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
            headers.setdefault("Content-Security-Policy", policy)
            if secure:
                headers["Strict-Transport-Security"] = "max-age=31536000"
        await send(message)

    return dressed


class _Course:
    """One request on its way through: measures the body as it comes, for not every body tells its length first."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._taken = 0
        self.too_large = False
        self.answered = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._taken += len(message.get("body", b""))
        if self._taken > LARGEST_BODY:
            self.too_large = True
            raise TooLarge
        return message

    async def send(self, message: Message) -> None:
        if self.too_large and not self.answered:
            return  # whatever is behind made of the cut body, it is not the answer
        self.answered = True
        await self._send(message)
