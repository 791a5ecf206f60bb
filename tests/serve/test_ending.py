"""Told to end, the desk finishes what is on its way, in sight of all, and takes nothing new; told twice, it ends."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from numatix.process import ENDED_BY_FORCE
from tests.conftest import OWNER
from tests.house.tree import ROOT
from tests.serving import DeskServer, wait_until
from tests.simulator.process import TOKEN, SimulatorProcess, start_simulator
from tests.stream.bots import Bot, stream_address

QUANTITY = "0.01"
DRAIN_S = 20
"""What the desk promises from the signal to its end."""


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatorProcess]:
    running = start_simulator("--seed", "7", "--limits", "none")
    yield running
    running.stop()


def go_wrong(exchange: SimulatorProcess, fault: dict[str, Any]) -> None:
    """It strikes the next order."""
    fault = {"request": "POST /api/v3/order", "count": 1, "name": f"fault-{time.monotonic_ns()}", **fault}
    with exchange.operator() as operator:
        answer = operator.post("/sim/faults", json=fault)
        assert answer.status_code == 200, answer.text


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, exchange: SimulatorProcess) -> Iterator[DeskServer]:
    """Each test ends it, and starts it again on the same state."""
    settings = {**OWNER, "simulator_url": exchange.http, "simulator_token": TOKEN}
    running = DeskServer(tmp_path_factory.mktemp("ending") / "var", settings).start().wait_ready()
    yield running
    running.stop()


def bot_of(desk: DeskServer, http: httpx.Client) -> Bot:
    return Bot(desk, http, http.headers["Authorization"].removeprefix("Bearer "))


def locked(http: httpx.Client) -> Decimal:
    """What the exchange holds back of the dollars: one order's worth for each that it has."""
    held = {item["asset"]: item for item in http.get("/balances").json()["items"]}
    return Decimal(held["USDT"]["locked"])


def sendings(order: dict[str, Any]) -> int:
    return [line["event"] for line in order["timeline"]].count("Submitting")


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        # Later than Binance takes an order: an answer all the same.
        ({"what": "latency", "latency_ms": 8_000}, "REJECTED"),
        pytest.param({"what": "half_open", "accepted": True}, "ACCEPTED", marks=pytest.mark.soak),
    ],
)
async def test_a_drain_waits_for_a_slow_exchange_and_everybody_sees_it(
    desk: DeskServer, exchange: SimulatorProcess, fault: dict[str, Any], outcome: str
) -> None:
    process = desk.process
    assert process is not None
    go_wrong(exchange, fault)
    with desk.api() as http:
        bot = bot_of(desk, http)
        async with bot.socket() as socket:
            await socket.subscribe("orders")
            placed = await asyncio.to_thread(bot.place_resting, QUANTITY)
            await socket.order(placed["id"], "SUBMITTED")
            told = time.monotonic()
            process.terminate()
            await socket.next("ending")
            order = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": QUANTITY}
            for refused in (
                await asyncio.to_thread(http.post, "/orders", json=order),
                await asyncio.to_thread(http.delete, f"/orders/{placed['id']}"),
                await asyncio.to_thread(http.delete, "/orders"),
            ):
                assert (refused.status_code, refused.json()["code"]) == (503, "ending")
            ready = await asyncio.to_thread(httpx.get, f"{desk.url}/readyz")
            assert (ready.status_code, ready.json()["waiting_for"]) == (503, ["the desk, which is ending"])
            with pytest.raises(InvalidStatus) as closed:
                async with connect(stream_address(desk), proxy=None):
                    pass
            assert json.loads(closed.value.response.body or b"{}")["code"] == "ending"
            assert process.poll() is None
            await socket.order(placed["id"], outcome)
            assert await socket.closed() == (1012, "the desk is ending")
    assert await asyncio.to_thread(process.wait, DRAIN_S) == 0
    assert time.monotonic() - told < DRAIN_S
    assert "Traceback" not in desk.log()
    await asyncio.to_thread(lambda: desk.start().wait_ready())
    with desk.api() as http:
        found = http.get(f"/orders/{placed['id']}").json()
        assert (found["status"], sendings(found)) == (outcome, 1)
        assert "recovery" not in {line["detail"]["source"] for line in found["timeline"]}
        there = Decimal(placed["price"]) * Decimal(QUANTITY) if outcome == "ACCEPTED" else 0
        assert locked(http) == there
        bot_of(desk, http).leave_nothing_open()


def test_a_second_signal_ends_it_at_once_and_nothing_is_lost_or_sent_twice(
    desk: DeskServer, exchange: SimulatorProcess
) -> None:
    assert desk.process is not None
    go_wrong(exchange, {"what": "half_open", "accepted": True})
    with desk.api() as http:
        bot = bot_of(desk, http)
        placed = bot.place_resting(QUANTITY)
        # Its stream may tell of it before its answer is given up.
        wait_until(lambda: sendings(http.get(f"/orders/{placed['id']}").json()) == 1, "the order to be sent")
    heard = len(desk.log_lines("the desk is ending"))
    desk.process.terminate()
    wait_until(lambda: len(desk.log_lines("the desk is ending")) > heard, "the first signal to be heard")
    told = time.monotonic()
    desk.process.terminate()
    assert desk.process.wait(5) == ENDED_BY_FORCE
    assert time.monotonic() - told < 2
    desk.start().wait_ready()
    with desk.api() as http:
        bot = bot_of(desk, http)
        bot.becomes(placed["id"], "ACCEPTED")
        assert sendings(http.get(f"/orders/{placed['id']}").json()) == 1
        assert locked(http) == Decimal(placed["price"]) * Decimal(QUANTITY)
        bot.leave_nothing_open()


def test_the_container_is_given_longer_to_stop_than_the_desk_takes() -> None:
    graces = re.findall(r"stop_grace_period: (\d+)s", Path(ROOT / "compose.yaml").read_text())
    assert graces
    assert all(int(grace) > DRAIN_S for grace in graces)
