"""The recorded day through the whole exchange: unmodified ccxt.pro keeps the recording's book, diff by diff."""
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# ccxt ships no types for what its methods answer

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import ccxt.pro
import httpx
import pytest

from tests.simulator.flow.test_replay import DIFFS, SNAPSHOT_ID, Tops, recorded_top
from tests.simulator.process import TOKEN, SimulatorProcess, start_simulator

__all__ = ["recorded_top"]


@pytest.fixture
def stepped_simulator(recorded_day: Path) -> Iterator[SimulatorProcess]:
    """A replay that stands at the recorded snapshot and moves only when told."""
    running = start_simulator("--flow", f"replay:{recorded_day}@0", "--seed", "1")
    yield running
    assert running.stop() == 0


@pytest.fixture
async def client(stepped_simulator: SimulatorProcess) -> AsyncIterator[Any]:
    exchange = ccxt.pro.binance(
        {
            "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
            "urls": {
                "test": {
                    "public": f"{stepped_simulator.http}/api/v3",
                    "private": f"{stepped_simulator.http}/api/v3",
                    "ws": {"spot": f"{stepped_simulator.ws}/stream/ws"},
                }
            },
        }
    )
    exchange.set_sandbox_mode(True)
    yield exchange
    await exchange.close()


async def test_ccxt_shows_the_recorded_best_prices_at_every_diff(
    stepped_simulator: SimulatorProcess, client: Any, recorded_top: Tops
) -> None:
    await client.load_markets()
    book = await client.watch_order_book("BTC/USDT")
    assert book["nonce"] == SNAPSHOT_ID
    compared = 0
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=stepped_simulator.http, headers=headers, trust_env=False) as operator:
        async with asyncio.timeout(120):
            while True:
                last_before = book["nonce"]
                book, answer = await asyncio.gather(
                    client.watch_order_book("BTC/USDT"), operator.post("/sim/replay/step", json={"diffs": 1})
                )
                assert answer.status_code == 200, answer.text
                status = answer.json()
                while book["nonce"] < status["last_update_id"]:
                    book = await client.watch_order_book("BTC/USDT")
                assert book["nonce"] == status["last_update_id"] > last_before
                best = round(book["bids"][0][0] * 100), round(book["asks"][0][0] * 100)
                assert best == recorded_top(book["nonce"]), f"diff {compared} with u {book['nonce']}"
                compared += 1
                if compared == DIFFS:
                    break
        assert status["diffs"] == DIFFS
