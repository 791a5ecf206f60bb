"""The desk dies at each named point of an order's way and is started again: the order reaches its true end, once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import httpx
import pytest

from tests.killing.books import ExchangeBooks, differences, read_books
from tests.killing.entry import Doom
from tests.killing.mortal import MortalDesk, owned_desk
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD

SETTLE_S = 3.0
SYMBOL = "BTC/USDT"


@dataclass(frozen=True)
class Point:
    """The doom, what is done until it comes, and the end that the order must come to."""

    name: str
    doom: Doom
    resting: bool = False
    """A limit order away from the market, else one at the market."""
    cancelled: bool = False
    retried: bool = False
    """The client makes the request that the death left unanswered again."""
    end: str = "FILLED"

    @property
    def never_left(self) -> bool:
        return self.end == "REJECTED"


def point(name: str, when: str, call: str, *, retried: bool = False, end: str = "FILLED", **of_doom: Any) -> Point:
    return Point(name, _doom(name, when, call, of_doom), resting=end == "ACCEPTED", retried=retried, end=end)


def cancel_point(name: str, when: str, call: str, *, retried: bool = False, **of_doom: Any) -> Point:
    return Point(name, _doom(name, when, call, of_doom), resting=True, cancelled=True, retried=retried, end="CANCELED")


def _doom(name: str, when: str, call: str, more: Mapping[str, Any]) -> Doom:
    return Doom(name.replace(" ", "-"), call, when, settle_s=SETTLE_S, **more)


RECORD, ADVANCE, PUBLISH, ACK = "ledger.record_order", "ledger.advance", "stream.publish", "stream.ack"
PLACE, CANCEL = "account.place", "account.cancel"
OUTCOME: Mapping[str, Any] = {"event": "Accepted", "source": "worker"}
CANCELED: Mapping[str, Any] = {"event": "Canceled", "source": "worker"}
POINTS = (
    point("the record", "before", RECORD, retried=True),
    point("publishing", "after", RECORD),
    point("answering a client who tries again", "after", RECORD, retried=True),
    point("reading the command", "after", PUBLISH),
    point("SUBMITTED", "before", ADVANCE, event="Submitting"),
    point("sending", "after", ADVANCE, event="Submitting", end="REJECTED"),
    point("sending what is asked for again", "after", ADVANCE, event="Submitting", retried=True, end="REJECTED"),
    point("the request leaves", "before", PLACE, end="REJECTED"),
    point("the answer is looked at", "after", PLACE),
    point("the answer of a resting order", "after", PLACE, end="ACCEPTED"),
    point("the outcome", "before", ADVANCE, **OUTCOME),
    point("telling the outcome", "after", ADVANCE, **OUTCOME),
    point("telling that it rests", "after", ADVANCE, **OUTCOME, end="ACCEPTED"),
    point("the ack", "before", ACK),
    point("anything after the ack", "after", ACK),
    cancel_point("the wish to cancel", "before", ADVANCE, event="CancelRequested", retried=True),
    cancel_point("publishing the cancel", "after", ADVANCE, event="CancelRequested"),
    cancel_point("the cancel leaves", "before", CANCEL),
    cancel_point("the answer of the cancel", "after", CANCEL),
    cancel_point("CANCELED", "before", ADVANCE, **CANCELED),
    cancel_point("telling CANCELED", "after", ADVANCE, **CANCELED),
    cancel_point("the ack of the cancel", "before", ACK, nth=2),
)
"""Each dies before what its name says."""


@dataclass(frozen=True)
class History:
    """What ledger and exchange say after all those lives, when everything has come to rest."""

    rows: Mapping[str, Mapping[str, Any]]
    books: ExchangeBooks
    differences: list[str]


@pytest.fixture(scope="module", params=["desk", pytest.param("desk and exchange", marks=pytest.mark.soak)])
def history(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[History]:
    """One desk that lives once per point: each life recovers what the one before it left behind."""
    desk = owned_desk(tmp_path_factory.mktemp("points") / "var")
    lives = Lives(desk, everything=request.param == "desk and exchange")
    try:
        for one in POINTS:
            lives.live(one)
        yield lives.last_judgement()
    finally:
        desk.stop()


@dataclass
class Lives:
    desk: MortalDesk
    everything: bool
    unfinished: Point | None = None

    def live(self, one: Point) -> None:
        self.desk.rise(replace(one.doom, everything=self.everything))
        with api_of(self.desk) as api:
            self._retry(api)
            with suppress(httpx.TransportError):  # it may die before it can answer
                self._provoke(api, one)
        self.desk.await_death()
        self.unfinished = one if one.retried else None

    def last_judgement(self) -> History:
        keys = self.desk.keys()
        self.desk.rise()
        with api_of(self.desk) as api:
            self._retry(api)
            rows = self.desk.settle(api, SETTLE_S + 20)
            account_id = rows[0]["account_id"]
            balances = api.get("/balances").json()["items"]
        books = read_books(self.desk.exchange_url(), keys[account_id])
        return History({row["client_order_id"]: row for row in rows}, books, differences(rows, balances, books))

    def _provoke(self, api: httpx.Client, one: Point) -> None:
        order = place(api, one)
        if one.cancelled:
            self.desk.becomes(api, order["id"], "ACCEPTED")
            cancel(api, order["id"])

    def _retry(self, api: httpx.Client) -> None:
        """What a client does whose request the death before cut off: make it again."""
        if self.unfinished is None:
            return
        if self.unfinished.cancelled:
            cancel(api, find(self.desk.orders(api), self.unfinished)["id"])
        else:
            place(api, self.unfinished)


def api_of(desk: MortalDesk) -> httpx.Client:
    return desk.api(OWNER_EMAIL, OWNER_PASSWORD)


def place(api: httpx.Client, one: Point) -> Mapping[str, Any]:
    shape = {"type": "limit", "price": away_from_market(api)} if one.resting else {"type": "market"}
    body = {"symbol": SYMBOL, "side": "buy", "quantity": "0.001", "client_order_id": one.doom.client_order_id, **shape}
    answer = api.post("/orders", json=body)
    assert answer.status_code in {200, 202}, answer.text
    return answer.json()


def away_from_market(api: httpx.Client) -> str:
    """Far enough never to be reached, near enough for the exchange to take it."""
    last = api.get("/markets/BTC-USDT").raise_for_status().json()["ticker"]["last"]
    return str(int(Decimal(last) * 4 / 5))


def cancel(api: httpx.Client, order_id: str) -> None:
    answer = api.delete(f"/orders/{order_id}")
    assert answer.status_code == 202, answer.text


def find(rows: list[dict[str, Any]], one: Point) -> dict[str, Any]:
    return next(row for row in rows if row["client_order_id"] == one.doom.client_order_id)


@pytest.mark.parametrize("one", POINTS, ids=lambda one: one.doom.client_order_id)
def test_an_order_whose_desk_was_killed_before(history: History, one: Point) -> None:
    row = history.rows[one.doom.client_order_id]

    assert row["status"] == one.end
    assert (row["reason"] or "").startswith("NOT_ACCEPTED") == one.never_left
    assert len(history.books.of(one.doom.client_order_id)) == (0 if one.never_left else 1)


def test_after_all_those_deaths_ledger_and_exchange_agree_in_everything(history: History) -> None:
    assert history.differences == []
