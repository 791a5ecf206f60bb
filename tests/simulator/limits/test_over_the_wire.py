"""Limits as a client meets them: headers, 429, 418, -1015, and the same through the WebSocket API."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from tests.simulator.process import (
    OpenTrader,
    SimulatorProcess,
    Trader,
    plain_client,
    start_simulator,
    traded_at,
    within,
)
from tests.simulator.protocol.test_market_streams import the_end
from tests.simulator.sockets import consumer

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "20000"}

OTO = {
    "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "57000",
    "workingQuantity": "0.01", "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL",
    "pendingPrice": "90000", "pendingQuantity": "0.01", "pendingTimeInForce": "GTC",
}  # fmt: skip


@pytest.fixture
def strict() -> Iterator[SimulatorProcess]:
    """A market where little is allowed."""
    running = start_simulator("--flow", "none", "--limits", "weight_1m=100,strikes=3,orders_10s=3,orders_1d=1000")
    yield running
    running.stop()


@pytest.fixture
async def http(strict: SimulatorProcess) -> AsyncIterator[httpx.AsyncClient]:
    async with plain_client(strict) as client:
        yield client


def early_in(window_s: int) -> None:
    """Begin where a window of the clock has some time left, so that the test stays inside it."""
    left_s = window_s - time.time() % window_s
    if left_s < 3:
        time.sleep(left_s + 0.01)


async def test_every_answer_tells_the_weight_and_beyond_it_comes_429_then_418(http: httpx.AsyncClient) -> None:
    early_in(60)
    used = [
        int((await http.get(path)).headers["x-mbx-used-weight-1m"])
        for path in (
            "/api/v3/ping",
            "/api/v3/exchangeInfo",
            "/api/v3/depth?symbol=BTCUSDT&limit=500",
            "/api/v3/ticker/price?symbol=BTCUSDT",
            "/api/v3/ticker/price",
            "/api/v3/aggTrades?symbol=BTCUSDT",
        )
    ]
    assert used == [1, 21, 46, 48, 52, 56]
    await http.get("/api/v3/exchangeInfo")
    await http.get("/api/v3/exchangeInfo")
    over = [await http.get("/api/v3/exchangeInfo") for _ in range(3)]
    assert {(answer.status_code, answer.json()["code"]) for answer in over} == {(429, -1003)}
    assert all(0 < int(answer.headers["retry-after"]) <= 60 for answer in over)
    banned = await http.get("/api/v3/ping")
    assert (banned.status_code, banned.json()["code"]) == (418, -1003)
    assert 60 < int(banned.headers["retry-after"]) <= 120


async def test_orders_are_counted_told_and_refused(strict: SimulatorProcess, http: httpx.AsyncClient) -> None:
    early_in(10)
    with strict.operator() as operator:
        operator.post("/sim/limits", json={"weight_1m": 6000})
    trader, other = Trader(http, strict.open_account()), Trader(http, strict.open_account())
    answers = [await trader.call("POST", "/api/v3/order", **LIMIT) for _ in range(3)]
    told = [(row.headers["x-mbx-order-count-10s"], row.headers["x-mbx-order-count-1d"]) for row in answers]
    assert told == [("1", "1"), ("2", "2"), ("3", "3")]
    refused = await trader.call("POST", "/api/v3/order", **LIMIT)
    assert refused.status_code == 429
    assert refused.json() == {"code": -1015, "msg": "Too many new orders; current limit is 3 orders per 10 SECOND."}
    assert 1 <= int(refused.headers["retry-after"]) <= 10
    assert (await other.call("POST", "/api/v3/order", **LIMIT)).status_code == 200
    limits = (await trader.call("GET", "/api/v3/rateLimit/order")).json()
    assert [(row["interval"], row["limit"], row["count"]) for row in limits] == [("SECOND", 3, 3), ("DAY", 1000, 3)]
    await other.place("SELL", "MARKET", quantity="0.5")
    after = (await trader.call("GET", "/api/v3/rateLimit/order")).json()
    assert [row["count"] for row in after] == [2, 2]
    assert "x-mbx-order-count-10s" not in (await trader.call("GET", "/api/v3/openOrders")).headers


async def counted(trader: Trader) -> int:
    rows = (await trader.call("GET", "/api/v3/rateLimit/order")).json()
    return int(next(row["count"] for row in rows if row["interval"] == "DAY"))


async def test_an_order_counts_once_and_a_list_by_its_orders(
    trader: Trader, peer: Trader, open_trader: OpenTrader
) -> None:
    """Unfilled Order Count: 1 an order, 2 an OCO or OTO, 3 an OTOCO; less those that have traded."""
    await traded_at("60000", open_trader)
    stop = {"symbol": "BTCUSDT", "side": "SELL", "type": "STOP_LOSS_LIMIT", "quantity": "1", "stopPrice": "59000"}
    await trader.call("POST", "/api/v3/order", **stop, price="59500", timeInForce="GTC")
    assert await counted(trader) == 1
    await peer.place("BUY", "LIMIT", quantity="0.01", price="58000")
    other = open_trader()
    await other.place("SELL", "LIMIT", quantity="0.01", price="58000")  # the stop's price has come: it rests now
    rests = (await trader.call("GET", "/api/v3/openOrders", symbol="BTCUSDT")).json()
    assert rests[0]["workingTime"] > 0
    assert await counted(trader) == 1
    await trader.call("POST", "/api/v3/orderList/oto", **OTO)
    assert await counted(trader) == 3
    await other.place("SELL", "LIMIT", quantity="0.01", price="57000")  # fills it; the next comes to life
    assert await counted(trader) == 2


@pytest.mark.parametrize(
    ("mode", "order_id", "status", "outcome"),
    [
        ("STOP_ON_FAILURE", None, 429, ("SUCCESS", "FAILURE")),
        ("STOP_ON_FAILURE", 10**9, 429, ("FAILURE", "NOT_ATTEMPTED")),
        ("ALLOW_FAILURE", None, 409, ("SUCCESS", "FAILURE")),
        ("ALLOW_FAILURE", 10**9, 400, ("FAILURE", "FAILURE")),
    ],
)
async def test_a_replacement_may_still_cancel_when_no_order_may_be_placed(
    strict: SimulatorProcess, http: httpx.AsyncClient, mode: str, order_id: int | None, status: int, outcome: object
) -> None:
    """By the table of "Cancel an Existing Order and Send a New Order" for an exceeded order limit."""
    trader = Trader(http, strict.open_account())
    early_in(10)
    placed = [await trader.place("BUY", "LIMIT", quantity="1", price="20000") for _ in range(3)]
    fields = {**LIMIT, "cancelReplaceMode": mode, "cancelOrderId": order_id or placed[0]["orderId"]}
    nothing = await trader.call("POST", "/api/v3/order/cancelReplace", **fields)
    assert (nothing.status_code, nothing.json()["code"]) == (429, -1015)
    fields["orderRateLimitExceededMode"] = "CANCEL_ONLY"
    answer = await trader.call("POST", "/api/v3/order/cancelReplace", **fields)
    data = answer.json()["data"]
    assert (answer.status_code, (data["cancelResult"], data["newOrderResult"])) == (status, outcome)
    assert len((await trader.call("GET", "/api/v3/openOrders", symbol="BTCUSDT")).json()) == (3 if order_id else 2)


async def test_the_websocket_api_counts_the_same(strict: SimulatorProcess) -> None:
    early_in(60)
    keys = strict.open_account()
    async with consumer(f"{strict.ws}/ws-api/v3") as socket:
        answer = await socket.ask_signed(keys, "order.place", **LIMIT)
        rows = {(row["rateLimitType"], row["interval"]): row["count"] for row in answer["rateLimits"]}
        # connecting weighs 2
        assert rows == {("REQUEST_WEIGHT", "MINUTE"): 3, ("ORDERS", "SECOND"): 1, ("ORDERS", "DAY"): 1}
        listed = await socket.ask_signed(keys, "account.rateLimits.orders")
        assert [row["count"] for row in listed["result"]] == [1, 1]
        for _ in range(3):
            await socket.ask("exchangeInfo")
        over = await socket.ask("exchangeInfo")
        assert (over["status"], over["error"]["code"]) == (429, -1003)
        statuses = [(await socket.ask("ping"))["status"] for _ in range(2)]
        assert statuses == [429, 418], "two more strikes, and the fourth is a ban"
        assert (await within(the_end(socket.connection)))[0] == 1008, "who is banned is cut off"
        data = over["error"]["data"]
        assert 0 < data["retryAfter"] - data["serverTime"] <= 60_000


def test_exchange_info_tells_the_limits_that_hold_and_the_operator_changes_them(strict: SimulatorProcess) -> None:
    with strict.operator() as operator:
        told = operator.get("/api/v3/exchangeInfo?symbol=BTCUSDT").json()["rateLimits"]
        assert {row["limit"] for row in told} == {100, 3, 1000, 61_000}
        assert operator.post("/sim/limits", json={"weight_1m": 7}).json()["weight_1m"] == 7
        assert operator.get("/sim/limits").json()["orders_10s"] == 3
        assert operator.post("/sim/limits", json={"speed": 7}).status_code == 400
    assert httpx.get(f"{strict.http}/sim/limits", trust_env=False, verify=False).status_code == 401
