"""What a person can do about a difference between desk and venue."""

from __future__ import annotations

from engine.domain.drift import Drift, DriftEnd
from engine.domain.values import Conflict, NotFound, Unavailable
from engine.ports import Drifts, Ledger, Page
from engine.reconcile import Reconciler, Resolution
from engine.runtime import Clock


class Board:
    def __init__(self, drifts: Drifts, ledger: Ledger, reconciler: Reconciler, clock: Clock) -> None:
        self._drifts = drifts
        self._ledger = ledger
        self._reconciler = reconciler
        self._clock = clock

    async def drifts(self, user_id: str, open_only: bool, cursor: str | None, limit: int) -> Page[Drift]:
        return await self._drifts.drifts(user_id, open_only=open_only, cursor=cursor, limit=limit)

    async def end(self, user_id: str, drift_id: str, end: DriftEnd) -> Drift:
        drift = await self._of(user_id, drift_id)
        if drift.resolved_at is not None:
            raise Conflict("drift_over", f"It was {drift.resolution} already.")
        if end is DriftEnd.HEALED:
            await self._heal(drift)
        if not await self._drifts.resolve(drift.id, end, user_id, self._clock.now()):
            raise Conflict("drift_over", "It was dealt with by somebody else meanwhile.")
        return await self._of(user_id, drift_id)

    async def _heal(self, drift: Drift) -> None:
        """Ask the venue about the order that it is about; there is nothing to ask about a balance."""
        order = None if drift.order_id is None else await self._ledger.order(drift.order_id)
        if order is None:
            raise Conflict("nothing_to_ask", "There is no order to ask about: adopt it, or ignore it.", "end")
        if await self._reconciler.resolve(order, source="desk") is Resolution.UNREACHABLE:
            raise Unavailable("venue_unreachable", "The venue cannot be asked now: try again in a moment.")

    async def _of(self, user_id: str, drift_id: str) -> Drift:
        drift = await self._drifts.drift(drift_id)
        if drift is None or drift.user_id != user_id:
            raise NotFound("unknown_drift", "There is no such difference among yours.", "drift_id")
        return drift
