"""What goes by the clock, on a clock of the test's own: candles that close, keys that expire, diffs that gather."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, cast

import pytest

from engine.runtime import SystemIds
from engine.simulator.channels import MarketChannels, Subscriber
from engine.simulator.exchange import Exchange
from engine.simulator.faults import Faults
from engine.simulator.listings import default_listings
from engine.simulator.operations import Counter, Operation
from engine.simulator.outbox import Outbox
from engine.simulator.params import Params
from engine.simulator.trading import OPERATIONS
from engine.simulator.user_streams import LISTEN_KEY_MS, UserStreams, UserSubscription
from tests.simulator.process import Keys

MIDNIGHT_MS = 1_700_006_400_000
NO_FAULTS = Faults(1, lambda: MIDNIGHT_MS, lambda api_key: None)
BALANCES = {"USDT": Decimal(10**6), "BTC": Decimal(100)}


@dataclass
class HandClock:
    """A clock that the test moves."""

    now_ms: int = MIDNIGHT_MS

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.now_ms / 1000, UTC)

    def monotonic(self) -> float:
        return self.now_ms / 1000


class Heard(Outbox):
    """An outbox that keeps what it was given."""

    def __init__(self) -> None:
        super().__init__()
        self.messages: list[dict[str, Any]] = []

    def put(self, text: str) -> None:
        self.messages.append(json.loads(text))


class World:
    """An exchange with two accounts and its streams, in one process and without sockets."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.exchange = Exchange(default_listings(), 1, lambda: self.clock.now_ms, None)
        self.counter = Counter(self.exchange, lambda: self.clock.now_ms, SystemIds())
        self.channels = MarketChannels(self.exchange, self.counter.notations, self.clock, lambda: self.clock.now_ms)
        self.users = UserStreams(
            self.exchange, self.counter.notations, SystemIds(), lambda: self.clock.now_ms, NO_FAULTS
        )
        self.buyer = self.exchange.create_account("buyer-key", "s", BALANCES)
        self.seller = self.exchange.create_account("seller-key", "s", BALANCES)

    def watch(self, *names: str) -> list[dict[str, Any]]:
        heard = Heard()
        for name in names:
            assert self.channels.subscribe(name, Subscriber(heard, wrapped=False))
        return heard.messages

    def beat(self, seconds: float = 0.1) -> None:
        for _ in range(round(seconds * 10)):
            self.clock.now_ms += 100
            self.channels.beat()

    def place(self, api_key: str, side: str, price: str, quantity: str) -> None:
        fields = {"side": side, "type": "LIMIT", "timeInForce": "GTC", "price": price, "quantity": quantity}
        self.signed(api_key, operation("order.place"), {"symbol": "BTCUSDT", **fields})

    def signed(self, api_key: str, asked: Operation, fields: Mapping[str, str]) -> Any:
        account = self.exchange.account_by_key(api_key)
        assert account is not None
        full = {**fields, "timestamp": str(self.clock.now_ms)}
        payload = "&".join(f"{name}={value}" for name, value in full.items())
        signature = Keys(api_key, account.secret).sign(payload)
        return self.counter.serve(asked, Params({**full, "signature": signature}), api_key, payload.encode())


def operation(name: str) -> Operation:
    return next(asked for asked in OPERATIONS if asked.ws == name)


@pytest.fixture
def world() -> World:
    return World()


def trade(world: World, price: str) -> None:
    world.place("seller-key", "SELL", price, "0.1")
    world.place("buyer-key", "BUY", price, "0.1")


def test_a_candle_that_closes_is_told_once_as_closed_before_the_next_begins(world: World) -> None:
    heard = world.watch("btcusdt@kline_1m")
    trade(world, "60000")
    world.beat(2)
    trade(world, "60010")
    world.beat(60)
    trade(world, "60020")
    world.beat(2)
    told = [(row["k"]["t"] - MIDNIGHT_MS, row["k"]["c"], row["k"]["n"], row["k"]["x"]) for row in heard]
    assert told == [
        (0, "60000.00000000", 1, False),
        (0, "60010.00000000", 2, False),
        (0, "60010.00000000", 2, True),
        (60_000, "60010.00000000", 0, False),
        (60_000, "60020.00000000", 1, False),
    ]


def test_a_minute_without_trades_closes_flat(world: World) -> None:
    heard = world.watch("btcusdt@kline_1m")
    trade(world, "60000")
    world.beat(179)
    closed = [row["k"] for row in heard if row["k"]["x"]]
    assert [(row["t"] - MIDNIGHT_MS, row["n"]) for row in closed] == [(0, 1), (60_000, 0)]
    assert {row["c"] for row in closed} == {"60000.00000000"}


def test_a_diff_holds_what_changed_since_the_last_and_nothing_else(world: World) -> None:
    heard = world.watch("btcusdt@depth@100ms")
    world.place("buyer-key", "BUY", "20000", "1")
    world.place("buyer-key", "BUY", "20000", "1")
    world.beat()
    world.place("buyer-key", "BUY", "20001", "1")
    world.beat(1)
    assert [(diff["b"], diff["a"]) for diff in heard] == [
        ([["20000.00000000", "2.00000000"]], []),
        ([["20001.00000000", "1.00000000"]], []),
    ]


def test_a_quiet_market_says_nothing_twice(world: World) -> None:
    heard = world.watch("btcusdt@depth5@100ms", "btcusdt@depth", "btcusdt@ticker", "btcusdt@miniTicker")
    world.beat(3)
    before = len(heard)
    world.beat(10)
    assert len(heard) == before


def test_a_stream_without_listeners_is_forgotten_and_one_that_nobody_knows_is_refused(world: World) -> None:
    subscriber = Subscriber(Heard(), wrapped=False)
    assert world.channels.subscribe("btcusdt@trade", subscriber)
    world.channels.unsubscribe("btcusdt@trade", subscriber)
    assert not any(
        world.channels.subscribe(name, subscriber)
        for name in ("nope@trade", "btcusdt@kline_7m", "btcusdt@depth7", "btcusdt", "!ticker", "BTCUSDT@trade")
    )


def test_a_listen_key_that_is_not_kept_alive_expires_and_its_sockets_are_told(world: World) -> None:
    start, keep = (asked for asked in world.users.operations() if asked.rest and asked.rest[0] in {"POST", "PUT"})
    made = cast("dict[str, str]", world.counter.serve(start, Params({}), "buyer-key", b""))
    key = made["listenKey"]
    heard = Heard()
    world.users.subscribe(UserSubscription(world.buyer.account_id, heard, listen_key=key))
    world.clock.now_ms += LISTEN_KEY_MS - 1
    world.counter.serve(keep, Params({"listenKey": key}), "buyer-key", b"")
    world.clock.now_ms += LISTEN_KEY_MS - 1
    world.users.sweep()
    assert world.users.account_of(key) == world.buyer.account_id
    world.clock.now_ms += 1
    assert world.users.account_of(key) is None
    world.users.sweep()
    world.place("buyer-key", "BUY", "20000", "1")
    assert [message["e"] for message in heard.messages] == ["listenKeyExpired"]
