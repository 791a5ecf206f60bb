"""A second simulator as the venue, people who trade there, and mirrors of it."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from engine.runtime import Supervisor
from engine.simulator.exchange import Exchange
from engine.simulator.listings import default_listings
from engine.simulator.mirror_flow import MirrorFlow, Patience, State
from engine.simulator.model import Listing, NewOrder, OrderType, Side, SimOrder
from engine.simulator.sources import parse_source
from tests.simulator.process import Keys, SimulatorProcess, Trader, plain_client, start_simulator, until

QUICK = Patience(silence_s=0.6, withdraw_s=60, backoff_s=(0.05, 0.1))
Levels = dict[int, int]


@pytest.fixture(scope="module")
def venue() -> Iterator[SimulatorProcess]:
    """The exchange that is mirrored: nobody trades there but the test."""
    running = start_simulator("--flow", "none", "--seed", "1", "--limits", "none")
    yield running
    assert running.stop() == 0


@dataclass
class Crowd:
    """Two people at the venue."""

    maker: Trader
    taker: Trader

    async def trade(self, side: str, price: str, quantity: str, symbol: str = "BTCUSDT") -> None:
        """Let one of them take `quantity` that the other offers at `price`; `side` is the taker's."""
        other = "SELL" if side == "BUY" else "BUY"
        await self.maker.place(other, "LIMIT", symbol, quantity=quantity, price=price)
        await self.taker.place(side, "LIMIT", symbol, quantity=quantity, price=price)


@pytest.fixture
async def crowd(venue: SimulatorProcess) -> AsyncIterator[Crowd]:
    """They leave an empty book."""
    async with plain_client(venue) as http:
        crowd = Crowd(Trader(http, venue.open_account()), Trader(http, venue.open_account()))
        yield crowd
        await crowd.maker.cancel_everything()
        await crowd.taker.cancel_everything()


@pytest.fixture(autouse=True)
def no_faults_left(venue: SimulatorProcess) -> Iterator[None]:
    yield
    with venue.operator() as operator:
        operator.delete("/sim/faults")


@dataclass
class Mirror:
    """A mirror that runs in the test."""

    exchange: Exchange
    flow: MirrorFlow

    def bids(self, symbol: str = "BTCUSDT") -> Levels:
        return dict(self.exchange.depth(symbol, 1000).bids)

    def asks(self, symbol: str = "BTCUSDT") -> Levels:
        return dict(self.exchange.depth(symbol, 1000).asks)

    def trades(self, symbol: str = "BTCUSDT") -> list[tuple[int, int, int, bool]]:
        """Id, ticks, lots, whether the buyer was the maker."""
        rows = self.exchange.trades(symbol, limit=1000)
        return [(row.trade_id, row.price_ticks, row.lots, row.buyer_is_maker) for row in rows]

    def symbol(self, symbol: str = "BTCUSDT") -> Any:
        """What the status says of a symbol."""
        told: Any = self.flow.status()["symbols"]
        return told[symbol]

    def customer(self) -> int:
        return self.exchange.create_account("mine", "secret", {"USDT": Decimal(10**6), "BTC": Decimal(10)}).account_id

    def limit(self, account: int, side: Side, price: int, lots: int) -> SimOrder:
        request = NewOrder("BTCUSDT", side, OrderType.LIMIT, "mine", price_ticks=price, lots=lots)
        return self.exchange.place(account, request)[0]

    def filled(self, account: int, order: SimOrder) -> int:
        return self.exchange.order(account, "BTCUSDT", order_id=order.order_id).filled_lots

    async def live(self) -> None:
        await until(lambda: self.flow.state is State.LIVE, "a live mirror")

    async def shows(self, bids: Levels, asks: Levels, symbol: str = "BTCUSDT") -> None:
        """Wait until the mirrored book is exactly this."""
        await until(
            lambda: (self.bids(symbol), self.asks(symbol)) == (bids, asks),
            f"{bids} and {asks} instead of {self.bids(symbol)} and {self.asks(symbol)}",
        )


OpenMirror = Callable[..., AbstractAsyncContextManager[Mirror]]


@pytest.fixture
def open_mirror(venue: SimulatorProcess) -> OpenMirror:
    """Runs a mirror of the venue for as long as its context is open."""

    @asynccontextmanager
    async def open_one(
        symbols: str = "BTCUSDT",
        patience: Patience = QUICK,
        journal: Path | None = None,
        listings: Sequence[Listing] = default_listings(),
        url: str = venue.http,
    ) -> AsyncGenerator[Mirror]:
        exchange = Exchange(listings, 1, lambda: time.time_ns() // 1_000_000, journal)
        supervisor = Supervisor("test")
        try:
            source = parse_source("mirror", f"binance:{symbols}@{url}", exchange.listings)
            mirror = Mirror(exchange, MirrorFlow(exchange, source, patience=patience))
            mirror.flow.prepare()
            supervisor.run("mirror", mirror.flow.run())
            yield mirror
        finally:
            await supervisor.close()
            exchange.close()
        assert supervisor.failures == ()

    return open_one


def strike(venue: SimulatorProcess, **fault: object) -> None:
    """Let a fault befall the venue."""
    with venue.operator() as operator:
        answer = operator.post("/sim/faults", json=fault)
    assert answer.status_code == 200, answer.text


def keys_of(venue: SimulatorProcess, **fields: object) -> Keys:
    return venue.open_account(**fields)


async def asked(venue: SimulatorProcess, path: str, **params: object) -> Any:
    """A public answer of the venue."""
    async with httpx.AsyncClient(base_url=venue.http, trust_env=False, verify=False) as http:
        answer = await http.get(f"/api/v3/{path}", params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    return answer.json()
