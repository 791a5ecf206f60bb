"""A real simulator process that is killed outright goes on with the same market."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx

from tests.simulator.process import SimulatorProcess, start_simulator, until

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "BNBUSDT", "XRPUSDT", "DOGEUSDT")


async def test_after_kill_9_the_market_goes_on_without_a_jump(tmp_path: Path) -> None:
    first = start_simulator("--flow", "synthetic", "--seed", "5", "--journal", str(tmp_path))
    await until(lambda: len(_get(first, "trades", symbol="BTCUSDT")) > 3, "trades in the new market")
    before = {symbol: _get(first, "depth", symbol=symbol, limit=5) for symbol in SYMBOLS}
    candles = _get(first, "klines", symbol="BTCUSDT", interval="1m", limit=1000)
    trades = _get(first, "trades", symbol="BTCUSDT")
    first.process.kill()
    first.stop()
    second = start_simulator("--flow", "synthetic", "--seed", "5", "--journal", str(tmp_path))
    for symbol, book in before.items():
        now = _get(second, "depth", symbol=symbol, limit=5)
        assert abs(float(now["bids"][0][0]) / float(book["bids"][0][0]) - 1) < 0.002, symbol
        assert float(now["bids"][0][0]) < float(now["asks"][0][0]), symbol
    kept = _get(second, "klines", symbol="BTCUSDT", interval="1m", limit=1000)
    assert [row[:6] for row in kept if row[0] < candles[-1][0]][-900:] == [row[:6] for row in candles[:-1]][-900:]
    newest = trades[-1]["id"]
    assert trades[-1] in _get(second, "trades", symbol="BTCUSDT")
    await until(lambda: _get(second, "trades", symbol="BTCUSDT")[-1]["id"] > newest, "trades after the kill")
    assert second.stop() == 0


def _get(simulator: SimulatorProcess, what: str, **params: str | int) -> Any:
    answer = httpx.get(f"{simulator.http}/api/v3/{what}", params=params, trust_env=False)
    assert answer.status_code == 200, answer.text
    return answer.json()
