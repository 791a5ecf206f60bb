"""What is measured of a market: the same of the recorded evening as of the simulated ones."""

from __future__ import annotations

import gzip
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import orjson

from engine.simulator.exchange import Exchange
from engine.simulator.listings import MarketProfile, default_listings
from engine.simulator.model import PublicTrade, SimEvent, TopChanged, TradePrinted
from engine.simulator.recording import Recording
from engine.simulator.synthetic import SyntheticFlow, Tempo

EVERY_MS = 100
MIDNIGHT_MS = 1_790_035_200_000
"""A midnight (UTC) from which simulated markets are timed."""


class Hand:
    """A clock that is turned."""

    def __init__(self, at_ms: int) -> None:
        self.at_ms = at_ms

    def ms(self) -> int:
        return self.at_ms

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at_ms / 1000, UTC)

    def monotonic(self) -> float:
        return self.at_ms / 1000


@dataclass(slots=True)
class Taken:
    """A taker's order: what it traded, in quote units."""

    at_ms: int
    bought: bool
    worth: float
    trades: int


@dataclass(slots=True)
class Sample:
    """One market's figures."""

    middles: list[float] = field(default_factory=list[float])
    """The middle of the best prices every 100 ms, in quote units."""
    spread_ms: Counter[int] = field(default_factory=Counter[int])
    """How long the spread was so many ticks wide."""
    best_worth: list[float] = field(default_factory=list[float])
    """What waited at the best bid every 100 ms, in quote units."""
    depth_bps: list[float] = field(default_factory=list[float])
    """How far the 30th bid stood below the best, every second."""
    taken: list[Taken] = field(default_factory=list[Taken])


class Sampler:
    """Listens to one symbol of an exchange and looks at its book as the clock is turned."""

    def __init__(self, exchange: Exchange, hand: Hand, symbol: str) -> None:
        listing = exchange.listings[symbol]
        self.sample = Sample()
        self._exchange, self._hand, self._symbol = exchange, hand, symbol
        self._tick, self._lot = float(listing.tick), float(listing.lot)
        self._taker = -1
        self._spread: tuple[int, int] | None = None
        self._looks = 0
        exchange.listen(self._hear)

    def look(self) -> None:
        """Note the book as it stands; once every 100 ms."""
        self._looks += 1
        book = self._exchange.depth(self._symbol, 30 if self._looks % 10 == 0 else 1)
        if not book.bids or not book.asks:
            return
        bid, ask = book.bids[0][0], book.asks[0][0]
        self.sample.middles.append((bid + ask) / 2 * self._tick)
        self.sample.best_worth.append(bid * self._tick * book.bids[0][1] * self._lot)
        if len(book.bids) == 30:
            self.sample.depth_bps.append((bid - book.bids[29][0]) / bid * 10_000)

    def pause(self) -> None:
        """What is heard next does not follow from what was heard last."""
        self._spread = None

    def _hear(self, event: SimEvent) -> None:
        if isinstance(event, TopChanged) and event.symbol == self._symbol:
            now = self._hand.at_ms
            if self._spread is not None:
                spread, since = self._spread
                self.sample.spread_ms[spread] += now - since
            self._spread = (event.ask_ticks - event.bid_ticks, now) if event.ask_lots and event.bid_lots else None
        elif isinstance(event, TradePrinted) and event.trade.symbol == self._symbol:
            self._traded(event.trade)

    def _traded(self, trade: PublicTrade) -> None:
        taker = trade.seller_order_id if trade.buyer_is_maker else trade.buyer_order_id
        worth = trade.price_ticks * self._tick * trade.lots * self._lot
        if taker == self._taker:
            self.sample.taken[-1].worth += worth
            self.sample.taken[-1].trades += 1
        else:
            self.sample.taken.append(Taken(self._hand.at_ms, not trade.buyer_is_maker, worth, 1))
        self._taker = taker


def recorded(path: Path) -> Sample:
    """The recorded evening, played through the exchange at its own times."""
    hand = Hand(MIDNIGHT_MS)
    exchange = Exchange(default_listings(), 1, hand.ms, None)
    recording = Recording(exchange, path)
    sampler = Sampler(exchange, hand, recording.symbol)
    next_look_ms = hand.at_ms
    while not math.isinf(recording.following_s):
        due_ms = MIDNIGHT_MS + int(recording.following_s * 1000)
        while next_look_ms <= due_ms:
            hand.at_ms = next_look_ms
            sampler.look()
            next_look_ms += EVERY_MS
        hand.at_ms = due_ms
        recording.play()
    sampler.sample.taken = _recorded_orders(path)
    return sampler.sample


def _recorded_orders(path: Path) -> list[Taken]:
    """A recording does not name takers: trades of one side at one instant of the exchange's clock are one order's."""
    orders: list[Taken] = []
    last: tuple[int, bool] | None = None
    with gzip.open(path) as lines:
        for line in lines:
            content = orjson.loads(line.partition(b" ")[2])
            if not content.get("stream", "").endswith("@trade"):
                continue
            trade = content["data"]
            key = (trade["T"], trade["m"])
            if key != last:
                orders.append(Taken(trade["T"], not trade["m"], 0.0, 0))
            orders[-1].worth += float(trade["p"]) * float(trade["q"])
            orders[-1].trades += 1
            last = key
    return orders


def simulated(seed: int, profile: MarketProfile, from_hour: float, minutes: int) -> Sample:
    """One simulated market at its usual pace."""
    hand = Hand(MIDNIGHT_MS + int(from_hour * 3_600_000))
    exchange = Exchange(default_listings(), seed, hand.ms, None)
    flow = SyntheticFlow(exchange, seed, {profile.symbol: profile}, hand)
    flow.prepare()
    sampler = Sampler(exchange, hand, profile.symbol)
    live([sampler], flow, hand, minutes * 60)
    return sampler.sample


def by_hour(seed: int, profiles: Mapping[str, MarketProfile], minutes: int) -> dict[str, list[Sample]]:
    """A day of several markets of which the first `minutes` after twenty past every hour are lived through."""
    hand = Hand(MIDNIGHT_MS + 20 * 60_000)
    exchange = Exchange(default_listings(), seed, hand.ms, None)
    flow = SyntheticFlow(exchange, seed, profiles, hand)
    flow.prepare()
    samplers = {symbol: Sampler(exchange, hand, symbol) for symbol in profiles}
    day: dict[str, list[Sample]] = {symbol: [] for symbol in profiles}
    for hour in range(24):
        hand.at_ms = MIDNIGHT_MS + hour * 3_600_000 + 20 * 60_000
        for symbol, sampler in samplers.items():
            sampler.sample = Sample()
            sampler.pause()
            day[symbol].append(sampler.sample)
        live(list(samplers.values()), flow, hand, minutes * 60)
    return day


def live(samplers: Sequence[Sampler], flow: SyntheticFlow, hand: Hand, seconds: int) -> None:
    """Let a market run for so long and look at it."""
    beat_ms = Tempo().beat_ms
    for beat in range(seconds * 1000 // beat_ms):
        hand.at_ms += beat_ms
        flow.step(hand.at_ms)
        if beat * beat_ms % EVERY_MS == 0:
            for sampler in samplers:
                sampler.look()
