"""The test suite that ccxt ships, run unmodified against the simulator.

It exits 0 whatever happens and finds its settings three folders above itself, so it runs from a tree of
links into the installed ccxt, and what it printed is counted. Each skipped method has its reason beside it in
skip-tests.json.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import sys
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from decimal import Decimal
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.simulator.process import Keys, SimulatorProcess, Trader, plain_client, start_simulator

SKIPS = Path(__file__).with_name("skip-tests.json")
DEADLINE_S = 100.0
PUBLIC_REST = {
    "loadMarkets", "fetchCurrencies", "fetchTicker", "fetchTickers", "fetchLastPrices", "fetchOHLCV", "fetchTrades",
    "fetchOrderBook",
}  # fmt: skip
PRIVATE_REST = {"fetchBalance", "fetchOpenOrders", "fetchOrders", "fetchClosedOrders", "fetchMyTrades"}
PUBLIC_WS = {
    "watchOHLCV", "watchTicker", "watchTickers", "watchBidsAsks", "watchOrderBook", "watchTrades",
    "watchTradesForSymbols", "watchOrderBookForSymbols", "watchOHLCVForSymbols",
}  # fmt: skip
PRIVATE_WS = {"watchBalance", "watchMyTrades", "watchOrders"}


@pytest.fixture
def fresh_simulator() -> Iterator[SimulatorProcess]:
    """A market of this test's own: the suite takes no expired orders from earlier ones."""
    running = start_simulator("--flow", "synthetic", "--seed", "7")
    yield running
    assert running.stop() == 0


@pytest.fixture
def keys(fresh_simulator: SimulatorProcess) -> Keys:
    return fresh_simulator.open_account()


@pytest.fixture
def suite(fresh_simulator: SimulatorProcess, keys: Keys, tmp_path: Path) -> Path:
    """A folder from which ccxt's suite runs against this simulator with these keys."""
    spec = find_spec("ccxt")
    assert spec is not None
    assert spec.origin is not None
    installed, tree = Path(spec.origin).parent, tmp_path / "python" / "ccxt"
    tree.mkdir(parents=True)
    for entry in installed.iterdir():
        if entry.name == "test":
            shutil.copytree(entry, tree / "test")
        else:
            (tree / entry.name).symlink_to(entry)
    (tmp_path / "python" / "psutil.py").write_text('"""Imported by tests of ccxt itself, which do not run here."""\n')
    shutil.copy(SKIPS, tmp_path / "skip-tests.json")
    (tmp_path / "keys.json").write_text(json.dumps({"binance": ccxt_settings(fresh_simulator, keys)}))
    return tmp_path


def ccxt_settings(simulator: SimulatorProcess, keys: Keys) -> dict[str, object]:
    rest = f"{simulator.http}/api/v3"
    stream = f"{simulator.ws}/stream/ws"
    sockets = {"spot": stream, "margin": stream, "ws-api": {"spot": f"{simulator.ws}/ws-api/v3"}}
    return {
        "apiKey": keys.api_key,
        "secret": keys.secret,
        "urls": {"test": {"public": rest, "private": rest, "v1": rest, "ws": sockets}},
        "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}},
        "has": {"swap": False, "future": False, "option": False, "margin": False},
    }


async def run_suite(folder: Path, *flags: str) -> str:
    """What the suite printed; fails when it does not come to its end."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "python/ccxt/test/tests_init.py", "binance", "BTC/USDT", "--sandbox", *flags,
        cwd=folder, env={**environment, "PYTHONPATH": "python"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(DEADLINE_S):
            printed, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return printed.decode()


def assert_passed(printed: str, expected: set[str]) -> None:
    assert "[TEST_FAILURE]" not in printed, printed[-6000:]
    done = set(re.findall(r"TESTING DONE +binance (\w+)", printed))
    assert expected <= done, f"not done: {expected - done}\n{printed[-6000:]}"


@asynccontextmanager
async def trading_on(simulator: SimulatorProcess, keys: Keys) -> AsyncGenerator[None]:
    """Small orders on the account all the while: the suite's private streams wait for something to happen."""
    async with plain_client(simulator) as http, asyncio.TaskGroup() as group:
        task = group.create_task(trade(Trader(http, keys)))
        yield
        task.cancel()


async def trade(trader: Trader) -> None:
    while True:
        for side in ("BUY", "SELL"):
            await trader.place(side, "MARKET", quantity="0.001")
            book = (await trader.http.get("/api/v3/ticker/bookTicker", params={"symbol": "BTCUSDT"})).json()
            price = (Decimal(book["bidPrice"]) * Decimal("0.9")).quantize(Decimal("0.01"))
            order = await trader.place("BUY", "LIMIT", quantity="0.001", price=price)
            await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
            await asyncio.sleep(0.2)


async def test_the_public_rest_tests_of_ccxt_pass(suite: Path) -> None:
    assert_passed(await run_suite(suite), PUBLIC_REST)


async def test_the_private_rest_tests_of_ccxt_pass(suite: Path, fresh_simulator: SimulatorProcess, keys: Keys) -> None:
    async with trading_on(fresh_simulator, keys):
        assert_passed(await run_suite(suite, "--privateOnly"), PRIVATE_REST)


async def test_the_stream_tests_of_ccxt_pass(suite: Path, fresh_simulator: SimulatorProcess, keys: Keys) -> None:
    """Public and private at once: each watches for 15 seconds."""
    async with trading_on(fresh_simulator, keys), asyncio.TaskGroup() as group:
        public = group.create_task(run_suite(suite, "--ws"))
        private = group.create_task(run_suite(suite, "--ws", "--privateOnly"))
    assert_passed(public.result(), PUBLIC_WS)
    assert_passed(private.result(), PRIVATE_WS)
