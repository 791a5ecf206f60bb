"""Lowering an order's quantity without losing its place in the queue.

Source: Binance Spot API, "Order Amend Keep Priority" and "Error codes" (-2038), 2026-07.
"""

from __future__ import annotations

from dataclasses import replace

from engine.simulator.accounts import Account
from engine.simulator.conditions import MOST_AMENDMENTS
from engine.simulator.floor import Floor
from engine.simulator.lists import list_of
from engine.simulator.marketplace import Market
from engine.simulator.matching import Matcher
from engine.simulator.model import OPEN, Amendment, ApiError, Execution, OrderList, SimOrder


def admit_amendment(market: Market, account: Account, order: SimOrder, lots: int, client_order_id: str) -> None:
    """ApiError -2038 with the reason why the quantity cannot become `lots`, -2010 for a client id that is taken."""
    if account.history is None or not account.profile.can_trade:
        raise ApiError(-2010, "This action is disabled on this account.")
    if lots == order.lots:
        raise ApiError(-2038, "The requested action would change no state; rejecting.")
    if lots > order.lots:
        raise ApiError(-2038, "Order amend (quantity increase) is not supported.")
    if lots <= max(_used(each) for each in _together(account, order)):
        raise ApiError(-2038, "Order amend (quantity below what is executed) is not supported.")
    made = sum(1 for each in account.history.amendments if each.order_id == order.order_id)
    if made >= MOST_AMENDMENTS:
        raise ApiError(-2038, "Filter failure: MAX_NUM_ORDER_AMENDS")
    request = replace(order.request, lots=lots)
    try:
        market.rules.check(request, 0, 0, 0)
    except ApiError as refusal:
        raise ApiError(-2038, refusal.message) from refusal
    if account.open_ids.get(client_order_id, order.order_id) != order.order_id:
        raise ApiError(-2010, "Duplicate order sent.")


def amend(matcher: Matcher, account: Account, order_id: int, lots: int, client_order_id: str, at_ms: int) -> Amendment:
    """Lower the quantity of an open order, and of the leg that is paired with it; the money it frees is given back."""
    order = account.open[order_id].order
    if order is None:
        raise RuntimeError("only orders can be amended")
    market = matcher.markets[order.request.symbol]
    old_client_id = order.request.client_order_id
    made = _note(matcher, account, order, lots, client_order_id, at_ms)
    for each in _together(account, order):
        if each is not order:
            _note(matcher, account, each, lots, each.request.client_order_id, at_ms)
        before = each.request.client_order_id
        _lower(matcher, market, each, account, lots, at_ms)
        if each is order:
            _rename(account, order, client_order_id)
        matcher.reports.order(each, Execution.REPLACED, at_ms, cancel_id=before)
    if order.list_id >= 0 and client_order_id != old_client_id:
        matcher.reports.order_list(list_of(matcher, order), at_ms, updated=True)
    matcher.complete(market, at_ms)
    return made


def _note(
    matcher: Matcher, account: Account, order: SimOrder, lots: int, client_order_id: str, at_ms: int
) -> Amendment:
    matcher.last_amendment_id += 1
    made = Amendment(
        matcher.last_amendment_id,
        order.request.symbol,
        order.order_id,
        order.request.client_order_id,
        client_order_id,
        order.lots,
        lots,
        at_ms,
    )
    if account.history is not None:
        account.history.amendments.append(made)
    return made


def _lower(floor: Floor, market: Market, order: SimOrder, account: Account, lots: int, at_ms: int) -> None:
    entry = account.open[order.order_id]
    floor.unlock(market, order, account, order.lots - lots)
    order.lots = lots
    order.updated_ms = at_ms
    order.request = replace(order.request, lots=lots)
    remaining = order.remaining_lots
    if entry.level is None:
        entry.lots = remaining
        return
    side = market.book.own(order.request.side)
    side.touched[order.request.price_ticks] = None
    side.hide(entry, max(0, remaining - entry.lots))
    if entry.lots > remaining:
        side.reduce(entry, entry.lots - remaining)


def _rename(account: Account, order: SimOrder, client_order_id: str) -> None:
    del account.open_ids[order.request.client_order_id]
    account.open_ids[client_order_id] = order.order_id
    if account.history is not None:
        account.history.rename(order, client_order_id)
    order.request = replace(order.request, client_order_id=client_order_id)


def _together(account: Account, order: SimOrder) -> tuple[SimOrder, ...]:
    """The order, and the other leg where only one of two can trade."""
    if order.list_id < 0 or account.history is None:
        return (order,)
    order_list: OrderList = account.history.lists[order.list_id]
    if order not in order_list.pair:
        return (order,)
    return tuple(leg for leg in order_list.pair if leg.status in OPEN)


def _used(order: SimOrder) -> int:
    return order.filled_lots + order.prevented_lots
