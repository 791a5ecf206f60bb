"""Candles of one symbol: minutes kept as columns of integers, every longer interval put together from them."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from operator import attrgetter
from typing import Any

from engine.simulator.intervals import KEPT_MINUTES, MINUTE_MS, Span
from engine.simulator.model import Kline

COLUMNS = (
    "open_ms",
    "open",
    "high",
    "low",
    "close",
    "lots",
    "quote_atoms",
    "trades",
    "taker_buy_lots",
    "taker_buy_quote_atoms",
    "first_trade_id",
    "last_trade_id",
)


class Candles:
    """The last ten days of one symbol in minutes, without gaps from the first one kept to the newest trade."""

    def __init__(self) -> None:
        self._columns: dict[str, array[int]] = {name: array("q") for name in COLUMNS}
        self._newest: Kline | None = None
        """The minute of the newest trade; its row is written when someone reads."""
        self._volume_of = (-1, -1)
        self._volume_before = (0, 0)
        self._forming: dict[Span, Kline] = {}

    def __len__(self) -> int:
        return len(self._columns["open_ms"])

    @property
    def last_close(self) -> int:
        """The newest price in ticks, 0 when there is none."""
        return 0 if self._newest is None else self._newest.close

    def record(self, price: int, lots: int, quote_atoms: int, taker_buys: bool, trade_id: int, at_ms: int) -> None:
        """Add one trade to its minute; a time before the newest minute counts into that."""
        newest = self._newest
        if newest is None or newest.close_ms < at_ms:
            newest = self._open_minute(at_ms - at_ms % MINUTE_MS, price)
        if newest.trades == 0:
            newest.open = newest.high = newest.low = price
        elif price > newest.high:
            newest.high = price
        elif price < newest.low:
            newest.low = price
        if newest.first_trade_id < 0:
            newest.first_trade_id = trade_id
        newest.close = price
        newest.lots += lots
        newest.quote_atoms += quote_atoms
        newest.trades += 1
        if taker_buys:
            newest.taker_buy_lots += lots
            newest.taker_buy_quote_atoms += quote_atoms
        newest.last_trade_id = trade_id
        if self._forming:
            self._update_forming(price, lots, quote_atoms, taker_buys, trade_id, at_ms)

    def load(self, minutes: Sequence[Kline]) -> None:
        """History before the first trade, gapless and oldest first; ValueError when it is not that."""
        if len(self):
            raise ValueError("history can only be loaded before the first candle")
        for before, after in pairwise(minutes):
            if after.open_ms != before.open_ms + MINUTE_MS:
                raise ValueError(f"the history has a gap after {before.open_ms}")
        kept = minutes[-KEPT_MINUTES:]
        rows = zip(*map(attrgetter(*COLUMNS), kept), strict=True)
        for column, values in zip(self._columns.values(), rows, strict=False):
            column.extend(values)
        self._read_newest()

    def between(
        self,
        interval: str,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
        now_ms: int,
        offset_ms: int = 0,
    ) -> list[Kline]:
        """Candles that open in [start, end], the newest `limit`, or the oldest `limit` when `start_ms` is given.

        They open by a clock that is `offset_ms` ahead of UTC.
        """
        opens = self._columns["open_ms"]
        span = Span(interval, offset_ms)
        span.of(now_ms)
        if not opens or limit <= 0:
            return []
        first = span.of(opens[0])[0]
        last = span.of(min(now_ms if end_ms is None else end_ms, max(now_ms, opens[-1])))[0]
        if start_ms is not None:
            first = max(first, span.at_or_after(start_ms))
            last = min(last, span.steps_after(first, limit - 1))
        else:
            first = max(first, span.steps_before(last, limit - 1))
        if first > last:
            return []
        return list(_aggregate(self._minutes(first, span.of(last)[1], now_ms), span))

    def current(self, interval: str, now_ms: int, offset_ms: int = 0) -> Kline | None:
        """The candle that holds `now_ms`, flat when nothing has traded in it yet; None before the first price."""
        span = Span(interval, offset_ms)
        start = span.of(now_ms)[0]
        if not len(self):
            return None
        start = max(start, span.of(self._columns["open_ms"][-1])[0])
        forming = self._forming.get(span)
        if forming is None or forming.open_ms != start:
            found = self.between(interval, start, None, 1, now_ms, offset_ms)
            forming = self._forming[span] = found[0]
        return forming.copy()

    def total(self, start_ms: int, end_ms: int, now_ms: int) -> Kline | None:
        """All minutes that open in [start, end) as one candle; None when there is none."""
        total: Kline | None = None
        for minute in self._minutes(start_ms, end_ms, now_ms):
            if total is None:
                total = minute
            else:
                merge(total, minute)
        return total

    def newest_volume(self, count: int, now_ms: int) -> tuple[int, int]:
        """Lots and quote atoms traded in the newest `count` minutes up to now."""
        newest = self._newest
        oldest = now_ms - now_ms % MINUTE_MS - (count - 1) * MINUTE_MS
        if newest is None or newest.open_ms < oldest:
            return 0, 0
        if self._volume_of != (oldest, newest.open_ms):
            self._volume_of = (oldest, newest.open_ms)
            self._volume_before = self._volume_since(oldest, count)
        lots, quote_atoms = self._volume_before
        return lots + newest.lots, quote_atoms + newest.quote_atoms

    def dump(self) -> dict[str, str]:
        """The columns as text for a snapshot."""
        return {name: column.tobytes().hex() for name, column in self._written().items()}

    def restore(self, columns: Mapping[str, Any]) -> None:
        """Take what `dump` gave."""
        for name in COLUMNS:
            self._columns[name] = array("q", bytes.fromhex(columns[name]))
        self._forming.clear()
        self._volume_of = (-1, -1)
        self._read_newest()

    def _written(self) -> dict[str, array[int]]:
        """The columns, with the newest minute in its row."""
        newest = self._newest
        if newest is not None:
            for name, column in self._columns.items():
                column[-1] = getattr(newest, name)
        return self._columns

    def _read_newest(self) -> None:
        if len(self):
            row = [column[-1] for column in self._columns.values()]
            self._newest = Kline(row[0], row[0] + MINUTE_MS - 1, *row[1:])

    def _volume_since(self, oldest: int, count: int) -> tuple[int, int]:
        """What was traded in the minutes from `oldest` on, at most `count` with the newest, which is left out."""
        columns = self._columns
        first = max(bisect_left(columns["open_ms"], oldest), len(self) - count)
        return sum(columns["lots"][first:-1]), sum(columns["quote_atoms"][first:-1])

    def _open_minute(self, minute: int, price: int) -> Kline:
        columns = self._written()
        opens, closes = columns["open_ms"], columns["close"]
        if opens:
            close, following = closes[-1], opens[-1] + MINUTE_MS
            if minute - following >= KEPT_MINUTES * MINUTE_MS:
                following = minute - (KEPT_MINUTES - 1) * MINUTE_MS
                for column in self._columns.values():
                    del column[:]
            for flat in range(following, minute, MINUTE_MS):
                self._append(flat, close)
        self._append(minute, price)
        if len(opens) > KEPT_MINUTES + 1440:
            for column in self._columns.values():
                del column[: len(column) - KEPT_MINUTES]
        self._newest = newest = Kline(minute, minute + MINUTE_MS - 1, price, price, price, price)
        return newest

    def _append(self, minute: int, price: int) -> None:
        for column, value in zip(self._columns.values(), (minute, price, price, price, price, *EMPTY), strict=True):
            column.append(value)

    def _update_forming(
        self, price: int, lots: int, quote_atoms: int, taker_buys: bool, trade_id: int, at_ms: int
    ) -> None:
        trade = Kline(at_ms, at_ms, price, price, price, price, lots, quote_atoms, 1, 0, 0, trade_id, trade_id)
        if taker_buys:
            trade.taker_buy_lots, trade.taker_buy_quote_atoms = lots, quote_atoms
        for span, forming in list(self._forming.items()):
            if at_ms > forming.close_ms:
                del self._forming[span]
                continue
            if forming.trades == 0 and at_ms < forming.open_ms + MINUTE_MS:
                forming.open = forming.high = forming.low = price
            merge(forming, trade)

    def _minutes(self, start_ms: int, end_ms: int, now_ms: int) -> Iterator[Kline]:
        """Minutes that open in [start, end), flat ones behind the newest trade included, none after now."""
        opens = self._columns["open_ms"]
        if not opens:
            return
        first = opens[0]
        low = max(0, (start_ms - first + MINUTE_MS - 1) // MINUTE_MS)
        high = min(len(opens), (end_ms - first + MINUTE_MS - 1) // MINUTE_MS)
        names = list(self._written().values())
        for row in zip(*(column[low:high] for column in names), strict=True):
            yield Kline(row[0], row[0] + MINUTE_MS - 1, *row[1:])
        close = self.last_close
        for minute in range(max(opens[-1] + MINUTE_MS, first + low * MINUTE_MS), min(end_ms, now_ms + 1), MINUTE_MS):
            yield Kline(minute, minute + MINUTE_MS - 1, close, close, close, close)


EMPTY = (0, 0, 0, 0, 0, -1, -1)


def merge(total: Kline, later: Kline) -> None:
    """Add a later candle to an earlier one, in place; the earlier one's times stay."""
    if later.trades == 0 and later.high == later.low == total.close:
        return
    total.high = max(total.high, later.high)
    total.low = min(total.low, later.low)
    total.close = later.close
    total.lots += later.lots
    total.quote_atoms += later.quote_atoms
    total.trades += later.trades
    total.taker_buy_lots += later.taker_buy_lots
    total.taker_buy_quote_atoms += later.taker_buy_quote_atoms
    if total.first_trade_id < 0:
        total.first_trade_id = later.first_trade_id
    if later.last_trade_id >= 0:
        total.last_trade_id = later.last_trade_id


def _aggregate(minutes: Iterable[Kline], span: Span) -> Iterator[Kline]:
    total: Kline | None = None
    for minute in minutes:
        if total is not None and minute.open_ms <= total.close_ms:
            merge(total, minute)
            continue
        if total is not None:
            yield total
        total = minute
        start, following = span.of(minute.open_ms)
        total.open_ms, total.close_ms = start, following - 1
    if total is not None:
        yield total
