"""The market as a compact message: integers for prices and quantities, made once for all who watch a symbol."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from components.market_widgets import units
from engine.domain.instrument import Instrument
from engine.domain.market import Level, MarketTrade, OrderBook, Ticker
from engine.domain.values import Side

MOST_LEVELS = 50


def market_payload(
    key: str,
    instrument: Instrument,
    *,
    book: OrderBook | None,
    trades: Sequence[MarketTrade],
    ticker: Ticker | None,
    stale: bool,
    age_ms: int | None,
    now_ms: int,
) -> dict[str, Any]:
    """`k` key, `n` server time, `s` stale, `g` age in ms; and where known `b` and `a` levels as price, quantity,
    price, quantity… best first, `t` trades newest first as [ms, price, quantity, buy, id], `l` last, open, high, low,
    volume. Prices count the price's last decimal, quantities the lot's."""
    pd, qd = instrument.price_decimals, instrument.quantity_decimals
    message: dict[str, Any] = {"k": key, "n": now_ms, "s": stale, "g": age_ms}
    if book is not None:
        message["b"] = _flat(book.bids, pd, qd)
        message["a"] = _flat(book.asks, pd, qd)
    if trades:
        message["t"] = [
            (trade.time_ms, units(trade.price, pd), units(trade.quantity, qd), trade.side is Side.BUY, trade.id)
            for trade in reversed(trades)
        ]
    if ticker is not None:
        prices = (ticker.last, ticker.open, ticker.high, ticker.low)
        message["l"] = [*(units(price, pd) for price in prices), units(ticker.volume, qd)]
    return message


def _flat(levels: Iterable[Level], price_decimals: int, quantity_decimals: int) -> list[int]:
    flat: list[int] = []
    for i, level in enumerate(levels):
        if i == MOST_LEVELS:
            break
        flat.append(units(level.price, price_decimals))
        flat.append(units(level.quantity, quantity_decimals))
    return flat
