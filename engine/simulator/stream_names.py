"""What a stream is called, and what is kept for one that somebody listens to.

Source: Binance Spot API, "WebSocket Streams", 2026-07: names, windows and update speeds.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Final

import orjson

from engine.simulator.outbox import Outbox
from engine.simulator.seconds import SECOND
from engine.simulator.time_units import text_in_microseconds

TICK_MS: Final = 100
AT_ONCE, EVERY_TICK, EVERY_SECOND, EVERY_TWO_SECONDS, EVERY_THREE_SECONDS = 0, 1, 10, 20, 30
EAST_MS: Final = 8 * 3_600_000
"""The one time zone beside UTC that candles are streamed in."""
INTERVALS: Final = "1s|1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M"
STREAM: Final = re.compile(
    r"(?P<symbol>[a-z0-9_.-]{1,20})@(?:"
    r"(?P<kind>trade|aggTrade|bookTicker|miniTicker|ticker|avgPrice)"
    r"|ticker_(?P<window>1h|4h|1d)"
    r"|kline_(?P<interval>" + INTERVALS + r")(?P<east>@\+08:00)?"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<speed>100ms|1000ms))?)"
)
ALL_MARKETS: Final = {
    "!miniTicker@arr": ("miniTicker", "", EVERY_SECOND),
    "!miniTicker@arr@1000ms": ("miniTicker", "", EVERY_SECOND),
    "!miniTicker@arr@3000ms": ("miniTicker", "", EVERY_THREE_SECONDS),
    "!ticker@arr": ("ticker", "", EVERY_SECOND),
    "!ticker_1h@arr": ("window", "1h", EVERY_SECOND),
    "!ticker_4h@arr": ("window", "4h", EVERY_SECOND),
    "!ticker_1d@arr": ("window", "1d", EVERY_SECOND),
}
"""Kind, window and pace; those that name their pace are Binance's own pages' and in no document."""


class Message:
    """One event, encoded at most once bare and once with the stream's name around it, in either unit of time."""

    __slots__ = ("_bare", "_micros", "_wrapped", "stream")

    def __init__(self, stream: str, event: object) -> None:
        self.stream = stream
        self._bare = orjson.dumps(event).decode()
        self._wrapped: str | None = None
        self._micros: str | None = None

    def text(self, *, wrapped: bool, micros: bool = False) -> str:
        """The text frame; `micros` writes times in microseconds."""
        if micros:
            if self._micros is None:
                self._micros = text_in_microseconds(self._bare)
            return f'{{"stream":"{self.stream}","data":{self._micros}}}' if wrapped else self._micros
        if not wrapped:
            return self._bare
        if self._wrapped is None:
            self._wrapped = f'{{"stream":"{self.stream}","data":{self._bare}}}'
        return self._wrapped


@dataclass(eq=False, slots=True)
class Subscriber:
    """One socket's interest: where its messages go, whether with the stream's name, and in which unit of time."""

    outbox: Outbox
    wrapped: bool
    micros: bool = False


@dataclass(slots=True)
class Channel:
    """One stream name and who listens. `symbol` is empty for a stream of all markets."""

    name: str
    kind: str
    symbol: str
    every: int = AT_ONCE
    """Ticks of 100 ms between two looks at whether something changed."""
    interval: str = ""
    """Of candles, or the window of a ticker."""
    offset_ms: int = 0
    levels: int = 0
    subscribers: set[Subscriber] = field(default_factory=set[Subscriber])
    dirty: bool = True
    changed: set[str] = field(default_factory=set[str])
    open_ms: int = 0
    first_id: int = 0
    last_id: int = 0
    bids: dict[int, int] = field(default_factory=dict[int, int])
    asks: dict[int, int] = field(default_factory=dict[int, int])

    def send(self, event: object) -> None:
        """Encode once, hand to all."""
        message = Message(self.name, event)
        for subscriber in self.subscribers:
            subscriber.outbox.put(message.text(wrapped=subscriber.wrapped, micros=subscriber.micros))


def channel_of(name: str, symbols: Container[str]) -> Channel | None:
    """The stream of this name, if there is one."""
    if name in ALL_MARKETS:
        kind, window, every = ALL_MARKETS[name]
        return Channel(name, kind, "", every, window)
    match = STREAM.fullmatch(name)
    if match is None or match["symbol"].upper() not in symbols:
        return None
    symbol = match["symbol"].upper()
    if match["kind"]:
        return Channel(name, match["kind"], symbol, EVERY_SECOND)
    if match["window"]:
        return Channel(name, "window", symbol, EVERY_SECOND, match["window"])
    if match["interval"]:
        offset_ms = EAST_MS if match["east"] else 0
        every = EVERY_SECOND if match["interval"] == SECOND else EVERY_TWO_SECONDS
        return Channel(name, "kline", symbol, every, match["interval"], offset_ms)
    levels = int(match["levels"] or 0)
    every = EVERY_TICK if match["speed"] == "100ms" else EVERY_SECOND
    return Channel(name, "book" if levels else "depth", symbol, every, levels=levels)
