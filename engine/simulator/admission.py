"""Whether an order is taken at all: symbol, account, filters, duplicates, balance; nothing is changed here.

Source of codes and words: Binance Spot API, "Error codes", 2026-07.
"""

from __future__ import annotations

from engine.simulator.accounts import INSUFFICIENT, Account
from engine.simulator.marketplace import Market
from engine.simulator.model import ApiError, NewOrder, OrderType, Side


def admit(market: Market, account: Account, request: NewOrder, now_ms: int) -> None:
    """ApiError with the first reason why the exchange refuses this order."""
    if not account.profile.can_trade:
        raise ApiError(-2010, "This action is disabled on this account.")
    best = market.book.facing(request.side).best
    best_ticks = 0 if best is None else best.price
    market.rules.check(request, market.tape.average_ticks(now_ms), best_ticks, open_orders(market, account))
    if request.client_order_id in account.open_ids:
        raise ApiError(-2010, "Duplicate order sent.")
    if request.type is OrderType.LIMIT_MAKER and _would_match(market, request):
        raise ApiError(-2010, "Order would immediately match and take.")
    asset, atoms = needed(market, request)
    if account.free.get(asset, 0) < atoms:
        raise ApiError(-2010, INSUFFICIENT)


def open_orders(market: Market, account: Account) -> int:
    """How many orders of this account rest in this market; an account without a key may have any number."""
    if account.history is None:
        return 0
    symbol = market.symbol
    return sum(1 for entry in account.open.values() if entry.order is not None and entry.order.request.symbol == symbol)


def needed(market: Market, request: NewOrder) -> tuple[str, int]:
    """The asset and the atoms of it that an order can cost at most."""
    if request.side is Side.SELL:
        lots = request.lots or market.lots_for_quote(Side.SELL, request.quote_atoms)[0]
        return market.base, lots * market.rules.lot_atoms
    if request.type is not OrderType.MARKET:
        return market.quote, market.rules.quote_atoms(request.price_ticks, request.lots)
    return market.quote, request.quote_atoms or market.cost_of(request.lots)


def _would_match(market: Market, request: NewOrder) -> bool:
    facing = market.book.facing(request.side)
    return facing.best is not None and facing.best.price * facing.sign <= request.price_ticks * facing.sign
