"""What bots hold by their fills, and closing or turning it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.api.conftest import Bot, assert_problem


def position(bot: Bot) -> dict[str, Any]:
    (found,) = [one for one in bot.http.get("/positions").json()["items"] if one["symbol"] == "BTC/USDT"]
    return found


def test_a_position_is_bought_turned_and_closed(bot: Bot) -> None:
    assert bot.http.get("/positions").json() == {"items": [], "next_cursor": None}
    assert_problem(bot.http.post("/positions/BTC-USDT/close", json={}), 404, "no_position", "symbol")
    bought = bot.becomes(bot.place(quantity="0.01").json()["id"], "FILLED")
    held = position(bot)
    fee = Decimal(bought["fees"]["BTC"])
    assert Decimal(held["quantity"]) == Decimal("0.01") - fee
    spent = sum((Decimal(one["price"]) * Decimal(one["quantity"]) for one in bought["fills"]), Decimal(0))
    assert abs(Decimal(held["average_price"]) * Decimal(held["quantity"]) - spent) < Decimal("1e-9")
    assert held["unrealised_pnl"] is not None

    reversing = bot.http.post("/positions/BTC-USDT/reverse", json={"client_order_id": "turn"})
    assert reversing.status_code == 202, reversing.text
    turned = bot.becomes(reversing.json()["id"], "FILLED")
    assert (turned["side"], turned["client_order_id"]) == ("sell", "turn")
    assert Decimal(position(bot)["quantity"]) < 0

    closing = bot.http.post("/positions/BTC-USDT/close", json={})
    closed = bot.becomes(closing.json()["id"], "FILLED")
    assert closed["side"] == "buy"
    assert abs(Decimal(position(bot)["quantity"])) < Decimal("0.0001")
    assert Decimal(position(bot)["realised_pnl"]) != 0
