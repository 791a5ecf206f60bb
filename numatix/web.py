"""The web application: the gate, the API, the pages, and what runs behind them."""

# pyright: reportUnknownMemberType=false
# NiceGUI's run_with leaves some types open.

from __future__ import annotations

import gc
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import import_module
from importlib.util import find_spec
from typing import cast

import structlog
from fastapi import APIRouter, FastAPI
from nicegui import core, ui
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from components.theme import FAVICON, serve_assets
from engine.ports import User
from numatix.api.app import build_api
from numatix.api.problems import answer_with_problems, problem
from numatix.api.session import session_routes
from numatix.doors import SocketDoors
from numatix.gate import SAFE_METHODS, Gate
from numatix.metrics import metrics_routes
from numatix.wiring import House
from pages.guard import PageContext
from pages.login import message

log = structlog.get_logger(__name__)

PAGES = ("login", "setup", "trade", "history", "account", "order_drawer")
HOME = (("/", "To the desk"),)
RECONNECT_S = 20
"""NiceGUI pings at most every 0.8 of it and gives up after 0.4: less than this drops sessions under load."""


def build_app(house: House, welcome: Callable[[User], Awaitable[None]]) -> Gate:
    """The whole application. `welcome` is told of each user that is made."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        house.supervisor.keep("socket doors", doors.sweep)
        house.meters.start(house.supervisor)
        tune_garbage_collection()
        yield

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    answer_with_problems(app)
    doors = SocketDoors(house.identity, house.address, house.clock)
    house.readings.gauge("numatix_page_sockets", "Open sockets of pages.", lambda: doors.sockets)
    house.readings.gauge("numatix_sessions", "Browser sessions with a page open.", lambda: doors.sessions)
    router = APIRouter()
    context = PageContext(house.desk, house.identity, doors, router, house.clock, house.ids)
    app.mount("/api", build_api(house.desk, house.identity, house.bots, welcome))
    app.include_router(health_routes(house))
    app.include_router(
        metrics_routes(
            house.meters.registry, house.readings, house.identity, house.address, house.settings.metrics_token
        )
    )
    app.include_router(session_routes(house.identity, house.address, welcome))
    serve_assets()
    register_pages(context)
    app.include_router(router)
    ui.run_with(
        app,
        title="Numatix",
        favicon=FAVICON,
        dark=None,
        reconnect_timeout=RECONNECT_S,
        show_welcome_message=False,
        tailwind=False,
        binding_refresh_interval=None,
    )
    doors.install()
    core.app.add_exception_handler(404, _no_such_page)
    core.app.add_exception_handler(405, _no_such_method)
    core.app.add_exception_handler(Exception, _broken_page)
    return Gate(
        app,
        identity=house.identity,
        doors=doors,
        address=house.address,
        trusted_proxies=house.settings.trusted_proxies,
        ids=house.ids,
    )


def register_pages(context: PageContext) -> None:
    """Each page module registers what it serves."""
    for name in PAGES:
        if find_spec(f"pages.{name}") is not None:
            register = cast("Callable[[PageContext], None]", import_module(f"pages.{name}").register)
            register(context)


def health_routes(house: House) -> APIRouter:
    router = APIRouter(include_in_schema=False)

    @router.api_route("/healthz", methods=["GET", "HEAD"])
    async def healthz() -> Response:
        """Alive."""
        return JSONResponse({"status": "alive"})

    @router.api_route("/readyz", methods=["GET", "HEAD"])
    async def readyz() -> Response:
        """Able to take orders, or 503 with what is still missing."""
        readiness = house.desk.readiness()
        body = {"ready": readiness.ready, "waiting_for": list(readiness.waiting_for)}
        return JSONResponse(body, 200 if readiness.ready else 503)

    return router


def tune_garbage_collection() -> None:
    """What is here at start stays: a full collection over it would stall every session (half a second at 300)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _no_such_page(request: Request, _: Exception) -> Response:
    """Plain HTML: NiceGUI's own answer keeps a page of 68 KB in memory for a minute. Scripts get a problem."""
    if request.method not in SAFE_METHODS:
        return problem(404, "no_such_route", f"Nothing takes {request.method} at this address.")
    return message("There is no such page", "Its address may be mistyped, or of an older version.", HOME, status=404)


async def _no_such_method(request: Request, _: Exception) -> Response:
    return problem(405, "method_not_allowed", f"This page takes no {request.method}.", headers={"Allow": "GET, HEAD"})


async def _broken_page(_: Request, error: Exception) -> Response:
    log.error("a page failed", exc_info=error)
    return message("Something went wrong on our side", "The log of the desk says what.", HOME, status=500)
