"""Commands that were left behind in the outbox reach the stream, whichever process's relay finds them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from data.database import Database
from data.ledger import SqlLedger
from data.streams import MemoryStream
from engine.domain.messages import CommandKind
from engine.ports import Delivery
from engine.relay import LEFT_BEHIND_AFTER, TAKEN_FOR, Relay
from engine.runtime import SystemIds
from tests.data.makers import HandClock, an_order


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqlLedger]:
    with Database.open(tmp_path / "numatix.db") as database:
        yield SqlLedger(database, SystemIds())


async def left_behind(ledger: SqlLedger, clock: HandClock, count: int) -> list[str]:
    """Orders whose commands nobody has published since; their ids."""
    orders = [an_order(at=clock.now()) for _ in range(count)]
    for order in orders:
        await ledger.record_order(order)
    clock.forward(LEFT_BEHIND_AFTER.total_seconds())
    return [order.id for order in orders]


async def read(stream: MemoryStream, count: int) -> list[Delivery]:
    async with asyncio.timeout(15):
        return [await stream.read(tuple(CommandKind), "worker") for _ in range(count)]


async def test_what_was_left_behind_is_published_in_its_order_and_marked(ledger: SqlLedger, clock: HandClock):
    stream = MemoryStream(clock)
    orders = await left_behind(ledger, clock, 3)
    await Relay(ledger, stream, clock).sweep()
    assert [delivery.command.order_id for delivery in await read(stream, 3)] == orders
    assert await ledger.unpublished(10) == ()


async def test_what_is_young_is_on_its_way_and_left_alone(ledger: SqlLedger, clock: HandClock):
    stream = MemoryStream(clock)
    await ledger.record_order(an_order(at=clock.now()))
    await Relay(ledger, stream, clock).sweep()
    assert len(stream) == 0
    assert len(await ledger.unpublished(10)) == 1


async def test_what_a_stream_does_not_take_any_relay_may_try_again_at_once(ledger: SqlLedger, clock: HandClock):
    stream = MemoryStream(clock, capacity=2)
    orders = await left_behind(ledger, clock, 5)
    await Relay(ledger, stream, clock).sweep()
    for delivery in await read(stream, 2):
        await stream.ack(delivery)
    await Relay(ledger, stream, clock).sweep()
    assert [delivery.command.order_id for delivery in await read(stream, 2)] == orders[2:4]


async def test_what_a_relay_has_in_hand_another_takes_only_when_that_one_must_have_died(
    ledger: SqlLedger, clock: HandClock
):
    stream = MemoryStream(clock)
    orders = await left_behind(ledger, clock, 2)
    now = clock.now()
    await ledger.take_unpublished(10, before=now, at=now, until=now + TAKEN_FOR)
    await Relay(ledger, stream, clock).sweep()
    assert len(stream) == 0
    clock.forward((TAKEN_FOR - timedelta(milliseconds=1)).total_seconds())
    await Relay(ledger, stream, clock).sweep()
    assert len(stream) == 0
    clock.forward(0.001)
    await Relay(ledger, stream, clock).sweep()
    assert [delivery.command.order_id for delivery in await read(stream, 2)] == orders
