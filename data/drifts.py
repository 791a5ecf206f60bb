"""The drift board on SQL: differences between desk and venue, those that are open and those that were dealt with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from data.cursors import cursor_after, place_of
from data.database import Database
from data.rows import Row, SqlValue, from_json, from_micros, optional_instant, optional_micros, to_json, to_micros
from data.statements import insert, newest_first, select
from engine.domain.drift import Drift, DriftEnd, DriftKind
from engine.ports import Page

COLUMNS = (
    "id",
    "user_id",
    "account_id",
    "kind",
    "subject",
    "symbol",
    "desk_says",
    "venue_says",
    "detail",
    "found_at",
    "resolved_at",
    "resolution",
    "resolved_by",
)
INSERT = insert("drifts", COLUMNS, "ON CONFLICT (account_id, kind, subject) WHERE resolved_at IS NULL DO NOTHING")
BY_ID = select(COLUMNS, "drifts", "WHERE id = ?")
RESOLVE = "UPDATE drifts SET resolved_at = ?, resolution = ?, resolved_by = ? WHERE id = ? AND resolved_at IS NULL"


@dataclass(frozen=True, slots=True)
class SqlDrifts:
    """Implements `engine.ports.Drifts`."""

    database: Database

    async def record(self, drift: Drift) -> bool:
        return bool(await self.database.write(lambda connection: connection.execute(INSERT, _values(drift)).rowcount))

    async def resolve(self, drift_id: str, resolution: DriftEnd, by: str, at: datetime) -> bool:
        values = (to_micros(at), resolution.value, by, drift_id)
        return bool(await self.database.write(lambda connection: connection.execute(RESOLVE, values).rowcount))

    async def drift(self, drift_id: str) -> Drift | None:
        row = await self.database.read(lambda connection: connection.execute(BY_ID, (drift_id,)).fetchone())
        return None if row is None else _drift(row)

    async def drifts(self, user_id: str, *, open_only: bool, cursor: str | None, limit: int) -> Page[Drift]:
        where: dict[str, list[SqlValue]] = {"user_id = ?": [user_id]}
        if open_only:
            where["resolved_at IS NULL"] = []
        if cursor is not None:
            where["(found_at, id) < (?, ?)"] = [*place_of("drifts", cursor)]
        statement, values = newest_first(COLUMNS, "drifts", "found_at", where)
        rows = await self.database.read(
            lambda connection: connection.execute(statement, (*values, limit + 1)).fetchall()
        )
        found = [_drift(row) for row in rows]
        last = found[limit - 1] if len(found) > limit else None
        return Page(tuple(found[:limit]), cursor_after("drifts", last.found_at, last.id) if last else None)


def _values(drift: Drift) -> tuple[SqlValue, ...]:
    return (
        drift.id,
        drift.user_id,
        drift.account_id,
        drift.kind.value,
        drift.subject,
        drift.symbol,
        drift.desk_says,
        drift.venue_says,
        to_json({"order_id": drift.order_id} if drift.order_id else {}),
        to_micros(drift.found_at),
        optional_micros(drift.resolved_at),
        drift.resolution.value if drift.resolution else None,
        drift.resolved_by,
    )


def _drift(row: Row) -> Drift:
    return Drift(
        id=row[0],
        user_id=row[1],
        account_id=row[2],
        kind=DriftKind(row[3]),
        subject=row[4],
        symbol=row[5],
        desk_says=row[6],
        venue_says=row[7],
        found_at=from_micros(row[9]),
        order_id=from_json(row[8]).get("order_id"),
        resolved_at=optional_instant(row[10]),
        resolution=DriftEnd(row[11]) if row[11] else None,
        resolved_by=row[12],
    )
