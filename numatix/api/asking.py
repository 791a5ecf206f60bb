"""Who asks the API, and how often they may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, cast

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import Request

from engine.domain.values import Unauthenticated
from engine.identity import Asker, Identity
from engine.identity.limits import ORDERS, REQUESTS, network_of

BEARER = HTTPBearer(auto_error=False, description="The access token of POST /api/v1/auth/login.")
"""Only shows in the OpenAPI document what is asked for; `Asking` asks."""


@dataclass(frozen=True, slots=True)
class Asking:
    """Kept as `app.state.asking` of the API."""

    identity: Identity

    async def asker(self, request: Request) -> Asker:
        """Whose access token it is. Unauthenticated, TooMany."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        limits = self.identity.limits
        try:
            if scheme.lower() != "bearer" or not token.strip():
                raise Unauthenticated("login_needed", "Send the access token: Authorization: Bearer …")
            found = await self.identity.asker_by_bearer(token.strip())
        except Unauthenticated:
            # Guessing is counted by address, so that it cannot use up anybody's own limit.
            await limits.hit(REQUESTS, network_of(request.state.ip))
            raise
        await limits.hit(REQUESTS, found.user.id)
        return found


async def _proven(request: Request, _: Annotated[object, Depends(BEARER)]) -> Asker:
    return await cast("Asking", request.app.state.asking).asker(request)


async def _placing(request: Request, asker: Annotated[Asker, Depends(_proven)]) -> Asker:
    await cast("Asking", request.app.state.asking).identity.limits.hit(ORDERS, asker.user.id)
    return asker


Proven = Annotated[Asker, Depends(_proven)]
"""A route's parameter: who asks."""
Placing = Annotated[Asker, Depends(_placing)]
"""Who places an order: held to the limit on orders too."""
