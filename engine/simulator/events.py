"""The exchange's events as Binance's streams write them, with their one-letter names.

Source: Binance Spot API, "WebSocket Streams" and "User Data Streams", 2026-07.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.simulator.lists_wire import contingency, list_state
from engine.simulator.market import agg_trade_json
from engine.simulator.model import (
    BalancesChanged,
    Execution,
    Kline,
    ListReported,
    OrderReported,
    PublicTrade,
    Ticker24h,
    TopChanged,
)
from engine.simulator.wire import Json, Notation, figure, percent_change, price_change, rests


def trade_event(notation: Notation, trade: PublicTrade) -> Json:
    """`<symbol>@trade`."""
    return {
        "e": "trade",
        "E": trade.time_ms,
        "s": trade.symbol,
        "t": trade.trade_id,
        "p": notation.price(trade.price_ticks),
        "q": notation.quantity(trade.lots),
        "b": trade.buyer_order_id,
        "a": trade.seller_order_id,
        "T": trade.time_ms,
        "m": trade.buyer_is_maker,
        "M": True,
    }


def agg_trade_event(notation: Notation, group: Sequence[PublicTrade]) -> Json:
    """`<symbol>@aggTrade`: the trades of one taker order at one price."""
    return {"e": "aggTrade", "E": group[-1].time_ms, "s": notation.symbol, **agg_trade_json(notation, group)}


def depth_event(
    notation: Notation, first_id: int, last_id: int, bids: Mapping[int, int], asks: Mapping[int, int], time_ms: int
) -> Json:
    """`<symbol>@depth`: levels by price in ticks with the lots that stand there now."""
    return {
        "e": "depthUpdate",
        "E": time_ms,
        "s": notation.symbol,
        "U": first_id,
        "u": last_id,
        "b": notation.levels(sorted(bids.items(), reverse=True)),
        "a": notation.levels(sorted(asks.items())),
    }


def top_event(notation: Notation, top: TopChanged) -> Json:
    """`<symbol>@bookTicker`."""
    return {
        "u": top.update_id,
        "s": top.symbol,
        "b": notation.price(top.bid_ticks),
        "B": notation.quantity(top.bid_lots),
        "a": notation.price(top.ask_ticks),
        "A": notation.quantity(top.ask_lots),
    }


def kline_event(notation: Notation, interval: str, kline: Kline, now_ms: int, *, closed: bool) -> Json:
    """`<symbol>@kline_<interval>`; `closed` says that the candle will not change any more."""
    return {
        "e": "kline",
        "E": now_ms,
        "s": notation.symbol,
        "k": {
            "t": kline.open_ms,
            "T": kline.close_ms,
            "s": notation.symbol,
            "i": interval,
            "f": kline.first_trade_id,
            "L": kline.last_trade_id,
            "o": notation.price(kline.open),
            "c": notation.price(kline.close),
            "h": notation.price(kline.high),
            "l": notation.price(kline.low),
            "v": notation.quantity(kline.lots),
            "n": kline.trades,
            "x": closed,
            "q": figure(kline.quote_atoms),
            "V": notation.quantity(kline.taker_buy_lots),
            "Q": figure(kline.taker_buy_quote_atoms),
            "B": "0",
        },
    }


def mini_ticker_event(notation: Notation, ticker: Ticker24h, now_ms: int) -> Json:
    """`<symbol>@miniTicker`, and each row of `!miniTicker@arr`."""
    return {
        "e": "24hrMiniTicker",
        "E": now_ms,
        "s": ticker.symbol,
        "c": notation.price(ticker.last),
        "o": notation.price(ticker.open),
        "h": notation.price(ticker.high),
        "l": notation.price(ticker.low),
        "v": notation.quantity(ticker.lots),
        "q": figure(ticker.quote_atoms),
    }


def ticker_event(notation: Notation, ticker: Ticker24h, top: TopChanged, now_ms: int) -> Json:
    """`<symbol>@ticker`, and each row of `!ticker@arr`."""
    return {
        **mini_ticker_event(notation, ticker, now_ms),
        "e": "24hrTicker",
        "p": price_change(notation, ticker),
        "P": percent_change(ticker),
        "w": notation.average(ticker.quote_atoms, ticker.lots),
        "x": notation.price(ticker.previous_close),
        "Q": notation.quantity(ticker.last_lots),
        "b": notation.price(top.bid_ticks),
        "B": notation.quantity(top.bid_lots),
        "a": notation.price(top.ask_ticks),
        "A": notation.quantity(top.ask_lots),
        "O": ticker.open_ms,
        "C": ticker.close_ms,
        "F": ticker.first_trade_id,
        "L": ticker.last_trade_id,
        "n": ticker.trades,
    }


def window_ticker_event(notation: Notation, window: str, ticker: Ticker24h, now_ms: int) -> Json:
    """`<symbol>@ticker_<window>`, and each row of `!ticker_<window>@arr`."""
    return {
        **mini_ticker_event(notation, ticker, now_ms),
        "e": f"{window}Ticker",
        "p": price_change(notation, ticker),
        "P": percent_change(ticker),
        "w": notation.average(ticker.quote_atoms, ticker.lots),
        "O": ticker.open_ms,
        "C": ticker.close_ms,
        "F": ticker.first_trade_id,
        "L": ticker.last_trade_id,
        "n": ticker.trades,
    }


def average_price_event(notation: Notation, average_ticks: int, last_trade_ms: int, now_ms: int) -> Json:
    """`<symbol>@avgPrice`."""
    return {
        "e": "avgPrice",
        "E": now_ms,
        "s": notation.symbol,
        "i": "5m",
        "w": notation.price(average_ticks),
        "T": last_trade_ms,
    }


# --- user data -------------------------------------------------------------------------------------


def execution_report(notation: Notation, report: OrderReported, execution_id: int) -> Json:
    """`executionReport`: one transition of one order.

    `c` is the order's own client id and `C` empty, but in the report of a cancel `c` is the id of the
    cancel request and `C` the order's.
    """
    order, request, fill = report.order, report.order.request, report.fill
    terms = request.terms
    canceled = report.execution is Execution.CANCELED
    return {
        "e": "executionReport",
        "E": report.time_ms,
        "s": request.symbol,
        "c": report.cancel_client_order_id if canceled else request.client_order_id,
        "S": request.side.value,
        "o": request.type.value,
        "f": request.time_in_force.value,
        "q": notation.quantity(order.lots),
        "p": notation.price(request.price_ticks),
        "P": notation.price(terms.stop_ticks),
        "F": notation.quantity(terms.iceberg_lots),
        "g": order.list_id,
        "C": _original_id(report),
        "x": report.execution.value,
        "X": order.status.value,
        "r": report.reject_reason,
        "i": order.order_id,
        "l": notation.quantity(fill.lots if fill else 0),
        "z": notation.quantity(order.filled_lots),
        "L": notation.price(fill.price_ticks if fill else 0),
        "n": figure(fill.commission_atoms) if fill else "0",
        "N": fill.commission_asset if fill else None,
        "T": report.time_ms,
        "t": fill.trade_id if fill else -1,
        "I": execution_id,
        "w": rests(order),
        "m": fill.maker if fill else False,
        "M": fill is not None,
        "O": order.created_ms,
        "Z": figure(order.filled_quote_atoms),
        "Y": figure(fill.quote_atoms if fill else 0),
        "Q": figure(request.quote_atoms),
        "V": terms.stp.value,
        **_conditional(notation, report),
    }


def _original_id(report: OrderReported) -> str:
    if report.execution is Execution.CANCELED:
        return report.order.request.client_order_id
    return report.cancel_client_order_id if report.execution is Execution.REPLACED else ""


def _conditional(notation: Notation, report: OrderReported) -> Json:
    """What is told only of some orders ("Conditional Fields in Execution Report")."""
    order, terms, match = report.order, report.order.request.terms, report.prevented
    told: Json = {}
    if order.working_ms >= 0:
        told["W"] = order.working_ms
    if terms.trailing_bips:
        told |= {"d": terms.trailing_bips, "D": order.trailing_ms}
    if terms.strategy_id is not None:
        told["j"] = terms.strategy_id
    if terms.strategy_type is not None:
        told["J"] = terms.strategy_type
    if order.prevented_lots:
        told |= {"v": order.prevented_id, "A": notation.quantity(order.prevented_lots)}
    if match is not None:
        taker = order.order_id == match.taker_order_id
        told |= {
            "B": notation.quantity(match.taker_lots if taker else match.maker_lots),
            "u": -1,
            "U": match.maker_order_id if taker else match.taker_order_id,
            "Cs": match.symbol,
            "pl": notation.quantity(match.lots),
            "pL": notation.price(match.price_ticks),
            "pY": figure(notation.rules.quote_atoms(match.price_ticks, match.lots)),
        }
    return told


def list_status(report: ListReported) -> Json:
    """`listStatus`: one transition of an order list."""
    found = report.order_list
    kind, state = list_state(found, updated=report.updated)
    return {
        "e": "listStatus",
        "E": report.time_ms,
        "s": found.symbol,
        "g": found.list_id,
        "c": contingency(found),
        "l": kind,
        "L": state,
        "r": "NONE",
        "C": found.client_id,
        "T": report.time_ms,
        "O": [{"s": found.symbol, "i": order.order_id, "c": order.request.client_order_id} for order in found.orders],
    }


def account_position(change: BalancesChanged) -> Json:
    """`outboundAccountPosition`: the balances that one operation changed, as they stand."""
    return {
        "e": "outboundAccountPosition",
        "E": change.time_ms,
        "u": change.time_ms,
        "B": [
            {"a": balance.asset, "f": figure(balance.free), "l": figure(balance.locked)} for balance in change.balances
        ],
    }


def balance_update(asset: str, delta_atoms: int, time_ms: int) -> Json:
    """`balanceUpdate`: a deposit or withdrawal of one asset."""
    return {"e": "balanceUpdate", "E": time_ms, "a": asset, "d": figure(delta_atoms), "T": time_ms}
