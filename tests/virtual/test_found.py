"""What worlds have found in the engine, each as the scene in which it went wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.desk.amendments import Amendment
from engine.domain.list_draft import EntryTerms, ExitTerms, ListDraft
from engine.domain.order import Order, OrderStatus
from engine.domain.order_list import ListKind
from engine.domain.values import Conflict, OrderType, Price, Quantity, Refusal, Side
from engine.ports import Features
from tests.virtual.network import Fate
from tests.virtual.quiet import without_logs
from tests.virtual.stage import LOT, PAST, SYMBOL, Stage, play

S = OrderStatus
LATE = Fate("late", there_s=4, lag_s=8, gives_up_s=0.1)
LOWER = Amendment(quantity=Quantity(LOT / 2))
WITHOUT_LISTS = Features(lists=False)
NEVER = Fate("swallowed", arrives=False)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    with without_logs():
        yield


async def place_oco(stage: Stage, profit: ExitTerms | None = None) -> tuple[Order, ...]:
    """A sell at 52,000 (or `profit`), or once the price is down at 49,999.98; the market is at 50,000."""
    draft = ListDraft(
        ListKind.OCO,
        SYMBOL,
        Side.SELL,
        LOT,
        take_profit=profit or ExitTerms(price=Price(Decimal("52000.00"))),
        stop_loss=ExitTerms(stop_price=Price(Decimal("49999.98"))),
    )
    return (await stage.ask(lambda desk: desk.submit_list(stage.user_id, draft))).orders


def test_a_stage_alone_breaks_nothing():
    seen: list[Order] = []

    async def scene(stage: Stage) -> None:
        order = await stage.buy()
        await asyncio.sleep(1)
        assert stage.row(order).status is S.ACCEPTED
        await stage.ask(lambda desk: desk.cancel_order(stage.user_id, order.id))
        await asyncio.sleep(1)
        seen.append(stage.row(order))

    assert not play(scene).faults
    assert [order.status for order in seen] == [S.CANCELED]


@pytest.mark.parametrize("off_s", [5, 3600])
def test_a_clock_that_is_set_forward_refuses_nothing_that_is_on_its_way(off_s: int):
    lines: list[str] = []

    async def scene(stage: Stage) -> None:
        stage.spoil("privatePostOrder", LATE)
        order = await stage.buy()
        await asyncio.sleep(1)
        assert stage.row(order).status is S.UNKNOWN
        stage.process().clock.off_s += off_s
        await asyncio.sleep(15)
        assert stage.row(order).status is S.ACCEPTED
        lines.extend(stage.lines(order))

    assert not play(scene).faults
    assert "NotAccepted" not in lines


@pytest.mark.parametrize("off_s", [5, 3600])
def test_a_clock_that_is_set_back_keeps_nothing_in_doubt(off_s: int):
    async def scene(stage: Stage) -> None:
        stage.spoil("privatePostOrder", NEVER)
        order = await stage.buy()
        await asyncio.sleep(1)
        stage.process().clock.off_s -= off_s
        await asyncio.sleep(31)
        assert stage.row(order).status is S.REJECTED

    assert not play(scene).faults


def test_a_clock_that_is_set_back_leaves_no_command_behind():
    async def scene(stage: Stage) -> None:
        stage.around.lose_commands()
        order = await stage.buy()
        stage.process().clock.off_s -= 3600
        stage.around.calm()
        await asyncio.sleep(35)
        assert stage.row(order).status is S.ACCEPTED

    assert not play(scene).faults


def test_a_replacement_that_is_cancelled_before_it_is_sent_leaves_the_order_as_it_was():
    async def scene(stage: Stage) -> None:
        order = await stage.buy()
        await asyncio.sleep(1)
        stage.around.lose_commands()
        dearer = Amendment(price=Price(PAST + 1))
        amended = await stage.ask(lambda desk: desk.amend_order(stage.user_id, order.id, dearer))
        await stage.ask(lambda desk: desk.cancel_order(stage.user_id, amended.replaced_by or ""))
        stage.around.calm()
        await asyncio.sleep(30)
        assert stage.row(order).status is S.ACCEPTED

    assert not play(scene).faults


def test_an_amendment_that_comes_too_late_is_a_conflict():
    told: list[BaseException | None] = []

    async def scene(stage: Stage) -> None:
        for _ in range(30):
            order = await stage.buy()
            await asyncio.sleep(1)
            outcomes = await asyncio.gather(
                stage.ask(lambda desk, order=order: desk.cancel_order(stage.user_id, order.id)),
                stage.ask(lambda desk, order=order: desk.amend_order(stage.user_id, order.id, LOWER)),
                return_exceptions=True,
            )
            told.extend(outcome for outcome in outcomes if isinstance(outcome, BaseException))

    assert not play(scene).faults
    assert told
    assert all(isinstance(outcome, Conflict) for outcome in told)


def test_lowering_one_leg_of_an_oco_lowers_the_other_in_the_ledger_too():
    async def scene(stage: Stage) -> None:
        first, second = await place_oco(stage)
        await asyncio.sleep(1)
        stage.around.exchange.cut_channels()
        await stage.ask(lambda desk: desk.amend_order(stage.user_id, first.id, LOWER))
        await asyncio.sleep(20)
        assert (stage.row(first).quantity, stage.row(second).quantity) == (LOT / 2, LOT / 2)

    assert not play(scene).faults


@pytest.mark.parametrize("apart_s", [0.0, 0.12])
@pytest.mark.parametrize("later_s", [0.0, 0.07, 0.14, 0.21])
def test_of_two_legs_that_the_desk_keeps_one_is_sent_and_stays_sent(apart_s: float, later_s: float):
    async def scene(stage: Stage) -> None:
        profit, stop = await place_oco(stage, ExitTerms(stop_price=Price(Decimal("50000.02"))))
        await asyncio.sleep(2 + later_s)
        stage.print_trade(5_000_002)
        if apart_s:
            await asyncio.sleep(apart_s)
        stage.print_trade(4_999_998)
        await asyncio.sleep(5)
        assert (stage.row(profit).status, stage.row(stop).status) == (S.FILLED, S.CANCELED)
        assert stage.row(profit).cancel_requested_at is None

    assert not play(scene, features=WITHOUT_LISTS).faults


def test_an_exit_that_the_desk_keeps_is_not_raised_above_what_its_entry_brings():
    async def scene(stage: Stage) -> None:
        draft = ListDraft(
            ListKind.BRACKET,
            SYMBOL,
            Side.BUY,
            LOT,
            stop_loss=ExitTerms(stop_price=Price(Decimal("48000.00"))),
            take_profit=ExitTerms(price=Price(Decimal("52000.00"))),
            entry=EntryTerms(OrderType.LIMIT, PAST),
        )
        submitted = await stage.ask(lambda desk: desk.submit_list(stage.user_id, draft))
        kept = next(order for order in submitted.orders if order.status is S.HELD)
        with pytest.raises(Refusal, match="only be lowered"):
            await stage.ask(
                lambda desk: desk.amend_order(stage.user_id, kept.id, Amendment(quantity=Quantity(LOT * 2)))
            )

    assert not play(scene, features=WITHOUT_LISTS).faults


def test_an_order_that_the_desk_has_let_go_is_replaced_by_what_it_became():
    async def scene(stage: Stage) -> None:
        order = await stage.buy(PAST, kind=OrderType.STOP_LOSS_LIMIT, stop_price=Price(Decimal("50000.02")), held=True)
        await asyncio.sleep(2)
        stage.print_trade(5_000_002)
        await asyncio.sleep(2)
        assert stage.row(order).status is S.ACCEPTED
        more = Amendment(quantity=Quantity(LOT * 2))
        amended = await stage.ask(lambda desk: desk.amend_order(stage.user_id, order.id, more))
        await asyncio.sleep(5)
        replacement = stage.around.store.orders[amended.replaced_by or ""]
        assert (stage.row(order).status, replacement.status) == (S.CANCELED, S.ACCEPTED)
        assert (replacement.type, replacement.quantity) == (OrderType.LIMIT, LOT * 2)

    assert not play(scene).faults


def test_an_order_in_doubt_is_asked_after_every_second():
    async def scene(stage: Stage) -> None:
        stage.spoil("privatePostOrder", LATE)
        order = await stage.buy()
        await asyncio.sleep(8)
        assert 6 <= stage.lines(order).count("AskedByClientId") <= 9

    assert not play(scene).faults
