"""What a fault does to a request, seen from a plain HTTP client: the answer, the connection and the order."""

from __future__ import annotations

import asyncio
import time
from json import JSONDecodeError
from typing import Any

import httpx
import pytest

from tests.simulator.faults.conftest import Break
from tests.simulator.process import OpenTrader, SimulatorProcess, Trader, within
from tests.simulator.sockets import consumer, signed

ORDER = "POST /api/v3/order"
LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "20000"}


async def orders(trader: Trader) -> int:
    """How many orders of this trader stand."""
    return len((await trader.call("GET", "/api/v3/openOrders")).json())


async def send(trader: Trader) -> httpx.Response:
    return await trader.call("POST", "/api/v3/order", **LIMIT)


@pytest.mark.parametrize(("what", "stands"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_dropped_connection_gives_no_answer(trader: Trader, break_it: Break, what: str, stands: int) -> None:
    break_it(what, request=ORDER, account=trader.keys.api_key)
    with pytest.raises(httpx.RemoteProtocolError, match="disconnected"):
        await send(trader)
    assert await orders(trader) == stands


async def test_a_half_open_connection_stays_and_says_nothing(trader: Trader, break_it: Break) -> None:
    break_it("half_open", request=ORDER, accepted=True)
    with pytest.raises(httpx.ReadTimeout):
        await trader.http.post("/api/v3/order", timeout=0.2)
    trader.http.timeout = httpx.Timeout(0.3)
    with pytest.raises(httpx.ReadTimeout):
        await send(trader)
    assert await orders(trader) == 1


@pytest.mark.parametrize(("what", "body"), [("truncated", '{"symbol"'), ("empty", ""), ("html", "<html>")])
async def test_a_200_that_is_no_answer(trader: Trader, break_it: Break, what: str, body: str) -> None:
    break_it(what, request=ORDER)
    answer = await send(trader)
    assert answer.status_code == 200
    assert answer.text.startswith(body)
    with pytest.raises(JSONDecodeError):
        answer.json()
    assert await orders(trader) == 1


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_without_json(trader: Trader, break_it: Break, status: int, accepted: bool) -> None:
    break_it("http_error", status=status, request=ORDER, accepted=accepted)
    answer = await send(trader)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert await orders(trader) == accepted


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(("code", "status"), [(-1006, 500), (-1007, 504), (-1001, 500), (-1008, 503)])
async def test_an_error_that_tells_nothing_of_the_order(
    trader: Trader, break_it: Break, code: int, status: int, accepted: bool
) -> None:
    break_it("error", code=code, request=ORDER, accepted=accepted)
    answer = await send(trader)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert await orders(trader) == accepted


@pytest.mark.parametrize(("what", "status", "word"), [("too_many", 429, "Too many"), ("banned", 418, "banned until")])
async def test_a_rate_limit_that_is_none(trader: Trader, break_it: Break, what: str, status: int, word: str) -> None:
    break_it(what, request=ORDER, retry_after_s=7, count=1)
    answer = await send(trader)
    assert (answer.status_code, answer.headers["retry-after"], answer.json()["code"]) == (status, "7", -1003)
    assert word in answer.json()["msg"]
    assert (await send(trader)).status_code == 200


async def test_latency_is_waited_before_the_work(trader: Trader, break_it: Break) -> None:
    break_it("latency", latency_ms=[150, 200], request="GET /api/v3/time")
    began = time.monotonic()
    assert (await trader.http.get("/api/v3/time")).status_code == 200
    assert 0.15 <= time.monotonic() - began < 2
    began = time.monotonic()
    await trader.http.get("/api/v3/ping")
    assert time.monotonic() - began < 0.15


@pytest.mark.parametrize("skew_ms", [-60_000, 60_000])
async def test_a_clock_that_is_off_refuses_honest_timestamps_and_says_its_own_time(
    trader: Trader, break_it: Break, skew_ms: int
) -> None:
    break_it("clock_skew", skew_ms=skew_ms)
    answer = await send(trader)
    assert (answer.status_code, answer.json()["code"]) == (400, -1021)
    told = (await trader.http.get("/api/v3/time")).json()["serverTime"]
    assert abs(told - skew_ms - time.time() * 1000) < 2_000
    assert (await trader.call("POST", "/api/v3/order", **LIMIT, timestamp=told)).status_code == 200


async def test_maintenance_is_told_and_nothing_else_works(trader: Trader, break_it: Break) -> None:
    path = "/sapi/v1/system/status"
    assert (await trader.http.get(path)).json() == {"status": 0, "msg": "normal"}
    break_it("maintenance", count=1_000, for_s=100)
    assert (await trader.http.get(path)).json() == {"status": 1, "msg": "system_maintenance"}
    answer = await send(trader)
    assert (answer.status_code, answer.json()["code"]) == (503, -1016)


async def test_only_what_a_fault_names_is_struck(trader: Trader, open_trader: OpenTrader, break_it: Break) -> None:
    other = open_trader()
    break_it("error", code=-1001, request="*order", account=trader.keys.api_key, every=3, count=2)
    codes = [(await send(trader)).status_code for _ in range(12)]
    assert codes == [200, 200, 500, 200, 200, 500, 200, 200, 200, 200, 200, 200]
    assert {(await send(other)).status_code for _ in range(4)} == {200}


async def test_a_fault_holds_in_its_window_of_time(trader: Trader, break_it: Break) -> None:
    break_it("http_error", status=503, after_s=0.3, for_s=0.3, request="GET /api/v3/ping")
    seen: list[int] = []
    ends = time.monotonic() + 5
    while not (200 in seen and 503 in seen and seen[-1] == 200) and time.monotonic() < ends:
        seen.append((await trader.http.get("/api/v3/ping")).status_code)
        await asyncio.sleep(0.01)
    assert (seen[0], 503 in seen, seen[-1]) == (200, True, 200)


@pytest.mark.parametrize(
    ("fault", "status", "code", "stands"),
    [
        ({"what": "error", "code": -1007, "accepted": True}, 504, -1007, 1),
        ({"what": "error", "code": -1006}, 500, -1006, 0),
        ({"what": "too_many", "retry_after_s": 3}, 429, -1003, 0),
        ({"what": "banned"}, 418, -1003, 0),
        ({"what": "maintenance"}, 503, -1016, 0),
    ],
)
async def test_the_websocket_api_errs_in_the_same_way(
    simulator: SimulatorProcess,
    trader: Trader,
    break_it: Break,
    fault: dict[str, Any],
    status: int,
    code: int,
    stands: int,
) -> None:
    break_it(**fault, door="ws-api", request="order.place", count=1)
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        answer = await socket.ask_signed(trader.keys, "order.place", **LIMIT)
        assert (answer["status"], answer["error"]["code"]) == (status, code)
        assert ("data" in answer["error"]) == (status in {418, 429})
        assert (await socket.ask("ping"))["result"] == {}
    assert await orders(trader) == stands


@pytest.mark.parametrize(("what", "stands"), [("drop_before", 0), ("drop_after", 1)])
async def test_a_websocket_is_cut_under_a_request(
    simulator: SimulatorProcess, trader: Trader, break_it: Break, what: str, stands: int
) -> None:
    break_it(what, request="order.place")
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.say(id=1, method="order.place", params=signed(trader.keys, **LIMIT))
        await within(socket.connection.wait_closed(), 5)
        assert socket.connection.close_code == 1006
    assert await orders(trader) == stands


async def test_a_websocket_request_hangs_half_open(
    simulator: SimulatorProcess, trader: Trader, break_it: Break
) -> None:
    break_it("half_open", request="order.place", accepted=True)
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.say(id=1, method="order.place", params=signed(trader.keys, **LIMIT))
        with pytest.raises(TimeoutError):
            await within(socket.connection.recv(), 0.3)
        with pytest.raises(TimeoutError):
            await within(await socket.connection.ping(), 0.2)
        socket.connection.transport.abort()
    assert await orders(trader) == 1
