"""Whether an order is taken at all: symbol, account, filters, duplicates, balance; nothing is changed here.

Source of codes and words: Binance Spot API, "Error codes", 2026-07.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from engine.simulator.accounts import INSUFFICIENT, INSUFFICIENT_REASON, Account
from engine.simulator.conditions import MOST_LISTS, check_condition_form, check_conditions
from engine.simulator.marketplace import Market
from engine.simulator.model import PLAIN, SELL, ApiError, ListKind, NewList, NewOrder, OrderType, Side, SimOrder, Stp
from engine.simulator.triggers import ALGO_TYPES, waits_above, would_trigger

TRIGGERS: Final = "Stop price would trigger immediately."
NOTHING_THERE: Final = "Order book liquidity is less than symbol minimum quantity."
MATCHES: Final = "Order would immediately match and take."
BAD_PRICES: Final = "The relationship of the prices for the orders is not correct."
REJECT_REASONS: Final[Mapping[str, str]] = {
    INSUFFICIENT: INSUFFICIENT_REASON,
    TRIGGERS: "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY",
    MATCHES: "WOULD_MATCH_IMMEDIATELY",
}
"""What a report calls the refusals that the matching engine itself gives ("Order Reject Reason")."""

LIMIT_MAKER, NO_STP, DECREMENT = OrderType.LIMIT_MAKER, Stp.NONE, Stp.DECREMENT


def admit(market: Market, account: Account, request: NewOrder, now_ms: int) -> None:
    """ApiError with the first reason why the exchange refuses this order."""
    check_request(market, account, request, now_ms)
    refuse_at_once(market, request)
    asset, atoms = needed(market, account, request)
    if account.free.get(asset, 0) < atoms:
        raise ApiError(-2010, INSUFFICIENT)


def admit_list(market: Market, account: Account, asked: NewList, now_ms: int) -> None:
    """ApiError with the first reason why the exchange refuses this order list; then none of it is placed."""
    if account.history is None:
        raise ApiError(-2010, "This action is disabled on this account.")
    if any(found.client_id == asked.client_id and not found.done for found in account.history.lists.values()):
        raise ApiError(-2010, "Duplicate order sent.")
    listed = sum(1 for found in account.history.lists.values() if not found.done and found.symbol == market.symbol)
    if listed >= MOST_LISTS:
        raise ApiError(-1013, "Filter failure: MAX_NUM_ORDER_LISTS")
    ids = [request.client_order_id for request in asked.orders]
    if len(set(ids)) < len(ids):
        raise ApiError(-2010, "Duplicate order sent.")
    for place, request in enumerate(asked.orders):
        check_request(market, account, request, now_ms, before=place)
    at_once = asked.orders if asked.kind is ListKind.OCO else asked.orders[:1]
    if asked.kind is not ListKind.OTO:
        _check_pair(market, asked.orders[-2:], working=asked.kind is ListKind.OCO)
    for request in at_once:
        refuse_at_once(market, request)
    if not _affords(market, account, at_once):
        raise ApiError(-2010, INSUFFICIENT)


def check_request(
    market: Market,
    account: Account,
    request: NewOrder,
    now_ms: int,
    before: int = 0,
    replaced: SimOrder | None = None,
) -> None:
    """What does not depend on where the market stands: rights, filters, duplicates.

    `before` orders come with it in a list; `replaced` is to be canceled for it.
    """
    gone = 0 if replaced is None else 1
    if not account.profile.can_trade:
        raise ApiError(-2010, "This account may not place or cancel orders.")
    rules, terms = market.rules, request.terms
    best = market.book.facing(request.side).best
    best_ticks = 0 if best is None else best.price
    orders = 0 if account.history is None else account.open_by_symbol[market.symbol] + before - gone
    rules.check(request, market.tape.average_ticks(now_ms), best_ticks, orders)
    if rules.max_position is not None and account.history is not None:
        rules.check_position(request, best_ticks, position(market, account))
    if request.type in ALGO_TYPES:
        check_condition_form(request)
        stops = algo_orders(market, account) - (replaced is not None and replaced.request.type in ALGO_TYPES)
        check_conditions(rules, request, stops)
    elif terms is not PLAIN and (terms.iceberg_lots or terms.stop_ticks or terms.trailing_bips):
        check_condition_form(request)
        check_conditions(rules, request, 0)
    known = account.open_ids.get(request.client_order_id)
    if known is not None and (replaced is None or known != replaced.order_id):
        raise ApiError(-2010, "Duplicate order sent.")


def refuse_at_once(market: Market, request: NewOrder) -> None:
    """ApiError when the market already stands where this order must not meet it, or a market order finds nothing."""
    if request.quote_atoms and market.book.facing(request.side).best is None:
        raise ApiError(-2010, NOTHING_THERE)
    if request.type is LIMIT_MAKER and _would_match(market, request):
        raise ApiError(-2010, MATCHES)
    if request.terms.stop_ticks and would_trigger(request, market.tape.last_price):
        raise ApiError(-2010, TRIGGERS)


def activation_refusal(market: Market, account: Account, requests: Sequence[NewOrder]) -> str | None:
    """Why orders that waited for another cannot come to life now, as a report tells it; None when they can."""
    for request in requests:
        if request.type is OrderType.LIMIT_MAKER and _would_match(market, request):
            return REJECT_REASONS[MATCHES]
        if would_trigger(request, market.tape.last_price):
            return REJECT_REASONS[TRIGGERS]
    return None if _affords(market, account, requests) else INSUFFICIENT_REASON


def position(market: Market, account: Account) -> int:
    """Atoms of the base asset that the account holds, has locked, or will have when its buy orders are filled."""
    lots = sum(
        entry.order.remaining_lots
        for entry in account.open.values()
        if entry.order is not None
        and entry.order.request.symbol == market.symbol
        and entry.order.request.side is Side.BUY
    )
    return account.free.get(market.base, 0) + account.locked.get(market.base, 0) + lots * market.rules.lot_atoms


def algo_orders(market: Market, account: Account) -> int:
    """How many stops and take-profits of this account are open in this market."""
    symbol = market.symbol
    return sum(
        1
        for entry in account.open.values()
        if entry.order is not None and entry.order.request.symbol == symbol and entry.order.request.type in ALGO_TYPES
    )


def own_orders(account: Account, request: NewOrder) -> int | None:
    """The account whose offers an order passes over, since it would expire them; None when it passes over nobody's."""
    stp = request.terms.stp
    return account.account_id if account.open and stp is not NO_STP and stp is not DECREMENT else None


def needed(market: Market, account: Account, request: NewOrder) -> tuple[str, int]:
    """The asset and the atoms of it that an order can cost at most."""
    if request.side is SELL:
        lots = request.lots
        if not lots:
            lots, _ = market.lots_for_quote(SELL, request.quote_atoms, own_orders(account, request))
        return market.base, lots * market.rules.lot_atoms
    price = request.price_ticks or request.terms.stop_ticks
    if not price and request.type in ALGO_TYPES:
        price = market.tape.last_price or 1
    if price:
        return market.quote, market.rules.quote_atoms(price, request.lots)
    return market.quote, request.quote_atoms or market.cost_of(request.lots, own_orders(account, request))


def _affords(market: Market, account: Account, requests: Iterable[NewOrder]) -> bool:
    """Whether the account can pay for the dearest of orders of which only one can trade."""
    needs = [needed(market, account, request) for request in requests]
    return all(account.free.get(asset, 0) >= atoms for asset, atoms in needs)


def _check_pair(market: Market, pair: Sequence[NewOrder], *, working: bool) -> None:
    """The upper leg's price must be above the lower's, and a working pair must have the market between them."""
    above, below = sorted(pair, key=lambda request: not _is_upper(request))
    upper, lower = (request.terms.stop_ticks or request.price_ticks for request in (above, below))
    last = market.tape.last_price
    if not (above.terms.trailing_bips or below.terms.trailing_bips) and upper <= lower:
        raise ApiError(-2010, BAD_PRICES)
    if not working or not last:
        return
    if (not above.terms.trailing_bips and upper <= last) or (not below.terms.trailing_bips and lower >= last):
        raise ApiError(-2010, BAD_PRICES)


def _is_upper(request: NewOrder) -> bool:
    return request.side is Side.SELL if request.type is OrderType.LIMIT_MAKER else waits_above(request)


def _would_match(market: Market, request: NewOrder) -> bool:
    facing = market.book.facing(request.side)
    return facing.best is not None and facing.best.price * facing.sign <= request.price_ticks * facing.sign
