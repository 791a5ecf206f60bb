"""What the desk knows of its venues' markets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from engine.desk.answers import VenueInfo
from engine.domain.instrument import Instrument
from engine.domain.market import TIMEFRAMES_S, Candle, Ticker
from engine.domain.values import NotFound, Refusal, Unavailable
from engine.ports import Features, Venue, VenueError
from engine.runtime import Clock

LONGEST_ECHO = 40
MOST_CANDLES = 1_000
TICKERS_KEPT_S = 2.0
SILENT_AFTER_S = 45.0
LATEST_MS = 253_402_300_799_999
"""The end of the year 9999."""


class Markets:
    """Reads venues on behalf of the desk: a venue's failure comes out as Unavailable, in words."""

    def __init__(self, venues: Mapping[str, Venue], clock: Clock) -> None:
        self._venues = venues
        self._clock = clock
        self._tickers: dict[str, tuple[float, Mapping[str, Ticker]]] = {}
        self._reading = {name: asyncio.Lock() for name in venues}
        self._failing: set[str] = set()

    def venues(self) -> tuple[VenueInfo, ...]:
        return tuple(VenueInfo(name, venue.title, self._reachable(name, venue)) for name, venue in self._venues.items())

    def features(self, venue: str) -> Features:
        """What the venue does itself."""
        return self._venue(venue).features

    async def instruments(self, venue: str) -> Mapping[str, Instrument]:
        try:
            instruments = await self._venue(venue).instruments()
        except VenueError as error:
            raise self._unavailable(venue, error) from error
        self._failing.discard(venue)
        return instruments

    async def instrument(self, venue: str, symbol: str) -> Instrument:
        instruments = await self.instruments(venue)
        wanted = symbol.upper().replace("-", "/")
        found = instruments.get(wanted)
        if found is None:
            found = next((of for of in instruments.values() if of.venue_symbol == wanted), None)
        if found is None:
            shown = symbol if len(symbol) <= LONGEST_ECHO else f"{symbol[:LONGEST_ECHO]}…"
            raise NotFound(
                "unknown_symbol", f"{shown!a} is not traded at {venue}: GET markets lists what is.", "symbol"
            )
        return found

    async def tickers(self, venue: str) -> Mapping[str, Ticker]:
        """At most two seconds old; one reading however many ask."""
        of = self._venue(venue)
        async with self._reading[venue]:
            kept = self._tickers.get(venue)
            if kept is None or self._clock.monotonic() - kept[0] > TICKERS_KEPT_S:
                try:
                    kept = (self._clock.monotonic(), await of.tickers())
                except VenueError as error:
                    raise self._unavailable(venue, error) from error
                self._tickers[venue] = kept
                self._failing.discard(venue)
        return kept[1]

    async def candles(
        self, venue: str, symbol: str, timeframe: str, start_ms: int | None, end_ms: int | None, limit: int
    ) -> tuple[Candle, ...]:
        if timeframe not in TIMEFRAMES_S:
            raise Refusal("unknown_timeframe", f"timeframe must be one of {', '.join(TIMEFRAMES_S)}.", "timeframe")
        if not 1 <= limit <= MOST_CANDLES:
            raise Refusal("bad_limit", f"limit must be from 1 to {MOST_CANDLES}.", "limit")
        _check_range(start_ms, end_ms)
        instrument = await self.instrument(venue, symbol)
        if end_ms is not None and end_ms <= (start_ms or 0):
            return ()
        try:
            return await self._venue(venue).candles(
                instrument, timeframe, start_ms=start_ms, end_ms=end_ms, limit=limit
            )
        except VenueError as error:
            raise self._unavailable(venue, error) from error

    def _venue(self, name: str) -> Venue:
        venue = self._venues.get(name)
        if venue is None:
            known = ", ".join(self._venues)
            raise NotFound("unknown_venue", f"There is no venue of that name here: there is {known}.", "venue")
        return venue

    def _reachable(self, name: str, venue: Venue) -> bool:
        heard_at = venue.heard_at()
        if heard_at is not None and self._clock.monotonic() - heard_at < SILENT_AFTER_S:
            return True
        return name not in self._failing and name in self._tickers

    def _unavailable(self, venue: str, error: VenueError) -> Unavailable:
        self._failing.add(venue)
        return Unavailable("venue_unreachable", f"{self._venue(venue).title} cannot be reached now: {error.detail}")


def _check_range(start_ms: int | None, end_ms: int | None) -> None:
    for name, at_ms in (("start", start_ms), ("end", end_ms)):
        if at_ms is not None and not 0 <= at_ms <= LATEST_MS:
            raise Refusal("bad_time", f"{name} must lie between the years 1970 and 9999.", name)
    if start_ms is not None and end_ms is not None and start_ms > end_ms:
        raise Refusal("bad_range", "start must not be after end.", "start")
