"""Whose events count: NiceGUI's holes, each tried from outside with real Socket.IO clients."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.conftest import OWNER
from tests.doors.conftest import ProbeDesk
from tests.serving import OWNER_EMAIL, DeskServer, wait_until


async def eventually(found: Callable[[], Any], what: str, patience_s: float = 10.0) -> Any:
    """`wait_until` that leaves the loop free, so that sockets hear meanwhile."""
    deadline = time.monotonic() + patience_s
    while not (answer := found()):
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(0.01)
    return answer


async def settled(probe: ProbeDesk) -> None:
    """Everything sent before has been dealt with: the owner's own press, sent after it, was heard."""
    cookie = probe.server.login()
    page = probe.open_page(cookie)
    mark = page.client_id
    async with probe.socket(page, cookie) as socket:
        await socket.emit("event", page.event("press", mark))
        await eventually(lambda: any(mark in str(line["args"]) for line in probe.heard() if "args" in line), "the mark")


async def presses_since(probe: ProbeDesk, before: int) -> list[dict[str, Any]]:
    await settled(probe)
    return probe.heard()[before:-1]


async def test_ones_own_press_is_heard(probe: ProbeDesk, owner_cookie: str) -> None:
    before = len(probe.heard())
    page = probe.open_page(owner_cookie)
    async with probe.socket(page, owner_cookie) as socket:
        await socket.emit("event", page.event("press", 1))
        heard = await eventually(lambda: probe.heard()[before:], "the press")
    assert heard == [{"what": "pressed", "email": OWNER_EMAIL, "args": 1}]


async def test_a_socket_without_a_login_is_refused(probe: ProbeDesk, owner_cookie: str) -> None:
    page = probe.open_page(owner_cookie)
    for cookie in (None, "", "made-up"):
        assert await probe.refuses(page, cookie)
        assert await probe.refuses(None, cookie)


async def test_another_users_page_cannot_be_joined(probe: ProbeDesk, owner_cookie: str, mallory_cookie: str) -> None:
    page = probe.open_page(owner_cookie)
    assert await probe.refuses(page, mallory_cookie)
    async with probe.socket(None, mallory_cookie) as socket:
        told = {**page.query, "document_id": "doc", "tab_id": "tab", "next_message_id": 0}
        assert await socket.call("handshake", told) is False


async def test_another_users_button_cannot_be_pressed(probe: ProbeDesk, owner_cookie: str, mallory_cookie: str) -> None:
    before = len(probe.heard())
    victim, own = probe.open_page(owner_cookie), probe.open_page(mallory_cookie)
    async with probe.socket(victim, owner_cookie), probe.socket(own, mallory_cookie) as socket:
        await socket.emit("event", victim.event("press", "forged"))
        assert await presses_since(probe, before) == []


async def test_the_page_of_ones_own_other_login_cannot_be_joined(probe: ProbeDesk, owner_cookie: str) -> None:
    other_browser = probe.server.login()
    assert await probe.refuses(probe.open_page(owner_cookie), other_browser)


async def test_a_page_that_was_not_joined_hears_nothing(probe: ProbeDesk, owner_cookie: str) -> None:
    before = len(probe.heard())
    joined, other = probe.open_page(owner_cookie), probe.open_page(owner_cookie)
    async with probe.socket(other, owner_cookie), probe.socket(joined, owner_cookie) as socket:
        await socket.emit("event", other.event("press", "not in the room"))
        assert await presses_since(probe, before) == []


async def test_pages_handlers_learn_who_asks_by_the_same_rules(
    probe: ProbeDesk, owner_cookie: str, mallory_cookie: str
) -> None:
    victim, own = probe.open_page(owner_cookie), probe.open_page(mallory_cookie)
    async with probe.socket(victim, owner_cookie) as honest, probe.socket(own, mallory_cookie) as forger:
        assert await honest.call("market", {"client_id": victim.client_id}) == OWNER_EMAIL
        assert await forger.call("market", {"client_id": victim.client_id}) is None
    async with probe.socket(None, owner_cookie) as outside:
        assert await outside.call("market", {"client_id": victim.client_id}) is None


async def test_sockets_of_foreign_origins_are_refused(probe: ProbeDesk, owner_cookie: str) -> None:
    page = probe.open_page(owner_cookie)
    port = probe.server.port
    for origin in ("https://evil.example", f"http://evil.example:{port}", "null", f"http://127.0.0.1:{port + 1}"):
        assert await probe.refuses(page, owner_cookie, origin=origin)


async def test_long_polling_is_no_way_around(probe: ProbeDesk, owner_cookie: str) -> None:
    assert probe.poll(owner_cookie, probe.server.url).status_code == 400
    foreign = probe.poll(owner_cookie, "https://evil.example")
    assert foreign.status_code == 400
    assert "access-control-allow-origin" not in foreign.headers


async def test_logging_out_cuts_the_sockets_and_nothing_they_send_counts(probe: ProbeDesk, owner_cookie: str) -> None:
    before = len(probe.heard())
    page = probe.open_page(owner_cookie)
    async with probe.socket(page, owner_cookie) as socket:
        opened: list[Any] = []
        socket.on("open", opened.append)
        probe.log_out(owner_cookie)
        await socket.emit("event", page.event("press", "after logout"))
        await eventually(lambda: not socket.connected, "the socket to be closed")
        assert opened == [{"path": "/login", "new_tab": False}]
    assert await presses_since(probe, before) == []
    assert await probe.refuses(page, owner_cookie)


async def test_logging_out_leaves_other_logins_alone(probe: ProbeDesk, owner_cookie: str) -> None:
    other = probe.server.login()
    page = probe.open_page(other)
    before = len(probe.heard())
    async with probe.socket(page, other) as socket:
        probe.log_out(owner_cookie)
        await socket.emit("event", page.event("press", "still here"))
        await eventually(lambda: probe.heard()[before:], "the press")


async def test_a_strangers_answer_to_a_script_does_not_count(
    probe: ProbeDesk, owner_cookie: str, mallory_cookie: str
) -> None:
    before = len(probe.heard())
    page, own = probe.open_page(owner_cookie), probe.open_page(mallory_cookie)
    async with probe.socket(page, owner_cookie) as socket, probe.socket(own, mallory_cookie) as forger:
        asked: list[dict[str, Any]] = []
        socket.on("run_javascript", asked.append)
        await socket.emit("event", page.event("ask"))
        question = (await eventually(lambda: [one for one in asked if "request_id" in one], "the question"))[0]
        forged = {"request_id": question["request_id"], "client_id": page.client_id, "result": "forged"}
        await forger.call("market", {"client_id": own.client_id})
        await forger.emit("javascript_response", forged)
        await forger.call("market", {"client_id": own.client_id})
        await socket.emit("javascript_response", {**forged, "result": "honest"})
        heard = await eventually(lambda: probe.heard()[before:], "the answer")
    assert heard == [{"what": "answered", "answer": "honest"}]


async def test_browsers_words_are_one_cut_line_of_the_log_and_only_from_their_own_page(
    probe: ProbeDesk, owner_cookie: str, mallory_cookie: str
) -> None:
    page, own = probe.open_page(owner_cookie), probe.open_page(mallory_cookie)
    text = 'oops\n{"event": "forged line", "level": "error"}\r\x1b[31m' + "x" * 2000
    async with probe.socket(page, owner_cookie) as socket, probe.socket(own, mallory_cookie) as forger:
        await forger.emit("log", {"client_id": page.client_id, "level": "error", "message": "not my page"})
        await forger.call("market", {"client_id": own.client_id})
        for _ in range(50):
            await socket.emit("log", {"client_id": page.client_id, "level": "error", "message": text})
        await socket.call("market", {"client_id": page.client_id})
    lines = probe.server.log_lines("a browser says")
    assert 1 <= len(lines) <= 30
    assert all(len(line["text"]) <= 500 and "\x1b" not in line["text"] and "\n" not in line["text"] for line in lines)
    assert probe.server.log_lines("forged line") == []
    assert "not my page" not in probe.server.log()


MALFORMED: list[Any] = [
    None,
    "text",
    [],
    {},
    {"client_id": 7},
    {"client_id": None, "id": 1},
    {"client_id": "no such page", "id": 1, "listener_id": "x", "args": []},
]


@pytest.mark.parametrize("event", ["event", "handshake", "ack", "javascript_response", "log", "market-unknown"])
async def test_malformed_messages_are_passed_over_without_a_trace(
    probe: ProbeDesk, owner_cookie: str, event: str
) -> None:
    page = probe.open_page(owner_cookie)
    mine = {"client_id": page.client_id}
    odd: list[Any] = [
        *MALFORMED,
        mine,
        {**mine, "id": "1", "listener_id": "x", "args": []},
        {**mine, "id": 1, "listener_id": ["x"], "args": []},
        {**mine, "id": 1, "listener_id": "x", "args": {}},
        {**page.event("press"), "args": [7]},
        {**mine, "next_message_id": "x"},
        {**mine, "request_id": {}},
        {**mine, "level": 7, "message": {}},
    ]
    before = probe.server.log().count("Traceback")
    async with probe.socket(page, owner_cookie) as socket:
        for message in odd:
            await socket.emit(event, message)
        assert await socket.call("market", {"client_id": page.client_id}) == OWNER_EMAIL
    assert probe.server.log().count("Traceback") == before


async def test_a_login_that_runs_out_closes_its_sockets(tmp_path_factory: pytest.TempPathFactory) -> None:
    var_dir = tmp_path_factory.mktemp("short") / "var"
    settings = {**OWNER, "simulator_flow": "none"}
    with_short_logins = DeskServer(var_dir, settings, ("-m", "tests.doors.probe_desk", "1.5")).start()
    probe = ProbeDesk(with_short_logins)
    try:
        wait_until(lambda: httpx.post(f"{with_short_logins.url}/session", json=OWNER_LOGIN).status_code == 200, "owner")
        cookie = with_short_logins.login()
        page = probe.open_page(cookie)
        async with probe.socket(page, cookie) as socket:
            await eventually(lambda: not socket.connected, "the socket to be closed")
        assert await probe.refuses(page, cookie)
    finally:
        with_short_logins.stop()


OWNER_LOGIN = {"email": OWNER["owner_email"], "password": OWNER["owner_password"]}
