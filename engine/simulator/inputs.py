"""What can be done to a market, as records of the journal: the live call and its replay are the same function.

A record is `[code, …]`; figures are ticks, lots and atoms, times milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import orjson

from engine.simulator import outside
from engine.simulator.amend import amend
from engine.simulator.candles import Candles
from engine.simulator.journal import Record
from engine.simulator.matching import Matcher
from engine.simulator.model import (
    PLAIN,
    Kline,
    ListKind,
    NewList,
    NewOrder,
    OrderType,
    Side,
    SimAccount,
    SimOrder,
    Stp,
    Terms,
    TimeInForce,
)

SIDES = {side.value: side for side in Side}
TYPES = {kind.value: kind for kind in OrderType}
TIMES_IN_FORCE = {time.value: time for time in TimeInForce}
MODES = {mode.value: mode for mode in Stp}
KINDS = {kind.value: kind for kind in ListKind}


@dataclass(slots=True)
class World:
    """Everything that a restart must find again."""

    matcher: Matcher
    notes: dict[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    last_ms: int = 0
    """The time of the newest operation."""


def account_record(profile: SimAccount, atoms: Mapping[str, int]) -> Record:
    """A new account with its opening balances."""
    rates = [str(profile.maker_bps), str(profile.taker_bps)]
    rights = [profile.can_trade, profile.can_withdraw]
    return ["a", profile.account_id, profile.api_key, profile.secret, *rights, *rates, dict(atoms)]


def deposit_record(account_id: int, asset: str, atoms: int, at_ms: int) -> Record:
    """More of an asset for an account."""
    return ["d", at_ms, account_id, asset, atoms]


def order_record(account_id: int, order: NewOrder, at_ms: int) -> Record:
    """An order that was admitted."""
    return ["p", at_ms, account_id, *order_fields(order)]


def list_record(account_id: int, asked: NewList, at_ms: int) -> Record:
    """An order list that was admitted."""
    orders = [order_fields(order) for order in asked.orders]
    return ["o", at_ms, account_id, asked.kind.value, asked.client_id, orders]


def amend_record(account_id: int, order_id: int, lots: int, client_order_id: str, at_ms: int) -> Record:
    """A quantity that is lowered in its place."""
    return ["m", at_ms, account_id, order_id, lots, client_order_id]


def order_fields(order: NewOrder) -> list[Any]:
    """The fields of an order as asked for."""
    terms = order.terms
    return [
        order.symbol,
        order.side,
        order.type,
        order.client_order_id,
        order.time_in_force,
        order.price_ticks,
        order.lots,
        order.quote_atoms,
        None
        if terms is PLAIN
        else [
            terms.stop_ticks,
            terms.trailing_bips,
            terms.iceberg_lots,
            terms.stp,
            terms.strategy_id,
            terms.strategy_type,
        ],
    ]


def order_of(fields: list[Any]) -> NewOrder:
    """What `order_fields` gave."""
    symbol, side, kind, client_order_id, time_in_force, price_ticks, lots, quote_atoms, asked = fields
    terms = PLAIN
    if asked is not None:
        stop_ticks, trailing_bips, iceberg_lots, stp, strategy_id, strategy_type = asked
        terms = Terms(stop_ticks, trailing_bips, iceberg_lots, MODES[stp], strategy_id, strategy_type)
    return NewOrder(
        symbol,
        SIDES[side],
        TYPES[kind],
        client_order_id,
        TIMES_IN_FORCE[time_in_force],
        price_ticks,
        lots,
        quote_atoms,
        terms,
    )


def cancel_record(account_id: int, symbol: str, order_ids: list[int], cancel_id: str, at_ms: int) -> Record:
    """A cancel of open orders."""
    return ["c", at_ms, account_id, symbol, order_ids, cancel_id]


def note_record(name: str, state: Mapping[str, object]) -> Record:
    """The newest state of something that drives the market."""
    return ["n", name, orjson.loads(orjson.dumps(state))]


def history_record(symbol: str, minutes: Sequence[Kline]) -> Record:
    """The candles behind the first trade; ValueError when they have a gap."""
    candles = Candles()
    candles.load(minutes)
    return ["h", symbol, candles.dump(), max((minute.last_trade_id for minute in minutes), default=0)]


def levels_record(
    symbol: str,
    bids: Sequence[tuple[int, int]],
    asks: Sequence[tuple[int, int]],
    last_update_id: int,
    replace: bool,
    at_ms: int,
) -> Record:
    """What outsiders show."""
    return ["l", at_ms, symbol, bids, asks, last_update_id, replace]


def trade_record(symbol: str, price: int, lots: int, buyer_is_maker: bool, trade_id: int, at_ms: int) -> Record:
    """A trade between outsiders."""
    return ["t", at_ms, symbol, price, lots, buyer_is_maker, trade_id]


def apply(world: World, record: Record) -> None:
    """Do again what a record tells."""
    APPLY[record[0]](world, record)


def _account(world: World, record: Record) -> None:
    _, account_id, key, secret, can_trade, can_withdraw, maker_bps, taker_bps, atoms = record
    add_account(
        world,
        SimAccount(account_id, key, secret, can_trade, can_withdraw, Decimal(maker_bps), Decimal(taker_bps)),
        atoms,
    )


def add_account(world: World, profile: SimAccount, atoms: Mapping[str, int]) -> None:
    """Open an account with these balances."""
    account = world.matcher.accounts.add(profile)
    for asset, quantity in atoms.items():
        account.free[asset] += quantity


def _deposit(world: World, record: Record) -> None:
    _, at_ms, account_id, asset, atoms = record
    world.last_ms = at_ms
    world.matcher.accounts.by_id[account_id].free[asset] += atoms


def _order(world: World, record: Record) -> None:
    world.last_ms = record[1]
    world.matcher.place(world.matcher.accounts.by_id[record[2]], order_of(record[3:]), record[1])


def _cancel(world: World, record: Record) -> None:
    _, at_ms, account_id, symbol, order_ids, cancel_id = record
    world.last_ms = at_ms
    open_orders = world.matcher.accounts.by_id[account_id].open
    orders: list[SimOrder] = [order for order_id in order_ids if (order := open_orders[order_id].order) is not None]
    world.matcher.cancel(world.matcher.markets[symbol], orders, at_ms, cancel_id)


def _list(world: World, record: Record) -> None:
    _, at_ms, account_id, kind, client_id, orders = record
    world.last_ms = at_ms
    asked = NewList(KINDS[kind], client_id, tuple(order_of(fields) for fields in orders))
    world.matcher.place_list(world.matcher.accounts.by_id[account_id], asked, at_ms)


def _amend(world: World, record: Record) -> None:
    _, at_ms, account_id, order_id, lots, client_order_id = record
    world.last_ms = at_ms
    amend(world.matcher, world.matcher.accounts.by_id[account_id], order_id, lots, client_order_id, at_ms)


def _note(world: World, record: Record) -> None:
    _, name, state = record
    world.notes[name] = state


def _history(world: World, record: Record) -> None:
    _, symbol, columns, last_trade_id = record
    world.matcher.markets[symbol].tape.load_history(columns, last_trade_id)


def _levels(world: World, record: Record) -> None:
    _, at_ms, symbol, bids, asks, last_update_id, replace = record
    world.last_ms = at_ms
    market = world.matcher.markets[symbol]
    outside.set_levels(world.matcher, market, bids, asks, at_ms, last_update_id, replace=replace)


def _trade(world: World, record: Record) -> None:
    _, at_ms, symbol, price, lots, buyer_is_maker, trade_id = record
    world.last_ms = at_ms
    market = world.matcher.markets[symbol]
    outside.print_trade(world.matcher, market, price, lots, at_ms, trade_id, buyer_is_maker=buyer_is_maker)


APPLY: Mapping[str, Callable[[World, Record], None]] = {
    "p": _order,
    "c": _cancel,
    "o": _list,
    "m": _amend,
    "n": _note,
    "l": _levels,
    "t": _trade,
    "h": _history,
    "a": _account,
    "d": _deposit,
}
