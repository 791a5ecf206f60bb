"""Sends orders that belong together in one call: all of them are SUBMITTED, in one transaction, before it is made."""

from __future__ import annotations

from dataclasses import replace

from engine.domain.order import AnswerLost, Order, OrderStatus
from engine.domain.order_list import ListStatus, OrderList
from engine.execution.sending import Sender
from engine.ports import Ledger, ListPlaced, Lost, NotSent, Refused
from engine.reconcile import Reconciler, Recorder, Roads
from engine.runtime import Clock


class Listing:
    def __init__(
        self,
        ledger: Ledger,
        recorder: Recorder,
        reconciler: Reconciler,
        roads: Roads,
        sender: Sender,
        clock: Clock,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._reconciler = reconciler
        self._roads = roads
        self._sender = sender
        self._clock = clock

    async def submit(self, order: Order) -> bool:
        """Send a PENDING order together with those of its list that are PENDING too; False when there is none and it
        goes alone. VenueError when it has to be tried again."""
        found = await self._ledger.order_list(order.list_id or "")
        if found is None:
            return False
        order_list, orders = found
        batch = together(orders)
        if len(batch) < 2:
            return False
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        sent = await self._sender.submitting_together(batch)
        if sent is None:
            return True  # one was cancelled this very moment, or somebody else has them: they are looked at again
        began = self._clock.monotonic()
        outcome = await self._sender.send(
            sent[0], lambda left_s: road.place_list(order_list, sent, instrument, send_within_s=left_s)
        )
        note = self._sender.answered(outcome, began)
        match outcome:
            case ListPlaced():
                told = {report.client_order_id: report for report in outcome.orders}
                for one in sent:
                    if one.client_order_id in told:
                        report = told[one.client_order_id]
                        await self._reconciler.settle(one, report, (), source="worker", notes=[note])
                    else:
                        await self._reconciler.resolve(one, source="worker")
                await self._ledger.update_list(self._active(order_list, outcome.venue_list_id))
            case Lost(detail):
                for one in sent:
                    lost = await self._recorder.advance(one.id, [AnswerLost(detail)], source="worker", notes=[note])
                    await self._reconciler.resolve(lost, source="worker")
            case Refused() | NotSent():
                for one in sent:
                    await self._sender.conclude(one, outcome, [note])
        return True

    def _active(self, order_list: OrderList, venue_list_id: str) -> OrderList:
        return replace(order_list, status=ListStatus.ACTIVE, venue_list_id=venue_list_id, updated_at=self._clock.now())


def together(orders: tuple[Order, ...]) -> tuple[Order, ...]:
    """The orders of a list that one call places. They become PENDING, SUBMITTED or cancelled in one transaction, so
    whatever of a list is PENDING belongs together; what only takes another's place does not."""
    return tuple(one for one in orders if one.status is OrderStatus.PENDING and one.replaces is None and not one.held)
