"""Tickers over a window that the client chooses: the last so many minutes, hours or days, or the day so far.

Source: Binance Spot API, "Rolling window price change statistics" and "Trading Day Ticker", 2026-07.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from engine.simulator.intervals import DAY_MS, MINUTE_MS
from engine.simulator.market import TickerType, ticker_type, time_zone_ms
from engine.simulator.model import ApiError, Ticker24h
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.params import Params
from engine.simulator.selection import count, one_or_many
from engine.simulator.wire import Json, Notation, mini_ticker_json, percent_change, price_change

WINDOW: Final = re.compile(r"(?P<count>[1-9][0-9]?)(?P<unit>[mhd])")
UNITS: Final = {"m": (MINUTE_MS, 59), "h": (60 * MINUTE_MS, 23), "d": (DAY_MS, 7)}
MOST_SYMBOLS: Final = 100


def rolling(call: Call) -> object:
    """The last `windowSize`, which opens on a whole minute."""
    length_ms = window_ms(call.params.optional("windowSize") or "1d")
    return _tickers(call, lambda symbol: call.exchange.window(symbol, call.now_ms - length_ms))


def trading_day(call: Call) -> object:
    """The day so far, by the clock of `timeZone`."""
    offset_ms = time_zone_ms(call.params)
    start_ms = call.now_ms - (call.now_ms + offset_ms) % DAY_MS
    return _tickers(call, lambda symbol: call.exchange.window(symbol, start_ms))


def window_ms(text: str) -> int:
    """The length of 1m to 59m, 1h to 23h or 1d to 7d; -1130 for anything else."""
    match = WINDOW.fullmatch(text)
    length_ms, most = UNITS[match["unit"]] if match is not None else (0, 0)
    if match is None or int(match["count"]) > most:
        raise ApiError(-1130, "Data sent for parameter 'windowSize' is not valid.")
    return int(match["count"]) * length_ms


def window_ticker_json(notation: Notation, ticker: Ticker24h) -> Json:
    """A ticker of such a window, in full."""
    return {
        **mini_ticker_json(notation, ticker),
        "priceChange": price_change(notation, ticker),
        "priceChangePercent": percent_change(ticker),
        "weightedAvgPrice": notation.average(ticker.quote_atoms, ticker.lots),
    }


def _tickers(call: Call, ticker: Callable[[str], Ticker24h]) -> object:
    if "symbol" not in call.params and "symbols" not in call.params:
        raise ApiError(-1102, "Param 'symbol' or 'symbols' must be sent, but both were empty/null!")
    if (asked := count(call.params)) > MOST_SYMBOLS:
        raise ApiError(-1101, f"Too many parameters; expected '{MOST_SYMBOLS}' and received '{asked}'.")
    kind = ticker_type(call.params)
    write = mini_ticker_json if kind is TickerType.MINI else window_ticker_json
    return one_or_many(call, lambda notation: write(notation, ticker(notation.symbol)))


def _weight(params: Params) -> int:
    return min(4 * max(count(params), 1), 200)


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(
        rolling, Security.NONE, "symbol symbols windowSize type symbolStatus", _weight, "GET /api/v3/ticker", "ticker"
    ),
    operation(
        trading_day,
        Security.NONE,
        "symbol symbols timeZone type symbolStatus",
        _weight,
        "GET /api/v3/ticker/tradingDay",
        "ticker.tradingDay",
    ),
)
