"""Writes to the ledger and, only after the commit, tells those who wait: the bus, and the relay."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.domain.fills import Fill
from engine.domain.messages import Command
from engine.domain.order import Order, OrderEvent
from engine.ports import EventBus, Ledger, Recorded
from engine.runtime import Clock

Relay = Callable[[Command], Awaitable[None]]
"""Takes a command that is in the outbox to the stream; what it cannot take stays in the outbox for the sweep."""


class Recorder:
    """The one door through which orders change."""

    def __init__(self, ledger: Ledger, bus: EventBus, relay: Relay, clock: Clock) -> None:
        self._ledger = ledger
        self._bus = bus
        self._relay = relay
        self._clock = clock

    async def record(self, order: Order) -> Recorded:
        """A new PENDING or DENIED order, with its command on the way when this returns."""
        recorded = await self._ledger.record_order(order)
        if recorded.change is not None:
            await self._bus.publish(recorded.change)
        if recorded.command is not None:
            await self._relay(recorded.command)
        return recorded

    async def advance(
        self,
        order_id: str,
        events: Sequence[OrderEvent],
        *,
        source: str,
        new_fills: Sequence[Fill] = (),
        detail: Mapping[str, str] | None = None,
    ) -> Order:
        """The order afterwards. KeyError for an unknown one, IllegalTransition (nothing written)."""
        advanced = await self._ledger.advance(
            order_id, events, self._clock.now(), new_fills=new_fills, source=source, detail=detail
        )
        if advanced.change is not None:
            await self._bus.publish(advanced.change)
        if advanced.command is not None:
            await self._relay(advanced.command)
        return advanced.order
