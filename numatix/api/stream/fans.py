"""The market's way to the bots: encoded once for each tick and symbol, for everyone who subscribes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

import orjson

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, Level, MarketTrade, OrderBook, Ticker
from engine.domain.values import decimal_text
from engine.feeds import Feeds
from engine.runtime import Clock, Supervisor
from numatix.api.stream.channels import Kind, Subject
from numatix.api.stream.slots import MarketSlot, Piece
from numatix.api.views import candle_view, ticker_view, time_text

Key = tuple[str, str, str]
"""Venue, symbol and timeframe; the timeframe is empty for book, trades and ticker, which one feed brings."""


@dataclass(eq=False)
class _Fan:
    """Who wants what of one feed, and the last state of each, for those who come later."""

    task: str
    slots: dict[Kind, set[MarketSlot]] = field(default_factory=dict[Kind, set[MarketSlot]])
    states: dict[Kind, str] = field(default_factory=dict[Kind, str])
    stale: bool = False

    def tell(self, kind: Kind, pieces: Sequence[Piece]) -> None:
        for slot in self.slots.get(kind, ()):
            slot.put(pieces)

    def wants(self, kind: Kind) -> bool:
        return bool(self.slots.get(kind))


class Fans:
    """One task for each feed that somebody subscribes to; it ends with its last subscription."""

    def __init__(self, feeds: Feeds, supervisor: Supervisor, clock: Clock) -> None:
        self._feeds = feeds
        self._supervisor = supervisor
        self._clock = clock
        self._numbers = count(1)
        self._fans: dict[Key, _Fan] = {}

    def join(self, subject: Subject, slot: MarketSlot, first: Sequence[Candle] = ()) -> None:
        """From now on the slot gets what the subject tells; what is known of it at once. `first` are the candles that
        it begins with."""
        fan = self._fans.get(_key(subject)) or self._open(subject)
        fan.slots.setdefault(subject.kind, set()).add(slot)
        if subject.kind is Kind.CANDLES:
            slot.put([_candle_piece(candle) for candle in first])
            return
        known = self._feeds.snapshot(subject.venue, subject.instrument.symbol)
        if subject.kind is Kind.TRADES:
            slot.put([_trade_piece(trade) for trade in known.trades])
            return
        state = known.book if subject.kind is Kind.BOOK else known.ticker
        if state is not None:
            slot.put([(0, fan.states.get(subject.kind) or self._state(state, stale=known.stale))])

    def leave(self, subject: Subject, slot: MarketSlot) -> None:
        fan = self._fans.get(_key(subject))
        if fan is None:
            return
        fan.slots.get(subject.kind, set()).discard(slot)
        if not any(fan.slots.values()):
            del self._fans[_key(subject)]
            self._supervisor.stop(fan.task)

    @property
    def open(self) -> int:
        """Feeds that somebody subscribes to."""
        return len(self._fans)

    def _open(self, subject: Subject) -> _Fan:
        venue, instrument, timeframe = subject.venue, subject.instrument, subject.timeframe
        fan = _Fan(f"fan {next(self._numbers)} {venue} {instrument.symbol} {timeframe}")
        self._fans[_key(subject)] = fan
        if timeframe:
            self._supervisor.keep(fan.task, lambda: self._fan_candles(fan, venue, instrument, timeframe))
        else:
            self._supervisor.keep(fan.task, lambda: self._fan_market(fan, venue, instrument))
        return fan

    async def _fan_market(self, fan: _Fan, venue: str, instrument: Instrument) -> None:
        async for update in self._feeds.watch(venue, instrument):
            turned = update.stale is not fan.stale
            fan.stale = update.stale
            known = self._feeds.snapshot(venue, instrument.symbol)
            for kind, new, newest in ((Kind.BOOK, update.book, known.book), (Kind.TICKER, update.ticker, known.ticker)):
                # That it is old, or no longer, is news of a state, too.
                state = new or (newest if turned else None)
                if state is None:
                    continue
                fan.states.pop(kind, None)
                if fan.wants(kind):
                    fan.states[kind] = self._state(state, stale=update.stale)
                    fan.tell(kind, [(0, fan.states[kind])])
            if update.trades and fan.wants(Kind.TRADES):
                fan.tell(Kind.TRADES, [_trade_piece(trade) for trade in update.trades])

    async def _fan_candles(self, fan: _Fan, venue: str, instrument: Instrument, timeframe: str) -> None:
        async for candle in self._feeds.watch_candles(venue, instrument, timeframe):
            fan.tell(Kind.CANDLES, [_candle_piece(candle)])

    def _state(self, state: OrderBook | Ticker, *, stale: bool) -> str:
        """The end of a message, but for its last brace."""
        data = _book(state) if isinstance(state, OrderBook) else ticker_view(state).model_dump()
        return orjson.dumps({"time": time_text(self._clock.now()), "stale": stale, "data": data}).decode()[1:-1]


def _key(subject: Subject) -> Key:
    return subject.venue, subject.instrument.symbol, subject.timeframe


def _book(book: OrderBook) -> dict[str, object]:
    return {"nonce": book.nonce, "bids": _levels(book.bids), "asks": _levels(book.asks)}


def _levels(levels: Sequence[Level]) -> list[tuple[str, str]]:
    return [(decimal_text(level.price), decimal_text(level.quantity)) for level in levels]


def _trade_piece(trade: MarketTrade) -> Piece:
    fields = {
        "id": trade.id,
        "time": time_text(datetime.fromtimestamp(trade.time_ms / 1000, UTC)),
        "price": decimal_text(trade.price),
        "quantity": decimal_text(trade.quantity),
        "side": trade.side,
    }
    return int(trade.id), orjson.dumps(fields).decode()


def _candle_piece(candle: Candle) -> Piece:
    return candle.open_ms, orjson.dumps(candle_view(candle).model_dump()).decode()
