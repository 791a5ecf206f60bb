"""What has traded in one symbol: the newest public trades, the candles, and the rolling 24 hours."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engine.simulator.candles import DAY_MS, MINUTE_MS, Candles, merge
from engine.simulator.filters import AVERAGE_MINUTES, Rules
from engine.simulator.model import Kline, PublicTrade, Ticker24h

KEPT_TRADES = 5_000
COLUMNS = (
    "trade_id",
    "price_ticks",
    "lots",
    "buyer_order_id",
    "seller_order_id",
    "buyer_is_maker",
    "time_ms",
    "aggregate_id",
)


class Tape:
    """Written by the matching engine, one trade at a time; read by everyone."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.candles = Candles()
        self.last_trade_id = 0
        self.last_price = 0
        self.last_aggregate_id = 0
        self._last_taker = 0
        self._columns: tuple[array[int], ...] = tuple(array("q") for _ in COLUMNS)
        self._day: tuple[int, int, Kline | None] = (-1, -1, None)

    def record(
        self,
        trade_id: int,
        price: int,
        lots: int,
        quote_atoms: int,
        buyer_id: int,
        seller_id: int,
        buyer_is_maker: bool,
        at_ms: int,
    ) -> None:
        """Add one trade; ids must grow. What one taker order trades at one price is one aggregate."""
        taker = seller_id if buyer_is_maker else buyer_id
        if taker == 0 or taker != self._last_taker or price != self.last_price:
            self.last_aggregate_id += 1
        self._last_taker = taker
        self.last_trade_id = trade_id
        self.last_price = price
        columns = self._columns
        columns[0].append(trade_id)
        columns[1].append(price)
        columns[2].append(lots)
        columns[3].append(buyer_id)
        columns[4].append(seller_id)
        columns[5].append(buyer_is_maker)
        columns[6].append(at_ms)
        columns[7].append(self.last_aggregate_id)
        if len(columns[0]) >= 2 * KEPT_TRADES:
            for column in columns:
                del column[:-KEPT_TRADES]
        self.candles.record(price, lots, quote_atoms, not buyer_is_maker, trade_id, at_ms)

    def trades(self, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int) -> list[PublicTrade]:
        """Oldest first: from `from_id` or `start_ms` on, else the newest `limit` up to `end_ms`."""
        ids, times = self._columns[0], self._columns[6]
        low = max(0, len(ids) - KEPT_TRADES)
        high = len(ids) if end_ms is None else bisect_right(times, end_ms)
        if from_id is not None:
            low = max(low, bisect_left(ids, from_id))
        if start_ms is not None:
            low = max(low, bisect_left(times, start_ms))
        if from_id is None and start_ms is None:
            low = max(low, high - limit)
        return self._rows(low, max(low, min(high, low + limit)))

    def aggregates(
        self, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[list[PublicTrade]]:
        """The trades of each aggregate, oldest first: from an aggregate's id or a time on, else the newest `limit`."""
        groups, times = self._columns[7], self._columns[6]
        low = max(0, len(groups) - KEPT_TRADES)
        if low and groups[low] == groups[low - 1]:  # the oldest is cut in two
            low = bisect_right(groups, groups[low])
        high = len(groups) if end_ms is None else bisect_right(times, end_ms)
        if from_id is not None:
            low = max(low, bisect_left(groups, from_id))
        if start_ms is not None:
            low = max(low, bisect_left(times, start_ms))
        if low >= high:
            return []
        if from_id is None and start_ms is None:
            low = max(low, bisect_left(groups, groups[high - 1] - limit + 1))
        high = min(high, bisect_left(groups, groups[low] + limit))
        found: dict[int, list[PublicTrade]] = {}
        for trade in self._rows(low, high):
            found.setdefault(trade.aggregate_id, []).append(trade)
        return list(found.values())

    def _rows(self, low: int, high: int) -> list[PublicTrade]:
        symbol = self.rules.listing.symbol
        rows = zip(*(column[low:high] for column in self._columns), strict=True)
        return [
            PublicTrade(symbol, trade_id, price, size, buyer, seller, bool(maker), at, group)
            for trade_id, price, size, buyer, seller, maker, at, group in rows
        ]

    def load_history(self, columns: Mapping[str, str], last_trade_id: int) -> None:
        """Candles behind the first trade, as `Candles.dump` gives them; the first trade continues their ids."""
        self.candles.restore(columns)
        self.last_price = self.candles.last_close
        self.last_trade_id = max(self.last_trade_id, last_trade_id)

    def average_ticks(self, now_ms: int) -> int:
        """The volume-weighted price of the last five minutes, else the last price; 0 when nothing has traded."""
        lots, quote_atoms = self.candles.newest_volume(AVERAGE_MINUTES, now_ms)
        if lots == 0:
            return self.last_price
        return quote_atoms * self.rules.notional_denominator // (lots * self.rules.notional_numerator)

    def ticker(self, now_ms: int) -> Ticker24h:
        """The 1,440 minutes up to and with the one that is forming."""
        minute = now_ms - now_ms % MINUTE_MS
        day = self._finished_minutes(minute, now_ms)
        forming = self.candles.total(minute, minute + MINUTE_MS, now_ms)
        if day is None:
            day = forming
        elif forming is not None:
            merge(day, forming)
        if day is None:
            day = Kline(minute, now_ms, 0, 0, 0, 0)
        return self._ticker(day, now_ms - DAY_MS, now_ms)

    def window(self, start_ms: int, now_ms: int) -> Ticker24h:
        """The minutes from the one that holds `start_ms` up to and with the one that is forming."""
        opens_ms = start_ms - start_ms % MINUTE_MS
        total = self.candles.total(opens_ms, now_ms + 1, now_ms)
        return self._ticker(total or Kline(opens_ms, now_ms, 0, 0, 0, 0), opens_ms, now_ms)

    def last_time(self) -> int:
        """When it was traded last; 0 before the first trade."""
        times = self._columns[6]
        return times[-1] if times else 0

    def _ticker(self, day: Kline, open_ms: int, now_ms: int) -> Ticker24h:
        minute = now_ms - now_ms % MINUTE_MS
        before = self.candles.total(minute - DAY_MS, minute - DAY_MS + MINUTE_MS, now_ms)
        lots = self._columns[2]
        return Ticker24h(
            symbol=self.rules.listing.symbol,
            open=day.open,
            high=day.high,
            low=day.low,
            last=day.close,
            last_lots=lots[-1] if lots else 0,
            lots=day.lots,
            quote_atoms=day.quote_atoms,
            open_ms=open_ms,
            close_ms=now_ms,
            first_trade_id=day.first_trade_id,
            last_trade_id=day.last_trade_id,
            trades=day.trades,
            weighted_average=self._weighted_average(day),
            previous_close=before.close if before is not None else day.open,
        )

    def dump(self) -> dict[str, Any]:
        """All of it for a snapshot."""
        return {
            "last_trade_id": self.last_trade_id,
            "last_price": self.last_price,
            "last_aggregate_id": self.last_aggregate_id,
            "last_taker": self._last_taker,
            "trades": [column[-KEPT_TRADES:].tobytes().hex() for column in self._columns],
            "candles": self.candles.dump(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `dump` gave."""
        self.last_trade_id = state["last_trade_id"]
        self.last_price = state["last_price"]
        self.last_aggregate_id = state["last_aggregate_id"]
        self._last_taker = state["last_taker"]
        self._columns = tuple(array("q", bytes.fromhex(column)) for column in state["trades"])
        self.candles.restore(state["candles"])
        self._day = (-1, -1, None)

    def _finished_minutes(self, minute: int, now_ms: int) -> Kline | None:
        """The day without its last minute, summed once a minute: it is asked for on every tick of a ticker."""
        candles = len(self.candles)
        if self._day[:2] != (minute, candles):
            self._day = (minute, candles, self.candles.total(minute - DAY_MS + MINUTE_MS, minute, now_ms))
        day = self._day[2]
        return None if day is None else day.copy()

    def _weighted_average(self, day: Kline) -> Decimal:
        listing = self.rules.listing
        if day.lots == 0:
            return day.close * listing.tick
        return (Decimal(day.quote_atoms) / (day.lots * self.rules.lot_atoms)).quantize(Decimal("0.00000001"))
