"""Candles of one second, put together from the trades that are kept: they go back as far as those do.

Source: Binance Spot API, "Kline/Candlestick data" (`1s`), 2026-07.
"""

from __future__ import annotations

from itertools import groupby
from typing import Final

from engine.simulator.model import Kline, PublicTrade
from engine.simulator.tape import KEPT_TRADES, Tape

SECOND: Final = "1s"
SECOND_MS: Final = 1_000


def second_klines(tape: Tape, start_ms: int | None, end_ms: int | None, limit: int, now_ms: int) -> list[Kline]:
    """Oldest first, without gaps from the first kept trade on; without `start_ms` the newest `limit`."""
    trades = tape.trades(None, 0, None, KEPT_TRADES)
    if not trades:
        return []
    first = max(_second(trades[0]), -(-(start_ms or 0) // SECOND_MS) * SECOND_MS)
    last = now_ms - now_ms % SECOND_MS
    if end_ms is not None:
        last = min(last, end_ms - end_ms % SECOND_MS)
    if start_ms is None:
        first = max(first, last - (limit - 1) * SECOND_MS)
    else:
        last = min(last, first + (limit - 1) * SECOND_MS)
    close = next((trade.price_ticks for trade in reversed(trades) if _second(trade) < first), trades[0].price_ticks)
    traded = {opens: list(group) for opens, group in groupby(trades, _second)}
    found: list[Kline] = []
    for opens in range(first, last + 1, SECOND_MS):
        found.append(_kline(tape, opens, close, traded.get(opens, [])))
        close = found[-1].close
    return found


def _kline(tape: Tape, opens: int, close: int, trades: list[PublicTrade]) -> Kline:
    """One second; flat at the last close when nothing traded."""
    if not trades:
        return Kline(opens, opens + SECOND_MS - 1, close, close, close, close)
    prices = [trade.price_ticks for trade in trades]
    worth = [tape.rules.quote_atoms(trade.price_ticks, trade.lots) for trade in trades]
    bought = [place for place, trade in enumerate(trades) if not trade.buyer_is_maker]
    return Kline(
        opens,
        opens + SECOND_MS - 1,
        prices[0],
        max(prices),
        min(prices),
        prices[-1],
        sum(trade.lots for trade in trades),
        sum(worth),
        len(trades),
        sum(trades[place].lots for place in bought),
        sum(worth[place] for place in bought),
        trades[0].trade_id,
        trades[-1].trade_id,
    )


def _second(trade: PublicTrade) -> int:
    return trade.time_ms - trade.time_ms % SECOND_MS
