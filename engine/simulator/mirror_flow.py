"""A real exchange's public market on ours: its levels and trades are the outsiders', and our orders stand among them.

A connection is followed until anything breaks; then everything of it is given up, and after a pause a new one begins
with whole books. So nothing that was missed in between can survive in a book.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import structlog

from engine.runtime import Clock, Supervisor, SystemClock
from engine.simulator.exchange import Exchange
from engine.simulator.mirror import Upstream, UpstreamLost, check_venue
from engine.simulator.mirrored import CannotMirror, MirroredMarket
from engine.simulator.sources import Source

log = structlog.get_logger(__name__)

NOTE: Final = "flow"
TEND_S: Final = 0.25
RELOAD_AFTER: Final = 2
"""Failures in a row after which the venue's list of markets is read again."""
NOTHING_TO_MIRROR: Final = "none of the symbols can be mirrored"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long is waited for what."""

    open_s: float = 60.0
    """For the venue's list of markets and every first book."""
    silence_s: float = 10.0
    """Until a silent book is asked about."""
    withdraw_s: float = 30.0
    """Until a book that cannot be confirmed is taken down."""
    backoff_s: tuple[float, ...] = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
    """Before each new connection in a row."""
    steady_s: float = 30.0
    """After so long a connection, what went wrong before is forgotten."""


class State(StrEnum):
    """How far the mirror is to be trusted."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    """A book has said nothing for so long that it is being asked about, or has been found wrong."""
    BROKEN = "broken"
    """There is no connection, or no market that can be mirrored."""


class MirrorFlow:
    """Follows one venue for as long as it runs."""

    def __init__(
        self, exchange: Exchange, source: Source, clock: Clock | None = None, patience: Patience | None = None
    ) -> None:
        self.source = source
        self.reason: str | None = None
        """Why the last connection ended."""
        self.connections = 0
        """How many were begun."""
        self._exchange = exchange
        self._clock = clock or SystemClock()
        self._patience = patience or Patience()
        self._markets: dict[str, MirroredMarket] = {}
        self._upstream: Upstream | None = None
        self._known: Upstream | None = None
        """An earlier connection that knows what the venue lists."""

    @property
    def controller(self) -> None:
        return None

    def prepare(self) -> None:
        """See that the venue can be mirrored and that the journal is this mirror's. ValueError says what is wrong."""
        check_venue(self.source.venue)
        noted = self._exchange.noted(NOTE)
        if noted is not None and (noted.get("flow"), noted.get("venue")) != ("mirror", self.source.venue):
            raise ValueError(
                f"the journal holds a market of flow {noted.get('flow')!r}: start it with that flow, or keep the mirror"
                f" of {self.source.venue!r} in a journal folder of its own"
            )
        self._exchange.note(NOTE, {"flow": "mirror", "venue": self.source.venue})
        for symbol in self.source.symbols:
            self._markets[symbol] = MirroredMarket(self._exchange, self._exchange.listings[symbol], self._clock)

    async def run(self) -> None:
        supervisor = Supervisor("mirror", self._clock)
        supervisor.keep("old books", self._tend)
        try:
            failures = 0
            while True:
                began_s = self._clock.monotonic()
                self.reason = await self._follow()
                if self._clock.monotonic() - began_s > self._patience.steady_s:
                    failures = 0
                if failures >= RELOAD_AFTER:
                    self._known = None
                backoff_s = self._patience.backoff_s[min(failures, len(self._patience.backoff_s) - 1)]
                log.warning("the mirror lost its venue", venue=self.source.venue, reason=self.reason, again_s=backoff_s)
                failures += 1
                await asyncio.sleep(backoff_s)
        finally:
            await supervisor.close()
            for market in self._markets.values():
                market.keep_note()

    def status(self) -> Mapping[str, object]:
        state = self.state
        return {
            "flow": "mirror",
            "venue": self.source.venue,
            "url": self.source.url,
            "state": state.value,
            "reason": None if state is State.LIVE else self.reason,
            "reconnects": max(0, self.connections - 1),
            "age_s": self._oldest_s(),
            "symbols": {
                symbol: {"state": self._state_of(market).value, **market.status()}
                for symbol, market in self._markets.items()
            },
        }

    @property
    def state(self) -> State:
        """The worst of the followed markets' states."""
        states = {self._state_of(market) for market in self._followed()}
        for worst in (State.BROKEN, State.STALE, State.CONNECTING):
            if worst in states:
                return worst
        return State.LIVE if states else State.BROKEN

    # --- one connection ----------------------------------------------------------------------------
    async def _follow(self) -> str:
        """Follow the venue until something breaks; what that was."""
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def lose(reason: str) -> None:
            if not lost.done():
                self.reason = reason
                lost.set_result(reason)

        self.connections += 1
        supervisor = Supervisor("mirrored", self._clock, on_failure=lambda failure: lose(failure.error))
        self._upstream = upstream = Upstream(self.source, self._known)
        try:
            for market in self._markets.values():
                market.begin()
            async with asyncio.timeout(self._patience.open_s):
                await upstream.open()
            self._known = upstream
            for market in self._accepted(upstream):
                for name, follow in (
                    ("trades", self._follow_trades),  # asked for first: a book that is there has its trades, too
                    ("book", self._follow_book),
                    ("silence", self._watch_silence),
                ):
                    work = self._guarded(follow(upstream, market), market, lose)
                    supervisor.run(f"{market.listing.symbol} {name}", work)
            if not self._followed():
                lose(NOTHING_TO_MIRROR)
            return await lost
        except UpstreamLost as error:
            return str(error)
        except TimeoutError:
            return f"no list of markets within {self._patience.open_s:g} s"
        finally:
            self._upstream = None
            await supervisor.close()
            await upstream.close()

    def _accepted(self, upstream: Upstream) -> list[MirroredMarket]:
        """The markets that the venue has and that fit; the others are told why not."""
        for market in self._markets.values():
            tick = upstream.tick(market.pair) if upstream.lists(market.pair) else None
            if not upstream.lists(market.pair):
                market.refuse(f"{self.source.venue} does not list {market.pair}")
            elif tick is not None and tick % market.listing.tick:
                market.refuse(f"{market.pair} has ticks of {tick} there and of {market.listing.tick} here")
        return self._followed()

    async def _follow_book(self, upstream: Upstream, market: MirroredMarket) -> None:
        while market.reason is None:
            market.apply(await upstream.next_change(market.pair))

    async def _follow_trades(self, upstream: Upstream, market: MirroredMarket) -> None:
        while True:
            trades = await upstream.next_trades(market.pair)
            if market.reason is not None:
                return
            market.print(trades)

    async def _watch_silence(self, upstream: Upstream, market: MirroredMarket) -> None:
        """A dead link can go unseen for minutes, and a quiet market is none: a silent book is asked about."""
        silence_s = self._patience.silence_s
        async with asyncio.timeout(self._patience.open_s):
            await market.opened.wait()
        while market.reason is None:
            await asyncio.sleep(max(0.01, silence_s - market.age_s))
            if market.age_s < silence_s:
                continue
            asked_at = market.counts.books
            if await upstream.is_quiet(market.pair):
                market.hear()
            elif market.counts.books == asked_at:
                raise UpstreamLost(f"{market.pair} was silent for {silence_s:g} s while its book moved")

    async def _guarded(self, work: Awaitable[None], market: MirroredMarket, lose: Callable[[str], None]) -> None:
        """One of a market's tasks: what it meets ends the connection, or this market alone."""
        try:
            await work
        except UpstreamLost as error:
            lose(str(error))
        except TimeoutError:
            lose(f"{market.pair} has shown no book within {self._patience.open_s:g} s")
        except CannotMirror as reason:
            market.refuse(str(reason))
            if not self._followed():
                lose(NOTHING_TO_MIRROR)

    # --- across connections ------------------------------------------------------------------------
    async def _tend(self) -> None:
        """Take down books that are too old to trade on."""
        while True:
            for market in self._markets.values():
                if market.shown and market.age_s > self._patience.withdraw_s:
                    log.warning("an old book was taken down", symbol=market.listing.symbol, age_s=market.age_s)
                    market.withdraw()
            await asyncio.sleep(TEND_S)

    def _followed(self) -> list[MirroredMarket]:
        return [market for market in self._markets.values() if market.reason is None]

    def _oldest_s(self) -> float | None:
        """The age of the oldest book that is followed; None before the first."""
        ages = [market.age_s for market in self._followed() if market.opened.is_set()]
        return round(max(ages), 3) if ages else None

    def _state_of(self, market: MirroredMarket) -> State:
        if market.reason is not None:
            return State.BROKEN
        if self._upstream is None:
            return State.BROKEN if self.connections else State.CONNECTING
        if not market.opened.is_set():
            return State.CONNECTING
        return State.STALE if market.age_s > self._patience.silence_s else State.LIVE
