"""What the tests of the market share: the recorded day, and an exchange on a clock that the test turns."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from engine.simulator.exchange import Exchange
from engine.simulator.listings import default_listings
from tests.simulator.recorded import recorded


class HandClock:
    """Milliseconds since 1970 that only the test moves."""

    def __init__(self, at_ms: int = 1_790_000_012_345) -> None:
        self.at_ms = at_ms

    def __call__(self) -> int:
        return self.at_ms


@pytest.fixture
def recorded_day() -> Path:
    """The recorded capture of a day."""
    return recorded("btcusdt_20240808.gz")


@pytest.fixture
def hand_clock() -> HandClock:
    return HandClock()


async def until(condition: Callable[[], bool], deadline_s: float = 30.0) -> None:
    """Come back when the condition holds; fail when it does not in time."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + deadline_s
    for _ in itertools.takewhile(lambda _: loop.time() < ends, itertools.count()):
        if condition():
            return
        await asyncio.sleep(0.002)
    pytest.fail("what the test waits for did not come")


OpenExchange = Callable[..., Exchange]


@pytest.fixture
def open_exchange(hand_clock: HandClock) -> Iterator[OpenExchange]:
    """Opens exchanges with the default listings on the hand clock, and closes them all at the end."""
    opened: list[Exchange] = []

    def open_one(seed: int = 1, journal_dir: Path | None = None) -> Exchange:
        exchange = Exchange(default_listings(), seed, hand_clock, journal_dir)
        opened.append(exchange)
        return exchange

    yield open_one
    for exchange in opened:
        exchange.close()
