"""Stops, amendments and order lists over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.conftest import Bot, assert_problem
from tests.serving import wait_until


def bracket(bot: Bot, **fields: Any) -> dict[str, Any]:
    body = {
        "kind": "bracket",
        "symbol": "BTC/USDT",
        "side": "buy",
        "quantity": "0.001",
        "entry": {"type": "limit", "price": bot.price(0.9)},
        "take_profit": {"price": bot.price(1.1)},
        "stop_loss": {"stop_price": bot.price(0.8)},
        **fields,
    }
    return {name: value for name, value in body.items() if value is not None}


def test_a_bracket_is_placed_read_and_cancelled_with_its_entry(bot: Bot) -> None:
    answer = bot.http.post("/order-lists", json=bracket(bot, client_order_id="mine"))
    assert answer.status_code == 202, answer.text
    placed = answer.json()
    assert [order["leg"] for order in placed["orders"]] == ["entry", "take_profit", "stop_loss"]
    assert [order["client_order_id"] for order in placed["orders"]] == ["mine.en", "mine.tp", "mine.sl"]

    def active() -> bool:
        return bot.http.get(f"/order-lists/{placed['id']}").json()["status"] == "ACTIVE"

    wait_until(active, "the list to be active")
    assert bot.http.delete(f"/orders/{placed['orders'][0]['id']}").status_code == 202

    def done() -> bool:
        return bot.http.get(f"/order-lists/{placed['id']}").json()["status"] == "DONE"

    wait_until(done, "the list to end")


def test_a_stop_is_kept_amended_and_cancelled(bot: Bot) -> None:
    answer = bot.place(type="stop_loss", side="sell", stop_price=bot.price(0.8), held=True)
    assert answer.status_code == 202, answer.text
    order = answer.json()
    assert (order["status"], order["held"], order["stop_price"]) == ("HELD", True, answer.json()["stop_price"])
    lower = bot.price(0.7)
    assert bot.http.patch(f"/orders/{order['id']}", json={"stop_price": lower}).json()["stop_price"].rstrip("0") == (
        lower.rstrip("0").rstrip(".")
    )
    bot.http.delete(f"/orders/{order['id']}")
    bot.becomes(order["id"], "CANCELED")


def test_an_order_is_amended_by_patch(bot: Bot) -> None:
    order = bot.becomes(bot.place(type="limit", price=bot.price(0.9)).json()["id"], "ACCEPTED")
    answer = bot.http.patch(f"/orders/{order['id']}", json={"price": bot.price(0.91)})
    assert answer.status_code == 202, answer.text
    bot.becomes(order["id"], "CANCELED")
    replaced = bot.becomes(answer.json()["replaced_by"], "ACCEPTED")
    assert replaced["replaces"] == order["id"]
    bot.http.delete("/orders")


@pytest.mark.parametrize(
    ("changes", "status", "field"),
    [
        ({"entry": None}, 422, "entry"),
        ({"take_profit": None, "stop_loss": None}, 422, "take_profit"),
        ({"kind": "ladder"}, 422, "kind"),
        ({"quantity": "NaN"}, 422, "quantity"),
        ({"quantity": None}, 422, "quantity"),
        ({"policy": "hope"}, 422, "policy"),
        ({"symbol": "NOPE/USDT"}, 404, "symbol"),
        ({"take_profit": {"price": "1e5"}}, 422, "price"),
    ],
)
def test_bad_lists_are_refused_by_name(idle_bot: Bot, changes: dict[str, Any], status: int, field: str) -> None:
    answer = idle_bot.http.post("/order-lists", json=bracket(idle_bot, **changes))
    assert_problem(answer, status, answer.json()["code"], field)


def test_the_dead_mans_switch_is_off_until_it_is_set(bot: Bot) -> None:
    assert bot.http.get("/dead-man").json() == {"enabled": False, "after_s": 60, "policy": "entries"}
    answer = bot.http.put("/dead-man", json={"enabled": True, "after_s": 90, "policy": "all"})
    assert answer.status_code == 200, answer.text
    assert bot.http.get("/dead-man").json() == {"enabled": True, "after_s": 90, "policy": "all"}
    assert_problem(bot.http.put("/dead-man", json={"enabled": True, "after_s": 1}), 422, "bad_after_s", "after_s")
    assert bot.http.get("/dead-man").json()["after_s"] == 90
