"""Takes over what was placed elsewhere with the same key: the desk shows the whole account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

import structlog

from engine.domain.drift import DriftKind
from engine.domain.fills import Fill, fees, filled_quantity, vwap
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderStatus, Origin
from engine.domain.values import OrderType, Price, Quantity
from engine.ports import Account, Ledger, VenueError, VenueFill, VenueOrder
from engine.reconcile.drifting import DriftBoard
from engine.reconcile.fill_of import fill_of
from engine.reconcile.recorder import Recorder
from engine.reconcile.roads import Roads
from engine.runtime import Clock, Ids

log = structlog.get_logger(__name__)


class Adoption:
    def __init__(
        self, ledger: Ledger, recorder: Recorder, roads: Roads, board: DriftBoard, clock: Clock, ids: Ids
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._roads = roads
        self._board = board
        self._clock = clock
        self._ids = ids

    async def take(self, account_id: str, reported: VenueOrder, fills: Sequence[VenueFill] = ()) -> Order | None:
        """The order that a report is about, adopted when it is nobody's here; None when it cannot be: its report says
        too little, or the desk has no word for its kind."""
        try:
            account = await self._roads.account(account_id)
            instrument = await self._roads.instrument_named(account, reported.symbol)
        except VenueError as error:
            log.info("an order from elsewhere cannot be looked at", account=account_id, error=str(error))
            return None
        known = await self._ledger.order_by_venue_id(account_id, instrument.symbol, reported.venue_order_id)
        if known is not None:
            return known
        venue_says = f"{reported.status} as {reported.venue_order_id}"
        if reported.terms is None or reported.terms.type is None:
            await self._board.found(
                account,
                DriftKind.ORDER_ELSEWHERE,
                reported.client_order_id,
                instrument.symbol,
                "no such order",
                f"{venue_says}, of a kind that the desk does not know",
            )
            return None
        adopted = await self._adopt(account, instrument, reported, fills)
        if adopted is not None:
            await self._board.adopted(
                account,
                DriftKind.ORDER_ELSEWHERE,
                reported.client_order_id,
                instrument.symbol,
                "no such order",
                venue_says,
                adopted.id,
            )
        return adopted

    async def _adopt(
        self, account: Account, instrument: Instrument, reported: VenueOrder, fills: Sequence[VenueFill]
    ) -> Order | None:
        order = self._order(account, instrument, reported)
        if reported.filled_quantity:
            try:
                road = await self._roads.road(account.id)
                fills = await road.fills_of(instrument, reported.venue_order_id)
            except VenueError as error:
                log.info("fills of an order from elsewhere cannot be asked for", error=str(error))
        own = [fill_of(order, fill, self._ids) for fill in fills]
        order = _with_fills(order, own, reported)
        recorded = await self._recorder.adopt(order, own)
        if recorded.created:
            log.info("an order from elsewhere was adopted", order=order.id, account=account.id)
            return recorded.order
        # Its client id belongs to an order of ours that has ended: venues only keep them apart among open ones.
        if recorded.order.venue_order_id in {None, reported.venue_order_id}:
            return recorded.order
        renamed = self._order(account, instrument, reported, f"ext:{reported.venue_order_id}")
        own = [fill_of(renamed, fill, self._ids) for fill in fills]
        return (await self._recorder.adopt(_with_fills(renamed, own, reported), own)).order

    def _order(
        self, account: Account, instrument: Instrument, reported: VenueOrder, client_order_id: str | None = None
    ) -> Order:
        terms = reported.terms
        if terms is None:
            raise ValueError("an order without terms cannot be adopted")
        now = self._clock.now()
        return Order(
            id=self._ids.new(),
            user_id=account.user_id,
            account_id=account.id,
            client_order_id=client_order_id or reported.client_order_id,
            symbol=instrument.symbol,
            side=terms.side,
            type=terms.type or OrderType.LIMIT,
            time_in_force=terms.time_in_force if terms.price is not None else None,
            quantity=Quantity(terms.quantity) if terms.quantity else None,
            quote_quantity=None,
            price=None if terms.price is None else Price(terms.price),
            status=reported.status,
            created_at=_at(terms.created_at, now),
            updated_at=now,
            venue_order_id=reported.venue_order_id,
            reason=reported.reason,
            submitted_at=_at(terms.created_at, now),
            stop_price=None if terms.stop_price is None else Price(terms.stop_price),
            trailing_delta=terms.trailing_delta,
            origin=Origin.EXTERNAL,
        )


def _with_fills(order: Order, fills: Sequence[Fill], reported: VenueOrder) -> Order:
    """An order ends only once its fills are all there: until then it stands as partly filled."""
    filled = filled_quantity(fills)
    status = order.status
    if order.finished and filled < reported.filled_quantity:
        status = OrderStatus.PARTIALLY_FILLED if filled else OrderStatus.ACCEPTED
    return replace(order, status=status, filled_quantity=filled, average_price=vwap(fills), fees=fees(fills))


def _at(told: datetime, now: datetime) -> datetime:
    """When it was placed; a report that does not say so says 1970."""
    return told if told.year > 2000 else now
