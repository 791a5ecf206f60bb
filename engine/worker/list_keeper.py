"""Keeps order lists together: carries out the step that each needs next, one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import structlog

from engine.accounts import Accounts
from engine.domain.advance import IllegalTransition
from engine.domain.instrument import Instrument
from engine.domain.list_steps import Become, CancelThem, Fire, Release, Repair, Step, Unwind, next_step
from engine.domain.order import CancelRequested, Leg, Order, OrderStatus, Released, Rewritten, Triggered
from engine.domain.order_list import ListStatus, OrderList
from engine.domain.values import OrderType, Price, Quantity
from engine.ports import Ledger, VenueError
from engine.reconcile import Recorder
from engine.runtime import Clock, Ids, Supervisor

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.25
ENDINGS = {Leg.TAKE_PROFIT: "tp", Leg.STOP_LOSS: "sl", Leg.UNWIND: "uw"}


class ListKeeper:
    """Every step is safe to take again: new orders carry client ids that follow from the list."""

    def __init__(self, ledger: Ledger, recorder: Recorder, accounts: Accounts, clock: Clock, ids: Ids) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._accounts = accounts
        self._clock = clock
        self._ids = ids
        self._taking: Mapping[type[Any], Callable[[OrderList, Any, Sequence[Order]], Awaitable[None]]] = {
            Become: self._become,
            Release: self._release,
            CancelThem: self._cancel,
            Fire: self._fire,
            Repair: self._repair,
            Unwind: self._unwind,
        }

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("order lists", self._keep)

    async def _keep(self) -> None:
        while True:
            for order_list in await self._ledger.lists_not_over():
                await self._look_after(order_list)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look_after(self, order_list: OrderList) -> None:
        found = await self._ledger.order_list(order_list.id)
        if found is None or not found[1]:
            return
        order_list, orders = found
        try:
            instrument = await self._instrument(orders[0])
        except VenueError as error:
            log.info("order list waits for its venue", list=order_list.id, error=str(error))
            return
        step = next_step(order_list, orders, instrument)
        if step is None:
            return
        log.info("order list needs a step", list=order_list.id, step=type(step).__name__)
        try:
            await self._take(order_list, step, orders)
        except IllegalTransition as error:
            log.info("order list changed meanwhile", list=order_list.id, error=str(error))

    async def _instrument(self, order: Order) -> Instrument:
        return await self._accounts.instrument_of(order)

    async def _take(self, order_list: OrderList, step: Step, orders: Sequence[Order]) -> None:
        await self._taking[type(step)](order_list, step, orders)

    async def _become(self, order_list: OrderList, step: Become, orders: Sequence[Order]) -> None:
        del orders
        if (order_list.status, order_list.note) != (step.status, step.note):
            now = self._clock.now()
            await self._ledger.update_list(replace(order_list, status=step.status, note=step.note, updated_at=now))

    async def _release(self, order_list: OrderList, step: Release, orders: Sequence[Order]) -> None:
        del orders
        for order in step.orders:
            if order.quantity != step.quantity:
                await self._recorder.advance(order.id, [Rewritten(step.quantity)], source="lists")
        due = [order.id for order in step.orders if not order.held]
        if due:
            await self._recorder.advance_together(due, Released(), source="lists")
        await self._set_status(order_list, ListStatus.ACTIVE)

    async def _cancel(self, order_list: OrderList, step: CancelThem, orders: Sequence[Order]) -> None:
        del order_list, orders
        for order in step.orders:
            await self._recorder.advance(order.id, [CancelRequested()], source="lists")

    async def _fire(self, order_list: OrderList, step: Fire, orders: Sequence[Order]) -> None:
        del orders
        if step.order.quantity != step.quantity:
            await self._recorder.advance(step.order.id, [Rewritten(step.quantity)], source="lists")
        price = step.order.trail_price or step.order.stop_price or Price(Decimal(0))
        await self._recorder.advance(step.order.id, [Triggered(price)], source="lists")
        await self._set_status(order_list, ListStatus.ACTIVE)

    async def _repair(self, order_list: OrderList, step: Repair, orders: Sequence[Order]) -> None:
        log.warning("exits are placed anew", list=order_list.id, why=step.why)
        note = f"An exit could not be placed ({step.why}): it is placed anew."
        now = self._clock.now()
        await self._ledger.update_list(replace(order_list, status=ListStatus.REPAIRING, note=note, updated_at=now))
        anew: list[Order] = []
        for lost in step.orders:
            count = sum(1 for one in orders if one.leg is lost.leg) + 1
            anew.append(self._like(order_list, lost, step.quantity, str(count)))
        await self._recorder.record_list(order_list, anew, new=False)

    async def _unwind(self, order_list: OrderList, step: Unwind, orders: Sequence[Order]) -> None:
        log.error("exits cannot be placed: the entry is closed at market", list=order_list.id, why=step.why)
        note = f"The exits could not be placed ({step.why}): what the entry filled is closed at market."
        now = self._clock.now()
        await self._ledger.update_list(replace(order_list, status=ListStatus.REPAIRING, note=note, updated_at=now))
        pattern = next(one for one in orders if one.leg is not Leg.ENTRY)
        made = self._like(order_list, replace(pattern, leg=Leg.UNWIND), step.quantity, "")
        market = replace(made, type=OrderType.MARKET, price=None, stop_price=None, trailing_delta=None)
        market = replace(market, time_in_force=None, held=False)
        await self._recorder.record_list(order_list, [market], new=False)

    async def _set_status(self, order_list: OrderList, status: ListStatus) -> None:
        if order_list.status is not status:
            await self._ledger.update_list(replace(order_list, status=status, updated_at=self._clock.now()))

    def _like(self, order_list: OrderList, pattern: Order, quantity: Quantity, count: str) -> Order:
        """A new order of the list after the pattern of one that is lost."""
        now = self._clock.now()
        ending = ENDINGS[pattern.leg or Leg.UNWIND]
        return Order(
            id=self._ids.new(),
            user_id=order_list.user_id,
            account_id=order_list.account_id,
            client_order_id=f"{order_list.id[-28:]}.{ending}{count}",
            symbol=order_list.symbol,
            side=pattern.side,
            type=pattern.type,
            time_in_force=pattern.time_in_force,
            quantity=quantity,
            quote_quantity=None,
            price=pattern.price,
            status=OrderStatus.HELD if pattern.held and pattern.leg is not Leg.UNWIND else OrderStatus.PENDING,
            created_at=now,
            updated_at=now,
            stop_price=pattern.stop_price,
            trailing_delta=pattern.trailing_delta,
            held=pattern.held and pattern.leg is not Leg.UNWIND,
            list_id=order_list.id,
            leg=pattern.leg,
        )
