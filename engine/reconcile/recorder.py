"""Writes to the ledger and, only after the commit, tells those who wait: the bus, and the relay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.domain.fills import Fill
from engine.domain.messages import Command, Note, OrderChanged
from engine.domain.order import AmendRequested, Order, OrderEvent
from engine.domain.order_list import OrderList
from engine.ports import Advanced, EventBus, Ledger, Recorded, Watch
from engine.runtime import Clock

Relay = Callable[[Command], Awaitable[object]]
"""Takes a command that is in the outbox to the stream; what it cannot take stays in the outbox for the sweep."""


class Recorder:
    """The one door through which orders change."""

    def __init__(self, ledger: Ledger, bus: EventBus, relay: Relay, clock: Clock, watch: Watch | None = None) -> None:
        self._ledger = ledger
        self._bus = bus
        self._relay = relay
        self._clock = clock
        self._watch = watch

    async def record(self, order: Order) -> Recorded:
        """A new PENDING or DENIED order, with its command on the way when this returns."""
        recorded = await self._ledger.record_order(order)
        await self._pass_on(recorded)
        return recorded

    async def advance(
        self,
        order_id: str,
        events: Sequence[OrderEvent],
        *,
        source: str,
        new_fills: Sequence[Fill] = (),
        detail: Mapping[str, str] | None = None,
        notes: Sequence[Note] = (),
    ) -> Order:
        """The order afterwards. KeyError for an unknown one, IllegalTransition (nothing written)."""
        advanced = await self._ledger.advance(
            order_id, events, self._clock.now(), new_fills=new_fills, source=source, detail=detail, notes=notes
        )
        if self._watch is not None:
            self._watch.noted(advanced.order, notes)
        return await self._tell(advanced)

    async def advance_together(self, order_ids: Sequence[str], event: OrderEvent, *, source: str) -> tuple[Order, ...]:
        """Several orders by the same event, all or none; raises as `advance`."""
        advanced = await self._ledger.advance_together(order_ids, event, self._clock.now(), source=source)
        return tuple([await self._tell(one) for one in advanced])

    async def replace(self, order_id: str, event: AmendRequested, replacement: Order) -> tuple[Order, Order]:
        """The order, now PENDING_AMEND, and the one that is to take its place; raises as `advance`."""
        advanced, recorded = await self._ledger.record_replacement(order_id, event, replacement, self._clock.now())
        await self._publish(recorded.change)
        return await self._tell(advanced), recorded.order

    async def record_list(
        self, order_list: OrderList, orders: Sequence[Order], *, new: bool = True
    ) -> tuple[Recorded, ...]:
        """A list whole, or more orders of one, with their command on the way when this returns."""
        recorded = await self._ledger.record_list(order_list, orders, new=new)
        for one in recorded:
            await self._pass_on(one)
        return recorded

    async def adopt(self, order: Order, fills: Sequence[Fill]) -> Recorded:
        """An order that was placed elsewhere."""
        recorded = await self._ledger.adopt_order(order, fills)
        await self._pass_on(recorded)
        return recorded

    async def _tell(self, advanced: Advanced) -> Order:
        await self._publish(advanced.change)
        if advanced.command is not None:
            await self._relay(advanced.command)
        return advanced.order

    async def _pass_on(self, recorded: Recorded) -> None:
        await self._publish(recorded.change)
        if recorded.command is not None:
            await self._relay(recorded.command)

    async def _publish(self, change: OrderChanged | None) -> None:
        if change is None:
            return
        if self._watch is not None:
            self._watch.changed(change)
        await self._bus.publish(change)
