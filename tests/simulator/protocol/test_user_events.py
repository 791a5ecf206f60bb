"""Every transition of an order reaches its owner, by listen key and by WebSocket API alike, and nobody else."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from tests.simulator.process import SimulatorProcess, Trader
from tests.simulator.sockets import Consumer, consumer

Watch = Callable[[SimulatorProcess, Trader], AbstractAsyncContextManager[Consumer]]


@asynccontextmanager
async def by_listen_key(simulator: SimulatorProcess, trader: Trader) -> AsyncGenerator[Consumer]:
    async with consumer(f"{simulator.ws}/ws/{await listen_key(trader)}") as socket:
        await socket.ask("LIST_SUBSCRIPTIONS")  # answered: the socket is served
        yield socket


@asynccontextmanager
async def by_combined_listen_key(simulator: SimulatorProcess, trader: Trader) -> AsyncGenerator[Consumer]:
    async with consumer(f"{simulator.ws}/stream?streams={await listen_key(trader)}") as socket:
        await socket.ask("LIST_SUBSCRIPTIONS")
        yield socket


@asynccontextmanager
async def by_ws_api(simulator: SimulatorProcess, trader: Trader) -> AsyncGenerator[Consumer]:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        answer = await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        assert answer["result"] == {"subscriptionId": 0}
        yield socket


@pytest.fixture(params=[by_listen_key, by_combined_listen_key, by_ws_api])
def watch(request: pytest.FixtureRequest) -> Watch:
    """The ways to one's own events."""
    way: Watch = request.param
    return way


async def listen_key(trader: Trader) -> str:
    answer = await trader.http.post("/api/v3/userDataStream", headers={"X-MBX-APIKEY": trader.keys.api_key})
    return str(answer.json()["listenKey"])


def told(report: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(report[name] for name in names)


async def test_placing_filling_and_canceling_are_reported(
    simulator: SimulatorProcess, trader: Trader, peer: Trader, watch: Watch
) -> None:
    async with watch(simulator, trader) as socket:
        order = await trader.place("SELL", "LIMIT", quantity="1", price="60000", newClientOrderId="mine")
        new = await socket.event("executionReport")
        assert told(new, "x", "X", "c", "C", "i", "S", "o", "f", "q", "p", "z", "t", "n", "N", "w", "r") == (
            "NEW", "NEW", "mine", "", order["orderId"], "SELL", "LIMIT", "GTC", "1.00000000", "60000.00000000",
            "0.00000000", -1, "0", None, True, "NONE",
        )  # fmt: skip
        position = await socket.event("outboundAccountPosition")
        assert {"a": "BTC", "f": "99.00000000", "l": "1.00000000"} in position["B"]

        await peer.place("BUY", "MARKET", quantity="0.4")
        part = await socket.event("executionReport")
        assert told(part, "x", "X", "c", "C", "l", "L", "z", "Z", "Y", "n", "N", "m", "w") == (
            "TRADE", "PARTIALLY_FILLED", "mine", "", "0.40000000", "60000.00000000", "0.40000000", "24000.00000000",
            "24000.00000000", "24.00000000", "USDT", True, True,
        )  # fmt: skip
        position = await socket.event("outboundAccountPosition")
        assert {"a": "USDT", "f": "1023976.00000000", "l": "0.00000000"} in position["B"]

        await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"], newClientOrderId="bye")
        gone = await socket.event("executionReport")
        assert told(gone, "x", "X", "c", "C", "z", "l", "t", "w") == (
            "CANCELED", "CANCELED", "bye", "mine", "0.40000000", "0.00000000", -1, False,
        )  # fmt: skip
        position = await socket.event("outboundAccountPosition")
        assert {"a": "BTC", "f": "99.60000000", "l": "0.00000000"} in position["B"]


async def test_a_taker_hears_of_the_order_then_of_each_fill(
    simulator: SimulatorProcess, trader: Trader, peer: Trader, watch: Watch
) -> None:
    await peer.place("SELL", "LIMIT", quantity="0.3", price="60000")
    await peer.place("SELL", "LIMIT", quantity="0.3", price="60001")
    async with watch(simulator, trader) as socket:
        order = await trader.place("BUY", "LIMIT", quantity="1", price="60001", timeInForce="IOC")
        reports = [await socket.event("executionReport") for _ in range(4)]
    assert [told(report, "x", "X", "z") for report in reports] == [
        ("NEW", "NEW", "0.00000000"),
        ("TRADE", "PARTIALLY_FILLED", "0.30000000"),
        ("TRADE", "PARTIALLY_FILLED", "0.60000000"),
        ("EXPIRED", "EXPIRED", "0.60000000"),
    ]
    assert [report["t"] for report in reports[1:3]] == [fill["tradeId"] for fill in order["fills"]]
    assert [report["m"] for report in reports[1:3]] == [False, False]
    assert len({report["I"] for report in reports}) == 4


async def test_nobody_hears_of_another_accounts_orders(
    simulator: SimulatorProcess, trader: Trader, peer: Trader, watch: Watch
) -> None:
    async with watch(simulator, trader) as socket:
        await peer.place("BUY", "LIMIT", quantity="1", price="20000")
        await trader.place("BUY", "LIMIT", quantity="1", price="20001", newClientOrderId="own")
        assert (await socket.event("executionReport"))["c"] == "own"


async def test_every_order_is_reported_in_order_however_fast_they_come(
    simulator: SimulatorProcess, trader: Trader, watch: Watch
) -> None:
    async with watch(simulator, trader) as socket:
        for number in range(50):
            await trader.place("BUY", "LIMIT", quantity="0.01", price="20000", newClientOrderId=f"n{number}")
        assert [(await socket.event("executionReport"))["c"] for _ in range(50)] == [f"n{n}" for n in range(50)]


async def test_a_listen_key_is_one_per_account_and_ends_when_closed(
    simulator: SimulatorProcess, trader: Trader, peer: Trader
) -> None:
    key = await listen_key(trader)
    headers = {"X-MBX-APIKEY": trader.keys.api_key}
    assert await listen_key(trader) == key
    assert (await trader.http.put(f"/api/v3/userDataStream?listenKey={key}", headers=headers)).json() == {}
    foreign = await peer.http.put(
        f"/api/v3/userDataStream?listenKey={key}", headers={"X-MBX-APIKEY": peer.keys.api_key}
    )
    assert foreign.json() == {"code": -1125, "msg": "This listenKey does not exist."}
    assert (await trader.http.delete(f"/api/v3/userDataStream?listenKey={key}", headers=headers)).json() == {}
    again = await trader.http.put(f"/api/v3/userDataStream?listenKey={key}", headers=headers)
    assert again.json()["code"] == -1125
    async with consumer(f"{simulator.ws}/ws/{key}") as socket:
        await trader.place("BUY", "LIMIT", quantity="1", price="20000")
        await socket.ask("LIST_SUBSCRIPTIONS")
        assert socket.waiting == []
