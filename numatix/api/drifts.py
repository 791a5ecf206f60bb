"""/api/v1/drifts: where the desk and one's venues differ, and what to do about it."""

from __future__ import annotations

from typing import Annotated, Literal

import fastapi
from fastapi import APIRouter
from pydantic import BaseModel

from engine.desk import Desk
from engine.domain.drift import Drift, DriftEnd
from numatix.api.asking import Placing, Proven
from numatix.api.bodies import Body, ListQuery
from numatix.api.reading import ExactRoute
from numatix.api.views import time_text

ENDS = {"adopt": DriftEnd.ADOPTED, "heal": DriftEnd.HEALED, "ignore": DriftEnd.IGNORED}


class DriftsQuery(ListQuery):
    open_only: bool = False


class EndBody(Body):
    """`adopt` takes over what the venue says, `heal` asks it again, `ignore` lets it be."""

    end: Literal["adopt", "heal", "ignore"]


class DriftView(BaseModel):
    id: str
    account_id: str
    kind: str
    subject: str
    symbol: str | None
    order_id: str | None
    desk_says: str
    venue_says: str
    found_at: str
    resolved_at: str | None
    resolution: str | None
    resolved_by: str | None


class DriftsView(BaseModel):
    items: list[DriftView]
    next_cursor: str | None


def drift_routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["drifts"], route_class=ExactRoute)

    @router.get("/drifts")
    async def drifts(query: Annotated[DriftsQuery, fastapi.Query()], who: Proven) -> DriftsView:
        """Newest first, the history included."""
        page = await desk.drifts(who.user.id, open_only=query.open_only, cursor=query.cursor, limit=query.limit)
        return DriftsView(items=[_view(one) for one in page.items], next_cursor=page.next_cursor)

    @router.post("/drifts/{drift_id}")
    async def end(drift_id: str, body: EndBody, who: Placing) -> DriftView:
        """Deal with one that is open."""
        return _view(await desk.end_drift(who.user.id, drift_id, ENDS[body.end]))

    return router


def _view(drift: Drift) -> DriftView:
    return DriftView(
        id=drift.id,
        account_id=drift.account_id,
        kind=drift.kind.value,
        subject=drift.subject,
        symbol=drift.symbol,
        order_id=drift.order_id,
        desk_says=drift.desk_says,
        venue_says=drift.venue_says,
        found_at=time_text(drift.found_at),
        resolved_at=None if drift.resolved_at is None else time_text(drift.resolved_at),
        resolution=drift.resolution.value if drift.resolution else None,
        resolved_by=drift.resolved_by,
    )
