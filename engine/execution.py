"""Carries out commands: an order is sent once, and from then on only asked after."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import structlog

from engine.domain.advance import IllegalTransition
from engine.domain.instrument import Instrument
from engine.domain.messages import Command, CommandKind
from engine.domain.order import (
    NOT_ACCEPTED,
    AnswerLost,
    Canceled,
    CancelRefused,
    Order,
    OrderEvent,
    OrderStatus,
    Rejected,
    Submitting,
)
from engine.ports import CancelDone, Ledger, Lost, NotSent, Placed, PlaceOutcome, Refused, VenueAccount, VenueError
from engine.reconcile import Reconciler, Recorder, Resolution, Roads, SettleTimes
from engine.runtime import Clock

log = structlog.get_logger(__name__)

PENDING_AT_MOST = timedelta(seconds=60)
"""An order that has waited longer is not sent any more: the market it was meant for has moved on."""
SEND_AGAIN_EVERY_S = 0.25
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
        self._times = times

    async def execute(self, command: Command) -> None:
        """Carry it out as far as it goes. VenueError when it has to be tried again."""
        order = await self._ledger.order(command.order_id)
        if order is None:
            log.error("command for an order that is not in the ledger", command=command.id, order=command.order_id)
        elif command.kind is CommandKind.SUBMIT:
            await self._submit(order)
        else:
            await self._cancel(order)

    # --- submit ---

    async def _submit(self, order: Order) -> None:
        if order.finished:
            return
        if order.status is not OrderStatus.PENDING:
            await self._reconciler.resolve(order, source="worker")
            return
        if self._clock.now() - order.created_at > PENDING_AT_MOST:
            late = f"it waited more than {PENDING_AT_MOST.total_seconds():.0f} s and never left the desk"
            await self._recorder.advance(order.id, [Rejected(NOT_ACCEPTED, late)], source="worker")
            return
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        try:
            order = await self._recorder.advance(order.id, [Submitting()], source="worker")
        except IllegalTransition:
            log.info("order was taken up or cancelled by somebody else meanwhile", order=order.id)
            return
        await self._conclude(order, await self._send(road, order, instrument))

    async def _send(self, road: VenueAccount, order: Order, instrument: Instrument) -> PlaceOutcome:
        """Send it once. What provably never left may be tried again, but only within `send_within_s` of the commit:
        the settle window counts on nothing leaving after that."""
        deadline = (order.submitted_at or self._clock.now()) + timedelta(seconds=self._times.send_within_s)
        outcome: PlaceOutcome = NotSent("the desk was too slow to send it")
        while (left_s := (deadline - self._clock.now()).total_seconds()) > 0:
            outcome = await road.place(order, instrument, send_within_s=left_s)
            if not isinstance(outcome, NotSent):
                break
            await asyncio.sleep(SEND_AGAIN_EVERY_S)
            wished = await self._ledger.order(order.id)
            if wished is not None and wished.cancel_requested_at is not None:
                break
        return outcome

    async def _conclude(self, order: Order, outcome: PlaceOutcome) -> None:
        match outcome:
            case Placed(reported, fills):
                await self._reconciler.settle(order, reported, fills, source="worker")
            case Refused(code, detail):
                await self._recorder.advance(order.id, [Rejected(code, detail)], source="worker")
            case NotSent(detail):
                await self._recorder.advance(order.id, [await self._never_left(order, detail)], source="worker")
            case Lost(detail):
                order = await self._recorder.advance(order.id, [AnswerLost(detail)], source="worker")
                await self._reconciler.resolve(order, source="worker")

    async def _never_left(self, order: Order, detail: str) -> OrderEvent:
        wished = await self._ledger.order(order.id)
        if wished is not None and wished.cancel_requested_at is not None:
            return Canceled("it never left the desk")
        return Rejected("VENUE_UNREACHABLE", f"it never left the desk: {detail}")

    # --- cancel ---

    async def _cancel(self, order: Order) -> None:
        if order.status is not OrderStatus.PENDING_CANCEL:
            return
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        detail = ""
        for delay_s in CANCEL_AGAIN_AFTER_S:
            outcome = await road.cancel(order, instrument)
            if isinstance(outcome, CancelDone):
                await self._reconciler.settle(order, outcome.order, (), source="worker")
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
