"""Orders reach their true end once, whatever the network does to them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from engine.domain.order import NOT_ACCEPTED, OrderStatus
from engine.reconcile import SettleTimes
from engine.worker import KeeperTimes
from tests.engine.desks import QUICK, SETTLE, DeskUnderTest, eventually, eventually_true, open_desk
from tests.engine.saboteur import (
    Fault,
    Request,
    Saboteur,
    Writer,
    answer,
    drop_after,
    drop_before,
    hold,
    sabotage,
    truncate,
)
from tests.simulator.process import SimulatorProcess, Trader, start_simulator

S = OrderStatus


@asynccontextmanager
async def spoiled_desk(
    tmp_path: Path, exchange: SimulatorProcess, settle: SettleTimes = SETTLE, keep: KeeperTimes = QUICK
) -> AsyncGenerator[tuple[DeskUnderTest, Saboteur]]:
    """A ready desk whose way to the exchange leads past a saboteur."""
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        open_desk(tmp_path / "numatix.db", saboteur.url, settle=settle, keep=keep) as desk,
    ):
        await desk.ready()
        await desk.open_user()
        await desk.desk.balances(desk.user_id)
        await eventually(lambda: any(one.is_upgrade for one in saboteur.requests), "the user stream opens")
        yield desk, saboteur
        saboteur.heal()
        await desk.leave_nothing_open()


@pytest.mark.parametrize("fault", [drop_after, truncate, hold(0.3, drop_after)], ids=["dropped", "cut off", "slow"])
async def test_an_order_that_arrived_without_an_answer_is_found_and_not_sent_again(
    tmp_path: Path, exchange: SimulatorProcess, fault: Fault
) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        saboteur.spoil("POST", "/order", fault)
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        assert order.venue_order_id is not None
        assert saboteur.count("POST", "/order") == 1


async def test_an_order_that_filled_without_an_answer_is_filled(
    tmp_path: Path, exchange: SimulatorProcess, peer: Trader
) -> None:
    await peer.place("SELL", "LIMIT", price="30000", quantity="0.01")
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        saboteur.cut()
        saboteur.spoil("POST", "/order", drop_after)
        order = await desk.becomes(await desk.buy(quantity="0.01"), S.FILLED)
        assert len(await desk.ledger.fills_of(order.id)) == 1
        assert saboteur.count("POST", "/order") == 1


async def test_an_order_that_never_arrived_is_rejected_when_the_settle_window_ends(
    tmp_path: Path, exchange: SimulatorProcess
) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        saboteur.spoil("POST", "/order", drop_before)
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.UNKNOWN)
        order = await desk.becomes(order, S.REJECTED)
        assert order.reason is not None
        assert order.reason.startswith(NOT_ACCEPTED)
        assert order.submitted_at is not None
        assert (order.updated_at - order.submitted_at).total_seconds() >= SETTLE.settle_s
        assert saboteur.count("POST", "/order") == 1


async def test_an_order_that_arrives_late_is_not_given_up(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        # The desk gives up waiting for the answer long before the request goes on to the exchange.
        saboteur.spoil("GET", "/order", answer(400, '{"code":-2013,"msg":"Order does not exist."}'), times=12)
        saboteur.spoil("POST", "/order", drop_after)
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        assert order.reason is None


async def test_a_lost_order_that_is_cancelled_meanwhile_is_cancelled_once_it_is_found(
    tmp_path: Path, exchange: SimulatorProcess
) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        saboteur.spoil("GET", "/order", answer(503, "busy"), times=6)
        saboteur.spoil("GET", "/openOrders", answer(503, "busy"), times=6)
        saboteur.cut()
        saboteur.spoil("POST", "/order", drop_after)
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.UNKNOWN, S.ACCEPTED)
        await desk.desk.cancel_order(desk.user_id, order.id)
        await desk.becomes(order, S.CANCELED)


async def test_an_exchange_that_is_away_rejects_the_order_without_doubt(tmp_path: Path) -> None:
    with exchange_for_a_while() as mortal:
        async with open_desk(tmp_path / "numatix.db", mortal.http) as desk:
            await desk.ready()
            await desk.open_user()
            async with httpx.AsyncClient(base_url=mortal.http, trust_env=False) as http:
                await Trader(http, mortal.open_account()).place("SELL", "LIMIT", price="30000", quantity="1")
            await desk.becomes(await desk.buy(quantity="0.001"), S.FILLED)
            mortal.stop()
            order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.REJECTED)
            assert order.reason is not None
            assert order.reason.startswith("VENUE_UNREACHABLE: it never left the desk")


async def test_fills_that_happen_while_the_user_stream_is_down_are_caught_up_with(
    tmp_path: Path, exchange: SimulatorProcess, peer: Trader
) -> None:
    unhurried = replace(QUICK, open_s=60.0, idle_s=60.0)  # the poll is not what catches up
    async with spoiled_desk(tmp_path, exchange, keep=unhurried) as (desk, saboteur):
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        saboteur.refusing = True
        saboteur.cut()
        await peer.place("SELL", "MARKET", quantity="0.004")
        await peer.place("SELL", "MARKET", quantity="0.006")
        saboteur.heal()
        order = await desk.becomes(order, S.FILLED)
        assert [str(fill.quantity) for fill in await desk.ledger.fills_of(order.id)] == ["0.004", "0.006"]


async def test_the_user_stream_comes_back_by_itself(tmp_path: Path, exchange: SimulatorProcess, peer: Trader) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):

        def streams() -> int:
            return sum(1 for one in saboteur.requests if one.is_upgrade and "ws-api" in one.path)

        for again in range(2, 5):
            saboteur.cut()
            await eventually(lambda n=again: streams() >= n, "the stream is opened again")
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        await peer.place("SELL", "MARKET", quantity="0.01")
        await desk.becomes(order, S.FILLED)


async def test_an_order_is_not_called_filled_before_its_fills_add_up(
    tmp_path: Path, exchange: SimulatorProcess, peer: Trader
) -> None:
    await peer.place("SELL", "LIMIT", price="30000", quantity="0.004")
    await peer.place("SELL", "LIMIT", price="30001", quantity="0.006")
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        saboteur.refusing = True
        saboteur.cut()
        saboteur.refusing = False
        saboteur.spoil("GET", "/ws-api/v3", drop_before, times=50)  # only REST is left
        saboteur.spoil("GET", "/myTrades", answer(200, "[]"), times=3)
        saboteur.spoil("POST", "/order", drop_after)
        order = await desk.buy(quantity="0.01")

        async def asked() -> bool:
            now = await desk.ledger.order(order.id)
            assert now is not None
            assert now.status is not S.FILLED or now.filled_quantity == order.quantity
            return saboteur.count("GET", "/myTrades") >= 3

        await eventually_true(asked, "the fills are asked for until they add up")
        order = await desk.becomes(order, S.FILLED)
        fills = await desk.ledger.fills_of(order.id)
        assert sum(fill.quantity for fill in fills) == order.quantity


@pytest.mark.parametrize("fault", [drop_after, truncate], ids=["dropped", "cut off"])
async def test_a_cancel_whose_answer_was_lost_is_not_called_refused(
    tmp_path: Path, exchange: SimulatorProcess, fault: Fault
) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        saboteur.spoil("DELETE", "/order", fault)
        await desk.desk.cancel_order(desk.user_id, order.id)
        await desk.becomes(order, S.CANCELED)


async def test_a_cancel_that_did_not_arrive_is_sent_again(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        saboteur.spoil("DELETE", "/order", answer(503, "busy"))
        await desk.desk.cancel_order(desk.user_id, order.id)
        await desk.becomes(order, S.CANCELED)
        assert saboteur.count("DELETE", "/order") == 2


async def test_a_cancel_that_the_venue_keeps_refusing_leaves_the_order_open_and_says_so(
    tmp_path: Path, exchange: SimulatorProcess
) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        saboteur.spoil("DELETE", "/order", answer(400, '{"code":-2011,"msg":"Order was not canceled."}'), times=4)
        await desk.desk.cancel_order(desk.user_id, order.id)
        order = await desk.becomes(order, S.ACCEPTED)
        assert order.reason is not None
        assert order.reason.startswith("CANCEL_REFUSED")


async def test_an_order_that_filled_before_its_cancel_is_filled(
    tmp_path: Path, exchange: SimulatorProcess, peer: Trader
) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        saboteur.spoil("GET", "/ws-api/v3", drop_before, times=50)
        saboteur.cut()

        async def fill_first(man: Saboteur, request: Request, writer: Writer) -> None:
            await peer.place("SELL", "MARKET", quantity="0.01")
            await drop_before(man, request, writer)

        saboteur.spoil("DELETE", "/order", fill_first)
        await desk.desk.cancel_order(desk.user_id, order.id)
        order = await desk.becomes(order, S.FILLED)
        assert order.average_price == 30_000


async def test_a_refusing_venue_rejects_the_order_in_its_own_words(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with spoiled_desk(tmp_path, exchange) as (desk, saboteur):
        saboteur.spoil("POST", "/order", answer(429, "{}", "Retry-After: 3"))
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.REJECTED)
        assert order.reason is not None
        assert order.reason.startswith("HTTP_429")


async def test_an_exchange_that_lost_its_books_gets_the_paper_account_again_and_the_user_is_told(
    tmp_path: Path,
) -> None:
    settle = SettleTimes(settle_s=1.0, send_within_s=0.5)
    with exchange_for_a_while() as first, exchange_for_a_while() as second:
        async with (
            sabotage((first.host, first.port)) as saboteur,
            open_desk(tmp_path / "numatix.db", saboteur.url, settle=settle) as desk,
        ):
            await desk.ready()
            await desk.open_user()
            order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
            assert await desk.desk.notices(desk.user_id) == ()
            saboteur.upstream = (second.host, second.port)
            saboteur.cut()

            order = await desk.becomes(order, S.CANCELED)

            assert order.reason == "CANCELED: GONE: the venue no longer knows the order"
            assert "opened again with the starting balances" in (await desk.desk.notices(desk.user_id))[0]
            await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)


@contextmanager
def exchange_for_a_while() -> Generator[SimulatorProcess]:
    """An exchange of the test's own, which may die."""
    running = start_simulator("--flow", "none", "--seed", "1")
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.stop()
