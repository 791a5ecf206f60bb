"""Orders, fills and balances as the cells of table rows. A cell is text, or a small object that the browser draws."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from components.format import (
    Pill,
    alike,
    asset_quantity,
    epoch_ms,
    filled_percent,
    grouped,
    money_decimals,
    order_words,
    shortest,
    status_pill,
)
from engine.domain.fills import Fill
from engine.domain.instrument import Instrument
from engine.domain.order import Order, OrderStatus
from engine.domain.position import Balance
from engine.domain.values import Side

Cell = str | dict[str, Any]
Row = dict[str, Any]
Instruments = Mapping[str, Instrument]

LEFT, RIGHT = "left", "right"


@dataclass(frozen=True, slots=True)
class Tab:
    """One table: its columns as title and alignment, and what it says while it is empty."""

    name: str
    title: str
    columns: tuple[tuple[str, str], ...]
    empty: str
    counted: bool = False


ORDER_COLUMNS = (("Time", LEFT), ("Symbol", LEFT), ("Order", LEFT), ("Price", RIGHT))
OPEN_COLUMNS = (*ORDER_COLUMNS, ("Quantity", RIGHT), ("Filled", RIGHT), ("Status", RIGHT), ("", RIGHT))
HISTORY_COLUMNS = (*ORDER_COLUMNS, ("Average", RIGHT), ("Quantity", RIGHT), ("Filled", RIGHT), ("Status", RIGHT))
FILL_COLUMNS = (
    ("Time", LEFT),
    ("Symbol", LEFT),
    ("Side", LEFT),
    ("Price", RIGHT),
    ("Quantity", RIGHT),
    ("Value", RIGHT),
    ("Fee", RIGHT),
    ("Role", RIGHT),
)
BALANCE_COLUMNS = (("Asset", LEFT), ("Free", RIGHT), ("Locked", RIGHT), ("Total", RIGHT), ("Worth", RIGHT))
TABS = (
    Tab(
        "open",
        "Open orders",
        OPEN_COLUMNS,
        "No open orders. Set a price in the ticket, or click one in the book, and send a limit order.",
        counted=True,
    ),
    Tab(
        "history",
        "History",
        HISTORY_COLUMNS,
        "No orders yet. The first one that you send will be kept here, whatever becomes of it.",
    ),
    Tab("fills", "Fills", FILL_COLUMNS, "No fills yet. Send a market order to get the first one at once."),
    Tab(
        "balances",
        "Balances",
        BALANCE_COLUMNS,
        "The account's balances are not known yet: its venue has not answered.",
    ),
)


def open_row(order: Order, instruments: Instruments) -> Row:
    sent = "sent" if order.cancel_requested_at is not None else "can"
    return _row(
        order.id,
        order.id,
        epoch_ms(order.created_at),
        *_order_cells(order, instruments),
        _quantity(order, instruments),
        filled_percent(order),
        _pill(status_pill(order)),
        {"cancel": sent, "id": order.id},
    )


def history_row(order: Order, instruments: Instruments) -> Row:
    return _row(
        order.id,
        order.id,
        epoch_ms(order.created_at),
        *_order_cells(order, instruments),
        "–" if order.average_price is None else _price(order.average_price, order.symbol, instruments),
        _quantity(order, instruments),
        filled_percent(order),
        _pill(status_pill(order)),
    )


def fill_row(fill: Fill, side: Side | None, instruments: Instruments) -> Row:
    quote = fill.symbol.partition("/")[2]
    words = {None: "–", Side.BUY: "Buy", Side.SELL: "Sell"}[side]
    return _row(
        fill.id,
        fill.order_id,
        epoch_ms(fill.time),
        {"time": epoch_ms(fill.time)},
        fill.symbol,
        {"text": words, "kind": side or ""},
        _price(fill.price, fill.symbol, instruments),
        _base(fill.quantity, fill.symbol, instruments),
        f"{grouped(fill.price * fill.quantity, money_decimals(quote))} {quote}",
        f"{shortest(fill.fee)} {fill.fee_asset}",
        fill.liquidity.value,
    )


def balance_row(
    balance: Balance, worth: Decimal | None, quote: str, order: int, instruments: Instruments | None = None
) -> Row:
    """`worth` in `quote`, None where the asset has no price; `order` sorts, the greatest on top."""
    lots = [one.quantity_decimals for one in (instruments or {}).values() if one.base == balance.asset]
    return _row(
        balance.asset,
        None,
        order,
        balance.asset,
        *alike((balance.free, balance.locked, balance.total), balance.asset, max(lots, default=0)),
        "–" if worth is None else f"{grouped(worth, money_decimals(quote))} {quote}",
    )


def _order_cells(order: Order, instruments: Instruments) -> tuple[Cell, ...]:
    return (
        {"time": epoch_ms(order.created_at)},
        order.symbol,
        {"text": order_words(order), "kind": order.side.value},
        _asked_price(order, instruments),
    )


def _asked_price(order: Order, instruments: Instruments) -> str:
    """The limit; of a conditional order also, or only, where it triggers."""
    price = None if order.price is None else _price(order.price, order.symbol, instruments)
    if order.stop_price is not None:
        stop = f"stop {_price(order.stop_price, order.symbol, instruments)}"
    elif order.trailing_delta is not None:
        stop = f"trails {shortest(Decimal(order.trailing_delta) / 100)} %"
    else:
        return price or "market"
    return stop if price is None else f"{price}, {stop}"


def _row(key: str, opens: str | None, order: int, *cells: Cell) -> Row:
    """`opens` is the id of the order that a click on the row opens."""
    return {"key": key, "opens": opens, "order": order, "cells": list(cells)}


def _pill(pill: Pill) -> Cell:
    cell: dict[str, Any] = {"text": pill.words, "kind": f"pill {pill.kind}".strip(), "title": pill.title}
    return cell if pill.since is None else {**cell, "since": epoch_ms(pill.since)}


def _price(price: Decimal, symbol: str, instruments: Instruments) -> str:
    instrument = instruments.get(symbol)
    return shortest(price) if instrument is None else grouped(price, instrument.price_decimals)


def _base(quantity: Decimal, symbol: str, instruments: Instruments) -> str:
    instrument = instruments.get(symbol)
    return shortest(quantity) if instrument is None else grouped(quantity, instrument.quantity_decimals)


def _quantity(order: Order, instruments: Instruments) -> str:
    if order.quantity is not None:
        return _base(order.quantity, order.symbol, instruments)
    if order.status is OrderStatus.FILLED or order.filled_quantity:
        return _base(order.filled_quantity, order.symbol, instruments)
    quote = order.symbol.partition("/")[2]
    return f"for {asset_quantity(order.quote_quantity or Decimal(0), quote)} {quote}"
