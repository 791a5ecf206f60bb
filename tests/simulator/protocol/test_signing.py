"""Who may ask, and how a request proves it."""

from __future__ import annotations

import time
from urllib.parse import urlencode

import httpx
import pytest

from tests.simulator.process import OpenTrader, SimulatorProcess, Trader, plain_client

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def code(answer: httpx.Response) -> tuple[int, int, str]:
    return answer.status_code, answer.json()["code"], answer.json()["msg"]


async def test_the_signature_covers_the_query_then_the_body_as_they_were_sent(trader: Trader) -> None:
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1.0", "price": "9"}
    whole = urlencode({**order, "price": "20000.00", "timestamp": now_ms()})
    in_query, in_body = whole.split("&", 3)[:3], whole.split("&", 3)[3]
    query = "&".join(in_query)
    headers = {"X-MBX-APIKEY": trader.keys.api_key, **FORM}
    for url, body in (
        (f"?{whole}&signature={trader.keys.sign(whole)}", ""),
        ("", f"{whole}&signature={trader.keys.sign(whole)}"),
        (f"?{query}", f"{in_body}&signature={trader.keys.sign(query + in_body)}"),
        (f"?signature={trader.keys.sign(whole)}&{whole}", ""),
    ):
        answer = await trader.http.post("/api/v3/order/test" + url, content=body, headers=headers)
        assert (answer.status_code, answer.text) == (200, "{}"), (url, body)


async def test_percent_encoding_is_signed_as_sent_and_read_decoded(trader: Trader) -> None:
    placed = await trader.place("BUY", "LIMIT", quantity="1", price="20000", newClientOrderId="a:b/c.d-e_f")
    assert placed["clientOrderId"] == "a:b/c.d-e_f"
    found = await trader.call("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="a:b/c.d-e_f")
    assert found.json()["orderId"] == placed["orderId"]


async def test_a_body_is_read_on_delete_too(trader: Trader) -> None:
    placed = await trader.place("BUY", "LIMIT", quantity="1", price="20000")
    body = urlencode({"symbol": "BTCUSDT", "orderId": placed["orderId"], "timestamp": now_ms()})
    answer = await trader.http.request(
        "DELETE",
        "/api/v3/order",
        content=f"{body}&signature={trader.keys.sign(body)}",
        headers={"X-MBX-APIKEY": trader.keys.api_key, **FORM},
    )
    assert answer.json()["status"] == "CANCELED"


async def test_a_wrong_signature_is_refused(trader: Trader) -> None:
    answer = await trader.http.get(
        f"/api/v3/account?timestamp={now_ms()}&signature={'0' * 64}", headers={"X-MBX-APIKEY": trader.keys.api_key}
    )
    assert code(answer) == (400, -1022, "Signature for this request is not valid.")


async def test_another_accounts_secret_is_no_signature(trader: Trader, peer: Trader) -> None:
    query = f"timestamp={now_ms()}"
    answer = await trader.http.get(
        f"/api/v3/account?{query}&signature={peer.keys.sign(query)}", headers={"X-MBX-APIKEY": trader.keys.api_key}
    )
    assert code(answer)[1] == -1022


@pytest.mark.parametrize(
    ("api_key", "expected"),
    [
        (None, (401, -2014, "API-key format invalid.")),
        ("short", (401, -2014, "API-key format invalid.")),
        ("x" * 64, (401, -2015, "Invalid API-key, IP, or permissions for action.")),
    ],
)
async def test_a_key_that_nobody_has_is_refused(
    simulator: SimulatorProcess, api_key: str | None, expected: tuple[int, int, str]
) -> None:
    headers = {} if api_key is None else {"X-MBX-APIKEY": api_key}
    async with plain_client(simulator) as http:
        answer = await http.get(f"/api/v3/account?timestamp={now_ms()}&signature=00", headers=headers)
    assert code(answer) == expected


async def test_time_and_signature_are_mandatory(trader: Trader) -> None:
    headers = {"X-MBX-APIKEY": trader.keys.api_key}
    without_time = await trader.http.get("/api/v3/account?signature=00", headers=headers)
    without_signature = await trader.http.get(f"/api/v3/account?timestamp={now_ms()}", headers=headers)
    for name, answer in (("timestamp", without_time), ("signature", without_signature)):
        assert code(answer) == (
            400, -1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed."
        )  # fmt: skip


@pytest.mark.parametrize(
    ("shift_ms", "window", "expected"),
    [
        (-6000, None, "Timestamp for this request is outside of the recvWindow."),
        (-6000, "2000", "Timestamp for this request is outside of the recvWindow."),
        (5000, None, "Timestamp for this request was 1000ms ahead of the server's time."),
        (5000, "60000", "Timestamp for this request was 1000ms ahead of the server's time."),
    ],
)
async def test_an_old_or_early_request_is_refused(
    trader: Trader, shift_ms: int, window: str | None, expected: str
) -> None:
    fields: dict[str, object] = {"timestamp": now_ms() + shift_ms}
    if window is not None:
        fields["recvWindow"] = window
    assert code(await trader.call("GET", "/api/v3/account", **fields)) == (400, -1021, expected)


async def test_a_wide_window_takes_an_old_request_and_microseconds_are_time_too(trader: Trader) -> None:
    old = await trader.call("GET", "/api/v3/account", timestamp=now_ms() - 6000, recvWindow=30000)
    micro = await trader.call("GET", "/api/v3/account", timestamp=now_ms() * 1000, recvWindow="5000.5")
    assert (old.status_code, micro.status_code) == (200, 200)


async def test_a_window_above_a_minute_is_refused(trader: Trader) -> None:
    assert code(await trader.call("GET", "/api/v3/account", recvWindow=60001))[1] == -1131


async def test_an_account_that_may_not_trade_can_look_but_not_order(open_trader: OpenTrader) -> None:
    onlooker = open_trader(can_trade=False)
    assert (await onlooker.call("GET", "/api/v3/account")).json()["canTrade"] is False
    answer = await onlooker.call("POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="MARKET", quantity="1")
    assert code(answer) == (401, -2015, "Invalid API-key, IP, or permissions for action.")
