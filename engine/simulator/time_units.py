"""Times in microseconds, for who asks for them: by header, in the URL of a socket, or not at all.

The exchange's clock counts milliseconds, so the last three digits are zeros.

Source: Binance Spot API, "General API Information" and "Errors" (-1194), 2026-07.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

import orjson

from engine.simulator.model import ApiError

UNITS: Final = {"MILLISECOND": False, "millisecond": False, "MICROSECOND": True, "microsecond": True}
ANSWER: Final = frozenset(
    {
        *("serverTime", "time", "transactTime", "updateTime", "workingTime", "transactionTime", "openTime"),
        *("closeTime", "trailingTime", "authorizedSince", "connectedSince", "timestamp", "T"),
    }
)
"""Fields of answers that hold times; the one letter is that of aggregated trades."""
EVENTS: Final[Mapping[str, str]] = {
    "trade": "ET",
    "aggTrade": "ET",
    "depthUpdate": "E",
    "kline": "E",
    "24hrMiniTicker": "E",
    "24hrTicker": "EOC",
    "1hTicker": "EOC",
    "4hTicker": "EOC",
    "1dTicker": "EOC",
    "avgPrice": "ET",
    "executionReport": "ETOWD",
    "listStatus": "ET",
    "outboundAccountPosition": "Eu",
    "balanceUpdate": "ET",
    "listenKeyExpired": "E",
    "eventStreamTerminated": "E",
    "serverShutdown": "E",
}
"""Fields of events that hold times: what a letter means depends on the event."""
CANDLE_FIELDS: Final = 12
CANDLE: Final = "tT"


def wants_microseconds(unit: str | None) -> bool:
    """Whether a time unit, as a client names it, is the microsecond; -1194 when it is no unit at all."""
    if unit is None:
        return False
    if unit not in UNITS:
        raise ApiError(-1194, "Invalid value for time unit; expected either MICROSECOND or MILLISECOND.")
    return UNITS[unit]


def in_microseconds(told: object) -> object:
    """An answer or an event with its times in microseconds."""
    if isinstance(told, list | tuple):
        rows = cast("list[object]", told)
        if len(rows) == CANDLE_FIELDS and isinstance(rows[0], int):
            return [_micros(value) if place in {0, 6} else value for place, value in enumerate(rows)]
        return [in_microseconds(row) for row in rows]
    if isinstance(told, dict):
        return _fields(cast("dict[str, object]", told))
    return told


def text_in_microseconds(text: str) -> str:
    """An encoded event with its times in microseconds."""
    return orjson.dumps(in_microseconds(orjson.loads(text))).decode()


def _fields(told: dict[str, object]) -> dict[str, object]:
    kind = told.get("e")
    if isinstance(kind, str):
        times = frozenset(EVENTS.get(kind, ""))
    elif "k" not in told and "t" in told and "i" in told:
        times = frozenset(CANDLE)
    else:
        times = ANSWER
    return {name: _micros(value) if name in times else in_microseconds(value) for name, value in told.items()}


def _micros(value: object) -> object:
    return value * 1000 if isinstance(value, int) and not isinstance(value, bool) and value > 0 else value
