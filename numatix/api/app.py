"""/api: the HTTP interface for bots and scripts, an application of its own so that all its errors are problems."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.responses import HTMLResponse, Response

from engine.desk import Desk
from engine.identity import Identity
from engine.ports import User
from numatix.api.account import account_routes
from numatix.api.asking import Asking
from numatix.api.auth import auth_routes
from numatix.api.docs import docs_page
from numatix.api.markets import market_routes
from numatix.api.orders import order_routes
from numatix.api.problems import MEDIA_TYPE, answer_with_problems
from numatix.api.shapes import ProblemView

PROBLEM: dict[str, Any] = {"description": "A problem document", "content": {MEDIA_TYPE: {}}, "model": ProblemView}
PROBLEMS: dict[int | str, dict[str, Any]] = {"4XX": PROBLEM, "5XX": PROBLEM}
INTRODUCTION = """Figures are strings, times ISO 8601 in UTC. Errors are problem documents with a stable `code` and the
`field` at fault. Lists answer `items` and `next_cursor`; send that as `cursor` for what comes next."""


def build_api(desk: Desk, identity: Identity, welcome: Callable[[User], Awaitable[None]]) -> FastAPI:
    """The application to be mounted at /api."""
    api = FastAPI(
        title="Numatix",
        version="1",
        description=INTRODUCTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=PROBLEMS,
    )
    answer_with_problems(api)
    api.state.asking = Asking(identity)
    v1 = APIRouter(prefix="/v1")
    v1.include_router(auth_routes(identity, welcome))
    for routes in (order_routes(desk), account_routes(desk), market_routes(desk)):
        v1.include_router(routes)
    api.include_router(v1)

    @api.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_page(api.openapi()))

    return api
