"""What every event bus does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import pytest

from data.bus import MemoryBus
from engine.domain.messages import OrderChanged
from engine.ports import EventBus
from engine.runtime import Supervisor
from tests.data.makers import an_order


def a_change(sequence: int) -> OrderChanged:
    return OrderChanged(sequence, "ann", an_order(), ())


async def next_of(subscription: AsyncIterator[OrderChanged]) -> int:
    async with asyncio.timeout(2):
        return (await anext(subscription)).sequence


async def test_every_subscriber_gets_every_event_from_its_subscription_on(bus: EventBus):
    await bus.publish(a_change(1))
    first, second = bus.subscribe(), bus.subscribe()
    await bus.publish(a_change(2))
    await bus.publish(a_change(3))
    for subscription in (first, second):
        assert [await next_of(subscription), await next_of(subscription)] == [2, 3]


async def test_a_subscriber_that_is_slow_loses_the_oldest_and_holds_no_one_up(bus: EventBus):
    slow, quick = bus.subscribe(), bus.subscribe()
    for sequence in range(1, 26):
        await bus.publish(a_change(sequence))
        assert await next_of(quick) == sequence
    assert [await next_of(slow) for _ in range(10)] == list(range(16, 26))


async def test_a_subscriber_waits_for_the_next_event(bus: EventBus):
    subscription = bus.subscribe()
    got: list[int] = []

    async def reader() -> None:
        got.append((await anext(subscription)).sequence)

    tasks = Supervisor("test")
    reading = tasks.run("reader", reader())
    await asyncio.sleep(0)
    await bus.publish(a_change(1))
    async with asyncio.timeout(2):
        await reading
    assert got == [1]
    await tasks.close()


async def test_a_closed_subscription_ends_for_whoever_waits():
    bus = MemoryBus()
    subscription = bus.subscribe()
    tasks = Supervisor("test")

    async def reader() -> None:
        async for _ in subscription:
            pass

    reading = tasks.run("reader", reader())
    await asyncio.sleep(0)
    await subscription.aclose()
    async with asyncio.timeout(2):
        await reading
    await bus.publish(a_change(1))
    with pytest.raises(StopAsyncIteration):
        await anext(subscription)
    assert bus.subscribers == 0
    await tasks.close()


async def test_a_subscription_that_nobody_holds_is_forgotten():
    bus = MemoryBus()
    kept, dropped = bus.subscribe(), bus.subscribe()
    assert bus.subscribers == 2
    del dropped
    gc.collect()
    assert bus.subscribers == 1
    await bus.publish(a_change(1))
    assert await next_of(kept) == 1
