"""The probe desk, two users on it, and browsers that are only what their sockets say."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# python-socketio carries no types.

from __future__ import annotations

import ast
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
import socketio
from socketio.exceptions import BadNamespaceError
from socketio.exceptions import ConnectionError as SocketConnectionError

from tests.conftest import OWNER
from tests.serving import COOKIE, DeskServer, wait_until

MALLORY, PASSWORD = "mallory@example.org", "mallory's own password"
SOCKET_PATH = "/_nicegui_ws/socket.io"
ESCAPES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&#96;": "`", "&#36;": "$"}


@dataclass(frozen=True)
class Page:
    """A page as its HTML tells a browser about it."""

    client_id: str
    query: dict[str, Any]
    elements: dict[str, Any]

    def event(self, kind: str, *arguments: Any) -> dict[str, Any]:
        """What a browser sends when that event happens on the element that listens to it."""
        for number, element in self.elements.items():
            for listener in element.get("events", []):
                if listener["type"] == kind:
                    return {
                        "id": int(number),
                        "client_id": self.client_id,
                        "listener_id": listener["listener_id"],
                        "args": [json.dumps(argument) for argument in arguments],
                    }
        raise LookupError(kind)

    @property
    def upload_url(self) -> str:
        return next(e["props"]["url"] for e in self.elements.values() if "url" in e.get("props", {}))


@dataclass(frozen=True)
class BrowserSocket:
    """The little that the tests need of a Socket.IO client."""

    client: socketio.AsyncClient

    @property
    def connected(self) -> bool:
        return bool(self.client.connected)

    async def emit(self, event: str, message: Any) -> None:
        """Lost without an error when the socket is closed."""
        with suppress(BadNamespaceError):
            await self.client.emit(event, message)

    async def call(self, event: str, message: Any) -> Any:
        return await self.client.call(event, message, timeout=10)

    def on(self, event: str, listener: Callable[[Any], None]) -> None:
        self.client.on(event, listener)


@dataclass(frozen=True)
class ProbeDesk:
    server: DeskServer

    def heard(self) -> list[dict[str, Any]]:
        """What handlers of the probe page heard, oldest first."""
        path = self.server.var_dir / "heard.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def open_page(self, cookie: str) -> Page:
        answer = httpx.get(f"{self.server.url}/probe", cookies={COOKIE: cookie}, headers={"Accept": "text/html"})
        assert answer.status_code == 200, answer.text
        elements = re.search(r"parseElements\(String\.raw`(.*?)`\)", answer.text, re.DOTALL)
        query = re.search(r"query: (\{.*?\}),\n", answer.text)
        assert elements is not None
        assert query is not None
        text = elements[1]
        for escaped, plain in reversed(ESCAPES.items()):
            text = text.replace(escaped, plain)
        told = ast.literal_eval(query[1])
        return Page(told["client_id"], told, json.loads(text))

    def log_out(self, cookie: str) -> None:
        assert httpx.delete(f"{self.server.url}/session", cookies={COOKIE: cookie}).status_code == 204

    def poll(self, cookie: str, origin: str) -> httpx.Response:
        """The answer to a long-polling handshake."""
        address = f"{self.server.url}/_nicegui_ws/socket.io/?EIO=4&transport=polling"
        return httpx.get(address, cookies={COOKIE: cookie}, headers={"Origin": origin})

    @asynccontextmanager
    async def socket(
        self, page: Page | None, cookie: str | None, *, origin: str | None = None
    ) -> AsyncGenerator[BrowserSocket]:
        """A connected socket; with a page it shakes hands in the query, as a browser does."""
        client = socketio.AsyncClient(reconnection=False)
        query: dict[str, Any] = {}
        if page is not None:
            query = {
                **page.query,
                "document_id": "doc",
                "tab_id": "tab",
                "old_tab_id": "",
                "implicit_handshake": "true",
            }
        headers = {"Origin": origin or self.server.url}
        if cookie is not None:
            headers["Cookie"] = f"{COOKIE}={cookie}"
        url = f"{self.server.url}?{httpx.QueryParams(query)}"
        try:
            await client.connect(url, headers=headers, transports=["websocket"], socketio_path=SOCKET_PATH)
            yield BrowserSocket(client)
        finally:
            await client.shutdown()
            if client.eio.http is not None:  # left open when the door stayed shut
                await client.eio.http.close()

    async def refuses(self, page: Page | None, cookie: str | None, *, origin: str | None = None) -> bool:
        try:
            async with self.socket(page, cookie, origin=origin):
                return False
        except SocketConnectionError:
            return True


@pytest.fixture(scope="session")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProbeDesk]:
    """The probe desk with the owner and mallory."""
    settings = {**OWNER, "registration": "open", "simulator_flow": "none"}
    server = DeskServer(tmp_path_factory.mktemp("probe") / "var", settings, ("-m", "tests.doors.probe_desk")).start()
    register_when_owned(server)
    yield ProbeDesk(server)
    server.stop()


def register_when_owned(server: DeskServer) -> None:
    """The owner of the settings is made while the desk answers already."""
    body = {"email": MALLORY, "password": PASSWORD}

    def registered() -> bool:
        return httpx.post(f"{server.url}/api/v1/auth/register", json=body).status_code == 201

    wait_until(registered, "mallory to be registered")


@pytest.fixture
def owner_cookie(probe: ProbeDesk) -> str:
    return probe.server.login()


@pytest.fixture
def mallory_cookie(probe: ProbeDesk) -> str:
    return probe.server.login(MALLORY, PASSWORD)


@pytest.fixture
def nothing_heard(probe: ProbeDesk) -> Iterator[Callable[[], None]]:
    """Called, or at the latest when the test ends: no handler heard a press since it began."""
    before = len(probe.heard())

    def check() -> None:
        assert probe.heard()[before:] == []

    yield check
    check()
