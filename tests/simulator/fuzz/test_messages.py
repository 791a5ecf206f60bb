# pyright: reportPrivateUsage=false
"""Whatever text comes over a socket, it is answered once, in JSON, without a 500, and the socket lives on."""

from __future__ import annotations

import asyncio
import json
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from engine.runtime import SystemClock
from engine.simulator.channels import MarketChannels
from engine.simulator.faults import Faults
from engine.simulator.lines import Line
from engine.simulator.outbox import Outbox
from engine.simulator.signing import ws_payload
from engine.simulator.streams import ACTS, StreamSession
from engine.simulator.ws_session import Wishes, WsApiSession
from tests.simulator.fuzz.asking import JUNK, ask
from tests.simulator.fuzz.test_operations import MIDDLE, Floor

STREAMS = (
    "btcusdt@trade", "btcusdt@depth@100ms", "btcusdt@kline_1m", "!miniTicker@arr", "btcusdt@referencePrice", "no@trade",
    "BTCUSDT@trade", "", "x" * 200, "btcusdt@depth7", "btcusdt@kline_1M@+08:00",
)  # fmt: skip
OWN = (
    "session.logon", "session.status", "session.logout", "session.subscriptions", "userDataStream.subscribe",
    "userDataStream.subscribe.signature", "userDataStream.unsubscribe", "v3/ping", "v3/v3/ping",
)  # fmt: skip
scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=40) | st.sampled_from(JUNK)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=8,
)
names = st.lists(st.sampled_from(STREAMS) | st.text(max_size=20), max_size=5)
EFFORT = settings(max_examples=150, deadline=None, derandomize=True, database=None)
CAMPAIGN = settings(max_examples=20_000, deadline=None, database=None)


@st.composite
def requests(draw: st.DrawFn, methods: tuple[str, ...]) -> str:
    """A frame: a request that is nearly right, some JSON, or no JSON at all."""
    shape = draw(st.integers(0, 9))
    if shape == 0:
        return draw(st.text(max_size=60))
    frame: dict[str, Any] = {"id": draw(scalars), "method": draw(st.sampled_from(methods))}
    if shape == 1:
        return json.dumps(draw(values))
    if shape > 3:
        frame["params"] = draw(names if methods == tuple(ACTS) else st.dictionaries(st.text(max_size=12), values))
    elif shape > 2:
        frame[draw(st.sampled_from(["id", "method", "params"]))] = draw(values)
    text = json.dumps(frame)
    return text[: draw(st.integers(0, len(text)))] if draw(st.integers(0, 19)) == 0 else text


class Api:
    """A socket of the WebSocket API without a wire."""

    def __init__(self) -> None:
        self.floor = Floor()
        self.outbox = Outbox()
        operations = {row.ws: row for row in self.floor.operations if row.ws is not None}
        faults = Faults(1, self.floor.now_ms, lambda key: None)
        self.methods = (*operations, *OWN, "no.method", "")
        self.session = WsApiSession(
            self.floor.counter, operations, self.floor.users, faults, Line.of({}), self.outbox, "", Wishes(), 1
        )

    def answer(self, text: str) -> dict[str, Any]:
        """The one answer to a frame; events that it brings about are passed over."""
        assert self.session.read(text) is None
        told = [orjson.loads(message) for message in self.outbox.take()]
        answers = [message for message in told if "status" in message]
        assert len(answers) == 1, told
        return dict(answers[0])


API = Api()


def check_answer(text: str) -> None:
    answer = API.answer(text)
    assert answer["status"] == 200 or 400 <= answer["status"] < 500, answer
    assert ("result" in answer) != ("error" in answer)
    API.floor.hold()


def signed_near_request(seed: int) -> str:
    """A request of an operation that is nearly right, signed by one of the customers."""
    random = Random(seed)
    asked, customer = random.choice(API.floor.operations), random.choice(API.floor.customers)
    params: dict[str, str] = {**ask(random, asked, MIDDLE), "apiKey": customer.keys.api_key}
    params["timestamp"] = str(API.floor.now_ms() + random.choice((0, 0, 0, 999, 5000, -4000, -60_001)))
    if random.random() < 0.1:
        params["recvWindow"] = random.choice(("60000", "60000.001", "0", "5000.5", "1e3", "", "5000.1234"))
    params["signature"] = customer.keys.sign(ws_payload(params).decode())
    if random.random() < 0.05:
        params.pop(random.choice(["signature", "timestamp", "apiKey"]))
    return json.dumps({"id": seed, "method": asked.ws or "ping", "params": params})


@EFFORT
@given(text=requests(API.methods))
@example('{"id":1,"method":"ping","params":{"a":{"b":1}}}')
@example('{"id":1e400,"method":"ping"}')
@example("[" * 2000)
def test_the_websocket_api_answers_any_text(text: str) -> None:
    check_answer(text)


@settings(EFFORT, max_examples=400)
@given(seed=st.integers(0, 2**53))
def test_the_websocket_api_answers_what_is_nearly_right(seed: int) -> None:
    check_answer(signed_near_request(seed))


def check_stream_answer(texts: list[str]) -> None:
    async def speak() -> None:
        floor, outbox = API.floor, Outbox()
        channels = MarketChannels(floor.exchange, floor.counter.notations, SystemClock(), floor.now_ms)
        session = StreamSession(channels, floor.users, outbox, wrapped=True)
        for text in texts:
            session.read(text)
            told = [orjson.loads(message) for message in outbox.take()]
            assert len(told) == 1
            assert told[0].keys() == {"id", "result"} or told[0].keys() == {"id", "error"}, told
        channels.beat()
        session.end()
        assert channels.backlog() == 0
        channels.close()

    asyncio.run(speak())


@EFFORT
@given(texts=st.lists(requests(tuple(ACTS)), min_size=1, max_size=4))
def test_the_streams_answer_any_text(texts: list[str]) -> None:
    check_stream_answer(texts)


@pytest.mark.soak
@CAMPAIGN
@given(text=requests(API.methods))
def test_the_websocket_api_answers_any_text_however_long_one_tries(text: str) -> None:
    check_answer(text)


@pytest.mark.soak
@CAMPAIGN
@given(seed=st.integers(0, 2**53))
def test_the_websocket_api_answers_what_is_nearly_right_however_long_one_tries(seed: int) -> None:
    check_answer(signed_near_request(seed))


@pytest.mark.soak
@CAMPAIGN
@given(texts=st.lists(requests(tuple(ACTS)), min_size=1, max_size=6))
def test_the_streams_answer_any_text_however_long_one_tries(texts: list[str]) -> None:
    check_stream_answer(texts)
