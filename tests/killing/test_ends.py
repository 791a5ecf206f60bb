"""How a desk ends, and how the next one begins, while orders are in flight."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import httpx
import pytest

from tests.killing.books import read_books
from tests.killing.campaign import Campaign, campaign
from tests.killing.entry import Doom, children_of
from tests.killing.mortal import GONE_WITHIN_S, MortalDesk, owned_desk, wait_gone
from tests.serving import wait_until

FORCED = 130
AT_ONCE_S = 5.0
MARKET = {"symbol": "BTC/USDT", "side": "buy", "type": "market", "quantity": "0.001"}


async def test_ended_in_order_again_and_again_while_users_trade_it_loses_and_doubles_nothing(tmp_path: Path) -> None:
    async with campaign(tmp_path, 3) as run:
        async with run.traffic():
            for number in (signal.SIGTERM, signal.SIGINT):
                await run.some_moment()
                assert await ended(run, number) == 0
                await run.rise()
        assert "Traceback" not in run.desk.log()


async def test_a_second_signal_ends_it_at_once_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    async with campaign(tmp_path, 4) as run, run.traffic():
        await run.some_moment()
        assert await ended(run, signal.SIGTERM, signal.SIGTERM) == FORCED
        await run.rise()


async def ended(run: Campaign, *signals: signal.Signals) -> int:
    """The exit code; desk and exchange are gone in time."""
    process = run.desk.process
    assert process is not None
    family = children_of(process.pid)
    for number in signals:
        process.send_signal(number)
        await asyncio.sleep(0.02)  # two of a kind that come together are one
    within_s = GONE_WITHIN_S if len(signals) == 1 else AT_ONCE_S
    await asyncio.to_thread(wait_until, lambda: process.poll() is not None, "the desk to end", within_s)
    await asyncio.to_thread(wait_gone, family, within_s)
    assert process.returncode is not None
    return process.returncode


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[MortalDesk]:
    desk = owned_desk(tmp_path / "var")
    yield desk
    desk.stop()


@pytest.mark.parametrize("same_port", [True, False], ids=["on its own port", "on another port"])
def test_a_desk_that_rises_at_once_waits_for_the_exchange_of_the_one_before_to_end(
    desk: MortalDesk, same_port: bool
) -> None:
    desk.rise()
    if not same_port:
        desk.settings["simulator_port"] = "0"
    assert desk.process is not None
    (exchange,) = children_of(desk.process.pid)
    os.kill(exchange, signal.SIGSTOP)  # it is slow to notice
    desk.kill()
    port, released = desk.port, threading.Timer(1.5, os.kill, (exchange, signal.SIGCONT))
    released.start()
    try:
        desk.rise()
    finally:
        released.join()
    assert desk.port == port
    with desk.api() as api:
        order = api.post("/orders", json=MARKET).raise_for_status().json()
        desk.becomes(api, order["id"], "FILLED")


def test_an_order_that_never_left_is_rejected_after_the_desks_own_settle_window(desk: MortalDesk) -> None:
    desk.rise(Doom("never-left", "account.place", "before"))
    with desk.api() as api, suppress(httpx.TransportError):
        api.post("/orders", json={**MARKET, "client_order_id": "never-left"})
    desk.await_death()
    keys = desk.keys()
    desk.rise()
    with desk.api() as api:
        (order,) = desk.orders(api)
        assert order["status"] in {"SUBMITTED", "UNKNOWN"}
        order = desk.becomes(api, order["id"], "REJECTED", patience_s=60)
        timeline = {line["event"]: datetime.fromisoformat(line["at"]) for line in order["timeline"]}
    assert order["reason"].startswith("NOT_ACCEPTED")
    assert (timeline["NotAccepted"] - timeline["Submitting"]).total_seconds() >= 20
    assert read_books(desk.exchange_url(), keys[order["account_id"]]).orders == ()
