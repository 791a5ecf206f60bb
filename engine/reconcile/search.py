"""Looks for an order at its venue in every way there is, and notes each question with its answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from engine.domain.instrument import Instrument
from engine.domain.messages import Note
from engine.domain.order import IN_DOUBT, Order, OrderStatus
from engine.ports import Ledger, VenueAccount, VenueError, VenueOrder
from engine.runtime import Clock

T = TypeVar("T")

MOST_SUSPECTS = 5
BEFORE_IT_WAS_SENT = timedelta(seconds=2)
"""Two clocks are compared."""


class Search:
    """One search for one order. `notes` is filled only for an order in doubt: of others there is nothing to tell."""

    def __init__(self, ledger: Ledger, clock: Clock, order: Order) -> None:
        self.notes: list[Note] = []
        self._ledger = ledger
        self._clock = clock
        self._order = order
        self._in_doubt = order.status in IN_DOUBT or order.status is OrderStatus.PENDING_AMEND

    async def run(self, road: VenueAccount, instrument: Instrument) -> VenueOrder | None:
        """By its id, then by the fills that nobody else accounts for, then among the open orders: an order may be on
        the book, or have traded, before it can be asked for by its id. VenueError."""
        found = await self._ask("AskedByClientId", lambda: road.find_order(self._order, instrument))
        if found is None and self._order.status in IN_DOUBT:
            found = await self._ask("AskedFills", lambda: self._by_fills(road, instrument))
        if found is None:
            found = await self._ask("AskedOpenOrders", lambda: self._among_open(road, instrument))
        return found

    async def _by_fills(self, road: VenueAccount, instrument: Instrument) -> VenueOrder | None:
        since = (self._order.submitted_at or self._order.created_at) - BEFORE_IT_WAS_SENT
        fills = await road.recent_fills(instrument, since)
        suspects = list(dict.fromkeys(fill.venue_order_id for fill in fills))[:MOST_SUSPECTS]
        for venue_order_id in suspects:
            found = await road.order_by_venue_id(instrument, venue_order_id)
            if found is not None and found.client_order_id == self._order.client_order_id:
                return found
        return None

    async def _among_open(self, road: VenueAccount, instrument: Instrument) -> VenueOrder | None:
        mine = self._order.client_order_id
        return next((one for one in await road.open_orders(instrument) if one.client_order_id == mine), None)

    async def _ask(self, event: str, question: Callable[[], Awaitable[VenueOrder | None]]) -> VenueOrder | None:
        began = self._clock.monotonic()
        try:
            found = await question()
        except VenueError as error:
            self._note(event, f"no answer: {error}", began)
            raise
        answer = "not there" if found is None else f"{found.status} as {found.venue_order_id}"
        self._note(event, answer, began)
        return found

    def _note(self, event: str, answer: str, began: float) -> None:
        if self._in_doubt:
            took_ms = (self._clock.monotonic() - began) * 1000
            self.notes.append(Note(self._clock.now(), event, {"answer": answer, "duration_ms": f"{took_ms:.1f}"}))
