"""The whole state of a market as JSON, for snapshots and for comparing two markets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import astuple
from decimal import Decimal
from hashlib import sha256
from typing import Any

import orjson

from engine.simulator.accounts import Account, History
from engine.simulator.book import BookSide, Entry
from engine.simulator.inputs import KINDS, MODES, World, order_fields, order_of
from engine.simulator.marketplace import Market
from engine.simulator.model import OPEN, Amendment, OrderList, PreventedMatch, SimAccount, SimFill, SimOrder, Status

ORDER_FIELDS = 9
STATUSES = {status.value: status for status in Status}


def dump(world: World) -> dict[str, Any]:
    """Everything that `restore` needs to go on as if nothing had happened."""
    matcher = world.matcher
    return {
        "last_ms": world.last_ms,
        "last_order_id": matcher.last_order_id,
        "last_list_id": matcher.last_list_id,
        "last_amendment_id": matcher.last_amendment_id,
        "notes": world.notes,
        "accounts": [_account(account) for account in matcher.accounts.by_id.values()],
        "markets": {symbol: _market(market) for symbol, market in matcher.markets.items()},
    }


def digest(world: World) -> str:
    """The same for two markets that will behave the same."""
    return sha256(orjson.dumps(dump(world), option=orjson.OPT_SORT_KEYS)).hexdigest()


def restore(world: World, state: Mapping[str, Any]) -> None:
    """Put a dumped state into an empty world."""
    matcher = world.matcher
    world.last_ms = state["last_ms"]
    world.notes = state["notes"]
    matcher.last_order_id = state["last_order_id"]
    matcher.last_list_id = state["last_list_id"]
    matcher.last_amendment_id = state["last_amendment_id"]
    open_orders: dict[int, SimOrder] = {}
    for saved in state["accounts"]:
        _restore_account(world, saved, open_orders)
    entries: dict[int, Entry] = {}
    for symbol, saved in state["markets"].items():
        _restore_market(matcher.markets[symbol], saved, open_orders, entries)
    for order in open_orders.values():
        account = matcher.accounts.by_id[order.account_id]
        entry = entries.get(order.order_id)
        account.hold(order, Entry(order, order.remaining_lots) if entry is None else entry)
        if order.waiting:
            matcher.markets[order.request.symbol].triggers.add(order)


def _account(account: Account) -> dict[str, Any]:
    profile, history = account.profile, account.history
    orders: Iterable[SimOrder] = (
        history.orders.values()
        if history is not None
        else [entry.order for entry in account.open.values() if entry.order is not None]
    )
    return {
        "id": profile.account_id,
        "key": profile.api_key,
        "secret": profile.secret,
        "can_trade": profile.can_trade,
        "can_withdraw": profile.can_withdraw,
        "maker_bps": str(profile.maker_bps),
        "taker_bps": str(profile.taker_bps),
        "free": account.free,
        "locked": account.locked,
        "orders": [_order(order) for order in orders],
        "finished": history.finished if history is not None else (),
        "fills": [_fill(fill) for fill in history.fills()] if history is not None else (),
        "lists": [_list(found) for found in history.lists.values()] if history is not None else (),
        "finished_lists": history.finished_lists if history is not None else (),
        "prevented": [_fields(match) for match in history.prevented] if history is not None else (),
        "amendments": [_fields(made) for made in history.amendments] if history is not None else (),
    }


def _restore_account(world: World, saved: Mapping[str, Any], open_orders: dict[int, SimOrder]) -> None:
    accounts = world.matcher.accounts
    account = accounts.by_id.get(saved["id"]) or accounts.add(
        SimAccount(
            saved["id"],
            saved["key"],
            saved["secret"],
            saved["can_trade"],
            saved["can_withdraw"],
            Decimal(saved["maker_bps"]),
            Decimal(saved["taker_bps"]),
        )
    )
    account.free.update(saved["free"])
    account.locked.update(saved["locked"])
    orders = [_order_of(account.account_id, fields) for fields in saved["orders"]]
    open_orders.update((order.order_id, order) for order in orders if order.status in OPEN)
    if account.history is not None:
        symbols = {order.order_id: order for order in orders}
        fills = [_fill_of(symbols[fields[1]], fields) for fields in saved["fills"]]
        history = account.history = History.of(orders, saved["finished"], fills)
        lists = [_list_of(account.account_id, fields, history.orders) for fields in saved["lists"]]
        history.restore_lists(lists, saved["finished_lists"])
        history.prevented.extend(_prevented_of(fields) for fields in saved["prevented"])
        history.amendments.extend(Amendment(*fields) for fields in saved["amendments"])


def _order(order: SimOrder) -> list[Any]:
    return [
        *order_fields(order.request),
        order.order_id,
        order.status.value,
        order.created_ms,
        order.updated_ms,
        order.lots,
        order.filled_lots,
        order.filled_quote_atoms,
        order.working_ms,
        order.list_id,
        order.reserve_ticks,
        order.trail_ticks,
        order.trailing_ms,
        order.prevented_lots,
        order.prevented_id,
    ]


def _order_of(account_id: int, fields: list[Any]) -> SimOrder:
    order_id, status, *rest = fields[ORDER_FIELDS:]
    return SimOrder(order_id, account_id, order_of(fields[:ORDER_FIELDS]), STATUSES[status], *rest)


def _list(found: OrderList) -> list[Any]:
    orders = [_order(order) for order in found.orders]
    return [found.list_id, found.kind.value, found.client_id, orders, found.created_ms, found.updated_ms, found.done]


def _list_of(account_id: int, fields: list[Any], known: Mapping[int, SimOrder]) -> OrderList:
    list_id, kind, client_id, orders, created_ms, updated_ms, done = fields
    found = [_order_of(account_id, saved) for saved in orders]
    return OrderList(
        list_id,
        account_id,
        KINDS[kind],
        client_id,
        tuple(known.get(order.order_id, order) for order in found),
        created_ms,
        updated_ms,
        done,
    )


def _fields(row: PreventedMatch | Amendment) -> list[Any]:
    return list(astuple(row))


def _prevented_of(fields: list[Any]) -> PreventedMatch:
    prevented_id, symbol, taker_id, maker_id, mode, *rest = fields
    return PreventedMatch(prevented_id, symbol, taker_id, maker_id, MODES[mode], *rest)


def _fill(fill: SimFill) -> list[Any]:
    return [
        fill.trade_id,
        fill.order_id,
        fill.price_ticks,
        fill.lots,
        fill.quote_atoms,
        fill.commission_atoms,
        fill.commission_asset,
        fill.maker,
        fill.time_ms,
    ]


def _fill_of(order: SimOrder, fields: list[Any]) -> SimFill:
    trade_id, order_id, *rest = fields
    return SimFill(trade_id, order_id, order.account_id, order.request.symbol, order.request.side, *rest)


def _market(market: Market) -> dict[str, Any]:
    return {
        "update_id": market.update_id,
        "prevented_id": market.prevented_id,
        "bids": _side(market.book.bids),
        "asks": _side(market.book.asks),
        "tape": market.tape.dump(),
    }


def _side(side: BookSide) -> list[Any]:
    return [
        [level.price, [[0 if entry.order is None else entry.order.order_id, entry.lots] for entry in level]]
        for level in side
    ]


def _restore_market(
    market: Market, saved: Mapping[str, Any], open_orders: Mapping[int, SimOrder], entries: dict[int, Entry]
) -> None:
    market.update_id = saved["update_id"]
    market.prevented_id = saved["prevented_id"]
    market.tape.restore(saved["tape"])
    for side, levels in ((market.book.bids, saved["bids"]), (market.book.asks, saved["asks"])):
        for price, queue in levels:
            for order_id, lots in queue:
                if order_id:
                    order = open_orders[order_id]
                    entry = entries[order_id] = Entry(order, lots, order.remaining_lots - lots)
                else:
                    entry = Entry(None, lots)
                side.add(price, entry)
    market.shown_top = market.book.best()
