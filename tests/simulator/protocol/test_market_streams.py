"""Market streams: what goes out, under which name, in which order, and to whom."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, cast

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.simulator.process import SimulatorProcess, Trader, plain_client, start_simulator, within
from tests.simulator.sockets import consumer, unwrapped

Book = dict[str, Decimal]
STREAMS = (
    "trade", "aggTrade", "bookTicker", "miniTicker", "ticker", "kline_1m", "kline_1d", "depth5@100ms", "depth20",
    "depth@100ms",
)  # fmt: skip


def apply(book: Book, levels: list[list[str]]) -> None:
    for price, quantity in levels:
        book[price] = Decimal(quantity)
        if not book[price]:
            del book[price]


@pytest.mark.parametrize("speed", ["@100ms", ""])
async def test_diffs_chain_without_a_hole_and_add_up_to_the_snapshot(
    simulator: SimulatorProcess, trader: Trader, peer: Trader, speed: str
) -> None:
    async with consumer(f"{simulator.ws}/ws/btcusdt@depth{speed}") as socket:
        await socket.ask("LIST_SUBSCRIPTIONS")
        for number in range(40):
            await peer.place("SELL", "LIMIT", quantity="0.1", price=f"{60000 + number % 7}")
            if number % 3 == 0:
                await trader.place("BUY", "MARKET", quantity="0.15")
            await asyncio.sleep(0.01)
        final = (await trader.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": 5000})).json()
        bids: Book = {}
        asks: Book = {}
        before: int | None = None
        while before is None or before < final["lastUpdateId"]:
            diff = await socket.event("depthUpdate")
            assert before is None or diff["U"] == before + 1
            assert diff["U"] <= diff["u"]
            apply(bids, diff["b"])
            apply(asks, diff["a"])
            before = diff["u"]
    assert before == final["lastUpdateId"]
    assert asks == {price: Decimal(quantity) for price, quantity in final["asks"]}
    assert bids == {price: Decimal(quantity) for price, quantity in final["bids"]}


async def test_a_trade_is_told_on_every_stream_that_it_touches(
    simulator: SimulatorProcess, trader: Trader, peer: Trader
) -> None:
    streams = [f"ethusdt@{name}" for name in STREAMS] + ["!miniTicker@arr", "!ticker@arr"]
    async with consumer(f"{simulator.ws}/stream?streams={'/'.join(streams)}") as socket:
        await socket.ask("LIST_SUBSCRIPTIONS")
        await peer.place("SELL", "LIMIT", "ETHUSDT", quantity="1", price="3000")
        order = await trader.place("BUY", "MARKET", "ETHUSDT", quantity="0.4")

        async def of(name: str, **expected: object) -> Any:
            message = await socket.next(
                lambda message: message["stream"] == name and expected.items() <= flat(message["data"]).items()
            )
            return message["data"]

        trade = await of("ethusdt@trade", e="trade", p="3000.00000000", q="0.40000000", m=False)
        assert (trade["t"], trade["b"]) == (order["fills"][0]["tradeId"], order["orderId"])
        aggregate = await of("ethusdt@aggTrade", e="aggTrade", q="0.40000000", m=False)
        assert (aggregate["f"], aggregate["l"]) == (trade["t"], trade["t"])
        await of("ethusdt@bookTicker", s="ETHUSDT", a="3000.00000000", A="0.60000000", b="0.00000000")
        await of("ethusdt@miniTicker", e="24hrMiniTicker", c="3000.00000000", v="0.40000000")
        ticker = await of("ethusdt@ticker", e="24hrTicker", c="3000.00000000", a="3000.00000000")
        assert (ticker["n"], ticker["w"], ticker["Q"]) == (1, "3000.00000000", "0.40000000")
        for interval in ("1m", "1d"):
            kline = (await of(f"ethusdt@kline_{interval}", e="kline"))["k"]
            assert (kline["i"], kline["c"], kline["x"]) == (interval, "3000.00000000", False)
        for name in ("ethusdt@depth5@100ms", "ethusdt@depth20"):
            book = await of(name)
            while not book["asks"] or book["asks"][0][1] != "0.60000000":
                book = await of(name)
        await of("ethusdt@depth@100ms", e="depthUpdate", s="ETHUSDT")
        everyone = await of("!miniTicker@arr")
        assert {row["s"] for row in everyone} >= {"BTCUSDT", "ETHUSDT"}
        assert (await of("!ticker@arr"))[0]["e"] == "24hrTicker"


def flat(data: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", data) if isinstance(data, dict) else {}


async def test_trades_of_one_order_at_one_price_are_one_aggregate(
    simulator: SimulatorProcess, trader: Trader, peer: Trader
) -> None:
    for price in ("60000", "60000", "60001"):
        await peer.place("SELL", "LIMIT", quantity="0.1", price=price)
    async with consumer(f"{simulator.ws}/ws/btcusdt@aggTrade") as socket:
        await socket.ask("LIST_SUBSCRIPTIONS")
        order = await trader.place("BUY", "MARKET", quantity="0.3")
        ids = [fill["tradeId"] for fill in order["fills"]]
        streamed = [await socket.event("aggTrade") for _ in range(2)]
    assert [(row["f"], row["l"], row["q"]) for row in streamed] == [
        (ids[0], ids[1], "0.20000000"),
        (ids[2], ids[2], "0.10000000"),
    ]
    listed = (await trader.http.get("/api/v3/aggTrades", params={"symbol": "BTCUSDT", "limit": 3})).json()
    assert [row["a"] for row in listed[-2:]] == [row["a"] for row in streamed]


@pytest.mark.parametrize("request_id", [7, "0c9b8b22-6a0c-4a37-9f4b-7e4f6a3b1a10", "seven"])
async def test_subscriptions_change_on_the_way_and_the_id_comes_back_as_it_was(
    simulator: SimulatorProcess, request_id: object
) -> None:
    async with consumer(f"{simulator.ws}/ws") as socket:
        await socket.say(id=request_id, method="SUBSCRIBE", params=["btcusdt@trade", "btcusdt@depth"])
        assert await socket.next() == {"result": None, "id": request_id}
        await socket.say(id=request_id, method="UNSUBSCRIBE", params=["btcusdt@trade"])
        assert await socket.next() == {"result": None, "id": request_id}
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == ["btcusdt@depth"]


async def test_an_unsubscribed_stream_is_silent(simulator: SimulatorProcess, trader: Trader, peer: Trader) -> None:
    async with consumer(f"{simulator.ws}/stream/ws/0") as socket:
        await socket.ask("SUBSCRIBE", ["btcusdt@trade", "btcusdt@bookTicker"])
        await socket.ask("UNSUBSCRIBE", ["btcusdt@trade"])
        await peer.place("SELL", "LIMIT", quantity="0.1", price="60000")
        await trader.place("BUY", "MARKET", quantity="0.1")
        await socket.next(lambda message: message.get("a") == "60000.00000000")
        await socket.next(lambda message: message.get("a") == "0.00000000")
        assert not [message for message in socket.waiting if unwrapped(message).get("e") == "trade"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no json", 3),
        ("[]", 2),
        ('{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[1],"id":1}', 2),
        ('{"method":"DANCE","params":[],"id":1}', 2),
        ('{"method":"SUBSCRIBE","params":[],"id":{}}', 2),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_and_the_socket_lives_on(
    simulator: SimulatorProcess, text: str, code: int
) -> None:
    async with consumer(f"{simulator.ws}/ws") as socket:
        await socket.connection.send(text)
        assert (await socket.next())["error"]["code"] == code
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == []


async def test_more_streams_than_binance_allows_are_refused(simulator: SimulatorProcess) -> None:
    async with consumer(f"{simulator.ws}/ws") as socket:
        answer = await socket.ask("SUBSCRIBE", [f"s{number}@trade" for number in range(1025)])
        assert answer["error"]["code"] == 2
        assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == []


async def test_combined_can_be_switched_on(simulator: SimulatorProcess, trader: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws/btcusdt@bookTicker") as socket:
        assert (await socket.ask("SET_PROPERTY", ["combined", True]))["result"] is None
        await trader.place("BUY", "LIMIT", quantity="1", price="20000")
        assert (await socket.next())["stream"] == "btcusdt@bookTicker"


async def test_a_torn_connection_harms_nobody_else(simulator: SimulatorProcess, trader: Trader, peer: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws/btcusdt@trade") as steady:
        await steady.ask("LIST_SUBSCRIPTIONS")
        for _ in range(20):
            async with consumer(f"{simulator.ws}/ws/btcusdt@trade") as torn:
                torn.connection.transport.abort()
        await peer.place("SELL", "LIMIT", quantity="0.1", price="60000")
        await trader.place("BUY", "MARKET", quantity="0.1")
        assert (await steady.event("trade"))["p"] == "60000.00000000"


@pytest.fixture
def patient_simulator() -> Iterator[SimulatorProcess]:
    """A market where a socket may say what it likes."""
    running = start_simulator("--flow", "none", "--limits", "none")
    yield running
    running.stop()


async def test_a_consumer_that_falls_behind_is_closed_rather_than_fed_a_hole(
    patient_simulator: SimulatorProcess,
) -> None:
    simulator = patient_simulator
    async with connect(f"{simulator.ws}/ws", proxy=None, max_queue=1) as socket:
        names = [f"{number:04}-a-name-that-is-long-so-that-the-answer-is-large@trade" for number in range(1000)]
        await socket.send(json.dumps({"method": "SUBSCRIBE", "params": names, "id": 0}))
        for number in range(1000):
            await socket.send(json.dumps({"method": "LIST_SUBSCRIPTIONS", "id": number}))
        ended = await within(the_end(socket), 20)
    assert ended == (1008, "too slow")


async def the_end(socket: ClientConnection) -> tuple[int, str]:
    """Read until the server closes; the code and the reason that it gave."""
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, "")


async def test_a_message_that_is_too_large_ends_only_its_own_socket(simulator: SimulatorProcess) -> None:
    async with consumer(f"{simulator.ws}/ws") as socket:
        await socket.connection.send("x" * 200_000)
        assert (await within(the_end(socket.connection)))[0] == 1009
    async with plain_client(simulator) as http:
        assert (await http.get("/api/v3/ping")).status_code == 200


async def test_a_lively_market_trades_at_the_prices_of_its_own_book(lively_simulator: SimulatorProcess) -> None:
    async with consumer(f"{lively_simulator.ws}/stream?streams=btcusdt@trade/btcusdt@bookTicker") as socket:
        ends = time.monotonic() + 20
        trades = 0
        while trades < 5:
            assert time.monotonic() < ends
            top = (await socket.next(lambda message: message["stream"] == "btcusdt@bookTicker"))["data"]
            assert Decimal(top["b"]) < Decimal(top["a"])
            trades += sum(1 for message in socket.waiting if message["stream"] == "btcusdt@trade")
            socket.waiting.clear()
    async with plain_client(lively_simulator) as http:
        candles = (await http.get("/api/v3/klines?symbol=BTCUSDT&interval=1m&limit=1000")).json()
    assert len(candles) == 1000
    assert {later[0] - earlier[0] for earlier, later in itertools.pairwise(candles)} == {60_000}
