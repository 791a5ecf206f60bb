"""A generated week looks like a market, comes from the seed alone, and the live price starts where it ends."""

from __future__ import annotations

import math
import statistics
import time
from itertools import pairwise

import pytest

from engine.simulator.history import WEEK_MINUTES, History, make_history
from engine.simulator.listings import default_listings, default_profiles
from engine.simulator.model import ATOMS, Kline
from engine.simulator.process import MINUTE_MS, LivePrices

NOW_MS = 1_790_000_012_345
LISTINGS = {listing.symbol: listing for listing in default_listings()}
PROFILES = default_profiles()
SYMBOLS = tuple(PROFILES)


@pytest.fixture(scope="module", params=[1, 20260722])
def week(request: pytest.FixtureRequest) -> History:
    seed: int = request.param
    return make_history(seed, LISTINGS, PROFILES, NOW_MS)


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_a_week_of_minutes_without_gaps_ends_at_the_minute_that_is_now(week: History, symbol: str) -> None:
    candles = week.candles[symbol]
    assert len(candles) == WEEK_MINUTES
    assert candles[-1].close_ms + 1 == NOW_MS - NOW_MS % MINUTE_MS
    for before, after in pairwise(candles):
        assert after.open_ms == before.close_ms + 1
        assert after.open == before.close


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_every_candle_is_consistent_in_itself(week: History, symbol: str) -> None:
    listing = LISTINGS[symbol]
    worth = int(listing.tick * listing.lot * ATOMS)
    for candle in week.candles[symbol]:
        assert 0 < candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert 0 < candle.taker_buy_lots <= candle.lots
        assert candle.low * candle.lots * worth <= candle.quote_atoms <= candle.high * candle.lots * worth
        assert candle.trades > 0


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_returns_have_fat_tails_clustered_volatility_and_no_memory_of_direction(week: History, symbol: str) -> None:
    returns = _returns(week.candles[symbol])
    sizes = [abs(value) for value in returns]
    assert _kurtosis(returns) > 5
    assert abs(_autocorrelation(returns, 1)) < 0.06
    assert _autocorrelation(sizes, 1) > 0.15
    assert _autocorrelation(sizes, 10) > 0.08
    assert _autocorrelation(sizes, 60) > 0.01


@pytest.mark.parametrize("symbol", SYMBOLS)
def test_volatility_is_near_the_profile_and_volume_grows_with_the_move(week: History, symbol: str) -> None:
    candles = week.candles[symbol]
    returns = _returns(candles)
    yearly = statistics.pstdev(returns) * math.sqrt(525_600)
    assert 0.6 < yearly / PROFILES[symbol].volatility < 1.7
    sizes = [abs(value) for value in returns]
    assert statistics.correlation([candle.lots for candle in candles], sizes) > 0.4


def test_symbols_move_together_but_not_as_one(week: History) -> None:
    bitcoin, ether, doge = (_returns(week.candles[symbol]) for symbol in ("BTCUSDT", "ETHUSDT", "DOGEUSDT"))
    assert 0.5 < statistics.correlation(bitcoin, ether) < 0.95
    assert 0.4 < statistics.correlation(bitcoin, doge) < 0.9


def test_the_afternoon_is_livelier_than_the_night(week: History) -> None:
    candles = week.candles["BTCUSDT"]
    busy = [candle.lots for candle in candles if candle.open_ms // 3_600_000 % 24 in (13, 14, 15, 16)]
    quiet = [candle.lots for candle in candles if candle.open_ms // 3_600_000 % 24 in (1, 2, 3, 4)]
    assert statistics.mean(busy) > 1.2 * statistics.mean(quiet)


def test_the_same_seed_makes_the_same_week_and_another_seed_another() -> None:
    once, twice, other = (make_history(seed, LISTINGS, PROFILES, NOW_MS, minutes=500) for seed in (5, 5, 6))
    assert once == twice
    assert once.candles["BTCUSDT"] != other.candles["BTCUSDT"]


def test_the_live_price_starts_where_the_history_ends_and_continues_from_its_note(week: History) -> None:
    live = LivePrices(3, PROFILES, week.opening)
    for symbol, candles in week.candles.items():
        assert live.price(symbol) == pytest.approx(float(candles[-1].close * LISTINGS[symbol].tick), rel=1e-3)
    now_ms = NOW_MS
    for _ in range(700):
        now_ms += 250
        live.advance(250, now_ms)
    again = LivePrices(3, PROFILES, live.state())
    for _ in range(700):
        now_ms += 250
        live.advance(250, now_ms)
        again.advance(250, now_ms)
        assert [again.price(symbol) for symbol in SYMBOLS] == [live.price(symbol) for symbol in SYMBOLS]


def test_live_minutes_are_as_volatile_as_the_history_and_never_jump() -> None:
    history = make_history(9, LISTINGS, PROFILES, NOW_MS)
    live = LivePrices(9, PROFILES, history.opening)
    prices: list[float] = []
    now_ms = NOW_MS
    for _ in range(4 * 60 * 24 * 60):
        now_ms += 250
        live.advance(250, now_ms)
        prices.append(live.price("BTCUSDT"))
    steps = [math.log(after / before) for before, after in pairwise(prices)]
    minutes = [math.log(after / before) for before, after in zip(prices[::240], prices[240::240], strict=False)]
    past = statistics.pstdev(_returns(history.candles["BTCUSDT"]))
    assert 0.5 < statistics.pstdev(minutes) / past < 2
    assert max(map(abs, steps)) < 0.01


def test_a_week_of_six_symbols_is_made_fast_enough_to_start_with() -> None:
    began = time.process_time()
    make_history(2, LISTINGS, PROFILES, NOW_MS)
    assert time.process_time() - began < 0.8


def _returns(candles: list[Kline]) -> list[float]:
    return [math.log(candle.close / candle.open) for candle in candles]


def _kurtosis(values: list[float]) -> float:
    mean = statistics.fmean(values)
    variance = statistics.fmean((value - mean) ** 2 for value in values)
    return statistics.fmean((value - mean) ** 4 for value in values) / variance**2


def _autocorrelation(values: list[float], lag: int) -> float:
    mean = statistics.fmean(values)
    pairs = zip(values, values[lag:], strict=False)
    return statistics.fmean((a - mean) * (b - mean) for a, b in pairs) / statistics.pvariance(values, mean)
