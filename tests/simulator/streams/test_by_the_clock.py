"""Tickers over windows, averages, candles of another time zone and aggregates, on a clock of the test's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.simulator.market import OPERATIONS as MARKET
from engine.simulator.model import ApiError, OrderType, Side
from engine.simulator.params import Params
from engine.simulator.tickers import OPERATIONS as TICKERS
from tests.simulator.core.venue import Venue
from tests.simulator.protocol.test_by_the_clock import MIDNIGHT_MS, World, trade

HOUR_MS = 3_600_000


@pytest.fixture
def world() -> World:
    return World()


def ask(world: World, name: str, **fields: str) -> Any:
    """A public request, without its door."""
    asked = next(row for row in (*MARKET, *TICKERS) if row.ws == name)
    return world.counter.serve(asked, Params(fields), None, b"")


def three_hours(world: World) -> None:
    """One trade an hour and a half past each hour, from 60,000 on."""
    for hour, price in enumerate(("60000", "60100", "60050")):
        world.clock.now_ms = MIDNIGHT_MS + hour * HOUR_MS + 30 * 60_000 + 5_000
        trade(world, price)


def test_a_rolling_window_holds_what_was_traded_in_it(world: World) -> None:
    three_hours(world)
    hour = ask(world, "ticker", symbol="BTCUSDT", windowSize="1h")
    assert (hour["openPrice"], hour["lastPrice"], hour["count"]) == ("60100.00000000", "60050.00000000", 2)
    assert hour["openTime"] == MIDNIGHT_MS + HOUR_MS + 30 * 60_000
    assert hour["closeTime"] == world.clock.now_ms
    assert (hour["priceChange"], hour["priceChangePercent"]) == ("-50.00000000", "-0.083")
    assert hour["weightedAvgPrice"] == "60075.00000000"
    (day,) = ask(world, "ticker", symbols='["BTCUSDT"]', type="MINI")
    assert (day["openPrice"], day["highPrice"], day["count"]) == ("60000.00000000", "60100.00000000", 3)
    assert "priceChange" not in day


@pytest.mark.parametrize("window", ["0m", "60m", "24h", "8d", "1w", "1", "m", "1s", "-1h"])
def test_a_window_that_is_none_is_refused(world: World, window: str) -> None:
    with pytest.raises(ApiError, match="-1130"):
        ask(world, "ticker", symbol="BTCUSDT", windowSize=window)
    with pytest.raises(ApiError, match="-1102"):
        ask(world, "ticker", windowSize="1h")


def test_the_trading_day_begins_at_midnight_of_its_time_zone(world: World) -> None:
    three_hours(world)
    assert ask(world, "ticker.tradingDay", symbol="BTCUSDT")["openTime"] == MIDNIGHT_MS
    east = ask(world, "ticker.tradingDay", symbol="BTCUSDT", timeZone="-1:30")
    assert (east["openTime"], east["count"]) == (MIDNIGHT_MS + HOUR_MS + 30 * 60_000, 2)


def test_a_day_candle_opens_at_midnight_of_its_time_zone(world: World) -> None:
    three_hours(world)

    def days(**zone: str) -> list[tuple[int, str, int]]:
        rows = ask(world, "klines", symbol="BTCUSDT", interval="1d", **zone)
        return [((row[0] - MIDNIGHT_MS) // 60_000, row[1], row[8]) for row in rows]

    assert days() == days(timeZone="0") == [(0, "60000.00000000", 3)]
    assert days(timeZone="-1:00") == [(-23 * 60, "60000.00000000", 1), (60, "60000.00000000", 2)]
    assert days(timeZone="+08:00") == days(timeZone="8") == [(-8 * 60, "60000.00000000", 3)]
    hours = ask(world, "uiKlines", symbol="BTCUSDT", interval="1h", timeZone="05:45")
    assert [(row[0] - MIDNIGHT_MS) // 60_000 for row in hours] == [15, 75, 135]


@pytest.mark.parametrize("zone", ["14:01", "-12:01", "15", "x", "8:60", "+", "1:5"])
def test_a_time_zone_that_is_none_is_refused(world: World, zone: str) -> None:
    with pytest.raises(ApiError, match="-1130"):
        ask(world, "klines", symbol="BTCUSDT", interval="1d", timeZone=zone)


def test_candles_are_streamed_every_two_seconds_and_by_the_clock_of_the_east_too(world: World) -> None:
    heard = world.watch("btcusdt@kline_1d", "btcusdt@kline_1d@+08:00")
    trade(world, "60000")
    world.beat(1.9)
    assert heard == []
    world.beat(0.1)
    assert [(row["k"]["t"] - MIDNIGHT_MS) // HOUR_MS for row in heard] == [0, -8]
    world.clock.now_ms = MIDNIGHT_MS + 16 * HOUR_MS - 1_000
    world.beat(2)
    assert [(row["k"]["x"], (row["k"]["t"] - MIDNIGHT_MS) // HOUR_MS) for row in heard[2:]] == [(True, -8), (False, 16)]


def test_windows_and_averages_are_streamed_when_something_changed(world: World) -> None:
    heard = world.watch("btcusdt@ticker_1h", "btcusdt@avgPrice", "!ticker_4h@arr")
    trade(world, "60000")
    trade(world, "60100")
    traded_ms = world.clock.now_ms
    world.beat(1)
    hour, average = heard[:2]
    everyone: Any = heard[2]
    assert (hour["e"], hour["o"], hour["c"], hour["w"]) == (
        "1hTicker",
        "60000.00000000",
        "60100.00000000",
        "60050.00000000",
    )
    assert (hour["O"] % 60_000, hour["n"]) == (0, 2)
    assert (average["e"], average["w"], average["T"]) == ("avgPrice", "60050.00000000", traded_ms)
    assert "BTCUSDT" in [row["s"] for row in everyone]
    world.beat(5)
    assert len(heard) == 3
    trade(world, "60000")
    world.beat(1)
    everyone = heard[-1]
    assert [row["s"] for row in everyone] == ["BTCUSDT"]


def test_aggregates_count_without_gaps_through_every_door_and_a_restart(tmp_path: Path) -> None:
    venue = Venue(tmp_path)
    maker, taker = venue.account("maker"), venue.account("taker")
    for price in (6_000_000, 6_000_000, 6_000_001, 6_000_002, 6_000_002):
        venue.limit(maker, Side.SELL, price, 100)
    venue.market(taker, Side.BUY, 250)
    venue.market(taker, Side.BUY, 50)
    venue.market(taker, Side.BUY, 100)
    expected = [(1, [1, 2]), (2, [3]), (3, [4]), (4, [5])]

    def told(venue: Venue, **bounds: int) -> list[tuple[int, list[int]]]:
        groups = venue.exchange.aggregates("BTCUSDT", **bounds)
        return [(group[0].aggregate_id, [trade.trade_id for trade in group]) for group in groups]

    assert told(venue)[:2] == expected[:2]
    assert [group for group, _ in told(venue)] == [1, 2, 3, 4]
    assert told(venue, from_id=2, limit=2) == told(venue)[1:3]
    assert told(venue, limit=2) == told(venue)[-2:]
    before = told(venue)
    again = venue.reopened()
    assert told(again) == before
    again.exchange.place(again.account("late"), again.request(Side.BUY, 0, 50, OrderType.MARKET))
    assert told(again)[-1][0] == 5
    again.exchange.close()


def test_the_weight_of_a_window_is_four_a_symbol_up_to_two_hundred() -> None:
    asked = next(row for row in TICKERS if row.ws == "ticker")
    many = ",".join(f'"S{number}"' for number in range(60))
    assert [asked.cost(Params(fields)) for fields in ({"symbol": "BTCUSDT"}, {"symbols": f"[{many}]"})] == [4, 200]
