"""The price process: one latent price per symbol, minute by minute, for the history and for the live market.

A minute's log return is volatility times a shock. Volatility clusters: its logarithm is the sum of a slow part
that all symbols share and a fast part of the symbol's own, both mean-reverting, on top of a daily rhythm.
Shocks are Student-t, partly common to all symbols. Inside a minute the price is a Brownian bridge between the
minute's ends: the history needs only its extremes, the live market walks along it.

Everything is a function of the seed and of a small state, so a market can be continued from a note of a few
numbers. After R. Cont, "Empirical properties of asset returns" (2001), for what a return looks like.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from engine.runtime import SeededRandomness
from engine.simulator.listings import MarketProfile

MINUTE_MS = 60_000
MINUTES_A_YEAR = 525_600
POINTS_A_MINUTE = 240

MARKET_SPREAD, MARKET_MEMORY = 0.30, 0.5 ** (1 / 720)
OWN_SPREAD, OWN_MEMORY = 0.45, 0.5 ** (1 / 25)
MARKET_KICK = MARKET_SPREAD * math.sqrt(1 - MARKET_MEMORY**2)
OWN_KICK = OWN_SPREAD * math.sqrt(1 - OWN_MEMORY**2)
LEVELLING = math.exp(-(MARKET_SPREAD**2 + OWN_SPREAD**2))
"""Keeps the mean variance where the profile puts it, whatever the two spreads are."""
DEGREES_OF_FREEDOM = 4.5
STUDENT_POWER = -2 / DEGREES_OF_FREEDOM
STUDENT_SCALE = math.sqrt(DEGREES_OF_FREEDOM - 2)
WIDEST_SHOCK = 12.0
"""Standard deviations beyond which a shock is cut: a market that halves in a minute helps nobody."""


def draws(seed: int, *names: object) -> SeededRandomness:
    """Random numbers that belong to one seed and one name, whatever else was drawn before."""
    return SeededRandomness("/".join((str(seed), *map(str, names))))


def season(at_ms: int) -> float:
    """How lively a market is at this time of day (UTC), 1 on average: quiet at 02:30, busy at 14:30."""
    return SEASON[at_ms // MINUTE_MS % 1440]


def order_size(liveliness: float) -> float:
    """Takers' orders against the day's usual ones."""
    return liveliness**0.6


def queue_size(liveliness: float) -> float:
    """Resting orders against the day's usual ones."""
    return liveliness**0.4


def reserve(liveliness: float) -> float:
    """How readily makers stand wide, against usual hours: twice as readily at night as by day."""
    return liveliness**-2


@dataclass(slots=True)
class MarketWeather:
    """What all symbols share: the slow part of volatility, and every minute one shock."""

    log_volatility: float = 0.0

    def advance(self, rng: random.Random) -> tuple[float, float]:
        """The next minute's common shock (unit variance) and volatility multiplier."""
        self.log_volatility = MARKET_MEMORY * self.log_volatility + MARKET_KICK * rng.gauss(0.0, 1.0)
        return student(rng), math.exp(self.log_volatility)


@dataclass(slots=True)
class Walk:
    """One symbol's latent price between two minutes."""

    log_price: float
    sigma: float
    """Standard deviation of a minute's log return at the profile's volatility."""
    share: float
    """How much of a shock is the market's."""
    own_share: float
    """How much of it is the symbol's own, so that both together have unit variance."""
    log_volatility: float = 0.0

    @classmethod
    def start(cls, profile: MarketProfile) -> Walk:
        sigma = profile.volatility / math.sqrt(MINUTES_A_YEAR) * LEVELLING
        own_share = math.sqrt(1 - profile.market_share**2)
        return cls(math.log(profile.level), sigma, profile.market_share, own_share)

    def advance(self, rng: random.Random, common_shock: float, multiplier: float) -> float:
        """Walk one minute; `multiplier` is the market's volatility times the season. Returns the minute's sigma."""
        self.log_volatility = OWN_MEMORY * self.log_volatility + OWN_KICK * rng.gauss(0.0, 1.0)
        sigma = self.sigma * multiplier * math.exp(self.log_volatility)
        self.log_price += sigma * (self.share * common_shock + self.own_share * student(rng))
        return sigma


class LivePrices:
    """The latent prices while the market is open: advances by active time, not by the wall clock.

    `state()` is small and enough: `LivePrices(seed, profiles, state)` goes on where it was taken.
    """

    def __init__(self, seed: int, profiles: Mapping[str, MarketProfile], state: Mapping[str, object]) -> None:
        """`state` as `first_state` or `state` gave it."""
        self._seed = seed
        self._minute, self._into_ms = _whole(state["minute"]), _whole(state["into_ms"])
        self._weather = MarketWeather(_number(state["weather"]))
        self._walks = {symbol: Walk.start(profile) for symbol, profile in profiles.items()}
        for symbol, walk in self._walks.items():
            walk.log_price, walk.log_volatility = _pair(state[symbol])
        self._paths: dict[str, list[float]] = {}
        self._activity: dict[str, float] = {}
        self._opened: dict[str, object] = {}
        self._open_minute(_number(state["season"]))

    @staticmethod
    def first_state(weather: MarketWeather, walks: Mapping[str, Walk], at_ms: int) -> dict[str, object]:
        """The state of a market that opens at `at_ms` where its history ends."""
        walked = {symbol: [walk.log_price, walk.log_volatility] for symbol, walk in walks.items()}
        return {"minute": 0, "into_ms": 0, "weather": weather.log_volatility, "season": season(at_ms), **walked}

    def state(self) -> dict[str, object]:
        return {**self._opened, "minute": self._minute, "into_ms": self._into_ms}

    def advance(self, elapsed_ms: int, now_ms: int) -> None:
        """Let active time pass; `now_ms` only says what time of day it is."""
        self._into_ms += elapsed_ms
        while self._into_ms >= MINUTE_MS:
            self._into_ms -= MINUTE_MS
            self._minute += 1
            self._open_minute(season(now_ms))

    def price(self, symbol: str) -> float:
        """The latent price now, in quote units."""
        return math.exp(self._paths[symbol][self._into_ms * POINTS_A_MINUTE // MINUTE_MS])

    def activity(self, symbol: str) -> float:
        """This minute's volatility as a multiple of the usual."""
        return self._activity[symbol]

    def _open_minute(self, minute_season: float) -> None:
        opened: dict[str, object] = {"weather": self._weather.log_volatility, "season": minute_season}
        shock, multiplier = self._weather.advance(draws(self._seed, "weather", self._minute))
        for symbol, walk in self._walks.items():
            opened[symbol] = [walk.log_price, walk.log_volatility]
            rng = draws(self._seed, symbol, self._minute)
            start = walk.log_price
            sigma = walk.advance(rng, shock, multiplier * minute_season)
            self._activity[symbol] = sigma / walk.sigma
            self._paths[symbol] = _bridge(rng, start, walk.log_price, sigma)
        self._opened = opened


def student(rng: random.Random) -> float:
    """A Student-t shock of unit variance, by Bailey's polar method, cut at `WIDEST_SHOCK`."""
    radius = 1 - rng.random()
    shock = STUDENT_SCALE * math.sqrt(radius**STUDENT_POWER - 1) * math.cos(math.tau * rng.random())
    return shock if -WIDEST_SHOCK < shock < WIDEST_SHOCK else math.copysign(WIDEST_SHOCK, shock)


def bridge_extremes(rng: random.Random, move: float, sigma: float) -> tuple[float, float]:
    """Lowest and highest point of a Brownian bridge from 0 to `move`, each drawn from its exact distribution."""
    variance, square = 2 * sigma * sigma, move * move
    up = math.sqrt(square - variance * math.log(1 - rng.random()))
    down = math.sqrt(square - variance * math.log(1 - rng.random()))
    return (move - down) / 2, (move + up) / 2


def _bridge(rng: random.Random, start: float, end: float, sigma: float) -> list[float]:
    """`POINTS_A_MINUTE` log prices from `start` towards `end`, which is the first point of the next minute."""
    step = sigma / math.sqrt(POINTS_A_MINUTE)
    free = [0.0]
    for _ in range(POINTS_A_MINUTE):
        free.append(free[-1] + rng.gauss(0.0, step))
    drift = (end - start - free[-1]) / POINTS_A_MINUTE
    return [start + drift * index + wiggle for index, wiggle in enumerate(free[:-1])]


def _season_of_minute(minute: int) -> float:
    hour = minute / 60
    rhythm = 1 + 0.30 * math.cos(math.tau * (hour - 14.5) / 24)
    return rhythm * (1.12 if minute % 60 < 5 else 0.99)


SEASON = tuple(_season_of_minute(minute) for minute in range(1440))


def _number(value: object) -> float:
    if not isinstance(value, int | float):
        raise TypeError(f"the noted market holds {value!r} where a number belongs")
    return float(value)


def _whole(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError(f"the noted market holds {value!r} where a whole number belongs")
    return value


def _pair(value: object) -> tuple[float, float]:
    pair = cast("list[object]", value) if isinstance(value, list) else []
    if len(pair) != 2:
        raise TypeError(f"the noted market holds {value!r} where two numbers belong")
    return _number(pair[0]), _number(pair[1])
