"""What anyone may ask of the market: time, book, trades, candles, tickers.

Source: Binance Spot API, General and Market data endpoints, 2026-07.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from enum import StrEnum
from typing import Final

from engine.simulator.model import ApiError, PublicTrade
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.params import Params, missing
from engine.simulator.selection import ByCount, chosen_one, one_or_many
from engine.simulator.wire import (
    Json,
    Notation,
    book_ticker_json,
    depth_json,
    kline_json,
    mini_ticker_json,
    ticker_json,
    top_of,
    trade_json,
)

AVERAGE_PRICE_MINUTES: Final = 5
TIME_ZONE: Final = re.compile(r"(?P<sign>[+-]?)(?P<hours>[0-9]{1,2})(:(?P<minutes>[0-5][0-9]))?")


def ping(call: Call) -> Json:
    """Nothing, which says that the exchange is there."""
    del call
    return {}


def time(call: Call) -> Json:
    """The exchange's clock."""
    return {"serverTime": call.now_ms}


def depth(call: Call) -> Json:
    """The book, best price first."""
    notation = chosen_one(call)
    return depth_json(notation, call.exchange.depth(notation.symbol, call.params.limit(100, 5000)))


def recent_trades(call: Call) -> list[Json]:
    """The newest public trades, oldest first."""
    notation = call.listed(call.params.symbol())
    trades = call.exchange.trades(notation.symbol, limit=call.params.limit(500, 1000))
    return [trade_json(notation, trade) for trade in trades]


def old_trades(call: Call) -> list[Json]:
    """Public trades from `fromId` on, as far back as they are kept."""
    notation = call.listed(call.params.symbol())
    trades = call.exchange.trades(
        notation.symbol, from_id=call.params.whole("fromId"), limit=call.params.limit(500, 1000)
    )
    return [trade_json(notation, trade) for trade in trades]


def block_trades(call: Call) -> list[Json]:
    """Trades that were agreed upon outside the book; there is none here."""
    call.listed(call.params.symbol())
    if call.params.whole("fromId") is None:
        raise missing("fromId")
    call.params.limit(500, 1000)
    return []


def agg_trades(call: Call) -> list[Json]:
    """Trades of one taker order at one price, put together, with ids of their own that count without gaps."""
    notation = call.listed(call.params.symbol())
    start_ms, end_ms = call.params.span()
    groups = call.exchange.aggregates(
        notation.symbol,
        from_id=call.params.whole("fromId"),
        start_ms=start_ms,
        end_ms=end_ms,
        limit=call.params.limit(500, 1000),
    )
    return [agg_trade_json(notation, group) for group in groups]


def klines(call: Call) -> list[list[object]]:
    """Candles, oldest first, without gaps; `timeZone` moves when they open."""
    notation = call.listed(call.params.symbol())
    start_ms, end_ms = call.params.span()
    found = call.exchange.klines(
        notation.symbol,
        call.params.text("interval"),
        start_ms=start_ms,
        end_ms=end_ms,
        limit=call.params.limit(500, 1000),
        offset_ms=time_zone_ms(call.params),
    )
    return [kline_json(notation, kline) for kline in found]


def average_price(call: Call) -> Json:
    """The volume-weighted price of the last five minutes, or the last price when nothing was traded."""
    notation = call.listed(call.params.symbol())
    found = call.exchange.klines(notation.symbol, "1m", limit=AVERAGE_PRICE_MINUTES)
    lots = sum(kline.lots for kline in found)
    last = notation.price(call.exchange.last_price(notation.symbol))
    average = notation.average(sum(kline.quote_atoms for kline in found), lots)
    closed_ms = call.exchange.last_trade_ms(notation.symbol)
    return {"mins": AVERAGE_PRICE_MINUTES, "price": average if lots else last, "closeTime": closed_ms}


class TickerType(StrEnum):
    """`type` of a 24 hour ticker."""

    FULL = "FULL"
    MINI = "MINI"


def ticker_type(params: Params) -> TickerType:
    """`type`, FULL unless it was sent; -1139 for another."""
    return params.choice("type", TickerType, -1139, "Invalid ticker type.") or TickerType.FULL


def day_ticker(call: Call) -> object:
    """The rolling 24 hours of one symbol, some, or all."""
    kind = ticker_type(call.params)

    def row(notation: Notation) -> Json:
        ticker = call.exchange.ticker(notation.symbol)
        if kind is TickerType.MINI:
            return mini_ticker_json(notation, ticker)
        return ticker_json(notation, ticker, top_of(call.exchange.depth(notation.symbol, 1)))

    return one_or_many(call, row)


def price_ticker(call: Call) -> object:
    """The last price of one symbol, some, or all."""
    return one_or_many(
        call,
        lambda notation: {
            "symbol": notation.symbol,
            "price": notation.price(call.exchange.last_price(notation.symbol)),
        },
    )


def book_ticker(call: Call) -> object:
    """The best bid and ask of one symbol, some, or all."""
    return one_or_many(
        call, lambda notation: book_ticker_json(notation, top_of(call.exchange.depth(notation.symbol, 1)))
    )


def agg_trade_json(notation: Notation, group: Sequence[PublicTrade]) -> Json:
    """An aggregate as `GET /api/v3/aggTrades` and the aggTrade stream write it."""
    first, last = group[0], group[-1]
    return {
        "a": first.aggregate_id,
        "p": notation.price(first.price_ticks),
        "q": notation.quantity(sum(trade.lots for trade in group)),
        "f": first.trade_id,
        "l": last.trade_id,
        "T": last.time_ms,
        "m": first.buyer_is_maker,
        "M": True,
    }


def time_zone_ms(params: Params) -> int:
    """`timeZone`, hours and maybe minutes ahead of UTC, from -12:00 to +14:00, in milliseconds; -1130 otherwise."""
    text = params.optional("timeZone")
    if text is None:
        return 0
    match = TIME_ZONE.fullmatch(text)
    if match is not None:
        minutes = int(match["hours"]) * 60 + int(match["minutes"] or 0)
        minutes = -minutes if match["sign"] == "-" else minutes
        if -12 * 60 <= minutes <= 14 * 60:
            return minutes * 60_000
    raise ApiError(-1130, "Data sent for parameter 'timeZone' is not valid.")


def _price_weight(params: Params) -> int:
    return 2 if "symbol" in params else 4


def _depth_weight(params: Params) -> int:
    limit = params.limit(100, 5000)
    return next(weight for most, weight in ((100, 5), (500, 25), (1000, 50), (5000, 250)) if limit <= most)


DAY_WEIGHT: Final = ByCount(((20, 2), (100, 40)), 80)
SYMBOLS = "symbol symbols"
SPAN = "symbol! startTime endTime limit"

OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(ping, Security.NONE, "", 1, "GET /api/v3/ping", "ping"),
    operation(time, Security.NONE, "", 1, "GET /api/v3/time", "time"),
    operation(depth, Security.NONE, "symbol! limit symbolStatus", _depth_weight, "GET /api/v3/depth", "depth"),
    operation(recent_trades, Security.NONE, "symbol! limit", 25, "GET /api/v3/trades", "trades.recent"),
    operation(
        old_trades, Security.NONE, "symbol! limit fromId", 25, "GET /api/v3/historicalTrades", "trades.historical"
    ),
    operation(block_trades, Security.KEY, "symbol! fromId! limit", 25, "GET /api/v3/historicalBlockTrades", None),
    operation(block_trades, Security.NONE, "symbol! fromId! limit", 25, None, "blockTrades.historical"),
    operation(agg_trades, Security.NONE, SPAN + " fromId", 4, "GET /api/v3/aggTrades", "trades.aggregate"),
    operation(klines, Security.NONE, SPAN + " interval! timeZone", 2, "GET /api/v3/klines", "klines"),
    operation(klines, Security.NONE, SPAN + " interval! timeZone", 2, "GET /api/v3/uiKlines", "uiKlines"),
    operation(average_price, Security.NONE, "symbol!", 2, "GET /api/v3/avgPrice", "avgPrice"),
    operation(
        day_ticker,
        Security.NONE,
        SYMBOLS + " type symbolStatus",
        DAY_WEIGHT,
        "GET /api/v3/ticker/24hr",
        "ticker.24hr",
    ),
    operation(
        price_ticker,
        Security.NONE,
        SYMBOLS + " symbolStatus",
        _price_weight,
        "GET /api/v3/ticker/price",
        "ticker.price",
    ),
    operation(
        book_ticker,
        Security.NONE,
        SYMBOLS + " symbolStatus",
        _price_weight,
        "GET /api/v3/ticker/bookTicker",
        "ticker.book",
    ),
)
