"""Sends an order list whole: all its orders are SUBMITTED before the one call that places them."""

from __future__ import annotations

from dataclasses import replace

from engine.domain.order import AnswerLost, Leg, Order, OrderStatus, Rejected
from engine.domain.order_list import ListStatus, OrderList
from engine.execution.sending import Sender
from engine.ports import Ledger, ListPlaced, Lost, NotSent, Refused
from engine.reconcile import Reconciler, Recorder, Roads
from engine.runtime import Clock

LIST_NOT_PLACED = "LIST_NOT_PLACED"


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

    async def takes(self, order: Order) -> bool:
        """Whether the order is sent together with others: those of its list that are PENDING too, or were a moment
        ago. An entry whose exits the desk keeps goes alone, and so does a single exit."""
        found = await self._ledger.order_list(order.list_id or "")
        return found is not None and len(together(*found)) > 1

    async def submit(self, order: Order) -> None:
        """VenueError when it has to be tried again."""
        found = await self._ledger.order_list(order.list_id or "")
        if found is None:
            return
        order_list, orders = found
        batch = together(order_list, orders)
        if any(one.status is not OrderStatus.PENDING for one in batch):
            await self._give_up_rest(batch)
            return
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        sent: list[Order] = []
        for one in batch:
            submitted = await self._sender.submitting(one)
            if submitted is None:
                await self._undo(sent, "another order of the list was cancelled")
                await self._give_up_rest(batch)
                return
            sent.append(submitted)
        began = self._clock.monotonic()
        outcome = await self._sender.send(
            sent[0], lambda left_s: road.place_list(order_list, sent, instrument, send_within_s=left_s)
        )
        note = self._sender.answered(outcome, began)
        match outcome:
            case ListPlaced(venue_list_id, reports):
                await self._ledger.update_list(self._active(order_list, venue_list_id))
                told = {report.client_order_id: report for report in reports}
                for one in sent:
                    if one.client_order_id in told:
                        report = told[one.client_order_id]
                        await self._reconciler.settle(one, report, (), source="worker", notes=[note])
                    else:
                        await self._reconciler.resolve(one, source="worker")
            case Lost(detail):
                for one in sent:
                    lost = await self._recorder.advance(one.id, [AnswerLost(detail)], source="worker", notes=[note])
                    await self._reconciler.resolve(lost, source="worker")
            case Refused() | NotSent():
                for one in sent:
                    await self._sender.conclude(one, outcome, [note])

    async def _undo(self, sent: list[Order], words: str) -> None:
        """Orders that are SUBMITTED but provably were not sent: the call was never made."""
        for one in sent:
            await self._recorder.advance(one.id, [Rejected(LIST_NOT_PLACED, words)], source="worker")

    async def _give_up_rest(self, batch: tuple[Order, ...]) -> None:
        """A crash in the middle of the commits before the call: nothing was sent, since all of them come first."""
        for one in batch:
            now = await self._ledger.order(one.id)
            if now is not None and now.status is OrderStatus.PENDING:
                await self._sender.give_up(now, LIST_NOT_PLACED, "the list was not placed")
            elif now is not None and not now.finished:
                await self._reconciler.resolve(now, source="worker")

    def _active(self, order_list: OrderList, venue_list_id: str) -> OrderList:
        return replace(order_list, status=ListStatus.ACTIVE, venue_list_id=venue_list_id, updated_at=self._clock.now())


def together(order_list: OrderList, orders: tuple[Order, ...]) -> tuple[Order, ...]:
    """The orders that one call places: the whole list where the venue keeps it; else the exits, once they are due."""
    if not order_list.held:
        return orders
    exits = tuple(one for one in orders if one.leg is not Leg.ENTRY and not one.held)
    due = tuple(one for one in exits if one.status is not OrderStatus.HELD)
    return due if len(due) == len(exits) else ()
