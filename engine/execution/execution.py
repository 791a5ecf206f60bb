"""Carries out each kind of command; what was sent before is asked after, never sent again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from engine.domain.messages import Command, CommandKind, Note
from engine.domain.order import CancelRefused, Order, OrderStatus
from engine.execution.amending import Amending
from engine.execution.listing import Listing
from engine.execution.sending import Sender
from engine.ports import CancelDone, Ledger, VenueError
from engine.reconcile import Reconciler, Recorder, Resolution, Roads, SettleTimes
from engine.runtime import Clock

log = structlog.get_logger(__name__)

CANCEL_AGAIN_AFTER_S = (0.1, 0.3, 1.0, 0.0)


class Execution:
    def __init__(
        self,
        ledger: Ledger,
        recorder: Recorder,
        reconciler: Reconciler,
        roads: Roads,
        clock: Clock,
        times: SettleTimes,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._reconciler = reconciler
        self._roads = roads
        self._clock = clock
        self._sender = Sender(ledger, recorder, reconciler, clock, times)
        self._amending = Amending(ledger, recorder, reconciler, roads, self._sender, clock)
        self._listing = Listing(ledger, recorder, reconciler, roads, self._sender, clock)
        self._doing: Mapping[CommandKind, Callable[[Order, Command], Awaitable[None]]] = {
            CommandKind.SUBMIT: self._submit,
            CommandKind.CANCEL: self._cancel,
            CommandKind.AMEND: self._amend,
        }

    async def execute(self, command: Command) -> None:
        """Carry it out as far as it goes. VenueError when it has to be tried again."""
        order = await self._ledger.order(command.order_id)
        if order is None:
            log.error("command for an order that is not in the ledger", command=command.id, order=command.order_id)
            return
        await self._doing[command.kind](order, command)

    # --- submit ---

    async def _submit(self, order: Order, command: Command) -> None:
        if order.finished:
            return
        if order.status is not OrderStatus.PENDING:
            await self._reconciler.resolve(order, source="worker")
            return
        if self._sender.waited_too_long(order):
            await self._sender.give_up_late(order)
            return
        if order.replaces is not None:
            await self._amending.take_the_place(order)
        elif order.list_id is None or not await self._listing.submit(order):
            await self._submit_alone(order, command)

    async def _submit_alone(self, order: Order, command: Command) -> None:
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        sent = await self._sender.submitting(order, [self._taken_up(command)])
        if sent is None:
            log.info("order was taken up or cancelled by somebody else meanwhile", order=order.id)
            return
        began = self._clock.monotonic()
        outcome = await self._sender.send(sent, lambda left_s: road.place(sent, instrument, send_within_s=left_s))
        await self._sender.conclude(sent, outcome, [self._sender.answered(outcome, began)])

    def _taken_up(self, command: Command) -> Note:
        now = self._clock.now()
        waited_ms = (now - command.created_at).total_seconds() * 1000
        return Note(now, "TakenUp", {"waited_ms": f"{waited_ms:.1f}"})

    # --- amend ---

    async def _amend(self, order: Order, command: Command) -> None:
        del command
        if order.status is OrderStatus.PENDING_AMEND:
            await self._amending.carry_out(order)

    # --- cancel ---

    async def _cancel(self, order: Order, command: Command) -> None:
        del command
        if order.status is not OrderStatus.PENDING_CANCEL:
            return
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        detail = ""
        for delay_s in CANCEL_AGAIN_AFTER_S:
            began = self._clock.monotonic()
            outcome = await road.cancel(order, instrument)
            if isinstance(outcome, CancelDone):
                note = self._sender.answered(outcome, began)
                await self._reconciler.settle(order, outcome.order, (), source="worker", notes=[note])
                return
            detail = outcome.detail
            if await self._ended(order):
                return
            await asyncio.sleep(delay_s)
        await self._recorder.advance(order.id, [CancelRefused(detail)], source="worker")

    async def _ended(self, order: Order) -> bool:
        """Read the order before concluding anything from a cancel that failed: it may have worked."""
        if await self._reconciler.resolve(order, source="worker") is Resolution.UNREACHABLE:
            raise VenueError("UNREACHABLE", f"what became of the cancel of order {order.id} cannot be asked")
        now = await self._ledger.order(order.id)
        return now is None or now.finished
