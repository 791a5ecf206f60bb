"""When nobody looks any more, orders go by the switch that their owner has set."""

from __future__ import annotations

from engine.domain.dead_man import PREFERENCE, DeadMan, DeadManPolicy
from engine.domain.order import OrderStatus
from engine.worker import DeadManWatch
from tests.data.makers import HandClock
from tests.engine.desks import DeskUnderTest
from tests.simulator.process import Trader

S = OrderStatus


class Someone:
    """Who has a desk open."""

    def __init__(self) -> None:
        self.there: frozenset[str] = frozenset()

    def __call__(self) -> frozenset[str]:
        return self.there


def watch_of(desk: DeskUnderTest, someone: Someone, clock: HandClock) -> DeadManWatch:
    return DeadManWatch(desk.ledger, desk.users, desk.chain.recorder, someone, clock)


async def test_entries_go_when_all_desks_are_gone_for_the_chosen_time_and_stops_stay(
    desk: DeskUnderTest, peer: Trader, taker: Trader
) -> None:
    await peer.place("SELL", "LIMIT", price="50000", quantity="0.001")
    await taker.place("BUY", "LIMIT", price="50000", quantity="0.001")
    entry = await desk.becomes(await desk.buy(price="40000", quantity="0.01"), S.ACCEPTED)
    stop = await desk.becomes(await desk.sell(type="stop_loss", stop_price="30000", quantity="0.01"), S.ACCEPTED)
    someone, clock = Someone(), HandClock()
    watch = watch_of(desk, someone, clock)
    await desk.desk.set_dead_man(desk.user_id, DeadMan(enabled=True, after_s=30))

    someone.there = frozenset({desk.user_id})
    await watch.look()
    clock.forward(3_600)
    await watch.look()
    assert (await desk.desk.order(desk.user_id, entry.id)).status is S.ACCEPTED
    someone.there = frozenset()
    clock.forward(29)
    await watch.look()
    assert (await desk.desk.order(desk.user_id, entry.id)).status is S.ACCEPTED
    clock.forward(1)
    await watch.look()
    await desk.becomes(entry, S.CANCELED)
    line = next(one for one in await desk.ledger.timeline(entry.id) if one.event == "CancelRequested")
    assert (line.detail["source"], "for 30 s" in line.detail["why"]) == ("dead man", True)
    assert (await desk.desk.order(desk.user_id, stop.id)).status is S.ACCEPTED


async def test_it_strikes_once_until_somebody_has_come_back(desk: DeskUnderTest) -> None:
    someone, clock = Someone(), HandClock()
    watch = watch_of(desk, someone, clock)
    await desk.desk.set_dead_man(desk.user_id, DeadMan(enabled=True, after_s=10, policy=DeadManPolicy.ALL))
    await watch.look()
    clock.forward(10)
    await watch.look()
    late = await desk.becomes(await desk.buy(price="40000", quantity="0.01"), S.ACCEPTED)
    clock.forward(100)
    await watch.look()
    assert (await desk.desk.order(desk.user_id, late.id)).status is S.ACCEPTED
    someone.there = frozenset({desk.user_id})
    await watch.look()
    someone.there = frozenset()
    clock.forward(10)
    await watch.look()
    await desk.becomes(late, S.CANCELED)


async def test_it_is_off_until_it_is_switched_on(desk: DeskUnderTest) -> None:
    assert await desk.desk.dead_man(desk.user_id) == DeadMan()
    order = await desk.becomes(await desk.buy(price="40000", quantity="0.01"), S.ACCEPTED)
    someone, clock = Someone(), HandClock()
    watch = watch_of(desk, someone, clock)
    await desk.desk.set_dead_man(desk.user_id, DeadMan(enabled=False))
    await watch.look()
    clock.forward(100_000)
    await watch.look()
    assert (await desk.desk.order(desk.user_id, order.id)).status is S.ACCEPTED
    assert await desk.users.preferences(PREFERENCE) == {desk.user_id: DeadMan().text()}
