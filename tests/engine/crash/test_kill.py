"""kill -9 of the desk at every point of an order's way: each order reaches its true end, once."""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from data.database import Database
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.order import NOT_ACCEPTED
from engine.runtime import SystemClock
from tests.engine.crash.child import POINTS
from tests.engine.desks import KEY
from tests.engine.saboteur import Request, Saboteur, Writer, sabotage
from tests.simulator.process import ROOT, Keys, SimulatorProcess, Trader

LIMIT = {"side": "buy", "quantity": "0.01", "price": "30000"}
MARKET = {"side": "buy", "quantity": "0.01"}
SETTLE_S = 3.0
NEVER_SENT = {"after SUBMITTED is committed"}


@dataclass
class Lives:
    """One desk's database, and the processes that lived on it."""

    database: Path
    url: str
    settle_s: float = SETTLE_S
    process: asyncio.subprocess.Process | None = None
    codes: list[int] = field(default_factory=list[int])

    async def live(
        self,
        point: str | None = None,
        *,
        orders: Mapping[str, Mapping[str, str]] | None = None,
        cancel: tuple[str, ...] = (),
        kill_after_s: float | None = None,
    ) -> dict[str, dict[str, Any]]:
        """Live until killed (nothing is told) or at rest: the orders by client order id. `kill_after_s` counts from
        when the desk is ready and begins to submit."""
        told = {
            "database": str(self.database),
            "url": self.url,
            "settle_s": self.settle_s,
            "wait_s": self.settle_s + 15,
            "point": point,
            "orders": orders or {},
            "cancel": cancel,
        }
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.engine.crash.child",
            cwd=ROOT,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(told).encode() + b"\n")
        if kill_after_s is not None:
            await asyncio.wait_for(self.process.stdout.readline(), 30)
            await asyncio.sleep(kill_after_s)
            self.kill()
        out, err = await asyncio.wait_for(self.process.communicate(), 60)
        code = self.process.returncode
        assert code is not None
        self.codes.append(code)
        assert code in {0, -signal.SIGKILL}, err.decode()[-3000:]
        if code:
            return {}
        said = cast("list[dict[str, Any]]", json.loads(out.decode().splitlines()[-1]))
        return {one["client_order_id"]: one for one in said}

    def kill(self) -> None:
        """SIGKILL to whoever lives now."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()

    async def keys(self) -> Keys:
        """The paper account's, for asking the exchange behind the desk's back. Only while no process lives."""
        with Database.open(self.database) as database:
            users = SqlUsers(database, Vault(KEY), SystemClock())
            credentials = await users.credentials((await users.accounts())[0].id)
        return Keys(credentials.api_key, credentials.secret)

    async def taken(self, http: httpx.AsyncClient, client_order_id: str) -> list[dict[str, Any]]:
        """What the exchange has of an order: every one that it took under this client order id."""
        answer = await Trader(http, await self.keys()).call("GET", "/api/v3/allOrders", symbol="BTCUSDT")
        return [one for one in answer.json() if one["clientOrderId"] == client_order_id]


@pytest.fixture
async def http(exchange: SimulatorProcess) -> AsyncGenerator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=exchange.http, trust_env=False) as client:
        yield client


@pytest.fixture
async def lives(tmp_path: Path, exchange: SimulatorProcess, http: httpx.AsyncClient) -> AsyncGenerator[Lives]:
    lives = Lives(tmp_path / "numatix.db", exchange.http)
    yield lives
    await Trader(http, await lives.keys()).cancel_everything()


@pytest.mark.parametrize("point", [point for point in POINTS if "cancel" not in point])
async def test_a_desk_that_is_killed_on_an_orders_way_sends_it_at_most_once(
    lives: Lives, http: httpx.AsyncClient, point: str
) -> None:
    await lives.live(point, orders={"order": LIMIT})
    assert lives.codes == [-signal.SIGKILL]

    order = (await lives.live())["order"]

    if point in NEVER_SENT:
        assert order["status"] == "REJECTED"
        assert order["reason"].startswith(NOT_ACCEPTED)
        assert await lives.taken(http, "order") == []
    else:
        assert order["status"] == "ACCEPTED"
        assert len(await lives.taken(http, "order")) == 1


@pytest.mark.parametrize("point", ["after the exchange answered", "before the command is acknowledged"])
async def test_an_order_that_filled_before_the_desk_was_killed_is_filled_once(
    lives: Lives, http: httpx.AsyncClient, peer: Trader, point: str
) -> None:
    await peer.place("SELL", "LIMIT", price="30000", quantity="0.004")
    await peer.place("SELL", "LIMIT", price="30001", quantity="0.2")
    await lives.live(point, orders={"order": MARKET})
    assert lives.codes == [-signal.SIGKILL]

    order = (await lives.live())["order"]

    assert (order["status"], order["filled"], len(set(order["fills"]))) == ("FILLED", "0.01", 2)
    taken = await lives.taken(http, "order")
    assert [one["executedQty"] for one in taken] == ["0.01000000"]


async def test_a_desk_that_is_killed_while_the_exchange_works_on_the_order_finds_it_again(
    lives: Lives, exchange: SimulatorProcess, http: httpx.AsyncClient
) -> None:
    async def kill_then_pass_on(man: Saboteur, request: Request, writer: Writer) -> None:
        assert lives.process is not None
        lives.process.kill()
        await lives.process.wait()
        await man.forward(request)
        writer.transport.abort()

    async with sabotage((exchange.host, exchange.port)) as saboteur:
        lives.url = saboteur.url
        saboteur.spoil("POST", "/api/v3/order", kill_then_pass_on)
        await lives.live(orders={"order": LIMIT})
        assert lives.codes == [-signal.SIGKILL]

        order = (await lives.live())["order"]

        assert order["status"] == "ACCEPTED"
        assert len(await lives.taken(http, "order")) == 1
        assert saboteur.count("POST", "/api/v3/order") == 1


@pytest.mark.parametrize("point", [point for point in POINTS if "cancel" in point])
async def test_a_desk_that_is_killed_on_a_cancels_way_cancels_all_the_same(
    lives: Lives, http: httpx.AsyncClient, point: str
) -> None:
    await lives.live(point, orders={"order": LIMIT}, cancel=("order",))
    assert lives.codes == [-signal.SIGKILL]

    order = (await lives.live())["order"]

    assert order["status"] == "CANCELED"
    assert [one["status"] for one in await lives.taken(http, "order")] == ["CANCELED"]


async def test_fills_that_happen_while_the_desk_is_dead_are_caught_up_with(lives: Lives, peer: Trader) -> None:
    assert (await lives.live(orders={"order": LIMIT}))["order"]["status"] == "ACCEPTED"
    await peer.place("SELL", "MARKET", quantity="0.003")
    await peer.place("SELL", "MARKET", quantity="0.007")

    order = (await lives.live())["order"]

    assert (order["status"], order["filled"], len(order["fills"])) == ("FILLED", "0.01", 2)


async def kill_at_random_moments(lives: Lives, http: httpx.AsyncClient, times: int, seed: int) -> None:
    """Kill the desk again and again while orders and cancels are on their way; then hold its ledger against what the
    exchange has."""
    chance = random.Random(seed)
    for life in range(times):
        orders = {f"order-{life}-{n}": LIMIT | {"price": f"{20000 + life}", "quantity": "0.0004"} for n in range(8)}
        await lives.live(orders=orders, cancel=tuple(list(orders)[:3]), kill_after_s=chance.uniform(0.0, 0.12))

    ended = await lives.live()

    for client_order_id, order in ended.items():
        taken = await lives.taken(http, client_order_id)
        assert len(taken) <= 1, f"{client_order_id} was taken {len(taken)} times"
        theirs = taken[0]["status"] if taken else None
        ours = {"ACCEPTED": "NEW", "CANCELED": "CANCELED", "REJECTED": None}[order["status"]]
        if order["status"] == "CANCELED" and "never left" in (order["reason"] or ""):
            ours = None
        assert theirs == ours, f"{order} is {theirs} at the exchange"


async def test_whenever_the_desk_is_killed_its_ledger_ends_as_the_exchange_has_it(
    lives: Lives, http: httpx.AsyncClient
) -> None:
    await kill_at_random_moments(lives, http, times=3, seed=1)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(10))
async def test_a_long_campaign_of_kills_doubles_and_loses_nothing(
    lives: Lives, http: httpx.AsyncClient, seed: int
) -> None:
    await kill_at_random_moments(lives, http, times=12, seed=seed)


@pytest.mark.soak
async def test_with_the_real_settle_window_an_order_that_never_left_is_rejected_after_it(
    lives: Lives, http: httpx.AsyncClient
) -> None:
    lives.settle_s = 20.0
    await lives.live("after SUBMITTED is committed", orders={"order": LIMIT})

    order = (await lives.live())["order"]

    assert (order["status"], order["reason"].partition(":")[0]) == ("REJECTED", NOT_ACCEPTED)
    assert await lives.taken(http, "order") == []
