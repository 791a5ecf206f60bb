"""What a stream socket answers, in Binance's codes and words."""

from __future__ import annotations

import json

import pytest

from tests.simulator.process import SimulatorProcess
from tests.simulator.sockets import consumer


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("nope", 3, "Invalid JSON: expected value at line 1 column"),
        ("[]", 2, "Invalid request: request must be an object"),
        ('{"id": 1}', 2, "Invalid request: missing field `method` at line 1 column 9"),
        (
            '{"method": "DANCE", "id": 1}',
            2,
            "Invalid request: unknown variant `DANCE`, expected one of `SUBSCRIBE`, `UNSUBSCRIBE`, "
            "`LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY`",
        ),
        ('{"method": 5, "id": 1}', 2, "Invalid request: unknown variant `5`"),
        ('{"method": "LIST_SUBSCRIPTIONS", "id": 1.5}', 2, "request ID must be an unsigned integer"),
        ('{"method": "LIST_SUBSCRIPTIONS", "id": true}', 2, "request ID must be an unsigned integer"),
        ('{"method": "LIST_SUBSCRIPTIONS", "id": "%s"}' % ("x" * 37), 2, "request ID must be an unsigned integer"),
        ('{"method": "SUBSCRIBE", "id": 1}', 2, "params must be a list of stream names"),
        ('{"method": "SUBSCRIBE", "params": [""], "id": 1}', 2, "params must be a list of stream names"),
        ('{"method": "SET_PROPERTY", "params": ["combined", 1], "id": 1}', 1, "Invalid value type: expected Boolean"),
        ('{"method": "SET_PROPERTY", "params": ["combined"], "id": 1}', 1, "Invalid value type: expected Boolean"),
        ('{"method": "SET_PROPERTY", "params": ["color", true], "id": 1}', 0, "Unknown property"),
        ('{"method": "SET_PROPERTY", "params": [1, true], "id": 1}', 2, "property name must be a string"),
        ('{"method": "SET_PROPERTY", "params": ["combined", true, 1], "id": 1}', 2, "too many parameters"),
        ('{"method": "GET_PROPERTY", "params": [], "id": 1}', 2, "property name must be a string"),
        ('{"method": "GET_PROPERTY", "params": ["color"], "id": 1}', 0, "Unknown property"),
    ],
)
async def test_a_request_that_makes_no_sense(simulator: SimulatorProcess, text: str, code: int, message: str) -> None:
    async with consumer(f"{simulator.ws}/ws") as socket:
        await socket.connection.send(text)
        answer = json.loads(await socket.connection.recv())
    assert answer["error"]["code"] == code
    assert message in answer["error"]["msg"]


@pytest.mark.parametrize(("path", "combined"), [("/ws", False), ("/stream", True)])
async def test_whether_events_carry_their_streams_name_is_told_and_set(
    simulator: SimulatorProcess, path: str, combined: bool
) -> None:
    async with consumer(f"{simulator.ws}{path}") as socket:
        assert (await socket.ask("GET_PROPERTY", ["combined"]))["result"] is combined
        assert (await socket.ask("SET_PROPERTY", ["combined", not combined]))["result"] is None
        assert (await socket.ask("GET_PROPERTY", ["combined"]))["result"] is not combined
