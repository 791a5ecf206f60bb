"""Changes open orders: in their place in the queue where the venue can, else by another order that takes the place.

Both legs of a replacement are orders of the ledger. The new one is SUBMITTED before anything is sent, so that whatever
the answer is, and whether it comes, each leg ends as the venue says: it may well do one half and not the other.
"""

from __future__ import annotations

from engine.domain.order import AmendRefused, Order, OrderStatus, Rejected, Rewritten
from engine.domain.values import NOTHING, Quantity
from engine.execution.sending import Sender
from engine.ports import AmendDone, CancelDone, CancelOutcome, Ledger, NotSent, Replaced
from engine.reconcile import Reconciler, Recorder, Resolution, Roads
from engine.runtime import Clock

NOT_REPLACED = "NOT_REPLACED"
NOTHING_LEFT = "NOTHING_LEFT"


class Amending:
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

    async def carry_out(self, order: Order) -> None:
        """An order in PENDING_AMEND, the first time or again. VenueError when it has to be tried again."""
        if order.replaced_by is None:
            await self._in_place(order)
            return
        replacement = await self._ledger.order(order.replaced_by)
        if replacement is None:
            await self._refuse(order, "the order that was to take its place is not there")
        elif replacement.status is not OrderStatus.PENDING:
            await self._reconciler.resolve(replacement, source="worker")
            await self._reconciler.resolve(order, source="worker")
        elif self._sender.waited_too_long(replacement):
            await self._sender.give_up_late(replacement)
            await self._refuse(order, "it waited too long")
        else:
            await self._replace(order, replacement)

    async def take_the_place(self, replacement: Order) -> None:
        """A replacement that is still PENDING: its order's turn comes first, and it is sent for what is left of it."""
        order = await self._ledger.order(replacement.replaces or "")
        if order is not None and not order.finished:
            if order.status is OrderStatus.PENDING_AMEND:
                await self.carry_out(order)
            else:
                await self._sender.give_up(replacement, NOT_REPLACED, "the order that it was to replace is open")
            return
        left = None if order is None else _left(order, replacement)
        if order is None or order.status is not OrderStatus.CANCELED or not left:
            await self._sender.give_up(replacement, NOTHING_LEFT, "the order that it was to replace has ended")
            return
        await self._place(replacement, left)

    # --- in its place ---

    async def _in_place(self, order: Order) -> None:
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        wanted = order.amend_quantity or order.quantity or NOTHING
        began = self._clock.monotonic()
        outcome = await road.amend(order, instrument, wanted)
        note = self._sender.answered(outcome, began)
        if isinstance(outcome, AmendDone):
            await self._reconciler.settle(order, outcome.order, (), source="worker", notes=[note])
            return
        await self._recorder.advance(order.id, [], source="worker", notes=[note])
        if await self._reconciler.resolve(order, source="worker") is Resolution.UNREACHABLE or not outcome.certain:
            return  # the keeper goes on asking
        now = await self._ledger.order(order.id)
        if now is not None and now.status is OrderStatus.PENDING_AMEND:
            await self._refuse(order, outcome.detail)

    # --- by another order ---

    async def _replace(self, order: Order, replacement: Order) -> None:
        if order.filled_quantity or not await self._roads.replaces_at_once(order):
            await self._one_after_the_other(order, replacement)
            return
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        sent = await self._sender.submitting(replacement)
        if sent is None:
            await self._refuse(order, "the order that was to take its place was cancelled")
            return
        began = self._clock.monotonic()

        async def replace(left_s: float) -> Replaced | NotSent:
            outcome = await road.replace(order, sent, instrument, send_within_s=left_s)
            return outcome.placed if isinstance(outcome.placed, NotSent) else outcome

        outcome = await self._sender.send(sent, replace)
        note = self._sender.answered(outcome, began)
        if isinstance(outcome, NotSent):
            await self._sender.conclude(sent, outcome, [note])
            await self._refuse(order, outcome.detail)
            return
        canceled = await self._conclude_cancel(order, outcome.canceled)
        if outcome.placed is not None:
            await self._sender.conclude(sent, outcome.placed, [note])
        else:
            words = "the order that it was to replace could not be cancelled"
            await self._recorder.advance(sent.id, [Rejected(NOT_REPLACED, words)], source="worker")
            if not canceled:
                await self._refuse(order, _detail(outcome.canceled))

    async def _one_after_the_other(self, order: Order, replacement: Order) -> None:
        """What is partly filled: only its cancel tells how much is left for the order that takes its place."""
        road = await self._roads.road(order.account_id)
        instrument = await self._roads.instrument_of(order)
        outcome = await road.cancel(order, instrument)
        if not await self._conclude_cancel(order, outcome):
            now = await self._ledger.order(order.id)
            if now is not None and not now.finished:
                return  # still PENDING_AMEND: the keeper goes on asking, and the command comes again
        await self.take_the_place(replacement)

    async def _place(self, replacement: Order, quantity: Quantity) -> None:
        if quantity != replacement.quantity:
            replacement = await self._recorder.advance(replacement.id, [Rewritten(quantity)], source="worker")
        road = await self._roads.road(replacement.account_id)
        instrument = await self._roads.instrument_of(replacement)
        sent = await self._sender.submitting(replacement)
        if sent is None:
            return
        began = self._clock.monotonic()
        outcome = await self._sender.send(sent, lambda left_s: road.place(sent, instrument, send_within_s=left_s))
        await self._sender.conclude(sent, outcome, [self._sender.answered(outcome, began)])

    async def _conclude_cancel(self, order: Order, outcome: CancelOutcome) -> bool:
        """Whether the order has ended, by the answer or by asking."""
        if isinstance(outcome, CancelDone):
            await self._reconciler.settle(order, outcome.order, (), source="worker")
        else:
            await self._reconciler.resolve(order, source="worker")
        now = await self._ledger.order(order.id)
        return now is None or now.finished

    async def _refuse(self, order: Order, detail: str) -> None:
        await self._recorder.advance(order.id, [AmendRefused(detail)], source="worker")


def _left(order: Order, replacement: Order) -> Quantity | None:
    """What the replacement is for: what was wanted in all, less what the order filled before it was cancelled."""
    wanted = order.amend_quantity or order.quantity
    if wanted is None:
        return replacement.quantity
    return Quantity(max(wanted - order.filled_quantity, NOTHING))


def _detail(outcome: CancelOutcome) -> str:
    return "" if isinstance(outcome, CancelDone) else outcome.detail
