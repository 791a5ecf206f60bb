"""Commands are carried out once each, side by side, and what keeps failing is put aside where it can be seen."""

from __future__ import annotations

from pathlib import Path

from engine.domain.messages import Command, CommandKind
from engine.domain.order import OrderStatus
from engine.runtime import SystemClock
from engine.worker import MOST_ATTEMPTS
from tests.engine.desks import DeskUnderTest, eventually, eventually_true, open_desk
from tests.engine.saboteur import hold, pass_on, sabotage
from tests.simulator.process import SimulatorProcess

S = OrderStatus


async def test_a_command_that_comes_again_does_not_send_again(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        open_desk(tmp_path / "numatix.db", saboteur.url) as desk,
    ):
        await desk.ready()
        await desk.open_user()
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        for number in range(5):
            await desk.stream.publish(
                Command(f"again-{number}", CommandKind.SUBMIT, order.id, order.account_id, SystemClock().now())
            )
        await eventually(lambda: len(desk.stream) == 0, "all copies are acknowledged")
        assert saboteur.count("POST", "/order") == 1
        await desk.leave_nothing_open()


async def test_a_command_for_an_order_that_is_not_there_is_put_away(desk: DeskUnderTest) -> None:
    await desk.stream.publish(Command("odd", CommandKind.CANCEL, "no-such-order", "account", SystemClock().now()))
    await eventually(lambda: len(desk.stream) == 0, "it is acknowledged")
    assert await desk.stream.dead_letters() == ()


async def test_a_slow_order_does_not_hold_up_the_others(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        open_desk(tmp_path / "numatix.db", saboteur.url) as desk,
    ):
        await desk.ready()
        await desk.open_user()
        await desk.desk.balances(desk.user_id)
        saboteur.spoil("POST", "/order", hold(3.0, pass_on))
        slow = await desk.buy(quantity="0.01", price="30000")
        await eventually(lambda: saboteur.count("POST", "/order") == 1, "the slow order is on its way")
        quick = await desk.becomes(await desk.buy(quantity="0.01", price="30001"), S.ACCEPTED, deadline_s=2.9)
        assert quick.status is S.ACCEPTED
        assert (await desk.desk.order(desk.user_id, slow.id)).status is S.SUBMITTED
        await desk.becomes(slow, S.ACCEPTED)
        await desk.leave_nothing_open()


async def test_what_keeps_failing_is_set_aside_and_its_order_is_still_looked_after(
    tmp_path: Path, exchange: SimulatorProcess
) -> None:
    async with (
        sabotage((exchange.host, exchange.port)) as saboteur,
        open_desk(tmp_path / "numatix.db", saboteur.url, retry_after_s=(0.02,)) as desk,
    ):
        await desk.ready()
        await desk.open_user()
        order = await desk.becomes(await desk.buy(quantity="0.01", price="30000"), S.ACCEPTED)
        saboteur.refusing = True
        saboteur.cut()
        await desk.desk.cancel_order(desk.user_id, order.id)
        await eventually_true(desk.stream.dead_letters, "the cancel is set aside")
        [letter] = await desk.stream.dead_letters()
        assert letter.command is not None
        assert (letter.command.order_id, letter.command.kind) == (order.id, CommandKind.CANCEL)
        assert (letter.attempts, MOST_ATTEMPTS) == (5, 5)
        assert "UNREACHABLE" in letter.error
        saboteur.heal()
        await desk.becomes(order, S.CANCELED, deadline_s=30)


async def test_a_command_that_the_stream_lost_is_given_again_from_the_outbox(
    tmp_path: Path, exchange: SimulatorProcess
) -> None:
    async with open_desk(tmp_path / "numatix.db", exchange.http) as desk:
        await desk.ready()
        await desk.open_user()
        await desk.desk.balances(desk.user_id)
        full = desk.stream.capacity
        desk.stream.capacity = 0
        order = await desk.buy(quantity="0.01", price="30000")
        assert (await desk.desk.order(desk.user_id, order.id)).status is S.PENDING
        desk.stream.capacity = full
        await desk.becomes(order, S.ACCEPTED, deadline_s=15)
        await desk.leave_nothing_open()


async def test_closing_the_desk_lets_an_order_in_hand_finish(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with sabotage((exchange.host, exchange.port)) as saboteur:
        async with open_desk(tmp_path / "numatix.db", saboteur.url) as desk:
            await desk.ready()
            await desk.open_user()
            await desk.desk.balances(desk.user_id)
            saboteur.spoil("POST", "/order", hold(0.5, pass_on))
            order = await desk.buy(quantity="0.01", price="30000")
            await eventually(lambda: saboteur.count("POST", "/order") == 1, "it is on its way")
        async with open_desk(tmp_path / "numatix.db", saboteur.url) as again:
            stored = await again.ledger.order(order.id)
            assert stored is not None
            assert stored.status is S.ACCEPTED
            await again.come_back_or_open_user()
            await again.leave_nothing_open()


async def test_a_command_that_died_with_the_stream_is_given_again(tmp_path: Path, exchange: SimulatorProcess) -> None:
    async with open_desk(tmp_path / "numatix.db", exchange.http) as desk:
        await desk.ready()
        await desk.open_user()
        await desk.desk.balances(desk.user_id)
        desk.chain.supervisor.stop("commands")
        order = await desk.buy(quantity="0.01", price="30000")

        async def marked() -> bool:
            return await desk.ledger.unpublished(10) == ()

        await eventually_true(marked, "the outbox takes the command for published")
    async with open_desk(tmp_path / "numatix.db", exchange.http) as again:
        await again.come_back_or_open_user()
        await again.becomes(order, S.ACCEPTED)
        await again.leave_nothing_open()
