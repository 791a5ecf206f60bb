"""The market's way to the browsers: encoded once for each tick and symbol, for everyone who watches it.

A page says which market it shows when it is built; its browser then joins that market's Socket.IO room, gets a
snapshot, and from there on whatever the room gets. Nothing waits for a slow socket: each message replaces the last.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# python-socketio carries no types.

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from nicegui import app, core
from nicegui.client import Client

from components.market_payload import market_payload
from engine.domain.instrument import Instrument
from engine.domain.market import MarketTrade, OrderBook, Ticker
from engine.runtime import Supervisor
from pages.guard import PageContext

EVENT = "numatix:market"
BEAT_S = 0.5
"""A room that heard nothing for so long gets a beat, so that a browser can tell silence from a lost link."""
PATIENCE_BEATS = 10
"""An empty room is closed after so many beats."""


@dataclass(frozen=True, slots=True)
class Market:
    """What a page shows."""

    venue: str
    instrument: Instrument

    @property
    def key(self) -> str:
        return f"{self.venue} {self.instrument.symbol}"

    @property
    def room(self) -> str:
        return f"market {self.key}"


class MarketRooms:
    """One pump for each market that somebody watches."""

    def __init__(self, context: PageContext) -> None:
        self._desk, self._doors, self._clock = context.desk, context.doors, context.clock
        self._supervisor = Supervisor("market rooms", context.clock)
        self._shown: dict[str, Market] = {}
        self._sent_at: dict[str, float] = {}
        self._empty_beats: dict[str, int] = {}

    def install(self) -> None:
        """Listen for browsers. Once, before the server starts."""
        core.sio.on(EVENT, self._hear)
        app.on_shutdown(self._supervisor.close)

    def admit(self, client: Client, market: Market) -> None:
        """This page shows that market, until it is gone."""
        self._shown[client.id] = market
        client.on_delete(lambda: self._shown.pop(client.id, None))

    async def _hear(self, sid: str, message: object = None) -> dict[str, Any] | None:
        """A browser wants to watch its page's market, or no longer; answered by a snapshot or by nothing."""
        if not isinstance(message, Mapping):
            return None
        told = cast("Mapping[str, Any]", message)
        client_id = told.get("client_id")
        market = self._shown.get(client_id) if isinstance(client_id, str) else None
        if market is None or client_id is None or self._doors.verified(sid, client_id) is None:
            return None
        if told.get("watch") is not True:
            await core.sio.leave_room(sid, market.room)
            return None
        self._open(market)
        await core.sio.enter_room(sid, market.room)
        return self._snapshot(market)

    def _open(self, market: Market) -> None:
        name = f"pump {market.key}"
        self._empty_beats[market.key] = 0
        if name not in self._supervisor.running:
            self._supervisor.keep(name, lambda: self._pump(market))
        beat = f"beat {market.key}"
        if beat not in self._supervisor.running:
            self._supervisor.keep(beat, lambda: self._beat(market))

    def _snapshot(self, market: Market) -> dict[str, Any]:
        known = self._desk.feeds.snapshot(market.venue, market.instrument.symbol)
        return self._payload(market, known.book, known.trades, known.ticker, stale=known.stale)

    async def _pump(self, market: Market) -> None:
        async for update in self._desk.feeds.watch(market.venue, market.instrument):
            await self._emit(
                market, self._payload(market, update.book, update.trades, update.ticker, stale=update.stale)
            )

    async def _beat(self, market: Market) -> None:
        """Keep a quiet room alive, and end one that everybody left."""
        while True:
            await asyncio.sleep(BEAT_S)
            if self._is_empty(market):
                self._empty_beats[market.key] += 1
                if self._empty_beats[market.key] >= PATIENCE_BEATS:
                    self._sent_at.pop(market.key, None)
                    self._supervisor.stop(f"pump {market.key}")
                    self._supervisor.stop(f"beat {market.key}")
                continue
            self._empty_beats[market.key] = 0
            if self._clock.monotonic() - self._sent_at.get(market.key, 0.0) >= BEAT_S:
                stale = self._desk.feeds.snapshot(market.venue, market.instrument.symbol).stale
                await self._emit(market, self._payload(market, None, (), None, stale=stale))

    def _is_empty(self, market: Market) -> bool:
        return next(iter(core.sio.manager.get_participants("/", market.room)), None) is None

    async def _emit(self, market: Market, payload: dict[str, Any]) -> None:
        self._sent_at[market.key] = self._clock.monotonic()
        await core.sio.emit(EVENT, payload, room=market.room)

    def _payload(
        self,
        market: Market,
        book: OrderBook | None,
        trades: tuple[MarketTrade, ...],
        ticker: Ticker | None,
        *,
        stale: bool,
    ) -> dict[str, Any]:
        age_s = self._desk.feeds.snapshot(market.venue, market.instrument.symbol).age_s
        return market_payload(
            market.key,
            market.instrument,
            book=book,
            trades=trades,
            ticker=ticker,
            stale=stale,
            age_ms=None if age_s is None else int(age_s * 1000),
            now_ms=int(self._clock.now().timestamp() * 1000),
        )
