"""/api: the HTTP interface for bots and scripts, an application of its own so that all its errors are problems."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from fastapi import APIRouter, FastAPI
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import compile_path

from engine.desk import Desk
from engine.identity import Identity
from engine.ports import User
from numatix.api.account import account_routes
from numatix.api.asking import Asking
from numatix.api.auth import auth_routes
from numatix.api.dead_man import dead_man_routes
from numatix.api.docs import docs_page
from numatix.api.drifts import drift_routes
from numatix.api.markets import market_routes
from numatix.api.orders import order_routes
from numatix.api.positions import position_routes
from numatix.api.problems import MEDIA_TYPE, answer_with_problems, problem
from numatix.api.shapes import ProblemView
from numatix.api.stream import StreamDoor, stream_routes

JSON = "application/json"
PROBLEM: dict[str, Any] = {"description": "A problem document", "content": {MEDIA_TYPE: {}}, "model": ProblemView}
PROBLEMS: dict[int | str, dict[str, Any]] = {"4XX": PROBLEM, "5XX": PROBLEM}
INTRODUCTION = """Figures are strings, times ISO 8601 in UTC. Errors are problem documents with a stable `code` and the
`field` at fault. Lists answer `items` and `next_cursor`; send that as `cursor` for what comes next.

What happens comes over a WebSocket at `/api/v1/stream`: first `{"op": "auth", "token": "…"}`, then for instance
`{"op": "subscribe", "channels": ["orders", "balances", "book:BTC/USDT"]}`. `docs/api-stream.md` has every message."""


class Api(FastAPI):
    """FastAPI with two of its habits mended: models of problems are filed under their own media type, and an answer
    405 names every method of the address, not those of the first route that shares it."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        for calls in document["paths"].values():
            for call in calls.values():
                for status in PROBLEMS.keys() & call["responses"].keys():
                    content = call["responses"][status]["content"]
                    content[MEDIA_TYPE] = content.pop(JSON, None) or content[MEDIA_TYPE]
        return document

    def methods_at(self, path: str) -> tuple[str, ...]:
        """The methods of a path below this application, as its description has them."""
        for template, calls in self.openapi()["paths"].items():
            if compile_path(template)[0].match(path):
                return tuple(sorted(method.upper() for method in calls))
        return ()


def build_api(
    desk: Desk, identity: Identity, stream: StreamDoor, welcome: Callable[[User], Awaitable[None]]
) -> FastAPI:
    """The application to be mounted at /api."""
    api = Api(
        title="Numatix",
        version="1",
        description=INTRODUCTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        responses=PROBLEMS,
    )
    answer_with_problems(api)
    api.add_exception_handler(405, _no_such_method)
    api.state.asking = Asking(identity)
    v1 = APIRouter(prefix="/v1")
    v1.include_router(auth_routes(identity, welcome))
    for routes in (
        order_routes(desk),
        position_routes(desk),
        drift_routes(desk),
        dead_man_routes(desk),
        account_routes(desk),
        market_routes(desk),
    ):
        v1.include_router(routes)
    v1.include_router(stream_routes(stream))
    api.include_router(v1)

    @api.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(docs_page(api.openapi()))

    return api


async def _no_such_method(request: Request, _: Exception) -> Response:
    methods = cast("Api", request.app).methods_at(request.url.path.removeprefix(request.scope.get("root_path", "")))
    allow = ", ".join(methods or ("GET",))
    return problem(405, "method_not_allowed", f"This address takes {allow}.", headers={"Allow": allow})
