"""Holds what a desk's ledger says against what the exchange says: the invariants of a world, each in words."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache

import orjson

from engine.accounts import PAPER_BALANCES
from engine.domain.fills import Fill, fees, filled_quantity, vwap
from engine.domain.order import FINISHED, Leg, Order, OrderStatus, Origin
from engine.domain.order_list import LISTS_OVER, ListKind, OrderList
from engine.domain.values import Side
from engine.ports import Account
from engine.simulator.exchange import Exchange
from engine.simulator.model import ATOMS, OPEN, SimFill, SimOrder, Status
from tests.virtual.crowd import STRANGER
from tests.virtual.exchange import LISTINGS, SYMBOLS, VirtualExchange
from tests.virtual.ledger import MemoryStore
from tests.virtual.process import Screen

MOST = 1_000
WORD: Mapping[Status, frozenset[OrderStatus]] = {
    Status.PENDING_NEW: frozenset({OrderStatus.ACCEPTED}),
    Status.NEW: frozenset({OrderStatus.ACCEPTED}),
    Status.PARTIALLY_FILLED: frozenset({OrderStatus.PARTIALLY_FILLED}),
    Status.FILLED: frozenset({OrderStatus.FILLED}),
    Status.CANCELED: frozenset({OrderStatus.CANCELED}),
    Status.EXPIRED: frozenset({OrderStatus.EXPIRED}),
    Status.EXPIRED_IN_MATCH: frozenset({OrderStatus.EXPIRED}),
    Status.REJECTED: frozenset({OrderStatus.REJECTED}),
}
NEVER_TAKEN = frozenset({OrderStatus.DENIED, OrderStatus.REJECTED, OrderStatus.HELD})
AT_REST = FINISHED | {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.HELD}


class Books:
    """One account as the exchange has it, asked behind everybody's back."""

    def __init__(self, exchange: Exchange, account_id: int) -> None:
        self.orders: list[SimOrder] = []
        self.fills: dict[int, list[SimFill]] = defaultdict(list)
        for listing in LISTINGS:
            self.orders += exchange.orders(account_id, listing.symbol, limit=MOST)
            for fill in exchange.fills(account_id, listing.symbol, limit=MOST):
                self.fills[fill.order_id].append(fill)
        self.totals = {one.asset: one.free + one.locked for one in exchange.balances(account_id)}


def faults_of_account(store: MemoryStore, venue: VirtualExchange, account: Account, api_key: str) -> Iterator[str]:
    """Invariants 1 to 4, 6 and 7."""
    holder = venue.exchange.account_by_key(api_key)
    rows = [order for order in store.orders.values() if order.account_id == account.id]
    if holder is None:
        yield from (f"{_name(row)}, and there is no account" for row in rows if row.status not in NEVER_TAKEN)
        return
    books = Books(venue.exchange, holder.account_id)
    mine = [order for order in books.orders if not order.request.client_order_id.startswith(STRANGER)]
    counted = Counter(order.request.client_order_id for order in mine)
    yield from (f"1 {name} was accepted {count} times" for name, count in counted.items() if count > 1)
    known = {row.client_order_id for row in rows}
    yield from (f"2 {name} is in no ledger" for name in counted if name not in known)
    taken: dict[str, list[SimOrder]] = defaultdict(list)
    for order in books.orders:
        taken[order.request.client_order_id].append(order)
    for row in rows:
        yield from _faults_of_row(row, store.fills.get(row.id, ()), taken[row.client_order_id], books)
        if taken[row.client_order_id] and any(step.event == "NotAccepted" for step in store.steps[row.id]):
            yield f"3 {_name(row)} was given up, and the exchange took it"
        yield from _faults_of_replacement(row, store)
    for order_list in store.lists.values():
        if order_list.account_id == account.id:
            yield from _faults_of_list(order_list, [row for row in rows if row.list_id == order_list.id])
    yield from _faults_of_balances(rows, store, books)


def faults_of_screen(screen: Screen) -> Iterator[str]:
    """Invariant 5: each state of an order is told once, and nothing is told that says nothing new."""
    last: dict[str, Order] = {}
    sequence = 0
    for change in screen.told:
        order, before = change.order, last.get(change.order.id)
        if change.sequence <= sequence:
            yield f"5 event {change.sequence} of {screen.user_id} came after {sequence}"
        if before is not None and order.version <= before.version:
            yield f"5 {_name(order)} was told in version {order.version} after {before.version}"
        next_one = before is not None and order.version == before.version + 1
        if before is not None and next_one and not change.new_fills and _visible(order) == _visible(before):
            yield f"5 {_name(order)} was told twice"
        last[order.id], sequence = order, change.sequence


def wrong_on_screen(screen: Screen, store: MemoryStore) -> Iterator[str]:
    """What a session shows that the ledger says otherwise."""
    for order in store.orders.values():
        if order.user_id == screen.user_id and screen.shown.get(order.id) != order:
            shown = screen.shown.get(order.id)
            yield f"5 the screen shows {_name(order)} as {shown.status if shown is not None else 'nothing'}"


def _faults_of_row(row: Order, fills: Sequence[Fill], there: Sequence[SimOrder], books: Books) -> Iterator[str]:
    name = _name(row)
    if row.status not in AT_REST:
        yield f"6 {name} is not finished"
        return
    if row.status in NEVER_TAKEN or (row.status is OrderStatus.CANCELED and row.venue_order_id is None):
        yield from (
            f"3 {name} is {order.status} at the exchange" for order in there if row.status not in WORD[order.status]
        )
        return
    if not there:
        yield f"3 {name} is unknown to the exchange"
        return
    order = there[0]
    if row.status not in WORD.get(order.status, ()):
        yield f"{3 if row.finished else 6} {name} is {order.status} at the exchange"
    if row.venue_order_id != str(order.order_id):
        yield f"3 {name} is known as {row.venue_order_id}, not {order.order_id}"
    trades = {str(fill.trade_id) for fill in books.fills[order.order_id]}
    if trades != {fill.venue_trade_id for fill in fills} or len(trades) != len(fills):
        yield f"4 {name} has {len(fills)} fills, {len(trades)} at the exchange"
    if (row.filled_quantity, row.average_price, row.fees) != (filled_quantity(fills), vwap(fills), fees(fills)):
        yield f"4 {name} is not the sum of its fills"
    if row.quote_quantity is None and row.quantity != order.lots * _lot(order.request.symbol):
        yield f"4 {name} is over {row.quantity}, {order.lots} lots at the exchange"
    if row.filled_quantity != order.filled_lots * _lot(order.request.symbol):
        yield f"4 {name} filled {row.filled_quantity}, {order.filled_lots} lots at the exchange"


def _faults_of_replacement(row: Order, store: MemoryStore) -> Iterator[str]:
    """What took an order's place fills no more than was wanted and that one had not filled."""
    for step in store.steps[row.id]:
        if step.event != "AmendRequested":
            continue
        asked: dict[str, str] = orjson.loads(step.detail)
        replacement = store.orders.get(asked.get("replaced_by", ""))
        if replacement is None or replacement.replaced_by is not None:
            continue
        wanted = Decimal(asked["quantity"]) if "quantity" in asked else row.quantity or Decimal(0)
        if replacement.filled_quantity > max(wanted - row.filled_quantity, Decimal(0)):
            yield f"8 {_name(replacement)} filled {replacement.filled_quantity} in the place of {_name(row)}"


def _faults_of_list(order_list: OrderList, rows: Sequence[Order]) -> Iterator[str]:
    """A list ends with its orders, and its exits close no more than there is to close."""
    name = f"list {order_list.id[-4:]} ({order_list.kind}, {order_list.status}, {order_list.note})"
    if order_list.status not in LISTS_OVER and all(row.finished for row in rows):
        yield f"6 {name} goes on, and its orders have all ended"
    if order_list.status in LISTS_OVER and not all(row.finished for row in rows):
        yield f"6 {name} is over, and its orders are not"
    brought = sum((row.filled_quantity for row in rows if row.leg is Leg.ENTRY), Decimal(0))
    closed = sum((row.filled_quantity for row in rows if row.leg is not Leg.ENTRY), Decimal(0))
    most = max(row.quantity or Decimal(0) for row in rows) if order_list.kind is ListKind.OCO else brought
    if closed > most:
        yield f"8 {name} closed {closed} of {most}"


def _faults_of_balances(rows: Iterable[Order], store: MemoryStore, books: Books) -> Iterator[str]:
    """Start + Σ fills − fees, as the ledger has them; what a stranger traded, where the ledger has it not."""
    due = {asset: int(amount * ATOMS) for asset, amount in PAPER_BALANCES.items()}
    for row in rows:
        base, quote = row.symbol.split("/")
        sign = 1 if row.side is Side.BUY else -1
        for fill in store.fills.get(row.id, ()):
            due[base] += sign * _atoms(fill.quantity)
            due[quote] -= sign * _atoms(fill.quantity * fill.price)
            due[fill.fee_asset] -= _atoms(fill.fee)
    known = {row.client_order_id for row in rows if row.origin is Origin.EXTERNAL}
    for order in books.orders:
        name = order.request.client_order_id
        if name.startswith(STRANGER) and name not in known:
            base, quote = SYMBOLS[order.request.symbol].split("/")
            for fill in books.fills[order.order_id]:
                sign = 1 if fill.side.value == "BUY" else -1
                due[base] += sign * int(fill.lots * _lot(fill.symbol) * ATOMS)
                due[quote] -= sign * fill.quote_atoms
                due[fill.commission_asset] -= fill.commission_atoms
    for asset, atoms in due.items():
        if books.totals.get(asset, 0) != atoms:
            yield f"7 {asset}: the fills add up to {atoms}, the exchange holds {books.totals.get(asset)}"


def open_at_exchange(venue: VirtualExchange, api_key: str) -> bool:
    holder = venue.exchange.account_by_key(api_key)
    return holder is not None and any(one.status in OPEN for one in venue.exchange.open_orders(holder.account_id))


def _visible(order: Order) -> Order:
    return replace(order, version=0, updated_at=order.created_at)


def _atoms(amount: Decimal) -> int:
    return int(amount * ATOMS)


@cache
def _lot(symbol: str) -> Decimal:
    return next(listing.lot for listing in LISTINGS if listing.symbol == symbol)


def _name(row: Order) -> str:
    return f"{row.client_order_id} {row.id[-4:]} ({row.status}, {row.reason})"
