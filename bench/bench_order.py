"""An order's whole way: submitted to the desk, recorded, sent by ccxt to an exchange in another process, and its end
(an IOC order in an empty market expires at once) in the ledger.

The baseline is the least that any client has to do: one signed POST over aiohttp to the same exchange, and nothing
stored.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import tempfile
import time
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path

import aiohttp

from bench.result import Result, percentile
from data.bus import MemoryBus
from data.database import Database
from data.drifts import SqlDrifts
from data.ledger import SqlLedger
from data.streams import MemoryStream
from data.users import SqlUsers
from data.vault import Vault
from engine.domain.draft import OrderDraft
from engine.domain.messages import OrderChanged
from engine.domain.values import OrderType, Price, Quantity, Side, TimeInForce
from engine.ports import Credentials, Role, User
from engine.runtime import Supervisor, SystemClock, SystemIds
from engine.venues.ccxt_venue import CcxtVenue
from engine.venues.config import VenueConfig
from engine.venues.paper import PaperOffice
from numatix.chain import Chain, build_chain
from tests.simulator.process import TOKEN, SimulatorProcess, start_simulator

ORDERS = 300
WARM_UP = 20
LANES = (1, 20)
PRICE, QUANTITY = "20000", "0.0003"


def main() -> list[Result]:
    """Milliseconds from the call to the order's end in the ledger, and orders a second, one and twenty at once."""
    exchange = start_simulator("--flow", "none", "--seed", "1", "--limits", "none")
    try:
        return asyncio.run(compared(exchange))
    finally:
        exchange.stop()


async def compared(exchange: SimulatorProcess) -> list[Result]:
    results: list[Result] = []
    for lanes in LANES:
        theirs = await bare(exchange, lanes)
        ours = await whole_chain(exchange, lanes)
        at_once = f"{lanes} at once"
        note = "baseline: one signed POST by aiohttp, nothing stored"
        results += [
            Result("order", at_once, ORDERS / ours[0], ORDERS / theirs[0], "orders/s", note),
            Result("order", at_once, percentile(ours[1], 50), percentile(theirs[1], 50), "ms p50"),
            Result("order", at_once, percentile(ours[1], 99), percentile(theirs[1], 99), "ms p99"),
        ]
    return results


async def whole_chain(exchange: SimulatorProcess, lanes: int) -> tuple[float, list[float]]:
    with tempfile.TemporaryDirectory() as folder, Database.open(Path(folder) / "numatix.db") as database:
        clock, ids = SystemClock(), SystemIds()
        supervisor, bus = Supervisor("bench", clock), MemoryBus()
        users = SqlUsers(database, Vault(b"a key for the benchmark, long enough"), clock)
        chain = build_chain(
            ledger=SqlLedger(database, ids),
            users=users,
            drifts=SqlDrifts(database),
            stream=MemoryStream(clock),
            bus=bus,
            venues={"simulator": CcxtVenue(VenueConfig.at("simulator", "Simulator", exchange.http), supervisor, clock)},
            paper=PaperOffice(exchange.http, TOKEN),
            supervisor=supervisor,
            clock=clock,
            ids=ids,
        )
        chain.start()
        try:
            return await timed_chain(chain, bus, users, supervisor, lanes)
        finally:
            await chain.close()


async def timed_chain(
    chain: Chain, bus: MemoryBus, users: SqlUsers, supervisor: Supervisor, lanes: int
) -> tuple[float, list[float]]:
    await chain.venues["simulator"].instruments()
    for _ in range(200):
        if chain.desk.readiness().ready:
            break
        await asyncio.sleep(0.02)
    user = User(SystemIds().new(), "bench@example.org", Role.TRADER, SystemClock().now())
    await users.create(user, "no password")
    await chain.desk.open_paper_account(user.id)
    await chain.desk.balances(user.id)
    ended: dict[str, asyncio.Event] = {}
    changes = bus.subscribe()

    async def listen() -> None:
        async for change in changes:
            if isinstance(change, OrderChanged):
                note(change)

    def note(change: OrderChanged) -> None:
        if change.order.finished:
            ended.setdefault(change.order.id, asyncio.Event()).set()

    supervisor.run("listen", listen())
    draft = OrderDraft(
        "BTC/USDT",
        Side.BUY,
        OrderType.LIMIT,
        quantity=Quantity(Decimal(QUANTITY)),
        price=Price(Decimal(PRICE)),
        time_in_force=TimeInForce.IOC,
    )

    async def place() -> None:
        order = (await chain.desk.submit_order(user.id, draft)).order
        await ended.setdefault(order.id, asyncio.Event()).wait()

    return await timed(place, lanes)


async def bare(exchange: SimulatorProcess, lanes: int) -> tuple[float, list[float]]:
    keys = exchange.open_account()
    credentials = Credentials(keys.api_key, keys.secret)
    async with aiohttp.ClientSession(exchange.http) as session:

        async def place() -> None:
            body = (
                f"symbol=BTCUSDT&side=BUY&type=LIMIT&timeInForce=IOC&quantity={QUANTITY}&price={PRICE}"
                f"&timestamp={time.time_ns() // 1_000_000}"
            )
            signature = hmac.new(credentials.secret.encode(), body.encode(), hashlib.sha256).hexdigest()
            headers = {"X-MBX-APIKEY": credentials.api_key, "Content-Type": "application/x-www-form-urlencoded"}
            async with session.post("/api/v3/order", data=f"{body}&signature={signature}", headers=headers) as answer:
                assert answer.status == 200, await answer.text()
                await answer.read()

        return await timed(place, lanes)


async def timed(place: Callable[[], Awaitable[None]], lanes: int) -> tuple[float, list[float]]:
    """Seconds for all orders, and milliseconds for each."""
    for _ in range(WARM_UP):
        await place()
    times_ms: list[float] = []

    async def lane() -> None:
        for _ in range(ORDERS // lanes):
            began = time.perf_counter()
            await place()
            times_ms.append((time.perf_counter() - began) * 1_000)

    began = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(lanes)))
    return time.perf_counter() - began, times_ms
