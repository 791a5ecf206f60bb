"""What a bus does when Redis goes away: nobody is left to believe what is no longer so."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest

from data.encoding import encode
from data.redis_bus import RedisBus
from data.redis_keys import BALANCE_EVENTS, ORDER_EVENTS
from data.redis_link import RedisLink
from engine.domain.messages import OrderChanged
from engine.ports import BalancesUpdate, BusEvent, EventBus, Missed
from engine.runtime import Supervisor, SystemClock
from tests.data.makers import an_order
from tests.data.test_bus_contract import PROBE, Events, a_change, event_of, subscribed
from tests.redis_server import RedisServer


@pytest.fixture
async def open_bus(redis: RedisServer) -> AsyncIterator[Callable[[], RedisBus]]:
    """`open_bus()`: one with a link and tasks of its own, as another process has it."""
    supervisor_and_links: list[tuple[Supervisor, RedisLink]] = []

    def opened() -> RedisBus:
        parts = Supervisor("bus under test"), RedisLink.open(redis.url, SystemClock())
        supervisor_and_links.append(parts)
        return RedisBus(parts[1], parts[0])

    yield opened
    for supervisor, link in supervisor_and_links:
        await supervisor.close()
        await link.close()
        assert supervisor.failures == ()


async def next_other_than_missed(events: Events, within_s: float = 10.0) -> BusEvent:
    async with asyncio.timeout(within_s):
        while True:
            event = await anext(events)
            if not isinstance(event, Missed) and event != PROBE:
                return event


async def missed(events: Events, within_s: float = 5.0) -> None:
    """Until a Missed comes."""
    async with asyncio.timeout(within_s):
        while not isinstance(await anext(events), Missed):
            pass


async def test_what_one_process_publishes_another_hears(open_bus: Callable[[], RedisBus]):
    here, there = open_bus(), open_bus()
    events = await subscribed(there)
    change, balances = a_change(1), BalancesUpdate("ann", "ann-paper", ())
    await here.publish(change)
    await here.publish(balances)
    assert [await event_of(events), await event_of(events)] == [change, balances]


async def test_events_of_a_burst_keep_their_order_between_processes(open_bus: Callable[[], RedisBus]):
    here, there = open_bus(), open_bus()
    events = await subscribed(there)
    changes = [a_change(number) for number in range(700)]
    await asyncio.gather(*(here.publish(change) for change in changes))
    assert [await event_of(events) for _ in changes] == changes


async def test_a_subscriber_whose_link_was_cut_learns_that_it_may_have_missed_something(
    open_bus: Callable[[], RedisBus], redis: RedisServer
):
    here, there = open_bus(), open_bus()
    events = await subscribed(there)
    redis.run("CLIENT", "KILL", "TYPE", "pubsub")
    await missed(events)
    # Nothing else comes: whoever waits learns of it nevertheless, and hears again after.
    await missed(events)
    change = a_change(2)
    await here.publish(change)
    assert await next_other_than_missed(events) == change


async def test_while_redis_is_away_those_who_wait_are_told_again_and_again(
    open_bus: Callable[[], RedisBus], redis: RedisServer
):
    bus = open_bus()
    events = await subscribed(bus)
    redis.kill()
    try:
        for _ in range(3):
            await missed(events)
        began = time.monotonic()
        changes = [a_change(sequence) for sequence in range(100)]
        for change in changes:
            await bus.publish(change)
        assert time.monotonic() - began < 0.5
        # In this process they are heard nevertheless.
        assert [await next_other_than_missed(events) for _ in changes] == changes
    finally:
        redis.start()
    await heard_again(bus, events)


async def test_a_redis_that_hangs_is_noticed_and_what_could_not_be_said_is_made_known(
    open_bus: Callable[[], RedisBus], redis: RedisServer
):
    here, there = open_bus(), open_bus()
    events = await subscribed(there)
    await subscribed(here)
    redis.hang()
    try:
        began = time.monotonic()
        await here.publish(a_change(1))
        assert time.monotonic() - began < 0.1
        await missed(events, within_s=6)
    finally:
        redis.go_on()
    await heard_again(here, events)


async def heard_again(bus: EventBus, events: Events) -> None:
    """What is published now arrives; events from before the trouble may come first or not at all."""
    last = a_change(1_000_000)
    async with asyncio.timeout(15):
        while True:
            await bus.publish(last)
            try:
                async with asyncio.timeout(0.2):
                    while await anext(events) != last:
                        pass
                    return
            except TimeoutError:
                continue


async def test_who_could_not_say_something_tells_the_others_once_it_can(
    open_bus: Callable[[], RedisBus], redis: RedisServer
):
    """The other's own link stays whole: only the speaker knows that something was lost."""
    here, there = open_bus(), open_bus()
    own, events = await subscribed(here), await subscribed(there, here)
    redis.run("ACL", "SETUSER", "default", "-publish")
    try:
        change = a_change(1)
        await here.publish(change)
        assert await next_other_than_missed(own) == change
    finally:
        redis.run("ACL", "SETUSER", "default", "+publish")
    await missed(events)


@pytest.mark.parametrize(
    ("channel", "data"),
    [
        (ORDER_EVENTS, b"\xff"),
        (ORDER_EVENTS, b"{}"),
        (BALANCE_EVENTS, encode(OrderChanged(1, "ann", an_order(), ()))),
    ],
)
async def test_what_cannot_be_understood_is_a_missed(
    open_bus: Callable[[], RedisBus], redis: RedisServer, channel: str, data: bytes
):
    events = await subscribed(open_bus())
    redis.run("PUBLISH", channel, data)
    assert await event_of(events) == Missed()


@pytest.mark.parametrize("turns", [0, 20])
async def test_what_was_not_said_when_the_desk_ended_is_said_at_its_close(
    open_bus: Callable[[], RedisBus], redis: RedisServer, turns: int
):
    """Whether its speaker had not begun yet, or was in the middle of saying it."""
    events = await subscribed(open_bus())
    supervisor, link = Supervisor("ends at once"), RedisLink.open(redis.url, SystemClock())
    ending = RedisBus(link, supervisor)
    change = a_change(1)
    redis.hang()
    try:
        await ending.publish(change)
        for _ in range(turns):
            await asyncio.sleep(0)
        await supervisor.close()
    finally:
        redis.go_on()
    await ending.close()
    await link.close()
    assert await next_other_than_missed(events) == change
