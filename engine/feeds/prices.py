"""The last price of every symbol of a venue, kept fresh while someone asks for it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal

import structlog

from engine.ports import Venue, VenueError
from engine.runtime import Clock, Supervisor

log = structlog.get_logger(__name__)

IDLE_AFTER_S = 120.0


class PriceTable:
    """Read by one call for all symbols on a clock, and moved by the trades of the symbols that are watched."""

    def __init__(self, venue: Venue, supervisor: Supervisor, clock: Clock, every_s: float) -> None:
        self._venue = venue
        self._supervisor = supervisor
        self._clock = clock
        self._every_s = every_s
        self._prices: dict[str, Decimal] = {}
        self._asked_at = 0.0
        self._running = False

    def note(self, symbol: str, price: Decimal) -> None:
        """A trade happened at this price."""
        self._prices[symbol] = price

    def prices(self) -> Mapping[str, Decimal]:
        self._asked_at = self._clock.monotonic()
        if not self._running:
            self._running = True
            self._supervisor.run(f"prices of {self._venue.name}", self._follow())
        return self._prices

    async def _follow(self) -> None:
        try:
            while self._clock.monotonic() - self._asked_at < IDLE_AFTER_S:
                delay_s = self._every_s
                try:
                    tickers = await self._venue.tickers()
                    self._prices.update({symbol: ticker.last for symbol, ticker in tickers.items()})
                except VenueError as error:
                    log.info("prices could not be read", venue=self._venue.name, error=str(error))
                    delay_s = min(1.0, delay_s)
                await asyncio.sleep(delay_s)
        finally:
            self._running = False
