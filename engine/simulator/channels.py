"""Market streams: each event is encoded once and handed to everyone who subscribed to it.

Trades and best prices go out as they happen; the book every 100 or 1000 ms, tickers and candles every
second, each only when something changed. A stream nobody listens to costs nothing.

Source: Binance Spot API, "WebSocket Streams", 2026-07.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from engine.runtime import Clock
from engine.simulator.events import (
    agg_trade_event,
    depth_event,
    kline_event,
    mini_ticker_event,
    ticker_event,
    top_event,
    trade_event,
)
from engine.simulator.exchange import Exchange, NowMs
from engine.simulator.market import joins
from engine.simulator.model import DepthChanged, PublicTrade, SimEvent, TopChanged, TradePrinted
from engine.simulator.outbox import Outbox
from engine.simulator.wire import Notation, depth_json, top_of

TICK_MS: Final = 100
SLOW_TICKS: Final = 10
INTERVALS: Final = "1m|3m|5m|15m|30m|1h|2h|4h|6h|8h|12h|1d|3d|1w|1M"
STREAM: Final = re.compile(
    r"(?P<symbol>[a-z0-9_.-]{1,20})@(?:"
    r"(?P<kind>trade|aggTrade|bookTicker|miniTicker|ticker)"
    r"|kline_(?P<interval>" + INTERVALS + r")"
    r"|depth(?P<levels>5|10|20)?(?:@(?P<speed>100ms|1000ms))?)"
)
ALL_MARKETS: Final = {"!miniTicker@arr": "miniTicker", "!ticker@arr": "ticker"}


class Message:
    """One event, encoded at most once bare and once with the stream's name around it."""

    __slots__ = ("_bare", "_wrapped", "stream")

    def __init__(self, stream: str, event: object) -> None:
        self.stream = stream
        self._bare = orjson.dumps(event).decode()
        self._wrapped: str | None = None

    def text(self, *, wrapped: bool) -> str:
        """The text frame."""
        if not wrapped:
            return self._bare
        if self._wrapped is None:
            self._wrapped = f'{{"stream":"{self.stream}","data":{self._bare}}}'
        return self._wrapped


@dataclass(eq=False, slots=True)
class Subscriber:
    """One socket's interest: where its messages go and whether it wants them with the stream's name."""

    outbox: Outbox
    wrapped: bool


@dataclass(slots=True)
class Channel:
    """One stream name and who listens. `symbol` is empty for a stream of all markets."""

    name: str
    kind: str
    symbol: str
    interval: str = ""
    levels: int = 0
    slow: bool = False
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
            subscriber.outbox.put(message.text(wrapped=subscriber.wrapped))


class MarketChannels:
    """Everything public that the exchange shows, by stream name."""

    def __init__(self, exchange: Exchange, notations: Mapping[str, Notation], clock: Clock, now_ms: NowMs) -> None:
        self._exchange = exchange
        self._notations = notations
        self._clock = clock
        self._now_ms = now_ms
        self._channels: dict[str, Channel] = {}
        self._by_symbol: dict[str, list[Channel]] = {}
        self._aggregates: dict[str, list[PublicTrade]] = {}
        self._beat = 0
        self._paced: Mapping[str, Callable[[Channel, int], None]] = {
            "depth": self._send_depth,
            "book": self._send_book,
            "kline": self._send_kline,
            "miniTicker": self._send_ticker,
            "ticker": self._send_ticker,
        }
        self._stop_listening = exchange.listen(self._on_event)

    def subscribe(self, name: str, subscriber: Subscriber) -> bool:
        """Send a stream to a subscriber from now on; False when there is no such stream."""
        channel = self._channels.get(name)
        if channel is None:
            channel = self._parse(name)
            if channel is None:
                return False
            self._channels[name] = channel
            self._by_symbol.setdefault(channel.symbol, []).append(channel)
        channel.subscribers.add(subscriber)
        channel.dirty = True
        return True

    def unsubscribe(self, name: str, subscriber: Subscriber) -> None:
        """End it; a stream that nobody is left on is forgotten."""
        channel = self._channels.get(name)
        if channel is None:
            return
        channel.subscribers.discard(subscriber)
        if not channel.subscribers:
            del self._channels[name]
            self._by_symbol[channel.symbol].remove(channel)

    def backlog(self) -> int:
        """How many messages the slowest consumer has not taken yet."""
        subscribers = (subscriber for channel in self._channels.values() for subscriber in channel.subscribers)
        return max((subscriber.outbox.waiting for subscriber in subscribers), default=0)

    def close(self) -> None:
        """Stop listening to the exchange."""
        self._stop_listening()

    async def run(self) -> None:
        """Beat every 100 ms; after a stall once, not once for each beat that was missed."""
        due = self._clock.monotonic()
        while True:
            due = max(due + TICK_MS / 1000, self._clock.monotonic())
            await asyncio.sleep(due - self._clock.monotonic())
            self.beat()

    def beat(self) -> None:
        """Send what changed on the streams that go by the clock."""
        self._beat += 1
        slow = self._beat % SLOW_TICKS == 0
        now_ms = self._now_ms()
        for channel in tuple(self._channels.values()):
            send = self._paced.get(channel.kind)
            if send is not None and (slow or not channel.slow):
                send(channel, now_ms)

    def flush_depth(self) -> None:
        """Send the book changes that wait, now: a stepped replay does not go by the clock."""
        now_ms = self._now_ms()
        for channel in tuple(self._channels.values()):
            if channel.kind == "depth":
                self._send_depth(channel, now_ms)

    # --- as it happens -----------------------------------------------------------------------------

    def _on_event(self, event: SimEvent) -> None:
        if isinstance(event, DepthChanged):
            self._book_changed(event)
        elif isinstance(event, TopChanged):
            self._top_changed(event)
        elif isinstance(event, TradePrinted):
            self._traded(event.trade)

    def _book_changed(self, event: DepthChanged) -> None:
        for channel in self._by_symbol.get(event.symbol, ()):
            if channel.kind == "depth":
                channel.first_id = channel.first_id or event.first_update_id
                channel.last_id = event.last_update_id
                channel.bids.update(event.bids)
                channel.asks.update(event.asks)
            elif channel.kind == "book":
                channel.dirty = True

    def _top_changed(self, event: TopChanged) -> None:
        channel = self._channels.get(f"{event.symbol.lower()}@bookTicker")
        if channel is not None:
            channel.send(top_event(self._notations[event.symbol], event))

    def _traded(self, trade: PublicTrade) -> None:
        notation = self._notations[trade.symbol]
        for channel in self._by_symbol.get(trade.symbol, ()):
            if channel.kind == "trade":
                channel.send(trade_event(notation, trade))
            elif channel.kind == "aggTrade":
                self._aggregate(trade)
            else:
                channel.dirty = True
        for channel in self._by_symbol.get("", ()):
            channel.changed.add(trade.symbol)

    def _aggregate(self, trade: PublicTrade) -> None:
        group = self._aggregates.get(trade.symbol)
        if group is not None and joins(group[-1], trade):
            group.append(trade)
            return
        if group is not None:
            self._send_aggregate(trade.symbol)
        self._aggregates[trade.symbol] = [trade]
        # an operation of the exchange is one synchronous call: when the loop runs again, it is over
        asyncio.get_running_loop().call_soon(self._send_aggregate, trade.symbol)

    def _send_aggregate(self, symbol: str) -> None:
        group = self._aggregates.pop(symbol, None)
        channel = self._channels.get(f"{symbol.lower()}@aggTrade")
        if group is not None and channel is not None:
            channel.send(agg_trade_event(self._notations[symbol], group))

    # --- by the clock ------------------------------------------------------------------------------

    def _send_depth(self, channel: Channel, now_ms: int) -> None:
        if not channel.first_id:
            return
        notation = self._notations[channel.symbol]
        channel.send(depth_event(notation, channel.first_id, channel.last_id, channel.bids, channel.asks, now_ms))
        channel.first_id = 0
        channel.bids.clear()
        channel.asks.clear()

    def _send_book(self, channel: Channel, now_ms: int) -> None:
        del now_ms
        if channel.dirty:
            channel.dirty = False
            channel.send(
                depth_json(self._notations[channel.symbol], self._exchange.depth(channel.symbol, channel.levels))
            )

    def _send_kline(self, channel: Channel, now_ms: int) -> None:
        notation = self._notations[channel.symbol]
        current = self._exchange.current_kline(channel.symbol, channel.interval)
        if current is None:
            return
        if channel.open_ms and current.open_ms > channel.open_ms:
            closed = self._exchange.klines(
                channel.symbol, channel.interval, start_ms=channel.open_ms, end_ms=current.open_ms - 1
            )
            for kline in closed:
                channel.send(kline_event(notation, channel.interval, kline, now_ms, closed=True))
            channel.dirty = True
        channel.open_ms = current.open_ms
        if channel.dirty:
            channel.dirty = False
            channel.send(kline_event(notation, channel.interval, current, now_ms, closed=False))

    def _send_ticker(self, channel: Channel, now_ms: int) -> None:
        if not channel.symbol:
            symbols = tuple(self._notations) if channel.dirty else sorted(channel.changed)
            channel.changed.clear()
            channel.dirty = False
            if symbols:
                channel.send([self._ticker(channel.kind, symbol, now_ms) for symbol in symbols])
        elif channel.dirty:
            channel.dirty = False
            channel.send(self._ticker(channel.kind, channel.symbol, now_ms))

    def _ticker(self, kind: str, symbol: str, now_ms: int) -> object:
        notation, ticker = self._notations[symbol], self._exchange.ticker(symbol)
        if kind == "miniTicker":
            return mini_ticker_event(notation, ticker, now_ms)
        return ticker_event(notation, ticker, top_of(self._exchange.depth(symbol, 1)), now_ms)

    def _parse(self, name: str) -> Channel | None:
        if name in ALL_MARKETS:
            return Channel(name, ALL_MARKETS[name], "", slow=True)
        match = STREAM.fullmatch(name)
        if match is None or match["symbol"].upper() not in self._notations:
            return None
        symbol = match["symbol"].upper()
        if match["kind"]:
            return Channel(name, match["kind"], symbol, slow=True)
        if match["interval"]:
            return Channel(name, "kline", symbol, interval=match["interval"], slow=True)
        levels = int(match["levels"] or 0)
        return Channel(name, "book" if levels else "depth", symbol, levels=levels, slow=match["speed"] != "100ms")
