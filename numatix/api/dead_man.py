"""/api/v1/dead-man: what happens to one's open orders when nobody looks any more."""

from __future__ import annotations

from typing import Literal

from fastapi import APIRouter
from pydantic import BaseModel, Field

from engine.desk import Desk
from engine.domain.dead_man import LONGEST_S, SHORTEST_S, DeadMan, DeadManPolicy
from numatix.api.asking import Placing, Proven
from numatix.api.bodies import Body
from numatix.api.reading import ExactRoute


class DeadManBody(Body):
    """`after_s` seconds without any open desk or stream of yours, `entries` (or `all`) of your open orders go."""

    enabled: bool
    after_s: int = Field(default=60, json_schema_extra={"minimum": SHORTEST_S, "maximum": LONGEST_S})
    policy: Literal["entries", "all"] = "entries"


class DeadManView(BaseModel):
    enabled: bool
    after_s: int
    policy: str


def dead_man_routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["account"], route_class=ExactRoute)

    @router.get("/dead-man")
    async def read(who: Proven) -> DeadManView:
        """The switch as it is set; off by default."""
        return _view(await desk.dead_man(who.user.id))

    @router.put("/dead-man")
    async def change(body: DeadManBody, who: Placing) -> DeadManView:
        """Set it. It strikes once, and again only after you have come back."""
        switch = DeadMan(body.enabled, body.after_s, DeadManPolicy(body.policy))
        await desk.set_dead_man(who.user.id, switch)
        return _view(switch)

    return router


def _view(switch: DeadMan) -> DeadManView:
    return DeadManView(enabled=switch.enabled, after_s=switch.after_s, policy=switch.policy.value)
