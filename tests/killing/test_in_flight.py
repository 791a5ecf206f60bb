"""The plain desk is killed while its request is on the wire: the exchange did it, does it later, or gets it late."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest

from tests.engine.saboteur import Fault, Request, Saboteur, Writer, sabotage
from tests.killing.books import differences, read_books
from tests.killing.mortal import PLAIN, MortalDesk, owned_desk
from tests.simulator.process import TOKEN, SimulatorProcess, start_simulator, until

BUY = {"symbol": "BTC/USDT", "side": "buy", "quantity": "0.001"}
RECEIVED_WITHIN_MS = 5_500
"""recvWindow, 5 s, and some."""
PLACING, CANCELLING = ("POST", "/api/v3/order"), ("DELETE", "/api/v3/order")


@dataclass
class Wire:
    """A desk, the exchange behind a man in the middle, and how the desk meets its end."""

    desk: MortalDesk
    exchange: SimulatorProcess
    saboteur: Saboteur
    late: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the exchange has got the request that was held back."""

    async def start(self) -> None:
        self.desk.command = PLAIN
        await asyncio.to_thread(lambda: self.desk.start().wait_ready())

    async def kill_after(self, _: Saboteur, request: Request, writer: Writer) -> None:
        """The exchange does it; its answer finds nobody."""
        await self.saboteur.forward(request)
        await asyncio.to_thread(self.desk.kill)
        writer.transport.abort()
        self.late.set()

    async def kill_before(self, _: Saboteur, request: Request, writer: Writer) -> None:
        """The exchange does it when nobody waits for the answer any more."""
        await asyncio.to_thread(self.desk.kill)
        writer.transport.abort()
        await self.saboteur.forward(request)
        self.late.set()

    async def kill_and_delay(self, _: Saboteur, request: Request, writer: Writer) -> None:
        """The exchange gets it when it must not take it any more."""
        signed_ms = int(parse_qs(request.raw.partition(b"\r\n\r\n")[2].decode())["timestamp"][0])
        await asyncio.to_thread(self.desk.kill)
        writer.transport.abort()
        await until(lambda: time.time_ns() // 1_000_000 > signed_ms + RECEIVED_WITHIN_MS, "the request to grow old")
        await self.saboteur.forward(request)
        self.late.set()

    async def live(self, fault: Fault, request: tuple[str, str], kind: str) -> dict[str, Any]:
        """Trade until the fault kills the desk, start it again, and give the order as it ends."""
        self.saboteur.spoil(*request, fault)
        await asyncio.to_thread(self._trade, kind)
        await until(lambda: self.desk.process is not None and self.desk.process.returncode is not None, "the death", 30)
        await self.start()
        await asyncio.wait_for(self.late.wait(), 30)
        return await asyncio.to_thread(self._ended)

    def _trade(self, kind: str) -> None:
        """Buy at the market; or place a limit order away from it, and cancel that."""
        with self.desk.api() as api, suppress(httpx.TransportError):
            if kind == "market":
                api.post("/orders", json={**BUY, "type": kind}).raise_for_status()
                return
            last = api.get("/markets/BTC-USDT").json()["ticker"]["last"]
            price = str(int(Decimal(last) * 4 / 5))
            order = api.post("/orders", json={**BUY, "type": kind, "price": price}).raise_for_status().json()
            self.desk.becomes(api, order["id"], "ACCEPTED")
            api.delete(f"/orders/{order['id']}").raise_for_status()

    def _ended(self) -> dict[str, Any]:
        """The only order, once it has come to its end, with what ledger and exchange disagree in."""
        with self.desk.api() as api:
            rows = self.desk.settle(api, 40)
            balances = api.get("/balances").json()
            self.desk.stop()
            books = read_books(self.exchange.http, self.desk.keys()[balances["account_id"]])
            (row,) = rows
            return {**row, "differences": differences(rows, balances["items"], books)}


@pytest.fixture(scope="module")
def exchange() -> Iterator[SimulatorProcess]:
    running = start_simulator("--seed", "7")
    yield running
    running.stop()


@pytest.fixture
async def wire(exchange: SimulatorProcess, tmp_path: Path) -> AsyncGenerator[Wire]:
    async with sabotage((exchange.host, exchange.port)) as saboteur:
        desk = owned_desk(tmp_path / "var", simulator_url=saboteur.url, simulator_token=TOKEN)
        wire = Wire(desk, exchange, saboteur)
        await wire.start()
        yield wire
        await asyncio.to_thread(desk.stop)


async def test_an_order_that_the_exchange_took_before_the_death_is_filled_once(wire: Wire) -> None:
    order = await wire.live(wire.kill_after, PLACING, "market")

    assert (order["status"], order["differences"]) == ("FILLED", [])
    assert wire.saboteur.count(*PLACING) == 1


async def test_an_order_that_the_exchange_takes_after_the_death_is_filled_once(wire: Wire) -> None:
    order = await wire.live(wire.kill_before, PLACING, "market")

    assert (order["status"], order["differences"]) == ("FILLED", [])
    assert wire.saboteur.count(*PLACING) == 1


@pytest.mark.soak
async def test_an_order_that_reaches_the_exchange_too_late_is_not_accepted(wire: Wire) -> None:
    order = await wire.live(wire.kill_and_delay, PLACING, "market")

    assert (order["status"], order["differences"]) == ("REJECTED", [])
    assert order["reason"].startswith("NOT_ACCEPTED")
    assert wire.saboteur.count(*PLACING) == 1


async def test_a_cancel_that_the_exchange_carried_out_before_the_death_has_happened(wire: Wire) -> None:
    order = await wire.live(wire.kill_after, CANCELLING, "limit")

    assert (order["status"], order["differences"]) == ("CANCELED", [])


async def test_a_cancel_that_the_exchange_carries_out_after_the_death_has_happened(wire: Wire) -> None:
    order = await wire.live(wire.kill_before, CANCELLING, "limit")

    assert (order["status"], order["differences"]) == ("CANCELED", [])
