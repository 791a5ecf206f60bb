"""Users of the shared desk, each with an empty book of orders of their own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from tests.serving import DeskServer, wait_until

PASSWORD = "a trader's own password"
numbers = itertools.count(1)
FINISHED = {"FILLED", "CANCELED", "REJECTED", "EXPIRED", "DENIED"}


@dataclass
class Bot:
    """A user of the API with a paper account."""

    http: httpx.Client
    email: str

    def place(self, **fields: Any) -> httpx.Response:
        """POST orders: a market buy of 0.001 BTC unless said otherwise; a field given as None is left out."""
        body = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.001", **fields}
        return self.http.post("/orders", json={name: value for name, value in body.items() if value is not None})

    def order(self, order_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/orders/{order_id}")
        assert answer.status_code == 200, answer.text
        return answer.json()

    def becomes(self, order_id: str, *statuses: str) -> dict[str, Any]:
        """The order once it has one of the statuses."""

        def looked() -> dict[str, Any] | None:
            order = self.order(order_id)
            return order if order["status"] in statuses else None

        return wait_until(looked, f"order {order_id} to become {statuses}")

    def orders(self) -> list[dict[str, Any]]:
        return self.http.get("/orders").json()["items"]

    def price(self, factor: float) -> str:
        """The last price times the factor, on the tick."""
        last = float(self.http.get("/markets/BTC-USDT").json()["ticker"]["last"])
        return f"{last * factor:.2f}"


@pytest.fixture
def bot(desk_server: DeskServer) -> Iterator[Bot]:
    email = f"bot-{next(numbers)}@example.org"
    body = {"email": email, "password": PASSWORD}
    with httpx.Client(base_url=f"{desk_server.url}/api/v1") as http:
        assert http.post("/auth/register", json=body).status_code == 201
    with desk_server.api(email, PASSWORD) as http:
        yield Bot(http, email)


@pytest.fixture(scope="module")
def idle_bot(desk_server: DeskServer) -> Iterator[Bot]:
    """One whom nothing is ever stored for: shared by all that is refused."""
    email = f"idle-{next(numbers)}@example.org"
    with httpx.Client(base_url=f"{desk_server.url}/api/v1") as http:
        assert http.post("/auth/register", json={"email": email, "password": PASSWORD}).status_code == 201
    with desk_server.api(email, PASSWORD) as http:
        bot = Bot(http, email)
        yield bot
        assert bot.orders() == []


@pytest.fixture
def stranger(desk_server: DeskServer) -> Iterator[httpx.Client]:
    """Nobody yet."""
    with httpx.Client(base_url=f"{desk_server.url}/api/v1") as http:
        yield http


def assert_problem(answer: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """It is a problem document with these figures, and tells nothing of the inside."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert {"type", "title", "status", "detail", "code", "field"} <= problem.keys()
    assert (problem["status"], problem["code"], problem["field"]) == (status, code, field), problem
    assert problem["detail"]
    assert "Traceback" not in answer.text
    assert len(answer.text) < 2_000
    return problem
