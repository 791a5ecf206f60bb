"""The drift board: where desk and venue differed, what the desk did about it by itself, and what waits for a person."""

from __future__ import annotations

from engine.domain.drift import Drift, DriftEnd, DriftKind
from engine.ports import Account, Drifts
from engine.runtime import Clock, Ids

BY_ITSELF = "desk"


class DriftBoard:
    def __init__(self, drifts: Drifts, clock: Clock, ids: Ids) -> None:
        self._drifts = drifts
        self._clock = clock
        self._ids = ids

    async def found(
        self,
        account: Account,
        kind: DriftKind,
        subject: str,
        symbol: str | None,
        desk_says: str,
        venue_says: str,
        order_id: str | None = None,
    ) -> Drift:
        """Put it on the board; one that is open already stays as it is."""
        drift = Drift(
            self._ids.new(),
            account.user_id,
            account.id,
            kind,
            subject,
            symbol,
            desk_says,
            venue_says,
            self._clock.now(),
            order_id,
        )
        await self._drifts.record(drift)
        return drift

    async def adopted(
        self,
        account: Account,
        kind: DriftKind,
        subject: str,
        symbol: str | None,
        desk_says: str,
        venue_says: str,
        order_id: str | None = None,
    ) -> None:
        """What the desk took over by itself: history at once."""
        drift = await self.found(account, kind, subject, symbol, desk_says, venue_says, order_id)
        await self._drifts.resolve(drift.id, DriftEnd.ADOPTED, BY_ITSELF, self._clock.now())

    async def healed(
        self,
        account: Account,
        kind: DriftKind,
        subject: str,
        symbol: str | None,
        desk_says: str,
        venue_says: str,
        order_id: str | None = None,
    ) -> None:
        """What the desk put right by asking: history at once."""
        drift = await self.found(account, kind, subject, symbol, desk_says, venue_says, order_id)
        await self._drifts.resolve(drift.id, DriftEnd.HEALED, BY_ITSELF, self._clock.now())
