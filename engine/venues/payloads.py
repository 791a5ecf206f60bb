"""Binance's payloads put into our words: exact figures from its strings. Pure.

Source: Binance Spot API (REST, WebSocket streams, user data stream), 2026-07.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, TypeVar, cast

from engine.domain.instrument import Instrument
from engine.domain.market import Candle, Level, MarketTrade, OrderBook, Ticker
from engine.domain.order import Order, OrderStatus
from engine.domain.position import Balance
from engine.domain.values import OrderType, Side, TimeInForce, decimal_text
from engine.ports import OrderReport, VenueBalances, VenueError, VenueFill, VenueOrder, VenueTerms

T = TypeVar("T")
Raw = Mapping[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
STATUS: Mapping[str, OrderStatus] = {
    "NEW": OrderStatus.ACCEPTED,
    "PENDING_NEW": OrderStatus.ACCEPTED,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "PENDING_CANCEL": OrderStatus.ACCEPTED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
NO_REASON = frozenset({"", "NONE"})


def decimal(value: object) -> Decimal:
    """A figure as the venue wrote it. VenueError for what is none, so that it never becomes a wrong figure."""
    if isinstance(value, float):
        value = repr(value)
    try:
        figure = Decimal(str(value))
    except InvalidOperation:
        figure = Decimal("NaN")
    if not figure.is_finite():
        raise VenueError("GARBLED", f"the venue sent {str(value)[:40]!r} where a figure belongs")
    return figure


def parsed(parse: Callable[[], T]) -> T:
    """What `parse` makes of an answer; VenueError when that makes no sense: it must not be taken for "none"."""
    try:
        return parse()
    except (KeyError, TypeError, ValueError) as error:
        raise VenueError("GARBLED", "the venue's answer makes no sense") from error


def each(parse: Callable[[Any], T], rows: object) -> tuple[T, ...]:
    """Every row of an answer that has to be a list; VenueError as `parsed`."""
    if not isinstance(rows, list):
        raise VenueError("GARBLED", "the venue's answer is no list")
    return parsed(lambda: tuple(parse(row) for row in cast("list[Any]", rows)))


def instant(milliseconds: int) -> datetime:
    return EPOCH + timedelta(milliseconds=milliseconds)


# --- markets ------------------------------------------------------------------------------------------


def instrument(symbol: str, base: str, quote: str, info: Raw) -> Instrument:
    """From a symbol's entry in exchangeInfo; a limit of 0 means that there is none."""
    rules: dict[str, Raw] = {rule["filterType"]: rule for rule in info["filters"]}
    price, lot = rules.get("PRICE_FILTER", {}), rules.get("LOT_SIZE", {})
    market_lot, notional = rules.get("MARKET_LOT_SIZE", {}), rules.get("NOTIONAL", rules.get("MIN_NOTIONAL", {}))
    return Instrument(
        symbol=symbol,
        venue_symbol=info["symbol"],
        base=base,
        quote=quote,
        tick=_limit(price, "tickSize") or Decimal(1).scaleb(-int(info.get("quotePrecision", 8))),
        lot=_limit(lot, "stepSize") or Decimal(1).scaleb(-int(info.get("baseAssetPrecision", 8))),
        min_quantity=_limit(lot, "minQty"),
        max_quantity=_limit(lot, "maxQty"),
        max_market_quantity=_limit(market_lot, "maxQty"),
        min_price=_limit(price, "minPrice"),
        max_price=_limit(price, "maxPrice"),
        min_notional=_limit(notional, "minNotional"),
        max_notional=_limit(notional, "maxNotional"),
        active=info.get("status") == "TRADING",
    )


def _limit(rule: Raw, name: str) -> Decimal | None:
    figure = decimal(rule.get(name, "0"))
    return figure.normalize() + 0 if figure else None


def candle(row: list[Any]) -> Candle:
    """A row of `klines`: open time, open, high, low, close, volume, …"""
    return Candle(int(row[0]), *(decimal(figure) for figure in row[1:6]))


def forming_candle(kline: Raw) -> Candle:
    """The `k` of a kline event."""
    return Candle(int(kline["t"]), *(decimal(kline[name]) for name in ("o", "h", "l", "c", "v")))


def day_ticker(symbol: str, row: Raw) -> Ticker:
    """A row of `ticker/24hr`."""
    names = ("lastPrice", "openPrice", "highPrice", "lowPrice", "volume", "quoteVolume")
    return Ticker(symbol, *(decimal(row[name]) for name in names))


def day_tickers(symbols: Mapping[str, str], rows: object) -> dict[str, Ticker]:
    """All rows of `ticker/24hr` whose venue symbol is one of `symbols` (ours by the venue's), by ours."""
    named = each(lambda row: (symbols.get(row["symbol"]), row), rows)
    return parsed(lambda: {symbol: day_ticker(symbol, row) for symbol, row in named if symbol is not None})


def stream_ticker(symbol: str, event: Raw) -> Ticker:
    """A 24hrTicker event."""
    return Ticker(symbol, *(decimal(event[name]) for name in ("c", "o", "h", "l", "v", "q")))


def past_trade(row: Raw) -> MarketTrade:
    """A row of `trades`."""
    side = Side.SELL if row["isBuyerMaker"] else Side.BUY
    return MarketTrade(str(row["id"]), int(row["time"]), decimal(row["price"]), decimal(row["qty"]), side)


def stream_trade(event: Raw) -> MarketTrade:
    """A trade event."""
    side = Side.SELL if event["m"] else Side.BUY
    return MarketTrade(str(event["t"]), int(event["T"]), decimal(event["p"]), decimal(event["q"]), side)


def book(instrument: Instrument, nonce: int, bids: Iterable[list[float]], asks: Iterable[list[float]]) -> OrderBook:
    """ccxt keeps books in floats: their shortest notation on the instrument's steps is the venue's own figure."""

    def levels(rows: Iterable[list[float]]) -> tuple[Level, ...]:
        return tuple(Level(decimal(price), decimal(quantity)) for price, quantity in rows)

    return OrderBook(instrument.symbol, nonce, levels(bids), levels(asks))


# --- orders -------------------------------------------------------------------------------------------


def order_request(order: Order, instrument: Instrument) -> dict[str, str]:
    """The parameters of `POST order`. The answer carries the fills (FULL)."""
    return {
        "symbol": instrument.venue_symbol,
        "newClientOrderId": order.client_order_id,
        "newOrderRespType": "FULL",
        "side": order.side.upper(),
        **order_terms(order),
    }


def order_terms(order: Order) -> dict[str, str]:
    """Type, figures and time in force. What the desk keeps itself is sent as what is left once its price has come."""
    sent_as = order.type.triggered if order.held else order.type
    terms = {"type": sent_as.upper()}
    if order.quantity is not None:
        terms["quantity"] = decimal_text(order.quantity)
    if order.quote_quantity is not None:
        terms["quoteOrderQty"] = decimal_text(order.quote_quantity)
    if order.price is not None:
        terms["price"] = decimal_text(order.price)
    if not sent_as.at_market and sent_as is not OrderType.LIMIT_MAKER:
        terms["timeInForce"] = order.time_in_force or TimeInForce.GTC
    if sent_as.conditional:
        if order.stop_price is not None:
            terms["stopPrice"] = decimal_text(order.stop_price)
        if order.trailing_delta is not None:
            terms["trailingDelta"] = str(order.trailing_delta)
    return terms


def amend_request(order: Order, instrument: Instrument, quantity: Decimal) -> dict[str, str | int]:
    """The parameters of `PUT order/amend/keepPriority`; without a client order id it would get a random one."""
    return {
        "symbol": instrument.venue_symbol,
        "orderId": int(order.venue_order_id or 0),
        "newClientOrderId": order.client_order_id,
        "newQty": decimal_text(quantity),
    }


def replace_request(order: Order, replacement: Order, instrument: Instrument) -> dict[str, str | int]:
    """The parameters of `POST order/cancelReplace`: only an order without fills is cancelled, only then replaced."""
    return {
        **order_request(replacement, instrument),
        "cancelReplaceMode": "STOP_ON_FAILURE",
        "cancelRestrictions": "ONLY_NEW",
        "cancelOrderId": int(order.venue_order_id or 0),
    }


def venue_order(row: Raw, client_order_id: str | None = None) -> VenueOrder:
    """An order as REST answers it. A cancel answers with its own id as clientOrderId: name the order's then."""
    return VenueOrder(
        client_order_id=client_order_id or str(row["clientOrderId"]),
        venue_order_id=str(row["orderId"]),
        symbol=str(row["symbol"]),
        status=_status(row["status"]),
        filled_quantity=decimal(row["executedQty"]),
        terms=_terms(row),
    )


def amended_order(answer: Raw) -> VenueOrder:
    """The order in the answer of `order/amend/keepPriority`, which calls its quantity otherwise."""
    row = answer["amendedOrder"]
    return venue_order({**row, "origQty": row["qty"], "transactTime": answer["transactTime"]})


def _terms(row: Raw) -> VenueTerms | None:
    """What an order was placed with; None in an answer that is too short to tell (RESULT and FULL tell)."""
    if not all(row.get(name) for name in ("side", "type", "origQty")):
        return None
    word, tif = str(row["type"]).lower(), str(row.get("timeInForce") or "")
    list_id = int(row.get("orderListId", -1))
    return VenueTerms(
        side=Side(str(row["side"]).lower()),
        type=OrderType(word) if word in set(OrderType) else None,
        time_in_force=TimeInForce(tif) if tif in set(TimeInForce) else None,
        quantity=decimal(row["origQty"]),
        price=decimal(row.get("price", "0")) or None,
        stop_price=decimal(row.get("stopPrice") or "0") or None,
        created_at=instant(int(row.get("time") or row.get("transactTime") or row.get("updateTime") or 0)),
        trailing_delta=int(row["trailingDelta"]) if row.get("trailingDelta") else None,
        venue_list_id=None if list_id < 0 else str(list_id),
    )


def answered_fills(answer: Raw) -> tuple[VenueFill, ...]:
    """The fills in a FULL answer: an order that fills at once is a taker."""
    return tuple(
        VenueFill(
            venue_trade_id=str(fill["tradeId"]),
            venue_order_id=str(answer["orderId"]),
            symbol=str(answer["symbol"]),
            price=decimal(fill["price"]),
            quantity=decimal(fill["qty"]),
            fee=decimal(fill["commission"]),
            fee_asset=str(fill["commissionAsset"]),
            maker=False,
            time=instant(int(answer["transactTime"])),
        )
        for fill in answer.get("fills", ())
    )


def my_trade(row: Raw) -> VenueFill:
    """A row of `myTrades`."""
    return VenueFill(
        venue_trade_id=str(row["id"]),
        venue_order_id=str(row["orderId"]),
        symbol=str(row["symbol"]),
        price=decimal(row["price"]),
        quantity=decimal(row["qty"]),
        fee=decimal(row["commission"]),
        fee_asset=str(row["commissionAsset"]),
        maker=bool(row["isMaker"]),
        time=instant(int(row["time"])),
    )


def balances(rows: Iterable[Raw]) -> tuple[Balance, ...]:
    """Of `account`: assets that are held, in alphabetical order."""
    held = (Balance(str(row["asset"]), decimal(row["free"]), decimal(row["locked"])) for row in rows)
    return tuple(sorted((balance for balance in held if balance.total), key=lambda balance: balance.asset))


def user_event(event: Raw) -> OrderReport | VenueBalances | None:
    """An event of the user stream; None for kinds that change nothing we keep."""
    match event.get("e"):
        case "executionReport":
            return _order_report(event)
        case "outboundAccountPosition":
            return VenueBalances(
                tuple(Balance(str(row["a"]), decimal(row["f"]), decimal(row["l"])) for row in event["B"])
            )
        case _:
            return None


def _order_report(event: Raw) -> OrderReport:
    # In the report of a cancel `c` is the cancel's own id and `C` the order's.
    original = event.get("C") or ""
    reason = str(event.get("r") or "")
    order = VenueOrder(
        client_order_id=str(original if original not in {"", "null"} else event["c"]),
        venue_order_id=str(event["i"]),
        symbol=str(event["s"]),
        status=_status(event["X"]),
        filled_quantity=decimal(event["z"]),
        reason=None if reason in NO_REASON else reason,
        terms=_terms(
            {
                "side": event.get("S"),
                "type": event.get("o"),
                "origQty": event.get("q"),
                "timeInForce": event.get("f"),
                "price": event.get("p") or "0",
                "stopPrice": event.get("P"),
                "time": event.get("O") or event.get("T"),
                "trailingDelta": event.get("d"),
                "orderListId": event.get("g", -1),
            }
        ),
    )
    if event.get("x") != "TRADE":
        return OrderReport(order, None)
    fill = VenueFill(
        venue_trade_id=str(event["t"]),
        venue_order_id=order.venue_order_id,
        symbol=order.symbol,
        price=decimal(event["L"]),
        quantity=decimal(event["l"]),
        fee=decimal(event["n"]),
        fee_asset=str(event.get("N") or ""),
        maker=bool(event["m"]),
        time=instant(int(event["T"])),
    )
    return OrderReport(order, fill)


def _status(word: object) -> OrderStatus:
    status = STATUS.get(str(word))
    if status is None:
        raise VenueError("GARBLED", f"the venue sent an order status {str(word)[:40]!r} that is not in its documents")
    return status
