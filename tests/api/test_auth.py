"""Tokens for programs, health, and the documents about the interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from tests.api.conftest import PASSWORD, Bot, assert_problem
from tests.conftest import OWNER
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, DeskServer, wait_until

CREDENTIALS = {"email": OWNER_EMAIL, "password": OWNER_PASSWORD}
CLOSED: list[tuple[str, str]] = [
    ("POST", "/orders"),
    ("GET", "/orders"),
    ("GET", "/orders/x"),
    ("DELETE", "/orders/x"),
    ("DELETE", "/orders"),
    ("GET", "/fills"),
    ("GET", "/balances"),
    ("GET", "/account"),
    ("GET", "/accounts"),
    ("POST", "/accounts"),
    ("DELETE", "/accounts/x"),
    ("GET", "/markets"),
    ("GET", "/markets/BTC-USDT"),
    ("GET", "/markets/BTC-USDT/candles"),
]


def test_a_login_gives_tokens_as_the_interface_says(stranger: httpx.Client) -> None:
    answer = stranger.post("/auth/login", json=CREDENTIALS)
    tokens = answer.json()
    assert tokens.keys() == {"access_token", "refresh_token", "token_type", "expires_in"}
    assert (tokens["token_type"], tokens["expires_in"]) == ("bearer", 900)
    assert answer.headers["cache-control"] == "no-store"
    assert not answer.cookies


@pytest.mark.parametrize(("method", "path"), CLOSED)
def test_nothing_is_told_without_a_token(stranger: httpx.Client, method: str, path: str) -> None:
    for header in ("", "Bearer", "Bearer made.up.token", "Basic b3duZXI6eA==", "Bearer \xe9"):
        headers: dict[str, Any] = {"Authorization": header.encode("latin-1")} if header else {}
        answer = stranger.request(method, path, headers=headers)
        assert answer.status_code == 401, (method, path, header, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"] == "application/problem+json"


def test_the_browsers_cookie_is_no_token(desk_server: DeskServer) -> None:
    cookie = desk_server.login()
    with httpx.Client(base_url=f"{desk_server.url}/api/v1", cookies={"numatix": cookie}) as http:
        assert_problem(http.get("/orders"), 401, "login_needed")


def test_tokens_are_refreshed_once_each_and_end_with_the_logout(stranger: httpx.Client) -> None:
    first = stranger.post("/auth/login", json=CREDENTIALS).json()
    second = stranger.post("/auth/refresh", json={"refresh_token": first["refresh_token"]}).json()
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert stranger.get("/account", headers=headers).json()["user"]["email"] == OWNER_EMAIL
    assert stranger.post("/auth/logout", json={"refresh_token": second["refresh_token"]}).status_code == 204
    for token in (first["refresh_token"], second["refresh_token"], "guess", ""):
        assert_problem(stranger.post("/auth/refresh", json={"refresh_token": token}), 401, "bad_refresh_token")


def test_a_used_refresh_token_ends_its_family(stranger: httpx.Client) -> None:
    first = stranger.post("/auth/login", json=CREDENTIALS).json()["refresh_token"]
    second = stranger.post("/auth/refresh", json={"refresh_token": first}).json()["refresh_token"]
    stranger.post("/auth/refresh", json={"refresh_token": first})
    assert_problem(stranger.post("/auth/refresh", json={"refresh_token": second}), 401, "bad_refresh_token")


def test_whoever_registers_has_a_paper_account_right_away(bot: Bot) -> None:
    me = bot.http.get("/account").json()
    assert (me["user"]["email"], me["user"]["role"]) == (bot.email, "trader")
    assert [(account["venue"], account["paper"]) for account in me["accounts"]] == [("simulator", True)]
    assert me["accounts"] == bot.http.get("/accounts").json()["items"]


def test_an_email_can_be_taken_once(bot: Bot, stranger: httpx.Client) -> None:
    body = {"email": bot.email.upper(), "password": PASSWORD}
    assert_problem(stranger.post("/auth/register", json=body), 409, "email_taken", "email")


@pytest.mark.parametrize(
    ("kind", "code"), [("invite", "registration_by_invitation"), ("closed", "registration_closed")]
)
def test_registration_is_closed_unless_it_is_opened(
    start_desk: Callable[..., DeskServer], kind: str, code: str
) -> None:
    desk = start_desk(**OWNER, registration=kind, simulator_flow="none")
    answer = httpx.post(f"{desk.url}/api/v1/auth/register", json={"email": "a@example.org", "password": PASSWORD})
    assert_problem(answer, 403, code)


def test_guessing_is_slowed_by_account_and_by_address(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(**OWNER, simulator_flow="none")
    with httpx.Client(base_url=desk.url) as http:
        wait_until(lambda: http.post("/api/v1/auth/login", json=CREDENTIALS).status_code == 200, "the owner")
        wrong = {**CREDENTIALS, "password": "a wrong password"}
        statuses = [http.post("/api/v1/auth/login", json=wrong).status_code for _ in range(11)]
        assert statuses == [401] * 10 + [429]
        refused = http.post("/session", json=CREDENTIALS)
        assert_problem(refused, 429, "too_many_failures")
        assert 800 < int(refused.headers["retry-after"]) <= 900
        body = {"refresh_token": "guess"}
        last = next(
            answer
            for answer in (http.post("/api/v1/auth/refresh", json=body) for _ in range(101))
            if answer.status_code == 429
        )
        assert_problem(last, 429, "too_many_auth_requests")
        assert int(last.headers["retry-after"]) > 0
        assert http.get("/healthz").status_code == 200


def test_health_and_readiness_are_told_apart(start_desk: Callable[..., DeskServer]) -> None:
    desk = start_desk(simulator_url="http://127.0.0.1:9", simulator_token="t" * 20)
    assert httpx.get(f"{desk.url}/healthz").json() == {"status": "alive"}
    answer = httpx.get(f"{desk.url}/readyz")
    assert answer.status_code == 503
    assert answer.json()["ready"] is False
    assert answer.json()["waiting_for"]


def test_a_desk_that_takes_orders_says_so(desk_server: DeskServer) -> None:
    assert httpx.get(f"{desk_server.url}/readyz").json() == {"ready": True, "waiting_for": []}


def test_the_documents_describe_every_route_and_need_nothing_from_elsewhere(desk_server: DeskServer) -> None:
    document = httpx.get(f"{desk_server.url}/api/openapi.json").json()
    described = {(method.upper(), path) for path, calls in document["paths"].items() for method in calls}
    for method, path in CLOSED:
        named = path.replace("/x", "/{id}").replace("BTC-USDT", "{symbol}")
        assert any(
            method == other and path_shape(named) == path_shape(known.removeprefix("/v1")) for other, known in described
        ), (method, path)
    page = httpx.get(f"{desk_server.url}/api/docs").text
    assert "/api/v1/orders" in page
    assert "http://" not in page
    assert "https://" not in page


def path_shape(path: str) -> list[str]:
    """The parts of a path, with * for what varies."""
    return ["*" if part.startswith("{") else part for part in path.split("/")]


def test_markets_and_candles_read_as_the_interface_says(bot: Bot) -> None:
    markets = bot.http.get("/markets").json()["items"]
    assert {"BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT", "DOGE/USDT"} <= {
        one["symbol"] for one in markets
    }
    for address in ("/markets/BTC-USDT", "/markets/BTC%2FUSDT", "/markets/BTCUSDT"):
        market = bot.http.get(address).json()
        assert (market["symbol"], market["base"], market["quote"]) == ("BTC/USDT", "BTC", "USDT")
    page = bot.http.get("/markets/BTC-USDT/candles", params={"timeframe": "5m", "limit": "10"}).json()
    assert page["next_cursor"] is None
    assert len(page["items"]) == 10
    times = [candle["time"] for candle in page["items"]]
    assert times == sorted(times)
    window = bot.http.get(
        "/markets/BTC-USDT/candles", params={"timeframe": "5m", "start": times[2], "end": times[5]}
    ).json()["items"]
    assert [candle["time"] for candle in window] == times[2:5]
    assert all(
        isinstance(candle[name], str) for candle in window for name in ("open", "high", "low", "close", "volume")
    )
