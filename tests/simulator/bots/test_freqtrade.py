"""A real trading bot from PyPI, live and not dry, trades on the simulator for ten minutes.

freqtrade pins versions of its own, so it lives in an environment of its own (var/bots), made once. Its own record of
its orders must then be the exchange's.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.process import ROOT, Keys, SimulatorProcess, Trader, plain_client, start_simulator

VERSION = "2026.9"
"""The newest that takes Python 3.11."""
ENVIRONMENT = Path(os.environ.get("NUMATIX_BOTS_DIR", ROOT / "var" / "bots")) / f"freqtrade-{VERSION}"
MINUTES = float(os.environ.get("NUMATIX_BOT_MINUTES", "10"))
STRATEGY = Path(__file__).with_name("impatient.py")
PAIRS = ("BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT")
BALANCES = {"USDT": "100000"}
STOPPING_S = 60.0

pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def freqtrade() -> Path:
    """The bot's command, installed when it is not there yet; a failing pip fails the test with what it said."""
    command = ENVIRONMENT / "bin" / "freqtrade"
    complete = ENVIRONMENT / "complete"
    if not complete.exists():
        shutil.rmtree(ENVIRONMENT, ignore_errors=True)
        ENVIRONMENT.parent.mkdir(parents=True, exist_ok=True)
        run(sys.executable, "-m", "venv", str(ENVIRONMENT))
        run(str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", f"freqtrade=={VERSION}")
        complete.touch()
    return command


def run(*command: str) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed: {done.stdout.decode()[-3000:]}"


@pytest.fixture(scope="module")
def market() -> Iterator[SimulatorProcess]:
    """A lively market."""
    running = start_simulator("--flow", "synthetic", "--seed", "11")
    yield running
    assert running.stop() == 0


def settings(simulator: SimulatorProcess, keys: Keys, folder: Path) -> dict[str, object]:
    """freqtrade's configuration: live, spot, impatient, with this exchange's addresses instead of Binance's."""
    rest = f"{simulator.http}/api/v3"
    stream = f"{simulator.ws}/stream/ws"
    sockets = {"spot": stream, "margin": stream, "ws-api": {"spot": f"{simulator.ws}/ws-api/v3"}}
    ccxt = {
        "urls": {"api": {"public": rest, "private": rest, "v1": rest, "sapi": rest, "ws": sockets}},
        "options": {
            "defaultType": "spot",
            "fetchMarkets": {"types": ["spot"]},
            "fetchCurrencies": False,
            "fetchMargins": False,
        },
    }
    return {
        "dry_run": False,
        "bot_name": "impatient",
        "trading_mode": "spot",
        "margin_mode": "",
        "max_open_trades": len(PAIRS),
        "stake_currency": "USDT",
        "stake_amount": 150,
        "unfilledtimeout": {"entry": 15, "exit": 15, "unit": "seconds", "exit_timeout_count": 0},
        "entry_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1, "price_last_balance": 0},
        "exit_pricing": {"price_side": "other", "use_order_book": True, "order_book_top": 1},
        "order_types": {"entry": "limit", "exit": "limit", "stoploss": "market", "stoploss_on_exchange": False},
        "exchange": {
            "name": "binance",
            "key": keys.api_key,
            "secret": keys.secret,
            "ccxt_config": ccxt,
            "pair_whitelist": list(PAIRS),
            "pair_blacklist": [],
        },
        "pairlists": [{"method": "StaticPairList"}],
        "initial_state": "running",
        "cancel_open_orders_on_exit": True,
        "db_url": f"sqlite:///{folder / 'trades.sqlite'}",
        "internals": {"process_throttle_secs": 2},
    }


@dataclass(frozen=True)
class Kept:
    """An order as one side tells it: by its id at the exchange."""

    side: str
    quantity: Decimal
    filled: Decimal
    cost: Decimal


async def test_freqtrade_trades_live_and_its_books_are_the_exchanges(
    freqtrade: Path, market: SimulatorProcess, tmp_path: Path
) -> None:
    keys = market.open_account(balances=BALANCES)
    (tmp_path / "strategies").mkdir()
    (tmp_path / "user").mkdir()
    shutil.copy(STRATEGY, tmp_path / "strategies")
    (tmp_path / "config.json").write_text(json.dumps(settings(market, keys, tmp_path)))
    printed = await trade(freqtrade, tmp_path, MINUTES * 60)
    assert "Traceback" not in printed, printed[printed.index("Traceback") - 500 :][:4000]

    async with plain_client(market) as http:
        trader = Trader(http, keys)
        theirs = await orders_at_the_exchange(trader)
        assert (await trader.call("GET", "/api/v3/openOrders")).json() == []
        fills = [fill for pair in PAIRS for fill in await my_trades(trader, pair)]
    own = orders_of_the_bot(tmp_path / "trades.sqlite")

    told = f"{len(theirs)} orders, {len(fills)} fills, {len(own)} kept by the bot\n{printed[-3000:]}"
    statuses = {status for status, _ in theirs.values()}
    assert {"FILLED", "CANCELED"} <= statuses, told
    assert {order.side for _, order in theirs.values() if order.filled} == {"BUY", "SELL"}, told
    assert own.items() <= {number: order for number, (_, order) in theirs.items()}.items(), told
    # It forgets the entries that it canceled before anything of them was filled; nothing else may be missing.
    forgotten = [(status, order.filled) for number, (status, order) in theirs.items() if number not in own]
    assert all(left == ("CANCELED", 0) for left in forgotten), told
    assert sum(order.cost for order in own.values()) == sum(Decimal(fill["quoteQty"]) for fill in fills), told
    assert sum(order.filled for order in own.values()) == sum(Decimal(fill["qty"]) for fill in fills), told
    print(told.splitlines()[0])


async def trade(freqtrade: Path, folder: Path, seconds: float) -> str:
    """Let the bot trade for so long, then end it as Ctrl-C does; what it said."""
    log = folder / "freqtrade.log"
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            str(freqtrade), "trade", "--config", str(folder / "config.json"), "--strategy", "Impatient",
            "--strategy-path", str(folder / "strategies"), "--userdir", str(folder / "user"),
            cwd=folder, stdout=output, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        try:
            await lives_for(process, seconds, log)
            process.terminate()
            async with asyncio.timeout(STOPPING_S):
                await process.wait()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
    return log.read_text()


async def lives_for(process: asyncio.subprocess.Process, seconds: float, log: Path) -> None:
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        try:
            async with asyncio.timeout(left):
                await process.wait()
        except TimeoutError:
            return
        said = await asyncio.to_thread(log.read_text)
        pytest.fail(f"freqtrade ended by itself ({process.returncode}): {said[-4000:]}")


async def orders_at_the_exchange(trader: Trader) -> dict[str, tuple[str, Kept]]:
    found: dict[str, tuple[str, Kept]] = {}
    for pair in PAIRS:
        answer = await trader.call("GET", "/api/v3/allOrders", symbol=pair.replace("/", ""), limit=1000)
        assert len(answer.json()) < 1000
        for order in answer.json():
            kept = Kept(
                order["side"],
                Decimal(order["origQty"]),
                Decimal(order["executedQty"]),
                Decimal(order["cummulativeQuoteQty"]),
            )
            found[str(order["orderId"])] = (order["status"], kept)
    return found


async def my_trades(trader: Trader, pair: str) -> list[dict[str, Any]]:
    answer = await trader.call("GET", "/api/v3/myTrades", symbol=pair.replace("/", ""), limit=1000)
    assert len(answer.json()) < 1000
    return list(answer.json())


def orders_of_the_bot(database: Path) -> dict[str, Kept]:
    """Its figures are floats: exact to the eight places that the exchange gives them in."""
    query = "SELECT order_id, side, amount, filled, cost FROM orders"
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(query).fetchall()
    return {str(number): Kept(side.upper(), *(exact(figure) for figure in figures)) for number, side, *figures in rows}


def exact(figure: float | None) -> Decimal:
    return Decimal(repr(figure or 0.0)).quantize(Decimal("0.00000001"))
