"""Faults of sockets and of user events, and a restart, each seen by a real client."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.simulator.faults.conftest import Break
from tests.simulator.process import (
    OpenTrader,
    SimulatorProcess,
    Trader,
    plain_client,
    start_simulator,
    until,
    within,
)
from tests.simulator.sockets import Consumer, consumer, unwrapped


async def heard_statuses(socket: Consumer, trader: Trader) -> list[str]:
    """The reports that one resting and canceled order causes, up to the next order's."""
    order = await trader.place("BUY", "LIMIT", quantity="1", price="20000")
    await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    await socket.ask("ping")
    reports = [unwrapped(message) for message in socket.waiting]
    return [f"{report['x']}" for report in reports if report.get("e") == "executionReport"]


@pytest.mark.parametrize(
    ("what", "heard"),
    [("lose", []), ("repeat", ["NEW", "NEW", "CANCELED", "CANCELED"]), ("reorder", ["CANCELED", "NEW"])],
)
async def test_user_events_are_missing_repeated_or_out_of_order(
    simulator: SimulatorProcess, trader: Trader, break_it: Break, what: str, heard: list[str]
) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        break_it(what, event="executionReport", account=trader.keys.api_key, every=1)
        if what == "reorder":
            assert await reordered(socket, trader) == heard
        else:
            assert await heard_statuses(socket, trader) == heard


async def reordered(socket: Consumer, trader: Trader) -> list[str]:
    order = await trader.place("BUY", "LIMIT", quantity="1", price="20000")
    await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    return [(await socket.event("executionReport"))["x"] for _ in range(2)]


async def test_an_event_held_back_comes_though_no_other_does(
    simulator: SimulatorProcess, trader: Trader, break_it: Break
) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        break_it("reorder", event="executionReport")
        await trader.place("BUY", "LIMIT", quantity="1", price="20000")
        assert (await socket.event("executionReport"))["x"] == "NEW"


async def test_streams_are_cut_by_the_clock_and_again(simulator: SimulatorProcess, break_it: Break) -> None:
    made = break_it("disconnect", door="streams", after_s=0.2, every_s=0.3, count=2)
    for _ in range(2):
        async with consumer(f"{simulator.ws}/ws/btcusdt@trade") as socket:
            await within(socket.connection.wait_closed(), 5)
            assert socket.connection.close_code == 1006
    async with consumer(f"{simulator.ws}/ws/btcusdt@trade") as socket:
        with pytest.raises(TimeoutError):
            await within(socket.connection.recv(), 0.5)
    assert made["what"] == "disconnect"


async def test_only_the_sockets_of_one_account_are_cut(
    simulator: SimulatorProcess, trader: Trader, open_trader: OpenTrader, break_it: Break
) -> None:
    other = open_trader()
    async with (
        consumer(f"{simulator.ws}/ws-api/v3") as mine,
        consumer(f"{simulator.ws}/ws-api/v3") as theirs,
        consumer(f"{simulator.ws}/ws/btcusdt@trade") as market,
    ):
        await mine.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        await theirs.ask_signed(other.keys, "userDataStream.subscribe.signature")
        break_it("disconnect", account=trader.keys.api_key)
        await within(mine.connection.wait_closed(), 5)
        assert (await theirs.ask("ping"))["result"] == {}
        assert (await market.ask("LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@trade"]


async def test_a_silent_socket_stays_open_and_answers_nothing(
    simulator: SimulatorProcess, trader: Trader, break_it: Break
) -> None:
    async with consumer(f"{simulator.ws}/ws/btcusdt@bookTicker") as socket:
        await socket.ask("LIST_SUBSCRIPTIONS")
        break_it("silence", door="streams")
        await until_struck(simulator)
        await trader.place("BUY", "LIMIT", quantity="1", price="20000")
        with pytest.raises(TimeoutError):
            await within(socket.connection.recv(), 0.3)
        with pytest.raises(TimeoutError):
            await within(await socket.connection.ping(), 0.2)
        socket.connection.transport.abort()


async def until_struck(simulator: SimulatorProcess) -> None:
    with simulator.operator() as operator:
        await until(lambda: operator.get("/sim/faults").json()["faults"][0]["struck"], "the strike")


@pytest.mark.parametrize("journal", [True, False], ids=["from its journal", "from memory"])
async def test_a_restart_cuts_everyone_and_comes_back_with_every_order(tmp_path: Path, journal: bool) -> None:
    kept = ("--journal", str(tmp_path / "journal")) if journal else ()
    running = start_simulator("--flow", "synthetic", "--seed", "5", *kept)
    try:
        async with plain_client(running) as http:
            trader = Trader(http, running.open_account())
            order = await trader.place("BUY", "LIMIT", quantity="0.01", price="50000")
            async with consumer(f"{running.ws}/ws/btcusdt@trade") as socket:
                with running.operator() as operator:
                    asked = {"what": "restart", "down_s": 0.6}
                    assert operator.post("/sim/faults", json=asked).status_code == 200
                await within(socket.connection.wait_closed(), 5)
            refused, answer = await until_back(trader)
        with running.operator() as operator:
            assert operator.get("/sim/faults").json()["faults"][0]["struck"] == 1
    finally:
        assert running.stop() == 0
    assert refused
    assert [row["orderId"] for row in answer] == [order["orderId"]]


async def until_back(trader: Trader) -> tuple[int, Any]:
    """How often the connection was refused, and the open orders once it was not."""
    refused = 0
    ends = time.monotonic() + 15
    while time.monotonic() < ends:
        try:
            return refused, (await trader.call("GET", "/api/v3/openOrders")).json()
        except httpx.TransportError as error:
            refused += isinstance(error, httpx.ConnectError)
            await asyncio.sleep(0.02)
    raise AssertionError("it did not come back")


async def test_what_hangs_does_not_keep_the_exchange_from_ending() -> None:
    running = start_simulator("--flow", "none")
    async with plain_client(running) as http:
        with running.operator() as operator:
            operator.post("/sim/faults", json={"what": "half_open", "request": "GET /api/v3/ping"})
        with pytest.raises(httpx.ReadTimeout):
            await http.get("/api/v3/ping", timeout=0.2)
        hanging = asyncio.ensure_future(http.get("/api/v3/ping", timeout=10))
        await asyncio.sleep(0.1)
        running.process.terminate()
        with pytest.raises(httpx.RemoteProtocolError):
            await hanging
    assert running.process.wait(5) == 0
    running.stop()
