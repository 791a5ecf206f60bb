"""An order's timeline as a file."""

from __future__ import annotations

import csv
import io

import httpx

from tests.api.conftest import Bot, assert_problem
from tests.serving import COOKIE, DeskServer


def test_a_timeline_comes_as_json_and_as_csv_with_durations_sources_and_hashes(bot: Bot) -> None:
    order = bot.becomes(bot.place().json()["id"], "FILLED")
    path = f"/orders/{order['id']}/timeline"
    file = bot.http.get(path).json()
    assert (file["order_id"], file["status"], file["symbol"]) == (order["id"], "FILLED", "BTC/USDT")
    items = file["items"]
    assert [line["number"] for line in items] == list(range(1, len(items) + 1))
    assert [(line["event"], line["status"]) for line in items] == [
        (line["event"], line["status"]) for line in order["timeline"]
    ]
    assert (items[0]["after_ms"], items[0]["source"]) == (None, "desk")
    assert all(line["after_ms"] >= 0 for line in items[1:])
    assert len({line["hash"] for line in items}) == len(items)
    answer = bot.http.get(f"{path}?format=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"].endswith('.csv"')
    assert [row["hash"] for row in csv.DictReader(io.StringIO(answer.text))] == [line["hash"] for line in items]
    assert_problem(bot.http.get(f"{path}?format=pdf"), 422, "bad_value", "format")


def test_a_timeline_is_its_users_alone_and_the_pages_link_needs_a_login(
    bot: Bot, idle_bot: Bot, desk_server: DeskServer
) -> None:
    order_id = bot.place().json()["id"]
    assert_problem(idle_bot.http.get(f"/orders/{order_id}/timeline"), 404, "unknown_order", "order_id")
    link = f"{desk_server.url}/orders/{order_id}/timeline.csv"
    assert httpx.get(link).status_code == 401
    other = {COOKIE: desk_server.login()}
    assert httpx.get(link, cookies=other).status_code == 404
    mine = {COOKIE: desk_server.login(bot.email, "a trader's own password")}
    answer = httpx.get(link, cookies=mine)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/csv; charset=utf-8")
    assert httpx.get(link.replace(".csv", ".pdf"), cookies=mine).status_code == 404
