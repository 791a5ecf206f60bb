"""/api/v1/markets: what can be traded, and at what prices it was."""

from __future__ import annotations

from typing import Annotated

import fastapi
from fastapi import APIRouter

from engine.desk import Desk
from engine.domain.values import NotFound
from engine.identity import Asker
from numatix.api.asking import Proven
from numatix.api.bodies import CandlesQuery, MarketsQuery
from numatix.api.reading import ExactRoute
from numatix.api.shapes import CandlesView, MarketsView, MarketView
from numatix.api.views import candle_view, market_view


def market_routes(desk: Desk) -> APIRouter:
    router = APIRouter(tags=["markets"], route_class=ExactRoute)

    @router.get("/markets")
    async def markets(query: Annotated[MarketsQuery, fastapi.Query()], who: Proven) -> MarketsView:
        """All markets of a venue, with their rules and last 24 hours."""
        venue = await _venue(who, query.venue)
        instruments, tickers = await desk.instruments(venue), await desk.tickers(venue)
        items = [market_view(venue, one, tickers.get(symbol)) for symbol, one in sorted(instruments.items())]
        return MarketsView(items=items, next_cursor=None)

    @router.get("/markets/{symbol:path}/candles")
    async def candles(symbol: str, query: Annotated[CandlesQuery, fastapi.Query()], who: Proven) -> CandlesView:
        """Oldest first; the last may still be forming. `end` is exclusive."""
        found = await desk.candles(
            await _venue(who, query.venue),
            symbol,
            query.timeframe,
            start_ms=query.start,
            end_ms=query.end,
            limit=query.limit,
        )
        return CandlesView(items=[candle_view(candle) for candle in found], next_cursor=None)

    @router.get("/markets/{symbol:path}")
    async def market(symbol: str, query: Annotated[MarketsQuery, fastapi.Query()], who: Proven) -> MarketView:
        """One market: BTC/USDT is written BTC-USDT or BTC%2FUSDT here."""
        venue = await _venue(who, query.venue)
        instrument = await desk.instrument(venue, symbol)
        return market_view(venue, instrument, (await desk.tickers(venue)).get(instrument.symbol))

    async def _venue(who: Asker, name: str | None) -> str:
        """The named venue, or that of the asker's first account."""
        if name is None:
            return (await desk.account(who.user.id, None)).venue
        if name not in {venue.name for venue in desk.venues()}:
            raise NotFound("unknown_venue", "There is no venue of that name.", "venue")
        return name

    return router
