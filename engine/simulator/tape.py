"""What has traded in one symbol: the newest public trades, the candles, and the rolling 24 hours."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from decimal import Decimal
from itertools import groupby
from operator import attrgetter
from typing import Any

from engine.simulator.candles import Candles, merge
from engine.simulator.filters import AVERAGE_MINUTES, Rules
from engine.simulator.intervals import DAY_MS, MINUTE_MS
from engine.simulator.model import Kline, PublicTrade, Ticker24h, made

KEPT_TRADES = 5_000
ID, TIME, AGGREGATE = attrgetter("trade_id"), attrgetter("time_ms"), attrgetter("aggregate_id")


class Tape:
    """Written by the matching engine, one trade at a time; read by everyone."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.candles = Candles()
        self._symbol = rules.listing.symbol
        self.last_trade_id = 0
        self.last_price = 0
        self.last_aggregate_id = 0
        self._last_taker = 0
        self._trades: list[PublicTrade] = []
        self._average_of = (-1, -1)
        self._average = 0
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
    ) -> PublicTrade:
        """Add one trade; ids must grow. What one taker order trades at one price is one aggregate."""
        taker = seller_id if buyer_is_maker else buyer_id
        if taker == 0 or taker != self._last_taker or price != self.last_price:
            self.last_aggregate_id += 1
        self._last_taker = taker
        self.last_trade_id = trade_id
        self.last_price = price
        whose = (trade_id, price, lots, buyer_id, seller_id, buyer_is_maker, at_ms)
        trade = made(PublicTrade, (self._symbol, *whose, self.last_aggregate_id))
        trades = self._trades
        trades.append(trade)
        if len(trades) >= 2 * KEPT_TRADES:
            del trades[:-KEPT_TRADES]
        self.candles.record(price, lots, quote_atoms, not buyer_is_maker, trade_id, at_ms)
        return trade

    def trades(self, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int) -> list[PublicTrade]:
        """Oldest first: from `from_id` or `start_ms` on, else the newest `limit` up to `end_ms`."""
        trades = self._trades
        low = max(0, len(trades) - KEPT_TRADES)
        high = len(trades) if end_ms is None else bisect_right(trades, end_ms, key=TIME)
        if from_id is not None:
            low = max(low, bisect_left(trades, from_id, key=ID))
        if start_ms is not None:
            low = max(low, bisect_left(trades, start_ms, key=TIME))
        if from_id is None and start_ms is None:
            low = max(low, high - limit)
        return trades[low : max(low, min(high, low + limit))]

    def aggregates(
        self, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[list[PublicTrade]]:
        """The trades of each aggregate, oldest first: from an aggregate's id or a time on, else the newest `limit`."""
        trades = self._trades
        low = max(0, len(trades) - KEPT_TRADES)
        if low and trades[low].aggregate_id == trades[low - 1].aggregate_id:  # the oldest is cut in two
            low = bisect_right(trades, trades[low].aggregate_id, key=AGGREGATE)
        high = len(trades) if end_ms is None else bisect_right(trades, end_ms, key=TIME)
        if from_id is not None:
            low = max(low, bisect_left(trades, from_id, key=AGGREGATE))
        if start_ms is not None:
            low = max(low, bisect_left(trades, start_ms, key=TIME))
        if low >= high:
            return []
        if from_id is None and start_ms is None:
            low = max(low, bisect_left(trades, trades[high - 1].aggregate_id - limit + 1, key=AGGREGATE))
        high = min(high, bisect_left(trades, trades[low].aggregate_id + limit, key=AGGREGATE))
        return [list(group) for _, group in groupby(trades[low:high], key=AGGREGATE)]

    def load_history(self, columns: Mapping[str, str], last_trade_id: int) -> None:
        """Candles behind the first trade, as `Candles.dump` gives them; the first trade continues their ids."""
        self.candles.restore(columns)
        self.last_price = self.candles.last_close
        self.last_trade_id = max(self.last_trade_id, last_trade_id)
        self._average_of = (-1, -1)

    def average_ticks(self, now_ms: int) -> int:
        """The volume-weighted price of the last five minutes, else the last price; 0 when nothing has traded."""
        asked = (now_ms // MINUTE_MS, self.last_trade_id)
        if asked != self._average_of:
            lots, quote_atoms = self.candles.newest_volume(AVERAGE_MINUTES, now_ms)
            rules = self.rules
            worth = quote_atoms * rules.notional_denominator
            self._average = worth // (lots * rules.notional_numerator) if lots else self.last_price
            self._average_of = asked
        return self._average

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
        return self._trades[-1].time_ms if self._trades else 0

    def _ticker(self, day: Kline, open_ms: int, now_ms: int) -> Ticker24h:
        minute = now_ms - now_ms % MINUTE_MS
        before = self.candles.total(minute - DAY_MS, minute - DAY_MS + MINUTE_MS, now_ms)
        return Ticker24h(
            symbol=self.rules.listing.symbol,
            open=day.open,
            high=day.high,
            low=day.low,
            last=day.close,
            last_lots=self._trades[-1].lots if self._trades else 0,
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
            "trades": [
                array("q", column).tobytes().hex()
                for column in zip(*(trade[1:] for trade in self._trades[-KEPT_TRADES:]), strict=True)
            ],
            "candles": self.candles.dump(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take what `dump` gave."""
        self.last_trade_id = state["last_trade_id"]
        self.last_price = state["last_price"]
        self.last_aggregate_id = state["last_aggregate_id"]
        self._last_taker = state["last_taker"]
        columns = [array("q", bytes.fromhex(column)) for column in state["trades"]]
        self._trades = [
            PublicTrade(self._symbol, trade_id, price, size, buyer, seller, bool(maker), at_ms, group)
            for trade_id, price, size, buyer, seller, maker, at_ms, group in zip(*columns, strict=True)
        ]
        self._average_of = (-1, -1)
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
