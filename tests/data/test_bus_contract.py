"""What every event bus does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from data.bus import MemoryBus
from data.redis_bus import RedisBus
from engine.domain.messages import OrderChanged
from engine.domain.position import Balance
from engine.ports import BalancesUpdate, BusEvent, EventBus, Missed
from engine.runtime import Supervisor
from tests.data.makers import an_order

Events = AsyncIterator[BusEvent | Missed]
PROBE = BalancesUpdate("probe", "probe", ())


def a_change(sequence: int) -> OrderChanged:
    return OrderChanged(sequence, "ann", an_order(), ())


async def event_of(subscription: Events) -> BusEvent | Missed:
    """The next, but for those that other subscribers probe with."""
    async with asyncio.timeout(15):
        while True:
            event = await anext(subscription)
            if event != PROBE:
                return event


async def next_of(subscription: Events) -> int:
    event = await event_of(subscription)
    assert isinstance(event, OrderChanged)
    return event.sequence


async def subscribed(bus: EventBus, teller: EventBus | None = None) -> Events:
    """A subscription that hears what the teller (or the bus itself) says: across processes it takes a moment until
    Redis knows of it."""
    subscription = bus.subscribe()
    async with asyncio.timeout(15):
        event: BusEvent | Missed = Missed()
        while event != PROBE:
            await (teller or bus).publish(PROBE)
            event = await anext(subscription)
    return subscription


async def test_every_subscriber_gets_every_event_from_its_subscription_on(bus: EventBus):
    await bus.publish(a_change(1))
    first, second = await subscribed(bus), await subscribed(bus)
    await bus.publish(a_change(2))
    await bus.publish(a_change(3))
    for subscription in (first, second):
        assert [await next_of(subscription), await next_of(subscription)] == [2, 3]


async def test_orders_and_balances_arrive_as_they_were(bus: EventBus):
    subscription = await subscribed(bus)
    change = OrderChanged(1, "ann", an_order(quantity="0.00000001"), ())
    balances = BalancesUpdate("ann", "ann-paper", (Balance("BTC", Decimal("0.10"), Decimal("1E-8")),))
    await bus.publish(change)
    await bus.publish(balances)
    assert [await event_of(subscription), await event_of(subscription)] == [change, balances]


async def test_events_keep_the_order_of_their_publishing(bus: EventBus):
    subscription = await subscribed(bus)
    for first in range(0, 200, 5):
        for sequence in range(first, first + 5):
            await bus.publish(a_change(sequence))
        assert [await next_of(subscription) for _ in range(5)] == list(range(first, first + 5))


async def test_a_subscriber_that_is_slow_loses_the_oldest_and_holds_no_one_up(bus: EventBus):
    slow, quick = await subscribed(bus), await subscribed(bus)
    for sequence in range(1, 26):
        await bus.publish(a_change(sequence))
        assert await next_of(quick) == sequence
    assert await event_of(slow) == Missed()
    assert [await next_of(slow) for _ in range(10)] == list(range(16, 26))


async def test_a_subscriber_waits_for_the_next_event(bus: EventBus):
    subscription = await subscribed(bus)
    got: list[int] = []

    async def reader() -> None:
        got.append(await next_of(subscription))

    tasks = Supervisor("test")
    reading = tasks.run("reader", reader())
    await asyncio.sleep(0)
    await bus.publish(a_change(1))
    async with asyncio.timeout(15):
        await reading
    assert got == [1]
    await tasks.close()


async def test_a_closed_subscription_ends_for_whoever_waits(bus: MemoryBus | RedisBus):
    subscription = bus.subscribe()
    tasks = Supervisor("test")

    async def reader() -> None:
        async for _ in subscription:
            pass

    reading = tasks.run("reader", reader())
    await asyncio.sleep(0)
    await subscription.aclose()
    async with asyncio.timeout(15):
        await reading
    await bus.publish(a_change(1))
    with pytest.raises(StopAsyncIteration):
        await anext(subscription)
    assert bus.subscribers == 0
    await tasks.close()


async def test_a_subscription_that_nobody_holds_is_forgotten(bus: MemoryBus | RedisBus):
    kept, dropped = bus.subscribe(), bus.subscribe()
    assert bus.subscribers == 2
    del dropped
    gc.collect()
    assert bus.subscribers == 1
    await kept.aclose()
    assert bus.subscribers == 0
