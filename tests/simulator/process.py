"""Starts real simulators and trades on them by plain HTTP, independent of the client under test."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import os
import select
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlencode

import httpx

ROOT = Path(__file__).parents[2]
TOKEN = "operator-token-for-tests"
START_DEADLINE_S = 20.0
RICH = {"USDT": "1000000", "BTC": "100", "ETH": "1000"}


@dataclass(frozen=True)
class SimulatorProcess:
    """A simulator that listens."""

    process: subprocess.Popen[bytes]
    host: str
    port: int
    lifeline: int
    """Our end of a pipe: when the tests are killed it closes, and the simulator ends."""

    @property
    def http(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def ws(self) -> str:
        return f"ws://{self.host}:{self.port}"

    def operator(self) -> httpx.Client:
        """A client with the operator's token."""
        return httpx.Client(
            base_url=self.http, headers={"Authorization": f"Bearer {TOKEN}"}, trust_env=False, verify=False
        )

    def open_account(self, **fields: object) -> Keys:
        """A new account; `balances` as decimal text."""
        with self.operator() as operator:
            answer = operator.post("/sim/accounts", json={"balances": RICH, **fields})
        assert answer.status_code == 200, answer.text
        return Keys(answer.json()["api_key"], answer.json()["secret"])

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.terminate()
        try:
            code = self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            for pipe in (self.process.stdout, self.process.stderr):
                if pipe is not None:
                    pipe.close()
            os.close(self.lifeline)
        return code


@dataclass(frozen=True)
class Keys:
    """An account's key pair."""

    api_key: str
    secret: str

    def sign(self, query: str) -> str:
        return hmac.new(self.secret.encode(), query.encode(), hashlib.sha256).hexdigest()


def start_simulator(*arguments: str, pass_fds: tuple[int, ...] = ()) -> SimulatorProcess:
    """Start `python -m engine.simulator` on a free port and wait until it says that it listens."""
    command = [sys.executable, "-m", "engine.simulator", "--port", "0", "--admin-token", TOKEN, *arguments]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    theirs, lifeline = os.pipe()
    if "--parent-fd" not in arguments:
        command += ["--parent-fd", str(theirs)]
        pass_fds = (*pass_fds, theirs)
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, pass_fds=pass_fds, env=environment
    )
    os.close(theirs)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], START_DEADLINE_S)
    line = process.stdout.readline() if ready else b""
    if not line:
        process.kill()
        os.close(lifeline)
        _, complaint = process.communicate()
        raise AssertionError(f"the simulator did not start: {complaint.decode()[-2000:]}")
    told = json.loads(line)
    assert told["event"] == "simulator listening"
    return SimulatorProcess(process, told["host"], told["port"], lifeline)


@dataclass
class Trader:
    """A customer who speaks plain signed HTTP."""

    http: httpx.AsyncClient
    keys: Keys

    async def call(self, method: str, path: str, **params: object) -> httpx.Response:
        """A signed request: parameters in the query, in the order given."""
        fields = {name: str(value) for name, value in params.items()}
        fields.setdefault("timestamp", str(time.time_ns() // 1_000_000))
        query = urlencode(fields)
        return await self.http.request(
            method, f"{path}?{query}&signature={self.keys.sign(query)}", headers={"X-MBX-APIKEY": self.keys.api_key}
        )

    async def place(self, side: str, kind: str, symbol: str = "BTCUSDT", **params: object) -> dict[str, Any]:
        """Place an order that must be accepted; a limit order is GTC unless said."""
        if kind == "LIMIT":
            params.setdefault("timeInForce", "GTC")
        answer = await self.call("POST", "/api/v3/order", symbol=symbol, side=side, type=kind, **params)
        assert answer.status_code == 200, answer.text
        return cast("dict[str, Any]", answer.json())

    async def cancel_everything(self) -> None:
        """Leave no open order behind."""
        answer = await self.call("GET", "/api/v3/openOrders")
        for symbol in {str(order["symbol"]) for order in answer.json()}:
            await self.call("DELETE", "/api/v3/openOrders", symbol=symbol)


def plain_client(simulator: SimulatorProcess) -> httpx.AsyncClient:
    """Plain HTTP to a simulator, without the 50 ms of loading certificates that it does not need."""
    return httpx.AsyncClient(base_url=simulator.http, trust_env=False, verify=False)


OpenTrader = Callable[..., Trader]


async def until(condition: Callable[[], object], what: str, deadline_s: float = 10.0) -> None:
    """Wait for a condition by asking again and again; fails with `what` at the deadline."""
    end = time.monotonic() + deadline_s
    while not condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        await asyncio.sleep(0.01)


async def within(work: Awaitable[Any], deadline_s: float = 10.0) -> Any:
    """The result of `work`, or a failure at the deadline."""
    async with asyncio.timeout(deadline_s):
        return await work


async def traded_at(price: str, open_trader: OpenTrader) -> None:
    """Let two others trade at this price."""
    one, two = open_trader(), open_trader()
    await one.place("SELL", "LIMIT", quantity="0.01", price=price)
    await two.place("BUY", "LIMIT", quantity="0.01", price=price)
