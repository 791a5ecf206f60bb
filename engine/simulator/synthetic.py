"""The seeded market: latent prices, and for each symbol the traders who make and take around them.

The state between two beats is a small note (in the journal once a second) and the orders in the book: every beat
draws its own random numbers from seed, symbol and beat, so nothing else needs to be remembered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import cast

from engine.runtime import Clock, SystemClock
from engine.simulator.exchange import Exchange
from engine.simulator.history import make_history
from engine.simulator.listings import MarketProfile
from engine.simulator.model import (
    OrderReported,
    SimEvent,
    TopChanged,
    TradePrinted,
)
from engine.simulator.process import LivePrices, draws, season
from engine.simulator.seat import Seat, Traders
from engine.simulator.traders import Mood, SymbolTraders


@dataclass(frozen=True, slots=True)
class Tempo:
    """How finely a market moves. A coarser one costs less: the traders of each beat are as many, but fewer beats."""

    beat_ms: int = 50
    """Each symbol moves at every second beat, so that they do not all move at once."""
    longest_ms: int = 1_000
    """However long the process stood still or was down, the market goes on by no more than this."""


BEAT_MS = Tempo().beat_ms
BEATS_A_NOTE = 20
WEALTH = Decimal(10_000_000_000)
NOTE = "flow"


class SyntheticFlow:
    """The same seed, opened and moved at the same times, makes the same trades."""

    def __init__(
        self,
        exchange: Exchange,
        seed: int,
        profiles: Mapping[str, MarketProfile],
        clock: Clock | None = None,
        tempo: Tempo | None = None,
    ) -> None:
        """A market of those listings that `profiles` describes."""
        self._exchange = exchange
        self._seed = seed
        self._profiles = profiles
        self._clock = clock or SystemClock()
        self._tempo = tempo or Tempo()
        self._markets: dict[str, SymbolTraders] = {}
        self._prices: LivePrices | None = None
        self._accounts: list[int] = []
        self._generation = 0
        self._opened_ms = 0
        self._is_open = False
        self._beats = 0
        self._priced_ms = 0
        self._last_ms: dict[str, int] = {}
        self._stop_listening: Callable[[], None] | None = None

    @property
    def controller(self) -> None:
        return None

    def prepare(self) -> None:
        """Open the market, or go on from the journal's note as if nothing had been. ValueError on another's journal."""
        noted = self._exchange.noted(NOTE)
        if noted is None:
            noted = self._first_note(self._now_ms())
        elif noted.get("flow") != "synthetic":
            raise ValueError(
                f"the journal holds a market of flow {noted.get('flow')!r}: start it with that flow, or keep flow"
                " 'synthetic' in a journal folder of its own"
            )
        self._go_on(noted)

    async def run(self) -> None:
        try:
            while True:
                await asyncio.sleep(self._tempo.beat_ms / 1000)
                self.step(self._now_ms())
        finally:
            self.keep_note()

    def step(self, now_ms: int) -> None:
        """One beat of the market at this time. Time since the last beat counts up to the tempo's longest."""
        prices = self._open_prices()
        prices.advance(self._elapsed(self._priced_ms, now_ms), now_ms)
        self._priced_ms = now_ms
        for index, (symbol, market) in enumerate(self._markets.items()):
            if (index + self._beats) % 2:
                continue
            elapsed_s = self._elapsed(self._last_ms[symbol], now_ms) / 1000
            self._last_ms[symbol] = now_ms
            rng = draws(self._seed, "beat", symbol, self._beats)
            market.beat(rng, prices.price(symbol), prices.activity(symbol), season(now_ms), elapsed_s)
        self._beats += 1
        if self._beats % BEATS_A_NOTE == 0:
            self.keep_note()

    def keep_note(self) -> None:
        """Journal what the next process needs to go on from here."""
        self._exchange.note(
            NOTE,
            {
                "flow": "synthetic",
                "generation": self._generation,
                "accounts": self._accounts,
                "opened_ms": self._opened_ms,
                "open": self._is_open,
                "beats": self._beats,
                "priced_ms": self._priced_ms,
                "last_ms": self._last_ms,
                "prices": self._open_prices().state(),
                "moods": {symbol: market.noted() for symbol, market in self._markets.items()},
            },
        )

    def status(self) -> Mapping[str, object]:
        refused = sum(market.seat.refused for market in self._markets.values())
        return {"flow": "synthetic", "seed": self._seed, "beats": self._beats, "refused": refused}

    def close(self) -> None:
        """Stop hearing the exchange."""
        if self._stop_listening is not None:
            self._stop_listening()
            self._stop_listening = None

    # --- opening, and going on after a restart -------------------------------------------------------
    def _first_note(self, now_ms: int) -> Mapping[str, object]:
        """Accounts and the state where the history ends; noted before anything else, so that a kill loses nothing."""
        listings = self._exchange.listings
        history = make_history(self._seed, listings, self._profiles, now_ms)
        assets = {
            asset: WEALTH for symbol in self._profiles for asset in (listings[symbol].base, listings[symbol].quote)
        }
        accounts = [
            self._exchange.create_account("", "", assets, maker_bps=Decimal(0), taker_bps=Decimal(0)).account_id
            for _ in range(5)
        ]
        note: dict[str, object] = {
            "flow": "synthetic",
            "generation": 0,
            "accounts": accounts,
            "opened_ms": now_ms,
            "open": False,
            "beats": 0,
            "priced_ms": now_ms,
            "last_ms": dict.fromkeys(self._profiles, now_ms),
            "prices": history.opening,
            "moods": {symbol: Mood(candles[-1].close).noted() for symbol, candles in history.candles.items()},
        }
        self._exchange.note(NOTE, note)
        for symbol, candles in history.candles.items():
            self._exchange.load_history(symbol, candles)
        return note

    def _go_on(self, noted: Mapping[str, object]) -> None:
        self._generation = cast("int", noted["generation"]) + 1
        self._accounts = list(cast("Sequence[int]", noted["accounts"]))
        self._opened_ms = cast("int", noted["opened_ms"])
        self._beats = cast("int", noted["beats"])
        self._priced_ms = cast("int", noted["priced_ms"])
        self._last_ms = dict(cast("Mapping[str, int]", noted["last_ms"]))
        self._prices = LivePrices(self._seed, self._profiles, cast("Mapping[str, object]", noted["prices"]))
        moods = cast("Mapping[str, Sequence[float]]", noted["moods"])
        traders = Traders(tuple(self._accounts[:3]), self._accounts[3], self._accounts[4])
        for symbol, profile in self._profiles.items():
            listing = self._exchange.listings[symbol]
            seat = Seat(self._exchange, listing, traders, f"{symbol[:3]}{self._generation:x}-")
            self._markets[symbol] = SymbolTraders(seat, profile, Mood.from_note(moods[symbol]))
        self._stop_listening = self._exchange.listen(self._hear)
        if not cast("bool", noted["open"]):
            self._finish_opening()
        self._is_open = True
        self.keep_note()

    def _finish_opening(self) -> None:
        """Load what history a kill kept from being loaded, and fill the books."""
        missing = [symbol for symbol in self._profiles if not self._exchange.klines(symbol, "1m", limit=1)]
        if missing:
            history = make_history(self._seed, self._exchange.listings, self._profiles, self._opened_ms)
            for symbol in missing:
                self._exchange.load_history(symbol, history.candles[symbol])
        for symbol, market in self._markets.items():
            market.open_book(draws(self._seed, "opening", symbol), season(self._opened_ms))

    def _hear(self, event: SimEvent) -> None:
        match event:
            case OrderReported():
                symbol = event.order.request.symbol
            case TradePrinted():
                symbol = event.trade.symbol
            case TopChanged():
                symbol = event.symbol
            case _:
                return
        market = self._markets.get(symbol)
        if market is not None:
            market.seat.listen(event)

    def _open_prices(self) -> LivePrices:
        if self._prices is None:
            raise RuntimeError("the flow was not prepared")
        return self._prices

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)

    def _elapsed(self, since_ms: int, now_ms: int) -> int:
        return max(0, min(self._tempo.longest_ms, now_ms - since_ms))
