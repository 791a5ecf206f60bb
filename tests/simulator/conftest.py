"""A real simulator process per module, and customers who trade on it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.simulator.process import Keys, OpenTrader, SimulatorProcess, Trader, plain_client, start_simulator

MUCH_WEIGHT = "weight_1m=600000,socket_messages_1s=0"
"""All tests of a module share one address, and asking for all open orders weighs 80."""


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    """An empty market: nobody trades but the test."""
    running = start_simulator("--flow", "none", "--seed", "1", "--limits", MUCH_WEIGHT)
    yield running
    assert running.stop() == 0


@pytest.fixture(scope="module")
def lively_simulator() -> Iterator[SimulatorProcess]:
    """A market with synthetic traders and a week of history."""
    running = start_simulator("--flow", "synthetic", "--seed", "1", "--limits", MUCH_WEIGHT)
    yield running
    assert running.stop() == 0


@pytest.fixture
async def open_trader(simulator: SimulatorProcess) -> AsyncIterator[OpenTrader]:
    """Opens accounts for traders; whatever they leave open is canceled at the end."""
    traders: list[Trader] = []
    async with plain_client(simulator) as http:

        def open_one(**fields: object) -> Trader:
            keys: Keys = simulator.open_account(**fields)
            traders.append(Trader(http, keys))
            return traders[-1]

        yield open_one
        for trader in traders:
            await trader.cancel_everything()


@pytest.fixture
def trader(open_trader: OpenTrader) -> Trader:
    """A customer of the empty market."""
    return open_trader()


@pytest.fixture
def peer(open_trader: OpenTrader) -> Trader:
    """The other side of the trade."""
    return open_trader()
