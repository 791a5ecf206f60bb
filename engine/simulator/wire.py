"""The exchange's nouns as Binance writes them in REST and WebSocket API answers: figures as text with 8 decimals.

Source: Binance Spot API, REST endpoints, 2026-07.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.simulator.filters import Rules
from engine.simulator.model import (
    ATOMS,
    PLAIN,
    Balance,
    DepthSnapshot,
    Kline,
    Listing,
    OrderType,
    PreventedMatch,
    PublicTrade,
    SimFill,
    SimOrder,
    Status,
    Ticker24h,
    TopChanged,
)

Json = dict[str, object]


def figure(atoms: int) -> str:
    """Atoms as Binance's text: `123456789` is `1.23456789`."""
    if atoms < 0:
        return "-" + figure(-atoms)
    return f"{atoms // ATOMS}.{atoms % ATOMS:08d}"


@dataclass(frozen=True, slots=True)
class Notation:
    """How one symbol's ticks and lots are written, and read by its rules."""

    symbol: str
    tick_atoms: int
    lot_atoms: int
    rules: Rules

    @classmethod
    def of(cls, listing: Listing) -> Notation:
        """The notation of a listing."""
        rules = Rules(listing)
        return cls(listing.symbol, rules.tick_atoms, rules.lot_atoms, rules)

    def price(self, ticks: int) -> str:
        """Ticks as text."""
        return figure(ticks * self.tick_atoms)

    def quantity(self, lots: int) -> str:
        """Lots as text."""
        return figure(lots * self.lot_atoms)

    def average(self, quote_atoms: int, lots: int) -> str:
        """A volume-weighted price, cut off below 8 decimals; zero when nothing was traded."""
        return figure(quote_atoms * ATOMS // (lots * self.lot_atoms)) if lots else figure(0)

    def levels(self, levels: Iterable[tuple[int, int]]) -> list[tuple[str, str]]:
        """Book levels as `[price, quantity]`."""
        return [(self.price(ticks), self.quantity(lots)) for ticks, lots in levels]


def notations(listings: Mapping[str, Listing]) -> dict[str, Notation]:
    """The notation of every listed symbol."""
    return {symbol: Notation.of(listing) for symbol, listing in listings.items()}


# --- orders and fills ------------------------------------------------------------------------------


def order_json(notation: Notation, order: SimOrder) -> Json:
    """An order as `GET /api/v3/order` answers it."""
    request = order.request
    return {
        "symbol": request.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": request.client_order_id,
        **_state(notation, order),
        "stopPrice": notation.price(request.terms.stop_ticks),
        "icebergQty": notation.quantity(request.terms.iceberg_lots),
        "time": order.created_ms,
        "updateTime": order.updated_ms,
        "isWorking": order.working_ms >= 0,
        "workingTime": order.working_ms,
        "origQuoteOrderQty": figure(request.quote_atoms),
        "selfTradePreventionMode": request.terms.stp.value,
        **_conditional(notation, order),
    }


def ack_json(order: SimOrder) -> Json:
    """The shortest answer to a placed order (`newOrderRespType=ACK`)."""
    return {
        "symbol": order.request.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": order.request.client_order_id,
        "transactTime": order.updated_ms,
    }


def result_json(notation: Notation, order: SimOrder) -> Json:
    """A placed order without its fills (`newOrderRespType=RESULT`)."""
    return {
        **ack_json(order),
        **_state(notation, order),
        "origQuoteOrderQty": figure(order.request.quote_atoms),
        "workingTime": order.working_ms,
        "selfTradePreventionMode": order.request.terms.stp.value,
        **_conditional(notation, order),
    }


def full_json(notation: Notation, order: SimOrder, fills: Iterable[SimFill]) -> Json:
    """A placed order with the fills it got at once (`newOrderRespType=FULL`)."""
    return {
        **result_json(notation, order),
        "fills": [
            {
                "price": notation.price(fill.price_ticks),
                "qty": notation.quantity(fill.lots),
                "commission": figure(fill.commission_atoms),
                "commissionAsset": fill.commission_asset,
                "tradeId": fill.trade_id,
            }
            for fill in fills
        ],
    }


def canceled_json(notation: Notation, order: SimOrder, cancel_id: str) -> Json:
    """A canceled order: `clientOrderId` names the cancel request, `origClientOrderId` the order."""
    return {
        "symbol": order.request.symbol,
        "origClientOrderId": order.request.client_order_id,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "clientOrderId": cancel_id,
        "transactTime": order.updated_ms,
        **_state(notation, order),
        "origQuoteOrderQty": figure(order.request.quote_atoms),
        "selfTradePreventionMode": order.request.terms.stp.value,
        **_conditional(notation, order),
    }


def _conditional(notation: Notation, order: SimOrder) -> Json:
    """What is told only of orders that asked for it ("Conditional fields in Order Responses")."""
    terms = order.request.terms
    if terms is PLAIN and not order.prevented_lots:
        return {}
    told: Json = {}
    if terms.stop_ticks:
        told["stopPrice"] = notation.price(terms.stop_ticks)
    if terms.trailing_bips:
        told |= {"trailingDelta": terms.trailing_bips, "trailingTime": order.trailing_ms}
    if terms.iceberg_lots:
        told["icebergQty"] = notation.quantity(terms.iceberg_lots)
    if terms.strategy_id is not None:
        told["strategyId"] = terms.strategy_id
    if terms.strategy_type is not None:
        told["strategyType"] = terms.strategy_type
    if order.prevented_lots:
        told |= {"preventedMatchId": order.prevented_id, "preventedQuantity": notation.quantity(order.prevented_lots)}
    return told


def prevented_json(notation: Notation, match: PreventedMatch) -> Json:
    """A prevented match as `GET /api/v3/myPreventedMatches` lists it."""
    return {
        "symbol": match.symbol,
        "preventedMatchId": match.prevented_id,
        "takerOrderId": match.taker_order_id,
        "makerSymbol": match.symbol,
        "makerOrderId": match.maker_order_id,
        "tradeGroupId": -1,
        "selfTradePreventionMode": match.mode.value,
        "price": notation.price(match.price_ticks),
        **_prevented_lots(notation, match),
        "transactTime": match.time_ms,
    }


def prevented_by(notation: Notation, matches: Iterable[PreventedMatch]) -> list[Json]:
    """What a placed order was kept from, as the answer to it tells (`preventedMatches`)."""
    return [
        {
            "preventedMatchId": match.prevented_id,
            "makerSymbol": match.symbol,
            "makerOrderId": match.maker_order_id,
            "price": notation.price(match.price_ticks),
            **_prevented_lots(notation, match),
        }
        for match in matches
    ]


def _prevented_lots(notation: Notation, match: PreventedMatch) -> Json:
    told: Json = {}
    if match.taker_lots:
        told["takerPreventedQuantity"] = notation.quantity(match.taker_lots)
    if match.maker_lots:
        told["makerPreventedQuantity"] = notation.quantity(match.maker_lots)
    return told


def _state(notation: Notation, order: SimOrder) -> Json:
    request = order.request
    return {
        "price": notation.price(request.price_ticks),
        "origQty": notation.quantity(order.lots),
        "executedQty": notation.quantity(order.filled_lots),
        "cummulativeQuoteQty": figure(order.filled_quote_atoms),
        "status": order.status.value,
        "timeInForce": request.time_in_force.value,
        "type": request.type.value,
        "side": request.side.value,
    }


def fill_json(notation: Notation, fill: SimFill, list_id: int) -> Json:
    """An execution as `GET /api/v3/myTrades` lists it."""
    return {
        "symbol": fill.symbol,
        "id": fill.trade_id,
        "orderId": fill.order_id,
        "orderListId": list_id,
        "price": notation.price(fill.price_ticks),
        "qty": notation.quantity(fill.lots),
        "quoteQty": figure(fill.quote_atoms),
        "commission": figure(fill.commission_atoms),
        "commissionAsset": fill.commission_asset,
        "time": fill.time_ms,
        "isBuyer": fill.side.value == "BUY",
        "isMaker": fill.maker,
        "isBestMatch": True,
    }


def rests(order: SimOrder) -> bool:
    """Whether the order can stand in the book (`w` in execution reports)."""
    return (
        order.status in {Status.NEW, Status.PARTIALLY_FILLED}
        and order.working_ms >= 0
        and order.request.type is not OrderType.MARKET
    )


def balance_json(balance: Balance) -> Json:
    """A holding as `GET /api/v3/account` lists it."""
    return {"asset": balance.asset, "free": figure(balance.free), "locked": figure(balance.locked)}


# --- the market ------------------------------------------------------------------------------------


def depth_json(notation: Notation, depth: DepthSnapshot) -> Json:
    """An order book snapshot."""
    return {
        "lastUpdateId": depth.last_update_id,
        "bids": notation.levels(depth.bids),
        "asks": notation.levels(depth.asks),
    }


def trade_json(notation: Notation, trade: PublicTrade) -> Json:
    """A public trade as `GET /api/v3/trades` lists it."""
    return {
        "id": trade.trade_id,
        "price": notation.price(trade.price_ticks),
        "qty": notation.quantity(trade.lots),
        "quoteQty": figure(notation.rules.quote_atoms(trade.price_ticks, trade.lots)),
        "time": trade.time_ms,
        "isBuyerMaker": trade.buyer_is_maker,
        "isBestMatch": True,
    }


def kline_json(notation: Notation, kline: Kline) -> list[object]:
    """A candle as `GET /api/v3/klines` lists it."""
    return [
        kline.open_ms,
        notation.price(kline.open),
        notation.price(kline.high),
        notation.price(kline.low),
        notation.price(kline.close),
        notation.quantity(kline.lots),
        kline.close_ms,
        figure(kline.quote_atoms),
        kline.trades,
        notation.quantity(kline.taker_buy_lots),
        figure(kline.taker_buy_quote_atoms),
        "0",
    ]


def mini_ticker_json(notation: Notation, ticker: Ticker24h) -> Json:
    """`GET /api/v3/ticker/24hr?type=MINI`."""
    return {
        "symbol": ticker.symbol,
        "openPrice": notation.price(ticker.open),
        "highPrice": notation.price(ticker.high),
        "lowPrice": notation.price(ticker.low),
        "lastPrice": notation.price(ticker.last),
        "volume": notation.quantity(ticker.lots),
        "quoteVolume": figure(ticker.quote_atoms),
        "openTime": ticker.open_ms,
        "closeTime": ticker.close_ms,
        "firstId": ticker.first_trade_id,
        "lastId": ticker.last_trade_id,
        "count": ticker.trades,
    }


def ticker_json(notation: Notation, ticker: Ticker24h, top: TopChanged) -> Json:
    """`GET /api/v3/ticker/24hr`."""
    return {
        **mini_ticker_json(notation, ticker),
        "priceChange": price_change(notation, ticker),
        "priceChangePercent": percent_change(ticker),
        "weightedAvgPrice": notation.average(ticker.quote_atoms, ticker.lots),
        "prevClosePrice": notation.price(ticker.previous_close),
        "lastQty": notation.quantity(ticker.last_lots),
        "bidPrice": notation.price(top.bid_ticks),
        "bidQty": notation.quantity(top.bid_lots),
        "askPrice": notation.price(top.ask_ticks),
        "askQty": notation.quantity(top.ask_lots),
    }


def book_ticker_json(notation: Notation, top: TopChanged) -> Json:
    """`GET /api/v3/ticker/bookTicker`."""
    return {
        "symbol": top.symbol,
        "bidPrice": notation.price(top.bid_ticks),
        "bidQty": notation.quantity(top.bid_lots),
        "askPrice": notation.price(top.ask_ticks),
        "askQty": notation.quantity(top.ask_lots),
    }


def price_change(notation: Notation, ticker: Ticker24h) -> str:
    """Last price less the price 24 hours ago."""
    return notation.price(ticker.last - ticker.open)


def percent_change(ticker: Ticker24h) -> str:
    """The change in percent with three decimals; zero without a first price."""
    if not ticker.open:
        return "0.000"
    change = ticker.last - ticker.open
    thousandths = abs(change) * 100_000 // ticker.open
    sign = "-" if change < 0 and thousandths else ""
    return f"{sign}{thousandths // 1000}.{thousandths % 1000:03d}"


def top_of(depth: DepthSnapshot) -> TopChanged:
    """The best bid and ask of a snapshot; zeros where a side is empty."""
    bid_ticks, bid_lots = depth.bids[0] if depth.bids else (0, 0)
    ask_ticks, ask_lots = depth.asks[0] if depth.asks else (0, 0)
    return TopChanged(depth.symbol, depth.last_update_id, bid_ticks, bid_lots, ask_ticks, ask_lots)
