"""The desk's own road to an exchange stays within what the exchange allows."""

from __future__ import annotations

import asyncio

from engine.runtime import SystemClock
from engine.venues.ccxt_road import Road
from engine.venues.config import VenueConfig
from tests.simulator.process import SimulatorProcess, within

SYMBOLS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT", "DOGE/USDT")


async def test_many_streams_are_asked_for_at_once_and_the_one_socket_lives(lively_simulator: SimulatorProcess) -> None:
    road = Road(VenueConfig.at("simulator", "Simulator", lively_simulator.http), SystemClock())
    try:
        await road.markets()
        first = [road.next_ticker(symbol) for symbol in SYMBOLS] + [
            road.next_klines(symbol, "1m") for symbol in SYMBOLS
        ]
        await within(asyncio.gather(*first), 30)
        await within(asyncio.gather(*(road.next_ticker(symbol) for symbol in SYMBOLS)), 30)
        assert road.connections == 1
    finally:
        await road.close()
