"""Market streams: each event is encoded once and handed to everyone who subscribed to it.

Trades and best prices go out as they happen; the book every 100 or 1000 ms, tickers every second, candles every
two, each only when something changed. A stream nobody listens to costs nothing.

Source: Binance Spot API, "WebSocket Streams", 2026-07.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial

from engine.runtime import Clock
from engine.simulator.events import (
    agg_trade_event,
    average_price_event,
    depth_event,
    kline_event,
    mini_ticker_event,
    ticker_event,
    top_event,
    trade_event,
    window_ticker_event,
)
from engine.simulator.exchange import Exchange, NowMs
from engine.simulator.model import DepthChanged, PublicTrade, SimEvent, TopChanged, TradePrinted
from engine.simulator.stream_names import TICK_MS, Channel, Subscriber, channel_of
from engine.simulator.tickers import window_ms
from engine.simulator.wire import Notation, depth_json, top_of


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
            "window": self._send_ticker,
            "avgPrice": self._send_average,
        }
        self._stop_listening = exchange.listen(self._on_event, kept=True)

    def subscribe(self, name: str, subscriber: Subscriber) -> bool:
        """Send a stream to a subscriber from now on; False when there is no such stream."""
        channel = self._channels.get(name)
        if channel is None:
            channel = channel_of(name, self._notations)
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
        now_ms = self._now_ms()
        for channel in tuple(self._channels.values()):
            send = self._paced.get(channel.kind)
            if send is not None and self._beat % channel.every == 0:
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
        if group is not None and group[-1].aggregate_id == trade.aggregate_id:
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
            depth = self._exchange.depth(channel.symbol, channel.levels)
            self._send_seen(channel, depth_json(self._notations[channel.symbol], depth))

    def _send_kline(self, channel: Channel, now_ms: int) -> None:
        notation = self._notations[channel.symbol]
        current = self._exchange.current_kline(channel.symbol, channel.interval, channel.offset_ms)
        if current is None:
            return
        if channel.open_ms and current.open_ms > channel.open_ms:
            closed = self._exchange.klines(
                channel.symbol,
                channel.interval,
                start_ms=channel.open_ms,
                end_ms=current.open_ms - 1,
                offset_ms=channel.offset_ms,
            )
            for kline in closed:
                self._send_seen(channel, kline_event(notation, channel.interval, kline, now_ms, closed=True))
            channel.dirty = True
        channel.open_ms = current.open_ms
        if channel.dirty:
            channel.dirty = False
            self._send_seen(channel, kline_event(notation, channel.interval, current, now_ms, closed=False))

    def _send_ticker(self, channel: Channel, now_ms: int) -> None:
        if not channel.symbol:
            symbols = tuple(self._notations) if channel.dirty else sorted(channel.changed)
            channel.changed.clear()
            channel.dirty = False
            if symbols:
                self._send_seen(channel, [self._ticker(channel, symbol, now_ms) for symbol in symbols])
        elif channel.dirty:
            channel.dirty = False
            self._send_seen(channel, self._ticker(channel, channel.symbol, now_ms))

    def _send_average(self, channel: Channel, now_ms: int) -> None:
        if channel.dirty:
            channel.dirty = False
            average, last_ms = (
                self._exchange.average_price(channel.symbol),
                self._exchange.last_trade_ms(channel.symbol),
            )
            self._send_seen(channel, average_price_event(self._notations[channel.symbol], average, last_ms, now_ms))

    def _send_seen(self, channel: Channel, event: object) -> None:
        """Send what was read off the market itself, which may be ahead of what is kept."""
        self._exchange.when_kept(partial(channel.send, event))

    def _ticker(self, channel: Channel, symbol: str, now_ms: int) -> object:
        notation = self._notations[symbol]
        if channel.kind == "window":
            window = self._exchange.window(symbol, now_ms - window_ms(channel.interval))
            return window_ticker_event(notation, channel.interval, window, now_ms)
        ticker = self._exchange.ticker(symbol)
        if channel.kind == "miniTicker":
            return mini_ticker_event(notation, ticker, now_ms)
        return ticker_event(notation, ticker, top_of(self._exchange.depth(symbol, 1)), now_ms)


__all__ = ["MarketChannels", "Subscriber"]
