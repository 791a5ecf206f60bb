"""Compares what the desk's ledger says with what the exchange says, asked behind the desk's back."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.simulator.process import Keys

ONE_ANSWER = 1000
START = {"USDT": Decimal(10_000), "BTC": Decimal("0.1"), "ETH": Decimal(1)}
WORD = {
    "ACCEPTED": "NEW",
    "PARTIALLY_FILLED": "PARTIALLY_FILLED",
    "FILLED": "FILLED",
    "CANCELED": "CANCELED",
    "EXPIRED": "EXPIRED",
}
OPEN = frozenset({"ACCEPTED", "PARTIALLY_FILLED"})

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ExchangeBooks:
    """One account as the exchange has it."""

    orders: tuple[Row, ...]
    trades: tuple[Row, ...]
    balances: Mapping[str, tuple[Decimal, Decimal]]
    """Free and locked by asset."""

    def of(self, client_order_id: str) -> tuple[Row, ...]:
        """Every order that was ever taken under this client order id."""
        return tuple(one for one in self.orders if one["clientOrderId"] == client_order_id)


def read_books(url: str, keys: Keys, symbols: Iterable[str] = ("BTCUSDT",)) -> ExchangeBooks:
    """Ask by plain signed HTTP."""
    with httpx.Client(base_url=url, trust_env=False, verify=False, headers={"X-MBX-APIKEY": keys.api_key}) as http:

        def ask(path: str, **fields: str | int) -> Any:
            query = urlencode({**fields, "timestamp": time.time_ns() // 1_000_000})
            return http.get(f"/api/v3/{path}?{query}&signature={keys.sign(query)}").raise_for_status().json()

        def history(path: str) -> tuple[Row, ...]:
            found = [row for symbol in symbols for row in ask(path, symbol=symbol, limit=ONE_ANSWER)]
            assert len(found) < ONE_ANSWER, f"{path} has more than one answer holds"
            return tuple(found)

        balances = ask("account")["balances"]
        held = {one["asset"]: (Decimal(one["free"]), Decimal(one["locked"])) for one in balances}
        return ExchangeBooks(history("allOrders"), history("myTrades"), held)


def differences(rows: Sequence[Row], balances: Sequence[Row], books: ExchangeBooks) -> list[str]:
    """Everything in which ledger and exchange disagree, in words; `rows` and `balances` as the API gives them."""
    return [
        *_doubles(books),
        *_strangers(rows, books),
        *(fault for row in rows for fault in _faults_of_order(row, books)),
        *_repeated_fills(rows),
        *_faults_of_balances(rows, balances, books),
    ]


def _doubles(books: ExchangeBooks) -> list[str]:
    counted = Counter(one["clientOrderId"] for one in books.orders)
    return [f"{name} was placed {count} times" for name, count in counted.items() if count > 1]


def _strangers(rows: Sequence[Row], books: ExchangeBooks) -> list[str]:
    known = {row["client_order_id"] for row in rows}
    return [f"{one['clientOrderId']} is in no ledger" for one in books.orders if one["clientOrderId"] not in known]


def _faults_of_order(row: Row, books: ExchangeBooks) -> list[str]:
    name = f"{row['client_order_id']} ({row['status']}, {row['reason']})"
    at_exchange = books.of(row["client_order_id"])
    never_taken = row["status"] in {"REJECTED", "DENIED"} or (
        row["status"] == "CANCELED" and row["venue_order_id"] is None
    )
    if never_taken:
        return [f"{name} is {one['status']} at the exchange" for one in at_exchange]
    if not at_exchange:
        return [f"{name} is unknown to the exchange"]
    one = at_exchange[0]
    trades = [trade for trade in books.trades if trade["orderId"] == one["orderId"]]
    faults: list[str] = []
    if one["status"] != WORD.get(row["status"]):
        faults.append(f"{name} is {one['status']} at the exchange")
    if {str(trade["id"]) for trade in trades} != {fill["venue_trade_id"] for fill in row["fills"]}:
        faults.append(f"{name} has {len(row['fills'])} fills, {len(trades)} at the exchange")
    filled = sum((Decimal(fill["quantity"]) for fill in row["fills"]), Decimal(0))
    if not filled == Decimal(row["filled_quantity"]) == Decimal(one["executedQty"]):
        faults.append(f"{name} filled {row['filled_quantity']}, Σ {filled}, at the exchange {one['executedQty']}")
    if _vwap(row["fills"]) != (None if row["average_price"] is None else Decimal(row["average_price"])):
        faults.append(f"{name} has the average price {row['average_price']}, not {_vwap(row['fills'])}")
    return faults


def _vwap(fills: Iterable[Row]) -> Decimal | None:
    pairs = [(Decimal(fill["price"]), Decimal(fill["quantity"])) for fill in fills]
    quantity = sum((quantity for _, quantity in pairs), Decimal(0))
    notional = sum((price * quantity for price, quantity in pairs), Decimal(0))
    return Context(prec=28).divide(notional, quantity) if quantity else None


def _repeated_fills(rows: Sequence[Row]) -> list[str]:
    counted = Counter((row["symbol"], fill["venue_trade_id"]) for row in rows for fill in row["fills"])
    return [f"fill {trade} is there {count} times" for trade, count in counted.items() if count > 1]


def _faults_of_balances(rows: Sequence[Row], balances: Sequence[Row], books: ExchangeBooks) -> list[str]:
    """What the desk shows, what the exchange holds, and what the start and the fills add up to."""
    shown = {one["asset"]: (Decimal(one["free"]), Decimal(one["locked"])) for one in balances}
    held = {asset: pair for asset, pair in books.balances.items() if sum(pair)}
    faults = [] if shown == held else [f"the desk shows {shown}, the exchange holds {held}"]
    due = defaultdict(Decimal, START)
    for row in rows:
        base, quote = row["symbol"].split("/")
        sign = 1 if row["side"] == "buy" else -1
        for fill in row["fills"]:
            quantity = Decimal(fill["quantity"])
            due[base] += sign * quantity
            due[quote] -= sign * quantity * Decimal(fill["price"])
            due[fill["fee_asset"]] -= Decimal(fill["fee"])
    totals = {asset: sum(pair, Decimal(0)) for asset, pair in held.items()}
    faults += [
        f"{asset}: the fills add up to {total}, the exchange holds {totals.get(asset)}"
        for asset, total in due.items()
        if totals.get(asset, Decimal(0)) != total
    ]
    return faults
