"""Real simulators, and whole desks that trade on them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import httpx
import pytest

from tests.engine.desks import DeskUnderTest, open_desk
from tests.simulator.process import SimulatorProcess, Trader, start_simulator


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatorProcess]:
    """An empty market where nobody trades but the test, and may do so faster than any exchange allows."""
    running = start_simulator("--flow", "none", "--seed", "1", "--limits", "none")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def lively_exchange() -> Iterator[SimulatorProcess]:
    """A market with synthetic traders."""
    running = start_simulator("--flow", "synthetic", "--seed", "7")
    yield running
    running.stop()


@pytest.fixture
async def peer(exchange: SimulatorProcess) -> AsyncGenerator[Trader]:
    """The other side of the trade, with plain HTTP; leaves nothing on the book."""
    async with httpx.AsyncClient(base_url=exchange.http, trust_env=False) as http:
        trader = Trader(http, exchange.open_account())
        yield trader
        await trader.cancel_everything()


@pytest.fixture
async def taker(exchange: SimulatorProcess) -> AsyncGenerator[Trader]:
    """Somebody who trades with the peer: the exchange lets nobody trade with themselves. Leaves nothing either."""
    async with httpx.AsyncClient(base_url=exchange.http, trust_env=False) as http:
        trader = Trader(http, exchange.open_account())
        yield trader
        await trader.cancel_everything()


@pytest.fixture
async def desk(tmp_path: Path, exchange: SimulatorProcess) -> AsyncGenerator[DeskUnderTest]:
    """A desk that is ready, with one user."""
    async with open_desk(tmp_path / "numatix.db", exchange.http) as running:
        await running.ready()
        await running.open_user()
        yield running
        await running.leave_nothing_open()
