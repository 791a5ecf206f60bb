"""What does not belong: each a 4xx with a code and the field's name, and nothing stored."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.api.conftest import Bot, assert_problem

NO_FIGURES = [
    "NaN",
    "nan",
    "Infinity",
    "-Infinity",
    "1e309",
    "1e5",
    "-1",
    "+1",
    "１２",
    "١٢",
    "1_000",
    " 1",
    "1 ",
    "0x10",
    "",
    ".5",
    "5.",
    "00.1",
    "1,5",
    "9" * 5000,
    "0." + "1" * 5000,
    "1\n",
]


@pytest.mark.parametrize("field", ["quantity", "quote_quantity", "price"])
@pytest.mark.parametrize("text", NO_FIGURES)
def test_what_is_no_plain_decimal_is_refused_by_name(idle_bot: Bot, field: str, text: str) -> None:
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": "0.001", "price": "50000", field: text}
    assert_problem(idle_bot.http.post("/orders", json=body), 422, "not_a_decimal", field)


@pytest.mark.parametrize("field", ["quantity", "quote_quantity", "price"])
@pytest.mark.parametrize("value", [1, 0.5, True, [], {}, ["1"], {"value": "1"}])
def test_figures_that_are_no_strings_are_refused_by_name(idle_bot: Bot, field: str, value: Any) -> None:
    body = {"symbol": "BTC/USDT", "side": "buy", "type": "limit", "quantity": "0.001", "price": "50000", field: value}
    assert_problem(idle_bot.http.post("/orders", json=body), 422, "not_a_decimal_string", field)


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"symbol": "B" * 41}, "bad_value", "symbol"),
        ({"symbol": 7}, "bad_value", "symbol"),
        ({"symbol": None}, "missing_field", "symbol"),
        ({"side": "BUY"}, "bad_value", "side"),
        ({"side": "hold"}, "bad_value", "side"),
        ({"side": None}, "missing_field", "side"),
        ({"type": "stop"}, "bad_value", "type"),
        ({"type": None}, "missing_field", "type"),
        ({"quantity": "0"}, "quantity_not_positive", "quantity"),
        ({"quantity": "0.0"}, "quantity_not_positive", "quantity"),
        ({"quantity": "0.000001"}, "off_lot", "quantity"),
        ({"quantity": "0.00001"}, "below_min_notional", "quantity"),
        ({"quantity": "9999999999999999"}, "above_max_quantity", "quantity"),
        ({"quantity": None}, "quantity_or_quote_quantity", "quantity"),
        ({"quote_quantity": "10"}, "quantity_or_quote_quantity", "quantity"),
        ({"quantity": None, "quote_quantity": "0"}, "quantity_not_positive", "quote_quantity"),
        ({"quantity": None, "quote_quantity": "1"}, "below_min_notional", "quote_quantity"),
        ({"price": "50000"}, "price_not_allowed", "price"),
        ({"type": "limit"}, "missing_field", "price"),
        ({"type": "limit", "quantity": None, "price": "50000"}, "missing_field", "quantity"),
        ({"type": "limit", "price": "0"}, "price_not_positive", "price"),
        ({"type": "limit", "price": "50000.001"}, "off_tick", "price"),
        ({"type": "limit", "price": "9999999999999999"}, "above_max_price", "price"),
        ({"type": "limit", "price": "50000", "time_in_force": "gtc"}, "bad_value", "time_in_force"),
        ({"type": "limit", "price": "50000", "time_in_force": 1}, "bad_value", "time_in_force"),
        ({"time_in_force": "IOC"}, "time_in_force_not_allowed", "time_in_force"),
        ({"client_order_id": ""}, "bad_client_order_id", "client_order_id"),
        ({"client_order_id": "x" * 37}, "bad_client_order_id", "client_order_id"),
        ({"client_order_id": "with space"}, "bad_client_order_id", "client_order_id"),
        ({"client_order_id": "é"}, "bad_client_order_id", "client_order_id"),
        ({"client_order_id": 7}, "bad_value", "client_order_id"),
        ({"account_id": 7}, "bad_value", "account_id"),
        ({"stop_price": "1"}, "stop_price_not_allowed", "stop_price"),
        ({"user_id": "someone"}, "unknown_field", "user_id"),
        ({"status": "FILLED"}, "unknown_field", "status"),
    ],
)
def test_orders_that_cannot_be_are_refused_with_the_field(
    idle_bot: Bot, fields: dict[str, Any], code: str, field: str
) -> None:
    assert_problem(idle_bot.place(**fields), 422, code, field)


@pytest.mark.parametrize("symbol", ["NO/SUCH", "", "BTC/USDT\0", "ＢＴＣ/USDT", "BTC/USDT/", "../BTC"])
def test_unknown_symbols_are_refused_by_name(idle_bot: Bot, symbol: str) -> None:
    assert_problem(idle_bot.place(symbol=symbol), 404, "unknown_symbol", "symbol")


def test_foreign_ids_are_not_found(idle_bot: Bot) -> None:
    assert_problem(idle_bot.place(account_id="somebody-elses"), 404, "unknown_account", "account_id")
    for order_id in ("somebody-elses", "0", "%00", "x" * 3000):
        assert_problem(idle_bot.http.get(f"/orders/{order_id}"), 404, "unknown_order", "order_id")
        assert_problem(idle_bot.http.delete(f"/orders/{order_id}"), 404, "unknown_order", "order_id")


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"", 422, "bad_body"),
        (b"{", 400, "malformed_json"),
        (b"\xff\xfe", 400, "malformed_json"),
        (b"[" * 30_000, 400, "malformed_json"),
        (b'{"a":' * 10_000, 400, "malformed_json"),
        (b"[]", 422, "bad_body"),
        (b"null", 422, "bad_body"),
        (b'"text"', 422, "bad_body"),
        (b"7", 422, "bad_body"),
        (b" " * 70_000, 413, "body_too_large"),
        (b"\xef\xbb\xbf{}", 400, "malformed_json"),
        ('{"symbol":"BTC/USDT"}'.encode("utf-16"), 400, "malformed_json"),
        (b'{"symbol":"\xff"}', 400, "malformed_json"),
    ],
)
def test_bodies_that_are_no_object_are_refused(idle_bot: Bot, content: bytes, status: int, code: str) -> None:
    answer = idle_bot.http.post("/orders", content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, status, code)


def test_json_that_names_a_number_that_json_has_not_is_refused(idle_bot: Bot) -> None:
    for word in (b"NaN", b"Infinity", b"1e999", b"9" * 5000, b"-" + b"9" * 5000, b"1." + b"1" * 5000):
        content = b'{"symbol":"BTC/USDT","side":"buy","type":"market","quantity":' + word + b"}"
        answer = idle_bot.http.post("/orders", content=content, headers={"Content-Type": "application/json"})
        assert_problem(answer, 422, "not_a_decimal_string", "quantity")


SAID_TWICE = b'{"symbol":"BTC/USDT","side":"buy","type":"market","quantity":"0.001","side":"sell"}'


def test_a_field_that_is_said_twice_is_refused_by_name(idle_bot: Bot) -> None:
    """JSON's readers take the last, and whoever looked before may have seen the first."""
    json = {"Content-Type": "application/json"}
    assert_problem(idle_bot.http.post("/orders", content=SAID_TWICE, headers=json), 422, "repeated_field", "side")
    name = b"x" * 30_000
    content = b'{"' + name + b'":1,"' + name + b'":2}'
    assert_problem(idle_bot.http.post("/orders", content=content, headers=json), 422, "repeated_field", "x" * 80)


@pytest.mark.parametrize("path", ["/orders?limit=1&limit=2", "/fills?limit=1&limit=1"])
def test_a_parameter_that_is_said_twice_is_refused_by_name(idle_bot: Bot, path: str) -> None:
    assert_problem(idle_bot.http.get(path), 422, "repeated_parameter", "limit")
    twice = idle_bot.http.delete("/orders?symbol=BTC-USDT&symbol=ETH-USDT")
    assert_problem(twice, 422, "repeated_parameter", "symbol")


def test_names_come_back_no_longer_than_they_can_be_read(idle_bot: Bot) -> None:
    name = "y" * 30_000
    assert_problem(idle_bot.place(**{name: 1}), 422, "unknown_field", f"{'y' * 80}…")
    content = b'{"\\ud800":1}'
    answer = idle_bot.http.post("/orders", content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "bad_text", "\\ud800")


@pytest.mark.parametrize("media", ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
def test_bodies_that_do_not_say_json_are_refused(idle_bot: Bot, media: str) -> None:
    answer = idle_bot.http.post("/orders", content=b"{}", headers={"Content-Type": media})
    assert_problem(answer, 415, "not_json")


@pytest.mark.parametrize(
    ("path", "code", "field"),
    [
        ("/orders?limit=0", "bad_limit", "limit"),
        ("/orders?limit=501", "bad_limit", "limit"),
        ("/orders?limit=-1", "not_a_whole_number", "limit"),
        ("/orders?limit=１", "not_a_whole_number", "limit"),
        ("/orders?limit=1e2", "not_a_whole_number", "limit"),
        ("/orders?limit=", "not_a_whole_number", "limit"),
        ("/orders?cursor=guess", "bad_cursor", "cursor"),
        ("/orders?cursor=" + "x" * 500, "bad_value", "cursor"),
        ("/orders?status=DONE", "unknown_status", "status"),
        ("/orders?status=OPEN,FILLED", "unknown_status", "status"),
        ("/orders?colour=red", "unknown_field", "colour"),
        ("/fills?cursor=%00", "bad_cursor", "cursor"),
        ("/markets/BTC-USDT/candles?timeframe=7m", "unknown_timeframe", "timeframe"),
        ("/markets/BTC-USDT/candles?start=yesterday", "bad_time", "start"),
        ("/markets/BTC-USDT/candles?end=2026-07-01T00:00:00", "bad_time", "end"),
        ("/markets/BTC-USDT/candles?limit=9999", "bad_limit", "limit"),
        ("/markets/BTC-USDT/candles?start=-1", "bad_time", "start"),
        ("/markets/BTC-USDT/candles?start=1960-01-01T00:00:00Z", "bad_time", "start"),
        ("/markets/BTC-USDT/candles?end=0001-01-01T00:00:00Z", "bad_time", "end"),
        ("/markets/BTC-USDT/candles?end=999999999999999999", "bad_time", "end"),
        ("/markets/BTC-USDT/candles?start=2000000000000&end=1000000000000", "bad_range", "start"),
        ("/orders?status=,,", "unknown_status", "status"),
        ("/orders?status=", "unknown_status", "status"),
    ],
)
def test_questions_that_cannot_be_are_refused_with_the_parameter(
    idle_bot: Bot, path: str, code: str, field: str
) -> None:
    assert_problem(idle_bot.http.get(path), 422, code, field)


def test_unknown_symbols_and_venues_are_not_found(idle_bot: Bot) -> None:
    for path in ("/markets/NO-SUCH", "/markets/NO%2FSUCH", "/markets/NO-SUCH/candles", "/markets/%00"):
        assert_problem(idle_bot.http.get(path), 404, "unknown_symbol", "symbol")
    assert_problem(idle_bot.http.get("/markets?venue=nowhere"), 404, "unknown_venue", "venue")
    for symbol in ("NOPE", "BTC/USDC", "%00", "", "x" * 5000):
        for method, path in (("GET", "/orders"), ("GET", "/fills"), ("DELETE", "/orders")):
            answer = idle_bot.http.request(method, f"{path}?symbol={symbol}")
            assert_problem(answer, 404, "unknown_symbol", "symbol")


@pytest.mark.parametrize("account_id", ["nope", "%00", "", "0" * 32])
def test_foreign_accounts_are_not_found_wherever_they_are_named(idle_bot: Bot, account_id: str) -> None:
    for method, path in (("GET", "/orders"), ("GET", "/fills"), ("GET", "/balances"), ("DELETE", "/orders")):
        answer = idle_bot.http.request(method, f"{path}?account_id={account_id}")
        assert_problem(answer, 404, "unknown_account", "account_id")


def test_an_empty_stretch_of_time_holds_no_candles(idle_bot: Bot) -> None:
    for stretch in ("start=0&end=0", "end=0", "start=1700000000000&end=1700000000000"):
        answer = idle_bot.http.get(f"/markets/BTC-USDT/candles?{stretch}")
        assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("path", ["/nothing", "/orders/a/b", "/"])
def test_routes_that_are_not_there_are_problems_too(idle_bot: Bot, path: str) -> None:
    assert_problem(idle_bot.http.get(path), 404, "no_such_route")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/orders"), ("PUT", "/orders/x"), ("POST", "/balances"), ("GET", "/auth/login")]
)
def test_methods_that_are_not_there_are_problems_too(idle_bot: Bot, method: str, path: str) -> None:
    assert_problem(idle_bot.http.request(method, path), 405, "method_not_allowed")


def test_a_method_that_is_not_there_is_answered_with_all_that_are(idle_bot: Bot) -> None:
    assert idle_bot.http.put("/orders").headers["allow"] == "DELETE, GET, POST"
    assert idle_bot.http.put("/orders/x").headers["allow"] == "DELETE, GET, PATCH"


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"venue": "nowhere", "label": "a", "api_key": "k", "secret": "s"}, "unknown_venue", "venue"),
        ({"venue": "simulator", "label": "a", "api_key": "k", "secret": "s"}, "unknown_venue", "venue"),
        ({"venue": "binance_testnet", "label": "", "api_key": "k", "secret": "s"}, "bad_label", "label"),
        ({"venue": "binance_testnet", "label": "a", "api_key": "k"}, "missing_field", "secret"),
        ({"venue": "binance_testnet", "label": "a", "api_key": 7, "secret": "s"}, "bad_value", "api_key"),
        ({"venue": "binance_testnet", "label": "a", "api_key": "k" * 600, "secret": "s"}, "bad_key", "api_key"),
        ({"venue": "binance_testnet", "label": "a", "api_key": "", "secret": "s"}, "bad_key", "api_key"),
        ({"venue": "binance_testnet", "label": "a", "api_key": "k\r\nX: y", "secret": "s"}, "bad_key", "api_key"),
        ({"venue": "binance_testnet", "label": "a", "api_key": "k\0", "secret": "s"}, "bad_key", "api_key"),
        ({"venue": "binance_testnet", "label": "a", "api_key": "k", "secret": "ключ"}, "bad_key", "secret"),
    ],
)
def test_accounts_that_cannot_be_are_refused(idle_bot: Bot, body: dict[str, Any], code: str, field: str) -> None:
    answer = idle_bot.http.post("/accounts", json=body)
    assert_problem(answer, 404 if code == "unknown_venue" else 422, code, field)


def test_the_paper_account_stays(idle_bot: Bot) -> None:
    account_id = idle_bot.http.get("/accounts").json()["items"][0]["id"]
    assert_problem(idle_bot.http.delete(f"/accounts/{account_id}"), 403, "paper_account_stays", "account_id")


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"email": "a@example.org"}, "missing_field", "password"),
        ({"password": "x" * 12}, "missing_field", "email"),
        ({"email": 7, "password": "x" * 12}, "bad_value", "email"),
        ({"email": "no email", "password": "x" * 12}, "bad_email", "email"),
        ({"email": "new@example.org", "password": "short"}, "password_too_short", "password"),
        ({"email": "new@example.org", "password": "x" * 1025}, "password_too_long", "password"),
        ({"email": "new@example.org", "password": "x" * 12, "role": "owner"}, "unknown_field", "role"),
    ],
)
def test_users_that_cannot_be_are_refused(stranger: httpx.Client, body: dict[str, Any], code: str, field: str) -> None:
    assert_problem(stranger.post("/auth/register", json=body), 422, code, field)


@pytest.mark.parametrize(
    ("path", "content", "field"),
    [
        ("/auth/login", b'{"email":"\\ud800@example.org","password":"long enough to be one"}', "email"),
        ("/auth/register", b'{"email":"new@example.org","password":"\\udfff and so on and on"}', "password"),
        ("/auth/refresh", b'{"refresh_token":"\\ud800"}', "refresh_token"),
        ("/orders", b'{"symbol":"\\ud800","side":"buy","type":"market","quantity":"1"}', "symbol"),
        ("/orders", b'{"symbol":"BTC/USDT","side":"buy","type":"market","quantity":"\\ud800"}', "quantity"),
        (
            "/orders",
            b'{"symbol":"BTC/USDT","side":"buy","type":"market","quantity":"1","account_id":"\\ud800"}',
            "account_id",
        ),
    ],
)
def test_text_that_is_no_text_is_refused_by_name(idle_bot: Bot, path: str, content: bytes, field: str) -> None:
    answer = idle_bot.http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert_problem(answer, 422, "bad_text", field)
