"""Watches the market for the orders that the desk keeps itself: stops follow, and go to the venue when due.

Only trades count, each in its turn, as they reach the desk. What is kept is in the ledger: after a restart the desk
watches on from the best price that was noted last.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import structlog

from engine.accounts import Accounts
from engine.domain.order import CancelRequested, Order, OrderStatus, Trailed, Triggered
from engine.domain.order_list import ListKind, ListStatus
from engine.domain.triggers import has_come, trailed
from engine.domain.values import Price
from engine.feeds import Feeds
from engine.ports import Ledger, VenueError
from engine.reconcile import Recorder
from engine.runtime import Clock, Supervisor

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
NOTE_TRAIL_EVERY_S = 1.0

Market = tuple[str, str]
"""Venue and symbol."""


@dataclass(slots=True)
class _Watched:
    """What is kept in one market; the prices that trailing orders have seen run ahead of the ledger by a second."""

    task: str
    orders: dict[str, Order] = field(default_factory=dict[str, Order])
    noted_at: dict[str, float] = field(default_factory=dict[str, float])


class Holding:
    def __init__(self, ledger: Ledger, recorder: Recorder, accounts: Accounts, feeds: Feeds, clock: Clock) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._accounts = accounts
        self._feeds = feeds
        self._clock = clock
        self._watched: dict[Market, _Watched] = {}

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("held orders", lambda: self._keep(supervisor))

    @property
    def watching(self) -> int:
        """Orders that are watched now."""
        return sum(len(one.orders) for one in self._watched.values())

    async def _keep(self, supervisor: Supervisor) -> None:
        while True:
            await self._look(supervisor)
            await asyncio.sleep(LOOK_EVERY_S)

    async def _look(self, supervisor: Supervisor) -> None:
        by_market: dict[Market, list[Order]] = {}
        for order in await self._ledger.held():
            if order.held and not await self._waits_for_entry(order):
                venue = (await self._accounts.by_id(order.account_id)).venue
                by_market.setdefault((venue, order.symbol), []).append(order)
        for market in sorted(self._watched.keys() - by_market.keys()):
            supervisor.stop(self._watched.pop(market).task)
        for market, orders in by_market.items():
            watched = self._watched.get(market)
            if watched is None:
                watched = self._watched[market] = _Watched(f"held orders in {market[1]} at {market[0]}")
                supervisor.keep(watched.task, lambda market=market, watched=watched: self._watch(market, watched))
            _refresh(watched, orders)

    async def _watch(self, market: Market, watched: _Watched) -> None:
        venue, _ = market
        try:
            instrument = await self._accounts.instrument_of(next(iter(watched.orders.values())))
        except (StopIteration, VenueError) as error:
            log.info("held orders wait for their market", venue=venue, error=str(error))
            await asyncio.sleep(LOOK_EVERY_S)
            return
        known = self._feeds.snapshot(venue, instrument.symbol).trades
        last = int(known[-1].id) if known else None
        async for update in self._feeds.watch(venue, instrument):
            trades = [trade for trade in update.trades if last is None or int(trade.id) > last]
            if last is None:
                # A stream begins with what was traded before: of that only where the market stands now counts.
                del trades[:-1]
            if trades:
                last = int(trades[-1].id)
            for trade in trades:
                for order in tuple(watched.orders.values()):
                    await self._hear(watched, order, trade.price)

    async def _hear(self, watched: _Watched, order: Order, price: Decimal) -> None:
        if has_come(order, price):
            watched.orders.pop(order.id, None)
            await self._fire(order, Price(price))
            return
        best = trailed(order, price)
        if best is not None:
            watched.orders[order.id] = replace(order, trail_price=best)
            now = self._clock.monotonic()
            if now - watched.noted_at.get(order.id, float("-inf")) >= NOTE_TRAIL_EVERY_S:
                watched.noted_at[order.id] = now
                await self._recorder.advance(order.id, [Trailed(best)], source="desk")

    async def _waits_for_entry(self, order: Order) -> bool:
        """An exit counts from the moment its entry has ended with fills; of an OCO there is nothing to wait for."""
        found = None if order.list_id is None else await self._ledger.order_list(order.list_id)
        return found is not None and found[0].kind is ListKind.BRACKET and found[0].status is ListStatus.PENDING

    async def _fire(self, order: Order, price: Price) -> None:
        """Send it; the other leg of its list is taken back first, so that one balance does not serve two orders."""
        found = await self._ledger.order_list(order.list_id or "")
        others = () if found is None else _in_the_way(order, found[1])
        if found is not None and not _is_held(order, found[1]):
            return  # the other leg's price came first
        detail = {"price": str(price)}
        if found is not None and others:
            closing = replace(found[0], status=ListStatus.CLOSING, updated_at=self._clock.now())
            await self._ledger.update_list(closing)
            for other in others:
                await self._recorder.advance(other.id, [CancelRequested()], source="desk", detail=detail)
        if all(other.status is OrderStatus.HELD for other in others):  # what the desk keeps is gone at once
            await self._recorder.advance(order.id, [Triggered(price)], source="desk", detail=detail)


def _refresh(watched: _Watched, orders: Sequence[Order]) -> None:
    """Take the ledger's word, but keep the better of the prices that a trailing order has seen."""
    kept: Mapping[str, Order] = watched.orders
    watched.orders = {}
    for order in orders:
        seen = kept[order.id].trail_price if order.id in kept else None
        ahead = seen is not None and trailed(order, seen) is not None
        watched.orders[order.id] = replace(order, trail_price=seen) if ahead else order
    watched.noted_at = {order_id: at for order_id, at in watched.noted_at.items() if order_id in watched.orders}


def _is_held(order: Order, orders: Sequence[Order]) -> bool:
    return any(one.id == order.id and one.status is OrderStatus.HELD for one in orders)


def _in_the_way(order: Order, orders: Sequence[Order]) -> tuple[Order, ...]:
    return tuple(one for one in orders if one.id != order.id and one.leg is not None and not one.finished)
