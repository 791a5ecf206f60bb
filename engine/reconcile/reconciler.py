"""Brings an order of the ledger to what its venue says of it, whoever learned it: answer, user stream or poll."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

import structlog

from engine.domain.advance import IllegalTransition, given_up
from engine.domain.fills import Fill, filled_quantity
from engine.domain.messages import Note
from engine.domain.order import (
    FINISHED,
    GONE,
    IN_DOUBT,
    NOT_ACCEPTED,
    OPEN_AT_VENUE,
    Accepted,
    Amended,
    AmendRefused,
    AnswerLost,
    Canceled,
    Completed,
    Expired,
    NotAccepted,
    Order,
    OrderEvent,
    OrderStatus,
    Rejected,
)
from engine.domain.values import Quantity
from engine.ports import Ledger, OrderReport, VenueError, VenueFill, VenueOrder
from engine.reconcile.adoption import Adoption
from engine.reconcile.fill_of import fill_of
from engine.reconcile.recorder import Recorder
from engine.reconcile.roads import Roads
from engine.reconcile.search import Search
from engine.reconcile.window import SettleTimes, SettleWindow
from engine.runtime import Clock, Ids

log = structlog.get_logger(__name__)

GONE_WORDS = f"{GONE}: the venue no longer knows the order"


class Resolution(StrEnum):
    """What asking about an order came to."""

    SETTLED = "settled"
    """The ledger now holds what the venue says."""
    WAITING = "waiting"
    """Nothing is certain yet: the venue does not know it yet, or its fills are not all there."""
    UNREACHABLE = "unreachable"
    """The venue cannot be asked."""


class Reconciler:
    def __init__(
        self,
        ledger: Ledger,
        recorder: Recorder,
        roads: Roads,
        adoption: Adoption,
        clock: Clock,
        ids: Ids,
        times: SettleTimes,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._roads = roads
        self._adoption = adoption
        self._clock = clock
        self._ids = ids
        self.on_doubt: Callable[[str], None] = _nobody
        """Called with the account of an order that the worker could not account for: it must be asked after again."""
        self._silence = SettleWindow(clock, times)
        self._amendments = SettleWindow(clock, times)

    def sent(self, order_id: str) -> None:
        """It is SUBMITTED and about to leave: the settle window begins."""
        self._silence.begin(order_id)

    async def report(self, account_id: str, report: OrderReport) -> None:
        """Something that the user stream said. What another bot placed with the same key is adopted."""
        fills = () if report.fill is None else (report.fill,)
        order = await self.owner_of(account_id, report.order, fills)
        if order is None:
            return
        await self.settle(order, report.order, fills, source="stream")

    async def owner_of(self, account_id: str, reported: VenueOrder, fills: Sequence[VenueFill] = ()) -> Order | None:
        """The ledger's order that a report is about; adopted when nobody placed it here."""
        order = await self._ledger.order_by_client_id(account_id, reported.client_order_id)
        known = order is not None and order.venue_order_id in {None, reported.venue_order_id}
        return order if known else await self._adoption.take(account_id, reported, fills)

    async def resolve(self, order: Order, *, source: str) -> Resolution:
        """Ask the venue what became of an order that was sent, or may have been. Of one in doubt, each question and
        its answer is a line of its timeline."""
        resolution = await self._resolve(order, source)
        if resolution is not Resolution.SETTLED and source == "worker":
            self.on_doubt(order.account_id)
        return resolution

    async def _resolve(self, order: Order, source: str) -> Resolution:
        search = Search(self._ledger, self._clock, order)
        try:
            road = await self._roads.road(order.account_id)
            instrument = await self._roads.instrument_of(order)
            found = await search.run(road, instrument)
        except VenueError as error:
            log.info("order cannot be asked after", order=order.id, error=str(error))
            await self._write_notes(order, search.notes, source)
            return Resolution.UNREACHABLE
        if found is not None:
            self._silence.close(order.id)
            return await self.settle(order, found, (), source=source, notes=search.notes, asked=True)
        await self._write_notes(order, search.notes, source)
        return await self._not_found(order, source)

    async def settle(
        self,
        order: Order,
        reported: VenueOrder,
        fills: Sequence[VenueFill],
        *,
        source: str,
        notes: Sequence[Note] = (),
        asked: bool = False,
    ) -> Resolution:
        """Write down an order as the venue reports it. It only ends once its fills add up to what the venue counts.

        `asked` says that this is the answer to a question put now, not a report that may have been overtaken.
        """
        revived = given_up(order) and reported.status not in FINISHED
        if order.finished and order.filled_quantity >= reported.filled_quantity and not revived:
            await self._write_notes(order, notes, source)
            return Resolution.SETTLED
        new_fills = [fill_of(order, fill, self._ids) for fill in fills]
        complete = await self._complete(order, reported, new_fills)
        if not complete:
            try:
                road = await self._roads.road(order.account_id)
                instrument = await self._roads.instrument_of(order)
                told = await road.fills_of(instrument, reported.venue_order_id)
            except VenueError as error:
                log.info("fills cannot be asked for", order=order.id, error=str(error))
            else:
                new_fills = [fill_of(order, fill, self._ids) for fill in told]
                complete = await self._complete(order, reported, new_fills)
        events: list[OrderEvent] = [Accepted(reported.venue_order_id), *await self._amended(order, reported, asked)]
        if complete:
            events.extend(_ending(reported))
        await self._advance(order, events, new_fills, source, notes)
        return Resolution.SETTLED if complete else Resolution.WAITING

    async def _amended(self, order: Order, reported: VenueOrder, asked: bool) -> list[OrderEvent]:
        """What a report says of an amendment: that it has happened, or, once it can no longer come, that it has not."""
        terms = reported.terms
        if terms is None or order.quantity is None:
            return []
        if reported.status in FINISHED:
            return [] if terms.quantity == order.quantity else [Amended(Quantity(terms.quantity))]
        if terms.quantity == order.amend_quantity and order.replaced_by is None:
            return [Amended(Quantity(terms.quantity))]
        if not asked:
            return []  # it may be older than what we know
        if order.status is OrderStatus.PENDING_AMEND:
            return await self._not_amended(order)
        if terms.quantity != order.quantity and order.status in OPEN_AT_VENUE:
            return [Amended(Quantity(terms.quantity))]
        return []

    async def _not_amended(self, order: Order) -> list[OrderEvent]:
        if order.replaced_by is not None:
            replacement = await self._ledger.order(order.replaced_by)
            if replacement is None or _never_there(replacement):
                reason = (
                    "the order that was to take its place is not there" if replacement is None else replacement.reason
                )
                return [AmendRefused(reason or "refused")]
            return []
        if not self._amendments.over(f"{order.id} {order.amend_requested_at}"):
            return []
        return [AmendRefused(f"{NOT_ACCEPTED}: the venue did not change it")]

    async def _not_found(self, order: Order, source: str) -> Resolution:
        if not self._silence.over(order.id):
            if order.status is OrderStatus.SUBMITTED and source == "recovery":
                await self._advance(order, [AnswerLost("the desk stopped before the venue's answer")], [], source)
            return Resolution.WAITING
        if order.status in IN_DOUBT:
            await self._advance(order, [NotAccepted()], [], source)
        elif not order.finished:
            # The venue had it and has lost it: its books were reset. What was filled stays filled.
            log.error("the venue no longer knows an open order", order=order.id, venue_order_id=order.venue_order_id)
            await self._advance(order, [Canceled(GONE_WORDS)], [], source)
        self._silence.close(order.id)
        return Resolution.SETTLED

    async def _complete(self, order: Order, reported: VenueOrder, new_fills: Sequence[Fill]) -> bool:
        """Whether the fills that we know, with the new ones, are all that the venue counts."""
        if not reported.filled_quantity:
            return True
        known = {fill.venue_trade_id: fill for fill in await self._ledger.fills_of(order.id)}
        known |= {fill.venue_trade_id: fill for fill in new_fills}
        return filled_quantity(known.values()) >= reported.filled_quantity

    async def _write_notes(self, order: Order, notes: Sequence[Note], source: str) -> None:
        if notes:
            await self._recorder.advance(order.id, [], source=source, notes=notes)

    async def _advance(
        self,
        order: Order,
        events: Sequence[OrderEvent],
        fills: Sequence[Fill],
        source: str,
        notes: Sequence[Note] = (),
    ) -> None:
        try:
            await self._recorder.advance(order.id, events, new_fills=fills, source=source, notes=notes)
        except IllegalTransition as error:
            log.exception("the venue contradicts itself", order=order.id, source=source, error=str(error))


def _nobody(_: str) -> None:
    """Until somebody looks after accounts."""


def _never_there(order: Order) -> bool:
    """Whether it ended without the venue ever having had it."""
    return order.status is OrderStatus.REJECTED or (order.finished and order.venue_order_id is None)


def _ending(reported: VenueOrder) -> tuple[OrderEvent, ...]:
    """The event of an order that the venue has ended; none while it is open."""
    if reported.status not in FINISHED:
        return ()
    detail = reported.reason or ""
    endings: dict[OrderStatus, OrderEvent] = {
        OrderStatus.FILLED: Completed(),
        OrderStatus.CANCELED: Canceled(detail),
        OrderStatus.EXPIRED: Expired(detail),
        OrderStatus.REJECTED: Rejected("REJECTED", detail),
    }
    return (endings[reported.status],)
