"""How long a socket lives, what it may say, and how it is told that the end is near."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.simulator.process import SimulatorProcess, start_simulator, within
from tests.simulator.protocol.test_market_streams import the_end
from tests.simulator.sockets import consumer

Start = Callable[..., SimulatorProcess]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts an empty market with the limits of the test."""
    started: list[SimulatorProcess] = []

    def one(limits: str) -> SimulatorProcess:
        started.append(start_simulator("--flow", "none", "--limits", limits))
        return started[-1]

    yield one
    for running in started:
        running.stop()


async def test_every_socket_hears_of_the_shutdown_before_it_is_closed(start: Start) -> None:
    running = start("none")
    async with (
        consumer(f"{running.ws}/ws/btcusdt@trade") as bare,
        consumer(f"{running.ws}/stream?streams=btcusdt@trade") as combined,
        consumer(f"{running.ws}/ws-api/v3") as api,
    ):
        with running.operator() as operator:
            operator.post("/sim/shutdown")
        for socket in (bare, combined):
            assert (await socket.next())["e"] == "serverShutdown"
        told = await api.next()
        assert told["event"]["e"] == "serverShutdown"
        assert abs(told["event"]["E"] - time.time() * 1000) < 10_000
        for socket in (bare, combined, api):
            assert (await within(the_end(socket.connection)))[0] == 1012


async def test_a_socket_is_closed_when_its_time_is_over(start: Start) -> None:
    running = start("socket_life_s=1")
    async with consumer(f"{running.ws}/ws/btcusdt@trade") as stream, consumer(f"{running.ws}/ws-api/v3") as api:
        assert (await stream.next())["e"] == "serverShutdown"
        assert (await api.next())["event"]["e"] == "serverShutdown"
        for socket in (stream, api):
            assert await within(the_end(socket.connection)) == (1001, "24 hours are over")
    async with consumer(f"{running.ws}/ws-api/v3") as again:
        assert (await again.ask("ping"))["result"] == {}


async def test_more_than_five_messages_in_a_second_end_a_stream_socket(start: Start) -> None:
    running = start("socket_messages_1s=5")
    async with consumer(f"{running.ws}/ws") as socket:
        for _ in range(20):
            await socket.say(method="LIST_SUBSCRIPTIONS", id=1)
        assert await within(the_end(socket.connection)) == (1008, "Too many messages")


async def test_the_websocket_api_is_bound_by_weight_alone(start: Start) -> None:
    running = start("socket_messages_1s=5")
    async with consumer(f"{running.ws}/ws-api/v3") as socket:
        answers = [await socket.ask("ping") for _ in range(20)]
    assert {answer["status"] for answer in answers} == {200}


async def test_an_address_may_open_only_so_many_sockets(start: Start) -> None:
    running = start("sockets_5m=2")
    for _ in range(2):
        async with consumer(f"{running.ws}/ws") as socket:
            assert (await socket.ask("LIST_SUBSCRIPTIONS"))["result"] == []
    with pytest.raises(InvalidStatus) as refused:
        await connect(f"{running.ws}/ws", proxy=None)
    assert refused.value.response.status_code == 429


async def test_a_socket_that_answers_no_ping_is_closed_and_one_that_does_lives_on(start: Start) -> None:
    running = start("ping_s=1,pong_s=1")
    address = running.http.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(address[0], int(address[1]))
    writer.write(
        b"GET /ws/btcusdt@trade HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    began = time.monotonic()
    async with consumer(f"{running.ws}/ws") as polite:
        said = await within(reader.read(), 10)
        assert 1.5 < time.monotonic() - began < 8
        assert b"101 Switching Protocols" in said
        assert b"\x89\x04" in said, "a ping with four bytes"
        assert b"keepalive ping timeout" in said
        assert (await polite.ask("LIST_SUBSCRIPTIONS"))["result"] == []
    writer.close()
