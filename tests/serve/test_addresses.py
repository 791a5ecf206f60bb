"""Addresses outside the API: what is there, and what is said of the rest."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.serving import COOKIE, DeskServer

BROWSER = {"Accept": "text/html"}


@pytest.fixture
def visitor(desk_server: DeskServer) -> Iterator[httpx.Client]:
    """The owner at a browser."""
    with httpx.Client(base_url=desk_server.url, cookies={COOKIE: desk_server.login()}, headers=BROWSER) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "words"),
    [("/nope", "no such page"), ("/trade/NOPE-USDT", "no market called NOPE-USDT"), ("/trade/%00", "No such market")],
)
def test_a_page_that_is_not_there_is_a_plain_404_that_leads_back(visitor: httpx.Client, path: str, words: str) -> None:
    answer = visitor.get(path)
    assert answer.status_code == 404
    assert words in answer.text
    assert 'href="/"' in answer.text
    assert "nicegui" not in answer.text.lower()


def test_what_an_address_said_is_never_markup(visitor: httpx.Client) -> None:
    assert "<img" not in visitor.get("/trade/<img src=x>").text


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/session", 404),
        ("POST", "/healthz", 404),
        ("PATCH", "/nope", 404),
        ("DELETE", "/login", 404),
        ("POST", "/trade/BTC-USDT", 405),
        ("PUT", "/history", 405),
    ],
)
def test_what_a_script_gets_wrong_is_a_problem(visitor: httpx.Client, method: str, path: str, status: int) -> None:
    answer = visitor.request(method, path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] in {"no_such_route", "method_not_allowed"}


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_can_be_asked_for_without_a_body(visitor: httpx.Client, path: str) -> None:
    answer = visitor.head(path)
    assert (answer.status_code, answer.content) == (200, b"")


def test_the_icon_is_the_desks_own(visitor: httpx.Client) -> None:
    answer = visitor.get("/favicon.ico")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert b"<svg" in answer.content
    for path in ("/trade/BTC-USDT", "/nope"):
        assert "/favicon.ico" in visitor.get(path).text
