"""What a user's sessions hear, and what they hear when something was lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from data.bus import MemoryBus
from engine.domain.messages import OrderChanged
from engine.domain.position import Balance
from engine.hub import LONGEST_QUEUE, BalancesUpdate, Hub, Resync, UserUpdate
from engine.ports import Missed
from engine.runtime import Supervisor
from tests.engine.desks import eventually
from tests.engine.orders import an_order


def change(sequence: int, user_id: str = "user") -> OrderChanged:
    return OrderChanged(sequence, user_id, replace(an_order(), user_id=user_id), ())


@pytest.fixture
async def bus() -> MemoryBus:
    return MemoryBus()


@pytest.fixture
async def hub(bus: MemoryBus) -> AsyncGenerator[Hub]:
    supervisor = Supervisor("hub under test")
    hub = Hub(bus)
    hub.start(supervisor)
    yield hub
    await supervisor.close()


async def next_of(updates: AsyncGenerator[UserUpdate]) -> UserUpdate:
    async with asyncio.timeout(15):
        return await anext(updates)


async def pumped(bus: MemoryBus, hub: Hub) -> None:
    """Until the hub reads the bus."""
    probe = hub.subscribe("probe")
    sequence = 0

    async def publish() -> bool:
        nonlocal sequence
        sequence += 1
        await bus.publish(change(sequence, "probe"))
        return True

    await publish()
    await eventually(lambda: hub.subscribers("probe") == 1, "subscribed")
    while not isinstance(await anext(probe), OrderChanged):
        await publish()
    await probe.aclose()


async def test_a_session_hears_its_users_changes_and_nobody_elses(bus: MemoryBus, hub: Hub) -> None:
    await pumped(bus, hub)
    mine = hub.subscribe("user")
    await bus.publish(change(1, "somebody else"))
    await bus.publish(change(7))
    await bus.publish(change(8))
    assert await next_of(mine) == change(7)
    assert await next_of(mine) == change(8)


async def test_a_gap_in_the_sequence_is_a_resync_before_what_follows(bus: MemoryBus, hub: Hub) -> None:
    await pumped(bus, hub)
    mine = hub.subscribe("user")
    for sequence in (1, 2, 4, 5):
        await bus.publish(change(sequence))
    heard = [await next_of(mine) for _ in range(5)]
    assert heard == [change(1), change(2), Resync("user"), change(4), change(5)]


async def test_what_comes_late_or_twice_is_not_heard_again(bus: MemoryBus, hub: Hub) -> None:
    await pumped(bus, hub)
    mine = hub.subscribe("user")
    for sequence in (1, 3, 2, 3, 4):
        await bus.publish(change(sequence))
    heard = [await next_of(mine) for _ in range(4)]
    assert heard == [change(1), Resync("user"), change(3), change(4)]


async def test_a_session_that_does_not_read_gets_one_resync_instead_of_a_backlog(bus: MemoryBus, hub: Hub) -> None:
    await pumped(bus, hub)
    mine = hub.subscribe("user")
    balances = BalancesUpdate("user", "account", (Balance("USDT", Decimal(1), Decimal(0)),))
    for _ in range(LONGEST_QUEUE + 1):
        await bus.publish(balances)
    await pumped(bus, hub)
    assert await next_of(mine) == Resync("user")
    await bus.publish(balances)
    assert await next_of(mine) == balances


async def test_balances_go_to_the_sessions_of_their_user_alone(bus: MemoryBus, hub: Hub) -> None:
    await pumped(bus, hub)
    mine = hub.subscribe("user")
    for user_id in ("somebody else", "user"):
        await bus.publish(BalancesUpdate(user_id, "account", (Balance("BTC", Decimal("0.1"), Decimal(0)),)))
    heard = await next_of(mine)
    assert isinstance(heard, BalancesUpdate)
    assert heard.user_id == "user"


async def test_what_the_bus_may_have_lost_is_one_resync_for_everyone(bus: MemoryBus, hub: Hub) -> None:
    await pumped(bus, hub)
    mine, theirs = hub.subscribe("user"), hub.subscribe("somebody else")
    bus.tell(Missed())
    bus.tell(Missed())
    await bus.publish(change(7))
    assert [await next_of(mine), await next_of(mine)] == [Resync("user"), change(7)]
    assert await next_of(theirs) == Resync("somebody else")


async def test_a_session_that_is_closed_or_dropped_is_no_subscriber_any_more(bus: MemoryBus, hub: Hub) -> None:
    await pumped(bus, hub)
    closed, dropped = hub.subscribe("user"), hub.subscribe("user")
    assert hub.subscribers("user") == 2
    assert hub.listening() == {"user"}
    del dropped
    assert hub.subscribers("user") == 1
    await bus.publish(BalancesUpdate("user", "account", ()))
    await anext(closed)
    await closed.aclose()
    assert hub.subscribers("user") == 0
    assert hub.listening() == frozenset()


async def test_what_comes_out_of_turn_at_the_beginning_is_a_resync_for_who_said_what_was_read(
    bus: MemoryBus, hub: Hub
) -> None:
    await pumped(bus, hub)
    mine = hub.subscribe("user", after=28)
    await bus.publish(change(30))
    await bus.publish(change(29))
    await bus.publish(change(31))
    assert [await next_of(mine) for _ in range(3)] == [Resync("user"), change(30), change(31)]


@dataclass
class Looking:
    """A hub that asks the ledger at every turn; `newest` is what it answers, `asked` how often it did."""

    newest: int
    asked: int = 0

    async def answer(self, _: str) -> int:
        self.asked += 1
        return self.newest

    async def looks(self, times: int) -> None:
        until = self.asked + times
        await eventually(lambda: self.asked >= until, "the ledger was asked")


@pytest.fixture
async def looking(bus: MemoryBus) -> AsyncGenerator[tuple[Looking, Hub]]:
    supervisor = Supervisor("hub under test")
    ledger = Looking(5)
    hub = Hub(bus, ledger.answer, look_every_s=0.005)
    hub.start(supervisor)
    yield ledger, hub
    await supervisor.close()


async def test_a_last_event_that_never_came_is_noticed_by_looking(bus: MemoryBus, looking: tuple[Looking, Hub]) -> None:
    ledger, hub = looking
    mine = hub.subscribe("user", after=5)
    await ledger.looks(3)
    ledger.newest = 6
    assert await next_of(mine) == Resync("user")
    await ledger.looks(3)
    await bus.publish(change(7))
    assert await next_of(mine) == change(7)


async def test_who_has_heard_nothing_yet_notices_what_is_lost_after_the_first_look(
    looking: tuple[Looking, Hub],
) -> None:
    ledger, hub = looking
    mine = hub.subscribe("user")
    await ledger.looks(3)
    ledger.newest = 6
    assert await next_of(mine) == Resync("user")
