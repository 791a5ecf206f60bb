"""Order lists: what the trades and ends of one order mean for the others of its list.

The legs of a pair put their money aside once, by the leg that may cost more: only one of them can trade.

Source: Binance Spot API, "New Order List - OCO, OTO, OTOCO" and "Cancel Order List", 2026-07.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.simulator.accounts import Account
from engine.simulator.floor import Floor, reserve_price
from engine.simulator.marketplace import Market
from engine.simulator.model import OPEN, Execution, ListKind, NewList, OrderList, Side, SimOrder, Status


def enter_list(floor: Floor, account: Account, asked: NewList, at_ms: int) -> OrderList:
    """A new list with all its orders, known and reported; those behind a working order are pending."""
    if account.history is None:
        raise RuntimeError("only an account with a key has order lists")
    list_id = floor.last_list_id
    floor.last_list_id += 1
    orders = tuple(
        floor.enter(account, request, at_ms, list_id, pending=asked.kind is not ListKind.OCO and place > 0)
        for place, request in enumerate(asked.orders)
    )
    order_list = OrderList(list_id, account.account_id, asked.kind, asked.client_id, orders, at_ms, at_ms)
    account.history.lists[list_id] = order_list
    for order in orders:
        floor.keep(order, account)
    floor.reports.order_list(order_list, at_ms)
    return order_list


def start_pair(floor: Floor, market: Market, account: Account, pair: Iterable[SimOrder], at_ms: int) -> None:
    """Let one leg wait and the other wait or rest; the dearer one holds the money."""
    legs = list(pair)
    dear = keeper(market, legs)
    for order in legs:
        order.status = Status.NEW
        if order.request.conditional:
            floor.wait(market, order, account, at_ms, reserve=order is dear)
        else:
            order.working_ms = at_ms
            floor.rest(market, order, account, reserve=order is dear)


def keeper(market: Market, legs: list[SimOrder]) -> SimOrder:
    """The leg for which money is put aside: it is enough for the other, too."""
    return max(legs, key=lambda order: reserve_price(market, order.request) if order.request.side is Side.BUY else 0)


def list_of(floor: Floor, order: SimOrder) -> OrderList:
    """The list of an order that has one."""
    history = floor.accounts.by_id[order.account_id].history
    if history is None:
        raise RuntimeError("only an account with a key has order lists")
    return history.lists[order.list_id]


def alone(floor: Floor, market: Market, order: SimOrder, at_ms: int) -> None:
    """A leg of a pair trades, triggers or ends: the other leg ends, and the money is this one's."""
    order_list = list_of(floor, order)
    account = floor.accounts.by_id[order.account_id]
    for other in order_list.pair:
        if other is not order and order in order_list.pair and other.status in OPEN:
            end(floor, market, other, account, at_ms)
    if order.status in OPEN and order.status is not Status.PENDING_NEW and not order.reserve_ticks:
        floor.reserve(market, order, account)


def end(floor: Floor, market: Market, order: SimOrder, account: Account, at_ms: int) -> None:
    """End an order by the rule of its list."""
    floor.withdraw(market, order, account)
    floor.finish(order, account, Status.EXPIRED, Execution.EXPIRED, at_ms, alone=False)


def close_when_done(floor: Floor, order_list: OrderList, at_ms: int) -> bool:
    """Whether all orders of a list have ended; then it is reported as done, once."""
    if order_list.done:
        return True
    if any(order.status in OPEN for order in order_list.orders):
        return False
    order_list.done = True
    order_list.updated_ms = at_ms
    history = floor.accounts.by_id[order_list.account_id].history
    if history is not None:
        history.finish_list(order_list)
    floor.reports.order_list(order_list, at_ms)
    return True
