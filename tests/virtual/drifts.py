"""A drift board in memory; it passes tests/data/test_drifts_contract.py like the one on SQL."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from data.cursors import cursor_after, place_of
from data.rows import to_micros
from engine.domain.drift import Drift, DriftEnd
from engine.ports import Page


@dataclass(slots=True)
class MemoryDrifts:
    """`engine.ports.Drifts`; it outlives every process."""

    rows: dict[str, Drift] = field(default_factory=dict[str, Drift])

    async def record(self, drift: Drift) -> bool:
        key = (drift.account_id, drift.kind, drift.subject)
        if any(
            (one.account_id, one.kind, one.subject) == key and one.resolved_at is None for one in self.rows.values()
        ):
            return False
        self.rows[drift.id] = drift
        return True

    async def resolve(self, drift_id: str, resolution: DriftEnd, by: str, at: datetime) -> bool:
        drift = self.rows.get(drift_id)
        if drift is None or drift.resolved_at is not None:
            return False
        self.rows[drift_id] = replace(drift, resolution=resolution, resolved_by=by, resolved_at=at)
        return True

    async def drift(self, drift_id: str) -> Drift | None:
        return self.rows.get(drift_id)

    async def drifts(self, user_id: str, *, open_only: bool, cursor: str | None, limit: int) -> Page[Drift]:
        before = None if cursor is None else place_of("drifts", cursor)
        found = sorted(
            (one for one in self.rows.values() if one.user_id == user_id),
            key=lambda one: (one.found_at, one.id),
            reverse=True,
        )
        found = [one for one in found if not (open_only and one.resolved_at is not None)]
        found = [one for one in found if before is None or (to_micros(one.found_at), one.id) < before]
        last = found[limit - 1] if len(found) > limit else None
        return Page(tuple(found[:limit]), cursor_after("drifts", last.found_at, last.id) if last else None)
