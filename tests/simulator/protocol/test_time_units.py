"""Whoever asks for microseconds gets them everywhere, and may send them.

Source of the fields: Binance Spot API, REST, WebSocket API, WebSocket Streams, User Data Streams, 2026-07.
"""

from __future__ import annotations

import time
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from engine.simulator.time_units import in_microseconds
from tests.simulator.process import SimulatorProcess, Trader, plain_client
from tests.simulator.sockets import consumer

MICROS = {"X-MBX-TIME-UNIT": "MICROSECOND"}
YEAR_2001_US, YEAR_2200_US = 10**15, 7_258_118_400 * 10**6


def is_microseconds(value: object) -> bool:
    return isinstance(value, int) and YEAR_2001_US < value < YEAR_2200_US


async def test_rest_tells_times_in_the_unit_of_the_header(simulator: SimulatorProcess, trader: Trader) -> None:
    async with plain_client(simulator) as http:
        assert is_microseconds((await http.get("/api/v3/time", headers=MICROS)).json()["serverTime"])
        assert is_microseconds(
            (await http.get("/api/v3/time", headers={"X-MBX-TIME-UNIT": "microsecond"})).json()["serverTime"]
        )
        assert not is_microseconds((await http.get("/api/v3/time")).json()["serverTime"])
        wrong = await http.get("/api/v3/time", headers={"X-MBX-TIME-UNIT": "second"})
    assert (wrong.status_code, wrong.json()["code"]) == (400, -1194)


async def test_times_are_taken_in_either_unit(trader: Trader) -> None:
    stamp_us = time.time_ns() // 1000
    span = {"startTime": stamp_us - 10**9, "endTime": stamp_us}
    answer = await trader.call("GET", "/api/v3/allOrders", symbol="BTCUSDT", timestamp=stamp_us, **span)
    assert (answer.status_code, answer.json()) == (200, [])


async def test_sockets_tell_times_in_the_unit_of_their_url(
    simulator: SimulatorProcess, trader: Trader, peer: Trader
) -> None:
    async with (
        consumer(f"{simulator.ws}/stream?streams=btcusdt@trade/btcusdt@kline_1m&timeUnit=MICROSECOND") as streams,
        consumer(f"{simulator.ws}/ws-api/v3?timeUnit=microsecond") as api,
    ):
        await streams.ask("LIST_SUBSCRIPTIONS")
        await api.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        assert is_microseconds((await api.ask("time"))["result"]["serverTime"])
        await peer.place("SELL", "LIMIT", quantity="1", price="60000")
        await trader.place("BUY", "MARKET", quantity="0.5")
        trade = await streams.event("trade")
        assert is_microseconds(trade["E"])
        assert is_microseconds(trade["T"])
        candle = (await streams.event("kline"))["k"]
        assert is_microseconds(candle["t"])
        report = await api.event("executionReport")
        assert all(is_microseconds(report[name]) for name in "ETOW")
        assert is_microseconds((await api.event("outboundAccountPosition"))["u"])


@pytest.mark.parametrize("path", ["ws-api/v3", "ws/btcusdt@trade"])
async def test_a_unit_that_is_none_opens_no_socket(simulator: SimulatorProcess, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with consumer(f"{simulator.ws}/{path}?timeUnit=SECOND"):
            pass
    assert refused.value.response.status_code == 400


CANDLE, CANDLE_US = {"t": 1, "T": 2, "i": "1m", "n": 3}, {"t": 1000, "T": 2000, "i": "1m", "n": 3}
REPORT = {"e": "executionReport", "C": "1", "t": -1, "i": 7, "d": 4}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"e": "depthUpdate", "E": 1, "U": 2, "u": 3}, {"e": "depthUpdate", "E": 1000, "U": 2, "u": 3}),
        ({"e": "trade", "E": 1, "t": 5, "T": 1}, {"e": "trade", "E": 1000, "t": 5, "T": 1000}),
        ({"e": "kline", "E": 1, "k": CANDLE}, {"e": "kline", "E": 1000, "k": CANDLE_US}),
        ({"u": 4, "s": "BTCUSDT"}, {"u": 4, "s": "BTCUSDT"}),
        ({**REPORT, "D": 1}, {**REPORT, "D": 1000}),
        ([{"a": 1, "T": 2}], [{"a": 1, "T": 2000}]),
        ({"workingTime": -1, "orderId": 9}, {"workingTime": -1, "orderId": 9}),
        ([[1, *"ohlcv", 2, *"qntbi"]], [[1000, *"ohlcv", 2000, *"qntbi"]]),
        ({"lastUpdateId": 1, "bids": [["1", "2"]]}, {"lastUpdateId": 1, "bids": [["1", "2"]]}),
    ],
)
def test_only_times_are_changed(told: Any, expected: Any) -> None:
    assert in_microseconds(told) == expected
