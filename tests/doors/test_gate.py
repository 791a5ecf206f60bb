"""What stands in front of all pages and routes, tried over HTTP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.conftest import OWNER
from tests.doors.conftest import MALLORY, PASSWORD, ProbeDesk
from tests.serving import COOKIE, OWNER_EMAIL, OWNER_PASSWORD, DeskServer, wait_until

HTML = {"Accept": "text/html"}


@pytest.fixture
def stranger(probe: ProbeDesk) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=probe.server.url) as client:
        yield client


@pytest.mark.parametrize(
    "path", ["/", "/trade/BTC-USDT", "/history", "/account", "/probe", "/no/such/page", "/_nicegui/x"]
)
def test_pages_send_a_stranger_to_the_login_and_back(stranger: httpx.Client, path: str) -> None:
    answer = stranger.get(path, headers=HTML)
    assert answer.status_code == 303
    expected = "/login" if path == "/" else f"/login?next={path}"
    assert answer.headers["location"] == expected


def test_scripts_without_a_login_are_told_so(stranger: httpx.Client) -> None:
    answer = stranger.get("/probe")
    assert (answer.status_code, answer.json()["code"]) == (401, "login_needed")


@pytest.mark.parametrize("path", ["/healthz", "/login", "/api/docs", "/api/openapi.json"])
def test_what_everybody_may_see_is_open(stranger: httpx.Client, path: str) -> None:
    assert stranger.get(path).status_code == 200


def test_pages_for_strangers_keep_nothing_on_the_server(stranger: httpx.Client) -> None:
    for path in ("/login", "/setup?code=guess"):
        answer = stranger.get(path, headers=HTML)
        assert "client_id" not in answer.text
        assert not answer.cookies


def test_a_page_that_is_not_there_keeps_nothing_either(probe: ProbeDesk, owner_cookie: str) -> None:
    answer = httpx.get(f"{probe.server.url}/no/such/page", cookies={COOKIE: owner_cookie}, headers=HTML)
    assert answer.status_code == 404
    assert "client_id" not in answer.text


def test_a_page_that_breaks_tells_nothing_of_the_inside(probe: ProbeDesk, owner_cookie: str) -> None:
    answer = httpx.get(f"{probe.server.url}/broken", cookies={COOKIE: owner_cookie}, headers=HTML)
    assert answer.status_code == 500
    assert "secret detail" not in answer.text
    assert "Traceback" not in answer.text
    assert "secret detail" in probe.server.log()


def test_no_other_cookie_than_ours_is_set(probe: ProbeDesk, owner_cookie: str) -> None:
    answer = httpx.get(f"{probe.server.url}/probe", cookies={COOKIE: owner_cookie}, headers=HTML)
    assert "set-cookie" not in answer.headers


# --- logging in and out


def test_the_cookie_is_for_this_site_and_not_for_scripts(stranger: httpx.Client) -> None:
    answer = stranger.post("/session", json={"email": OWNER_EMAIL, "password": OWNER_PASSWORD})
    parts = {part.strip().lower() for part in answer.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= parts
    assert not any(part.startswith(("max-age", "expires", "domain")) for part in parts)


def test_logging_in_again_gives_a_new_token_and_ends_the_old(stranger: httpx.Client) -> None:
    body = {"email": OWNER_EMAIL, "password": OWNER_PASSWORD}
    first = stranger.post("/session", json=body).cookies[COOKIE]
    second = stranger.post("/session", json=body).cookies[COOKIE]
    assert first != second
    assert stranger.get("/session").json() == {"email": OWNER_EMAIL}
    with httpx.Client(base_url=stranger.base_url, cookies={COOKIE: first}) as former:
        assert former.get("/session").json() == {"email": None}


def test_a_made_up_cookie_is_not_taken_over(stranger: httpx.Client) -> None:
    stranger.cookies.set(COOKIE, "chosen-by-an-attacker")
    answer = stranger.post("/session", json={"email": OWNER_EMAIL, "password": OWNER_PASSWORD})
    assert answer.cookies[COOKIE] != "chosen-by-an-attacker"


def test_after_logout_the_cookie_is_worth_nothing(probe: ProbeDesk, owner_cookie: str) -> None:
    probe.log_out(owner_cookie)
    answer = httpx.get(f"{probe.server.url}/probe", cookies={COOKIE: owner_cookie}, headers=HTML)
    assert answer.status_code == 303


def test_a_wrong_password_says_no_more_than_that(stranger: httpx.Client) -> None:
    wrong = stranger.post("/session", json={"email": OWNER_EMAIL, "password": "wrong password"})
    unknown = stranger.post("/session", json={"email": "nobody@example.org", "password": "wrong password"})
    assert wrong.status_code == unknown.status_code == 401
    assert wrong.json() == unknown.json()
    assert wrong.json()["detail"] == "E-mail or password is wrong."


def test_whoever_is_logged_in_is_led_past_the_login(probe: ProbeDesk, owner_cookie: str) -> None:
    for target, expected in (
        ("/history", "/history"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/x\r\nSet-Cookie: a=b", "/"),
        ("", "/"),
    ):
        answer = httpx.get(f"{probe.server.url}/login", params={"next": target}, cookies={COOKIE: owner_cookie})
        assert (answer.status_code, answer.headers["location"]) == (303, expected)


def test_the_target_of_a_login_cannot_carry_script(stranger: httpx.Client) -> None:
    answer = stranger.get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script>alert" not in answer.text


# --- who knocks


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "", "127.0.0.1.evil.example", "[::2]", "a@b:c"])
def test_requests_to_another_host_are_refused(stranger: httpx.Client, host: str) -> None:
    answer = stranger.get("/healthz", headers={"Host": host})
    assert (answer.status_code, answer.json()["code"]) == (400, "unknown_host")


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:8080", "LOCALHOST"])
def test_loopback_is_always_a_name_of_the_desk(stranger: httpx.Client, host: str) -> None:
    assert stranger.get("/healthz", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "http://127.0.0.1:1", "http://localhost.evil.example"]
)
def test_pages_of_other_sites_may_not_act(probe: ProbeDesk, owner_cookie: str, origin: str) -> None:
    answer = httpx.delete(f"{probe.server.url}/session", cookies={COOKIE: owner_cookie}, headers={"Origin": origin})
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert httpx.get(f"{probe.server.url}/session", cookies={COOKIE: owner_cookie}).json() == {"email": OWNER_EMAIL}


def test_answers_carry_the_headers_that_keep_browsers_careful(probe: ProbeDesk, owner_cookie: str) -> None:
    for path in ("/probe", "/login", "/api/v1/orders", "/healthz", "/no/such/page"):
        headers = httpx.get(f"{probe.server.url}{path}", cookies={COOKIE: owner_cookie}, headers=HTML).headers
        assert headers["x-frame-options"] == "SAMEORIGIN"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert re.fullmatch(r"[0-9a-f]{32}", headers["x-request-id"])
        policy = headers["content-security-policy"]
        assert "base-uri 'none'" in policy
        assert "frame-ancestors" in policy
        assert "server" not in headers
    assert "object-src 'none'" in httpx.get(f"{probe.server.url}/login").headers["content-security-policy"]


def test_large_bodies_are_refused_with_and_without_a_length(stranger: httpx.Client) -> None:
    def drops() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1024

    for body in (b" " * 70_000, drops()):
        answer = stranger.post("/session", content=body, headers={"Content-Type": "application/json"})
        assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_only_json_is_taken(stranger: httpx.Client) -> None:
    answer = stranger.post("/session", data={"email": OWNER_EMAIL, "password": OWNER_PASSWORD})
    assert (answer.status_code, answer.json()["code"]) == (415, "not_json")


# --- uploads


def test_uploads_go_to_ones_own_page_only(
    probe: ProbeDesk, owner_cookie: str, mallory_cookie: str, nothing_heard: Callable[[], None]
) -> None:
    url = f"{probe.server.url}{probe.open_page(owner_cookie).upload_url}"
    files = {"file": ("a.txt", b"content")}
    assert httpx.post(url, files=files).status_code == 401
    forged = httpx.post(url, files=files, cookies={COOKIE: mallory_cookie})
    assert (forged.status_code, forged.json()["code"]) == (403, "not_your_page")
    large = httpx.post(url, files={"file": ("a.txt", b"x" * 100_000)}, cookies={COOKIE: owner_cookie})
    assert large.status_code == 413
    nothing_heard()


def test_an_upload_to_ones_own_page_arrives(probe: ProbeDesk, owner_cookie: str) -> None:
    before = len(probe.heard())
    url = f"{probe.server.url}{probe.open_page(owner_cookie).upload_url}"
    answer = httpx.post(url, files={"file": ("a.txt", b"content")}, cookies={COOKIE: owner_cookie})
    assert answer.status_code == 200
    assert wait_until(lambda: probe.heard()[before:], "the upload")[0]["what"] == "uploaded"


# --- behind a proxy, with a name of its own


def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER, public_url="https://desk.example.org", simulator_flow="none")
    named = {"Host": "desk.example.org", "Origin": "https://desk.example.org"}
    body = {"email": OWNER_EMAIL, "password": OWNER_PASSWORD}

    def logged_in() -> httpx.Response | None:
        answer = httpx.post(f"{desk.url}/session", json=body, headers=named)
        return answer if answer.status_code == 200 else None

    answer: httpx.Response = wait_until(logged_in, "the owner")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-numatix=")
    assert "Secure" in cookie
    assert "Path=/" in cookie
    assert answer.headers["strict-transport-security"]
    value = cookie.partition("=")[2].partition(";")[0]
    for name, email in (("__Host-numatix", OWNER_EMAIL), ("numatix", None)):
        answer = httpx.get(f"{desk.url}/session", headers={**named, "Cookie": f"{name}={value}"})
        assert answer.json() == {"email": email}


def test_forwarded_addresses_are_believed_from_trusted_proxies_alone(start_desk: Callable[..., DeskServer]) -> None:
    """Each address has a hundred requests: who can choose the address has as many as they like."""
    body = {"email": MALLORY, "password": PASSWORD}

    def statuses(desk: DeskServer, address: Callable[[int], str]) -> set[int]:
        with httpx.Client(base_url=desk.url) as client:
            headers = [{"X-Forwarded-For": address(number)} for number in range(103)]
            return {client.post("/api/v1/auth/register", json=body, headers=one).status_code for one in headers}

    plain = start_desk(simulator_flow="none")
    assert 429 in statuses(plain, lambda number: f"192.0.2.{number}")
    behind = start_desk(simulator_flow="none", trusted_proxies="127.0.0.1, 10.0.0.0/8")
    assert 429 not in statuses(behind, lambda number: f"192.0.2.{number}")
    assert 429 in statuses(behind, lambda number: f"192.0.2.{number}, 198.51.100.7")
    assert 429 in statuses(behind, lambda number: f"192.0.2.{number}, 198.51.100.8, 10.0.0.{number}")
