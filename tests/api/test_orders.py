"""Orders from outside: through the whole chain to the exchange and back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx

from numatix.api.shapes import FillsView, OrdersView, OrderView, OrderWithTimelineView
from tests.api.conftest import FINISHED, Bot, assert_problem
from tests.serving import wait_until

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
PLAIN = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]*[1-9])?")


def exact(items: list[dict[str, Any]], *names: str) -> Decimal:
    """Σ of the products of these members."""
    total = Decimal(0)
    for item in items:
        product = Decimal(1)
        for name in names:
            product *= Decimal(item[name])
        total += product
    return total


def test_a_market_order_is_taken_at_once_and_filled_with_the_exact_average(bot: Bot) -> None:
    answer = bot.place(quantity="0.02")
    assert answer.status_code == 202
    placed = answer.json()
    assert (placed["status"], placed["fills"], placed["average_price"]) == ("PENDING", [], None)
    order = bot.becomes(placed["id"], "FILLED")
    assert order["filled_quantity"] == "0.02"
    fills = order["fills"]
    assert fills
    assert exact(fills, "quantity") == Decimal("0.02")
    assert Decimal(order["average_price"]) == exact(fills, "price", "quantity") / exact(fills, "quantity")
    for asset, fee in order["fees"].items():
        assert Decimal(fee) == exact([fill for fill in fills if fill["fee_asset"] == asset], "fee")
    assert [line["event"] for line in order["timeline"]][:3] == ["Recorded", "TakenUp", "Submitting"]
    assert order["timeline"][-1]["status"] == "FILLED"


def test_an_order_reads_exactly_as_the_interface_says(bot: Bot) -> None:
    order = bot.becomes(bot.place().json()["id"], "FILLED")
    assert set(order) == set(OrderWithTimelineView.model_fields)
    OrderWithTimelineView.model_validate(order, strict=True)
    listed = bot.http.get("/orders").json()
    OrdersView.model_validate(listed, strict=True)
    assert set(listed["items"][0]) == set(OrderView.model_fields)
    FillsView.model_validate(bot.http.get("/fills").json(), strict=True)
    for name in ("created_at", "updated_at"):
        assert ISO.fullmatch(order[name])
    for name in ("quantity", "filled_quantity", "average_price"):
        assert PLAIN.fullmatch(order[name])
    age = datetime.now(UTC) - datetime.fromisoformat(order["created_at"])
    assert 0 <= age.total_seconds() < 60


def test_what_was_bought_and_paid_shows_in_the_balances(bot: Bot) -> None:
    before = {item["asset"]: item for item in bot.http.get("/balances").json()["items"]}
    assert {asset: Decimal(item["free"]) for asset, item in before.items()} == {
        "BTC": Decimal("0.1"),
        "ETH": Decimal(1),
        "USDT": Decimal(10_000),
    }
    order = bot.becomes(bot.place(quantity="0.01").json()["id"], "FILLED")
    paid = exact(order["fills"], "price", "quantity")

    def after() -> dict[str, Any] | None:
        now = {item["asset"]: item for item in bot.http.get("/balances").json()["items"]}
        return now if Decimal(now["USDT"]["free"]) == Decimal(10_000) - paid else None

    balances = wait_until(after, "the balances")
    assert Decimal(balances["BTC"]["total"]) == Decimal("0.11") - Decimal(order["fees"].get("BTC", "0"))


def test_a_market_order_by_quote_quantity_spends_that_much(bot: Bot) -> None:
    order = bot.becomes(bot.place(quantity=None, quote_quantity="500").json()["id"], "FILLED")
    assert (order["quantity"], order["quote_quantity"]) == (None, "500")
    assert Decimal(490) < exact(order["fills"], "price", "quantity") <= Decimal(500)


def test_a_resting_order_is_open_locks_its_cost_and_can_be_cancelled(bot: Bot) -> None:
    price = bot.price(0.8)
    placed = bot.place(type="limit", quantity="0.01", price=price, time_in_force="GTC").json()
    bot.becomes(placed["id"], "ACCEPTED")
    assert [order["id"] for order in bot.http.get("/orders", params={"status": "OPEN"}).json()["items"]] == [
        placed["id"]
    ]
    cancelling = bot.http.delete(f"/orders/{placed['id']}")
    assert cancelling.status_code == 202
    assert cancelling.json()["status"] in {"PENDING_CANCEL", "CANCELED"}
    assert bot.becomes(placed["id"], "CANCELED")["filled_quantity"] == "0"
    assert bot.http.get("/orders", params={"status": "OPEN"}).json()["items"] == []
    assert_problem(bot.http.delete(f"/orders/{placed['id']}"), 409, "order_finished")


def test_cancelling_all_takes_the_symbol_named_and_leaves_the_rest(bot: Bot) -> None:
    low = bot.price(0.7)
    mine = [bot.place(type="limit", quantity="0.001", price=low).json()["id"] for _ in range(2)]
    other = bot.place(symbol="ETH/USDT", type="limit", quantity="0.01", price="1000").json()["id"]
    for order_id in (*mine, other):
        bot.becomes(order_id, "ACCEPTED")
    answer = bot.http.delete("/orders", params={"symbol": "BTC-USDT"})
    assert answer.status_code == 202
    assert {order["id"] for order in answer.json()["items"]} == set(mine)
    for order_id in mine:
        bot.becomes(order_id, "CANCELED")
    assert bot.order(other)["status"] == "ACCEPTED"
    assert {order["id"] for order in bot.http.delete("/orders").json()["items"]} == {other}
    bot.becomes(other, "CANCELED")


def test_a_misspelt_filter_cancels_nothing(bot: Bot) -> None:
    order = bot.place(type="limit", quantity="0.001", price=bot.price(0.7)).json()["id"]
    bot.becomes(order, "ACCEPTED")
    assert_problem(bot.http.delete("/orders", params={"symbl": "BTC/USDT"}), 422, "unknown_field", "symbl")
    assert bot.order(order)["status"] == "ACCEPTED"


# --- once


def test_the_same_order_again_is_the_same_order_and_another_body_a_conflict(bot: Bot) -> None:
    first = bot.place(client_order_id="once/1")
    again = bot.place(client_order_id="once/1")
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json()["id"] == again.json()["id"]
    other = bot.place(client_order_id="once/1", quantity="0.002")
    assert_problem(other, 409, "client_order_id_reused", "client_order_id")
    bot.becomes(first.json()["id"], "FILLED")
    assert bot.place(client_order_id="once/1").status_code == 200
    assert len(bot.orders()) == 1


def test_two_bots_may_use_the_same_client_order_id(bot: Bot, desk_server: Any) -> None:
    assert bot.place(client_order_id="shared-name").status_code == 202
    with desk_server.api() as http:
        owner = Bot(http, "")
        assert owner.place(client_order_id="shared-name").status_code in {200, 202}


# --- what our own check refuses


def test_an_order_that_cannot_be_paid_is_denied_stored_and_named(bot: Bot) -> None:
    problem = assert_problem(bot.place(quantity="5"), 422, "insufficient_balance", "quantity")
    denied = bot.order(problem["order_id"])
    assert denied["status"] == "DENIED"
    assert denied["reason"].startswith("INSUFFICIENT_BALANCE")
    assert bot.http.get("/balances").json()["items"][2]["locked"] == "0"


# --- lists


def test_lists_are_paged_by_cursor_newest_first_without_gap_or_repeat(bot: Bot) -> None:
    placed = [bot.place(client_order_id=f"page-{number}").json()["id"] for number in range(5)]
    for order_id in placed:
        bot.becomes(order_id, *FINISHED)
    seen: list[str] = []
    cursor: str | None = None
    while True:
        params: dict[str, str] = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
        page = bot.http.get("/orders", params=params).json()
        seen += [order["id"] for order in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == placed[::-1]
    filled = bot.http.get("/orders", params={"status": "FILLED,CANCELED", "symbol": "BTC/USDT"}).json()["items"]
    assert len(filled) == 5
    assert bot.http.get("/orders", params={"symbol": "ETH/USDT"}).json()["items"] == []


def test_fills_are_listed_newest_first(bot: Bot) -> None:
    first, second = (bot.becomes(bot.place().json()["id"], "FILLED") for _ in range(2))
    items = bot.http.get("/fills").json()["items"]
    assert {fill["order_id"] for fill in items} == {first["id"], second["id"]}
    assert [fill["time"] for fill in items] == sorted((fill["time"] for fill in items), reverse=True)
    assert bot.http.get("/fills", params={"symbol": "ETH-USDT"}).json()["items"] == []


# --- somebody else's


def test_foreign_orders_and_accounts_are_not_there(bot: Bot, desk_server: Any) -> None:
    order = bot.place(type="limit", quantity="0.001", price=bot.price(0.7)).json()
    bot.becomes(order["id"], "ACCEPTED")
    with desk_server.api() as other:
        assert_problem(other.get(f"/orders/{order['id']}"), 404, "unknown_order", "order_id")
        assert_problem(other.delete(f"/orders/{order['id']}"), 404, "unknown_order", "order_id")
        for answer in (
            other.get("/balances", params={"account_id": order["account_id"]}),
            other.delete(f"/accounts/{order['account_id']}"),
            Bot(other, "").place(account_id=order["account_id"]),
        ):
            assert_problem(answer, 404, "unknown_account", "account_id")
        mine: list[httpx.Response] = [other.get("/orders"), other.get("/fills")]
        assert all(item["account_id"] != order["account_id"] for answer in mine for item in answer.json()["items"])
        assert_problem(
            other.get("/orders", params={"account_id": order["account_id"]}), 404, "unknown_account", "account_id"
        )
        assert other.delete("/orders", params={"account_id": order["account_id"]}).status_code in {202, 404}
    assert bot.order(order["id"])["status"] == "ACCEPTED"
