"""A week of one-minute candles from the seed, by the same process that the live market goes on with."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from engine.simulator.listings import MarketProfile
from engine.simulator.model import ATOMS, Kline, Listing
from engine.simulator.process import (
    MINUTE_MS,
    LivePrices,
    MarketWeather,
    Walk,
    bridge_extremes,
    draws,
    order_size,
    season,
)

WEEK_MINUTES = 7 * 24 * 60
PRINTS_AN_ORDER = 1.1
"""Trades that one taker's order makes on average, by what it finds in the book."""
INFORMED_PER_S = 0.3
"""Orders a second, about, by which the live market's informed takers hit quotes that are late."""


@dataclass(frozen=True, slots=True)
class History:
    """Candles by symbol, oldest first and without gaps, and the state in which the live market opens."""

    candles: Mapping[str, list[Kline]]
    opening: Mapping[str, object]


def make_history(
    seed: int,
    listings: Mapping[str, Listing],
    profiles: Mapping[str, MarketProfile],
    end_ms: int,
    minutes: int = WEEK_MINUTES,
) -> History:
    """Candles for the `minutes` before the minute that holds `end_ms`. The same arguments give the same candles."""
    end_ms -= end_ms % MINUTE_MS
    start_ms = end_ms - minutes * MINUTE_MS
    weather, rng = MarketWeather(), draws(seed, "history")
    shared: list[tuple[float, float, float]] = []
    for index in range(minutes):
        shock, multiplier = weather.advance(rng)
        liveliness = season(start_ms + index * MINUTE_MS)
        shared.append((shock, multiplier * liveliness, order_size(liveliness)))
    candles: dict[str, list[Kline]] = {}
    walks: dict[str, Walk] = {}
    for symbol, profile in profiles.items():
        walks[symbol] = Walk.start(profile)
        candles[symbol] = _candles(seed, listings[symbol], profile, walks[symbol], shared, start_ms)
    return History(candles, LivePrices.first_state(weather, walks, end_ms))


def mean_order_notional(profile: MarketProfile) -> float:
    """Mean worth of a taker's order: lognormal, cut at `TAIL_CUT` standard deviations as the takers cut it."""
    tail = profile.trade_tail
    below = math.exp(tail * tail / 2) * _normal(TAIL_CUT - tail)
    return profile.trade_notional * (below + math.exp(TAIL_CUT * tail) * (1 - _normal(TAIL_CUT)))


TAIL_CUT = 2.6


def _candles(
    seed: int,
    listing: Listing,
    profile: MarketProfile,
    walk: Walk,
    shared: list[tuple[float, float, float]],
    start_ms: int,
) -> list[Kline]:
    rng = draws(seed, "history", profile.symbol)
    tick, atoms = float(listing.tick), int(listing.tick * listing.lot * ATOMS)
    orders_a_minute = (profile.trades_per_s + INFORMED_PER_S) * 60
    lots_an_order = mean_order_notional(profile) / float(listing.lot)
    candles: list[Kline] = []
    exp, gauss, random = math.exp, rng.gauss, rng.random
    close = round(exp(walk.log_price) / tick)
    open_ms = start_ms
    for shock, multiplier, size in shared:
        began = walk.log_price
        sigma = walk.advance(rng, shock, multiplier)
        move = walk.log_price - began
        lowest, highest = bridge_extremes(rng, move, sigma)
        price = exp(began)
        scale = price / tick
        opened, close = close, round(scale * exp(move))
        high = max(opened, close, int(scale * (1 + highest)))
        low = min(opened, close, int(scale * (1 + lowest)) + 1)
        noise = gauss(0.0, 1.0)
        orders = orders_a_minute * (0.45 * multiplier + 0.55 * abs(move) / walk.sigma) * exp(0.3 * noise) + 1
        lots = int(orders * lots_an_order * size / price * exp(0.3 * noise - 0.1)) + 1
        lean = max(-0.35, min(0.35, 0.12 * move / sigma))
        taker_lots = int(lots * (0.5 + lean + 0.2 * (random() - 0.5)))
        average = (opened + close + high + low) // 4
        quote = lots * average * atoms
        trades = int(orders * PRINTS_AN_ORDER) + 1
        candles.append(
            Kline(
                open_ms, open_ms + MINUTE_MS - 1, opened, high, low, close,
                lots, quote, trades, taker_lots, taker_lots * average * atoms,
            )
        )  # fmt: skip
        open_ms += MINUTE_MS
    return candles


def _normal(z: float) -> float:
    return (1 + math.erf(z / math.sqrt(2))) / 2
