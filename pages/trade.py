"""/trade/{symbol}: the desk. Lays out the panels; what moves in them is `pages.trading`'s."""

# pyright: reportUnknownMemberType=false
# NiceGUI's life-cycle handlers are untyped.

from __future__ import annotations

import asyncio
import json
from typing import cast

from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from components.chart import import_library, serve_chart_assets
from components.theme import serve_assets
from engine.domain.values import NotFound, Refusal
from engine.identity import Asker
from engine.ports import Account
from engine.runtime import Supervisor
from pages.frame import dress_for
from pages.guard import PageContext, asker_of
from pages.layout import lay_out
from pages.login import message
from pages.market_rooms import Market, MarketRooms
from pages.session import FIRST_VENUE, Session
from pages.trading import Setup, Trading

FIRST_SYMBOL = "BTC-USDT"
LAST_SYMBOL, CHOSEN_ACCOUNT, SPLITS, TIMEFRAME = "last_symbol", "account", "splits", "timeframe"
READY_LOOKS = 150
LONGEST_ECHO = 40


def register(context: PageContext) -> None:
    """Serve `/`, `/trade/{symbol}` and the assets of all pages."""
    serve_assets()
    serve_chart_assets()
    rooms = MarketRooms(context)
    rooms.install()
    _warm_up(context)

    async def home(request: Request) -> Response:
        symbol = await context.desk.preference(asker_of(request).user.id, LAST_SYMBOL)
        return RedirectResponse(f"/trade/{symbol or FIRST_SYMBOL}", 303)

    context.router.add_api_route("/", home, include_in_schema=False)

    @ui.page("/trade/{slug}", response_timeout=15)
    async def trade(request: Request, slug: str) -> Response | None:
        asker = asker_of(request)
        account = await chosen_account(context, asker)
        try:
            instrument = await context.desk.instrument(account.venue if account else FIRST_VENUE, slug)
        except NotFound:
            return _no_such_market(slug)
        except Refusal as refusal:
            again = ((request.url.path, "Try again"),)
            return message("Not just now", refusal.message, again, status=503)
        if slug != instrument.slug:
            return RedirectResponse(f"/trade/{instrument.slug}", 303)
        await context.desk.set_preference(asker.user.id, LAST_SYMBOL, instrument.slug)
        market = Market(account.venue if account else FIRST_VENUE, instrument)
        setup = await _setup(context, asker, account, market)
        session = Session(ui.context.client, asker, context)
        rooms.admit(session.client, market)
        trading = Trading(session, context, setup)
        lay_out(context, session, setup, trading)
        trading.start()
        return None


def _no_such_market(slug: str) -> Response:
    words = f"This venue has no market called {slug[:LONGEST_ECHO]}. Symbols look like BTC-USDT."
    return message(
        "No such market", words, (("/", "To the desk"), (f"/trade/{FIRST_SYMBOL}", FIRST_SYMBOL)), status=404
    )


async def chosen_account(context: PageContext, asker: Asker) -> Account | None:
    """The account that the user trades on: the one they chose last, else their first; None before there is any."""
    kept = await context.desk.preference(asker.user.id, CHOSEN_ACCOUNT)
    for account_id in (kept, None):
        try:
            return await context.desk.account(asker.user.id, account_id)
        except NotFound:
            continue
    return None


async def _setup(context: PageContext, asker: Asker, account: Account | None, market: Market) -> Setup:
    theme = await dress_for(context, asker)
    desk, user_id = context.desk, asker.user.id
    titles = {venue.name: venue.title for venue in desk.venues()}
    return Setup(
        theme=theme,
        account=account,
        accounts=await desk.accounts(user_id),
        market=market,
        venue_title=titles.get(market.venue, market.venue),
        instruments=await desk.instruments(market.venue),
        timeframe=await desk.preference(user_id, TIMEFRAME) or "5m",
        splits=read_splits(await desk.preference(user_id, SPLITS)),
    )


def read_splits(text: str | None) -> dict[str, int]:
    """The lengths that the user set, by name; nothing where they are not as we wrote them."""
    try:
        kept: object = json.loads(text or "{}")
    except json.JSONDecodeError:
        return {}
    if not isinstance(kept, dict):
        return {}
    pairs = cast("dict[object, object]", kept).items()
    return {name: size for name, size in pairs if isinstance(name, str) and type(size) is int}


def _warm_up(context: PageContext) -> None:
    """Import the chart's library once the desk is ready: neither the start nor the first page waits for it."""
    supervisor = Supervisor("chart library", context.clock)

    async def warm_up() -> None:
        for _ in range(READY_LOOKS):
            if context.desk.readiness().ready:
                break
            await asyncio.sleep(0.2)
        await asyncio.to_thread(import_library)

    app.on_startup(lambda: supervisor.run("import", warm_up()))
    app.on_shutdown(supervisor.close)
