"""Sends what is SUBMITTED once, and writes down what the answer says of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

from engine.domain.advance import IllegalTransition
from engine.domain.messages import Note
from engine.domain.order import (
    NOT_ACCEPTED,
    AnswerLost,
    Canceled,
    GivenUp,
    Order,
    OrderEvent,
    Rejected,
    Submitting,
)
from engine.ports import (
    AmendDone,
    AmendUnclear,
    CancelDone,
    CancelUnclear,
    Ledger,
    ListPlaced,
    Lost,
    NotSent,
    Placed,
    PlaceOutcome,
    Refused,
    Replaced,
)
from engine.reconcile import Reconciler, Recorder, SettleTimes
from engine.runtime import Clock

T = TypeVar("T")

PENDING_AT_MOST = timedelta(seconds=60)
"""An order that has waited longer is not sent any more: the market it was meant for has moved on."""
SEND_AGAIN_EVERY_S = 0.25


class Sender:
    def __init__(
        self, ledger: Ledger, recorder: Recorder, reconciler: Reconciler, clock: Clock, times: SettleTimes
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._reconciler = reconciler
        self._clock = clock
        self._times = times
        self._leave_by: dict[str, float] = {}
        """By order that is about to be sent: when it must not leave any more, on the monotonic clock."""

    def waited_too_long(self, order: Order) -> bool:
        """Counted from when it could first be sent: when it was recorded, or when its price came."""
        return self._clock.now() - (order.triggered_at or order.created_at) > PENDING_AT_MOST

    async def give_up(self, order: Order, code: str, words: str) -> None:
        """End an order that never left the desk, unless somebody else has sent it meanwhile."""
        with suppress(IllegalTransition):
            await self._recorder.advance(order.id, [GivenUp(code, words)], source="worker")

    async def give_up_late(self, order: Order) -> None:
        seconds = PENDING_AT_MOST.total_seconds()
        await self.give_up(order, NOT_ACCEPTED, f"it waited more than {seconds:.0f} s and never left the desk")

    async def submitting(self, order: Order, notes: Sequence[Note] = ()) -> Order | None:
        """Commit that it is about to be sent; None when somebody else took it up or cancelled it meanwhile."""
        began = self._clock.monotonic()
        try:
            sent = await self._recorder.advance(order.id, [Submitting()], source="worker", notes=notes)
        except IllegalTransition:
            return None
        self._begin(sent, began)
        return sent

    async def submitting_together(self, orders: Sequence[Order]) -> tuple[Order, ...] | None:
        """The same for several at once, all or none."""
        began = self._clock.monotonic()
        try:
            sent = await self._recorder.advance_together([one.id for one in orders], Submitting(), source="worker")
        except IllegalTransition:
            return None
        for one in sent:
            self._begin(one, began)
        return sent

    def _begin(self, order: Order, began: float) -> None:
        """It must leave within `send_within_s` of `began`, and the settle window is counted from now on."""
        self._reconciler.sent(order.id)
        now = self._clock.monotonic()
        self._leave_by = {one: leave_by for one, leave_by in self._leave_by.items() if leave_by > now}
        self._leave_by[order.id] = began + self._times.send_within_s

    async def send(self, order: Order, place: Callable[[float], Awaitable[T]]) -> T | NotSent:
        """Call `place(seconds left)` once. What provably never left may be tried again, but only within
        `send_within_s` of the commit: the settle window counts on nothing leaving after that."""
        deadline = self._leave_by.pop(order.id, 0.0)
        outcome: T | NotSent = NotSent("the desk was too slow to send it")
        while (left_s := deadline - self._clock.monotonic()) > 0:
            outcome = await place(left_s)
            if not isinstance(outcome, NotSent):
                break
            await asyncio.sleep(SEND_AGAIN_EVERY_S)
            if await self._is_unwanted(order):
                break
        return outcome

    def answered(self, outcome: object, began: float) -> Note:
        """A line for the timeline: what came back, and how long it took (`began` on the monotonic clock)."""
        took_ms = (self._clock.monotonic() - began) * 1000
        return Note(self._clock.now(), "Answered", {"answer": _words(outcome), "duration_ms": f"{took_ms:.1f}"})

    async def conclude(self, order: Order, outcome: PlaceOutcome, notes: Sequence[Note] = ()) -> None:
        """Write down what became of an order that was to be placed."""
        match outcome:
            case Placed(reported, fills):
                await self._reconciler.settle(order, reported, fills, source="worker", notes=notes)
            case Refused(code, detail):
                await self._recorder.advance(order.id, [Rejected(code, detail)], source="worker", notes=notes)
            case NotSent(detail):
                event = await self._never_left(order, detail)
                await self._recorder.advance(order.id, [event], source="worker", notes=notes)
            case Lost(detail):
                order = await self._recorder.advance(order.id, [AnswerLost(detail)], source="worker", notes=notes)
                await self._reconciler.resolve(order, source="worker")

    async def _never_left(self, order: Order, detail: str) -> OrderEvent:
        if await self._is_unwanted(order):
            return Canceled("it never left the desk")
        return Rejected("VENUE_UNREACHABLE", f"it never left the desk: {detail}")

    async def _is_unwanted(self, order: Order) -> bool:
        now = await self._ledger.order(order.id)
        return now is not None and now.cancel_requested_at is not None


def _words(outcome: object) -> str:
    match outcome:
        case Placed(reported, fills):
            return f"placed as {reported.venue_order_id}, {reported.status}, {len(fills)} fills"
        case Refused(code, detail):
            return f"refused: {code}: {detail}"
        case NotSent(detail):
            return f"not sent: {detail}"
        case Lost(detail):
            return f"lost: {detail}"
        case CancelDone(reported) | AmendDone(reported):
            return f"done, {reported.status}"
        case CancelUnclear() | AmendUnclear():
            return f"unclear: {outcome.detail}"
        case Replaced(canceled, placed):
            return f"cancel {_words(canceled)}; new order {'not tried' if placed is None else _words(placed)}"
        case ListPlaced(venue_list_id):
            return f"placed as list {venue_list_id}"
        case _:
            return type(outcome).__name__
