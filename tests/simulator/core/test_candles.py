"""Candles and the rolling day, against sums over the trades that made them."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from random import Random

import pytest

from engine.simulator.intervals import DAY_MS, INTERVALS, KEPT_MINUTES, MINUTE_MS, interval_ms
from engine.simulator.model import Kline, PublicTrade, Side
from tests.simulator.core.venue import START_MS, Venue

P = 6_000_000


def trade(venue: Venue, price: int, lots: int = 100, *, taker: Side = Side.BUY) -> None:
    """One trade at this price."""
    venue.exchange.print_external_trade("BTCUSDT", price, lots, buyer_is_maker=taker is Side.SELL)


def busy_venue(trades: int, step_ms: int) -> Venue:
    """A venue after random trades at random times."""
    venue, draws = Venue(), Random(5)
    for _ in range(trades):
        venue.clock.ms += draws.randrange(step_ms)
        trade(venue, P + draws.randrange(-900, 900), draws.randrange(1, 500), taker=draws.choice(list(Side)))
    return venue


def candle_of(open_ms: int, close_ms: int, trades: list[PublicTrade], before: int) -> Kline:
    """The candle that these trades make, by its definition; flat at the close before when there are none."""
    prices = [found.price_ticks for found in trades] or [before]
    bought = [found for found in trades if not found.buyer_is_maker]
    first_minute = [found for found in trades if found.time_ms < open_ms + MINUTE_MS]
    if trades and not first_minute and before:
        prices.insert(0, before)
    return Kline(
        open_ms,
        close_ms,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(found.lots for found in trades),
        sum(found.lots * found.price_ticks * 10 for found in trades),
        len(trades),
        sum(found.lots for found in bought),
        sum(found.lots * found.price_ticks * 10 for found in bought),
        trades[0].trade_id if trades else -1,
        trades[-1].trade_id if trades else -1,
    )


@pytest.mark.parametrize("interval", INTERVALS)
def test_every_interval_is_the_sum_of_its_trades(interval: str) -> None:
    venue = busy_venue(400, 20 * MINUTE_MS)
    trades = list(venue.exchange.trades("BTCUSDT", limit=1000))
    klines = venue.exchange.klines("BTCUSDT", interval, limit=1000)
    before, expected = 0, list[Kline]()
    start, following = interval_ms(interval, trades[0].time_ms)
    if len(klines) == 1000:
        start, following = klines[0].open_ms, klines[0].close_ms + 1
        before = next(found.price_ticks for found in reversed(trades) if found.time_ms < start)
    while start <= venue.clock.ms:
        inside = [found for found in trades if start <= found.time_ms < following]
        expected.append(candle_of(start, following - 1, inside, before))
        before = expected[-1].close
        start, following = interval_ms(interval, following)
    assert list(klines) == expected
    assert venue.exchange.current_kline("BTCUSDT", interval) == expected[-1]


@pytest.mark.parametrize("interval", ["1m", "5m", "1h"])
def test_the_candle_that_forms_grows_with_each_trade(interval: str) -> None:
    venue, draws = Venue(), Random(7)
    trade(venue, P)
    for _ in range(300):
        venue.clock.ms += draws.randrange(40_000)
        assert venue.exchange.current_kline("BTCUSDT", interval) == venue.exchange.klines("BTCUSDT", interval)[-1]
        trade(venue, P + draws.randrange(-99, 99), taker=draws.choice(list(Side)))
        assert venue.exchange.current_kline("BTCUSDT", interval) == venue.exchange.klines("BTCUSDT", interval)[-1]


def test_minutes_without_a_trade_are_flat_at_the_last_close() -> None:
    venue = Venue()
    trade(venue, P)
    venue.clock.ms += 3 * MINUTE_MS
    trade(venue, P + 7)
    venue.clock.ms += 2 * MINUTE_MS
    klines = venue.exchange.klines("BTCUSDT", "1m")
    assert [kline.open_ms for kline in klines] == [START_MS + index * MINUTE_MS for index in range(6)]
    assert [kline.close for kline in klines] == [P, P, P, P + 7, P + 7, P + 7]
    assert [kline.trades for kline in klines] == [1, 0, 0, 1, 0, 0]


def test_a_start_gives_the_oldest_from_there_and_no_start_the_newest() -> None:
    venue = busy_venue(50, 5 * MINUTE_MS)
    every = venue.exchange.klines("BTCUSDT", "5m", limit=1000)
    assert venue.exchange.klines("BTCUSDT", "5m", limit=3) == every[-3:]
    assert venue.exchange.klines("BTCUSDT", "5m", start_ms=every[4].open_ms - 1, limit=3) == every[4:7]
    assert venue.exchange.klines("BTCUSDT", "5m", start_ms=every[4].open_ms, end_ms=every[5].open_ms) == every[4:6]
    assert venue.exchange.klines("BTCUSDT", "5m", end_ms=every[5].close_ms, limit=2) == every[4:6]
    assert venue.exchange.klines("BTCUSDT", "5m", start_ms=venue.clock.ms + DAY_MS) == ()
    assert Venue().exchange.klines("BTCUSDT", "5m") == ()


def test_history_stands_before_the_first_trade_and_the_trade_joins_it() -> None:
    venue = Venue()
    opens = range(START_MS - 10_080 * MINUTE_MS, START_MS, MINUTE_MS)
    minutes = [
        Kline(at, at + MINUTE_MS - 1, P + index, P + index + 5, P + index - 5, P + index + 1, 10, 600, 2, 5, 300)
        for index, at in enumerate(opens)
    ]
    venue.exchange.load_history("BTCUSDT", minutes)
    assert venue.exchange.last_price("BTCUSDT") == minutes[-1].close
    trade(venue, P)
    klines = venue.exchange.klines("BTCUSDT", "1m", limit=20_000)
    assert list(klines[:-1]) == minutes
    assert (klines[-1].open_ms, klines[-1].open, klines[-1].first_trade_id) == (START_MS, P, 1)
    with pytest.raises(ValueError, match="history"):
        venue.exchange.load_history("BTCUSDT", minutes)


def test_history_with_a_gap_is_refused() -> None:
    venue = Venue()
    minutes = [Kline(at, at + MINUTE_MS - 1, P, P, P, P) for at in (0, MINUTE_MS, 3 * MINUTE_MS)]
    with pytest.raises(ValueError, match="gap"):
        venue.exchange.load_history("BTCUSDT", minutes)


@pytest.mark.parametrize("pause_days", [3, 11, 400])
def test_only_so_many_minutes_are_kept_however_long_nothing_traded(pause_days: int) -> None:
    venue = Venue()
    trade(venue, P)
    venue.clock.ms += pause_days * DAY_MS
    trade(venue, P + 1)
    klines = venue.exchange.klines("BTCUSDT", "1m", limit=10**6)
    assert len(klines) == min(pause_days * 1440 + 1, KEPT_MINUTES)
    assert {after.open_ms - before.open_ms for before, after in pairwise(klines)} == {MINUTE_MS}
    assert (klines[-1].close, klines[-2].close) == (P + 1, P)


def test_weeks_open_on_monday_and_months_on_the_first() -> None:
    at = int(datetime(2026, 12, 31, 23, 59, tzinfo=UTC).timestamp() * 1000)
    week = [datetime.fromtimestamp(edge / 1000, UTC) for edge in interval_ms("1w", at)]
    month = [datetime.fromtimestamp(edge / 1000, UTC) for edge in interval_ms("1M", at)]
    assert [edge.isoformat()[:10] for edge in week] == ["2026-12-28", "2027-01-04"]
    assert [edge.isoformat()[:10] for edge in month] == ["2026-12-01", "2027-01-01"]


def test_the_rolling_day_is_the_sum_of_its_trades() -> None:
    venue = busy_venue(600, 10 * MINUTE_MS)
    oldest = venue.clock.ms - venue.clock.ms % MINUTE_MS - DAY_MS + MINUTE_MS
    trades = venue.exchange.trades("BTCUSDT", limit=1000)
    inside = [found for found in trades if found.time_ms >= oldest]
    assert len(inside) < len(trades)
    ticker = venue.exchange.ticker("BTCUSDT")
    assert (ticker.last, ticker.last_lots) == (inside[-1].price_ticks, inside[-1].lots)
    assert ticker.high == max(found.price_ticks for found in inside)
    assert ticker.low == min(found.price_ticks for found in inside)
    assert ticker.trades == len(inside)
    lots, worth = sum(found.lots for found in inside), sum(found.lots * found.price_ticks for found in inside)
    assert (ticker.lots, ticker.quote_atoms) == (lots, worth * 10)
    assert ticker.weighted_average == (Decimal(worth) / lots / 100).quantize(Decimal("1e-8"))
    assert (ticker.first_trade_id, ticker.last_trade_id) == (inside[0].trade_id, inside[-1].trade_id)


def test_before_any_price_the_day_is_empty() -> None:
    ticker = Venue().exchange.ticker("BTCUSDT")
    assert (ticker.last, ticker.lots, ticker.trades, ticker.weighted_average) == (0, 0, 0, 0)
