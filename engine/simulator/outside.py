"""What outsiders do in a replayed market: the levels they show, the trades between them, and their meeting with us.

Outsiders' lots stand in the same queues as our orders. What they add joins the end of the queue; what
they withdraw is taken from the end, since nobody can tell which of them left: an order of ours is never
put forward in the queue by a guess.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.simulator.book import BookSide, Entry, Level
from engine.simulator.marketplace import Market
from engine.simulator.matching import Matcher, Taker
from engine.simulator.model import TopChanged

Levels = Sequence[Sequence[int]]


def set_levels(
    matcher: Matcher,
    market: Market,
    bids: Levels,
    asks: Levels,
    at_ms: int,
    last_update_id: int,
    *,
    replace: bool,
) -> None:
    """Set what outsiders show, `(price_ticks, lots)`; our orders that it crosses are filled at their own price."""
    book = market.book
    changes = ((book.bids, bids), (book.asks, asks))
    for side, levels in changes:
        if replace:
            kept = {price for price, _ in levels}
            for level in [level for level in side if level.price not in kept]:
                _set(side, level.price, 0)
        for price, lots in levels:
            if lots < _shown(side.level(price)):
                _set(side, price, lots)
    for side, levels in changes:
        for price, lots in levels:
            if lots > _shown(side.level(price)):
                _set(side, price, lots - _meet(matcher, market, side, price, lots, at_ms))
    matcher.complete(market, at_ms, last_update_id, always=True, outside=True)


def print_trade(
    matcher: Matcher,
    market: Market,
    price: int,
    lots: int,
    at_ms: int,
    trade_id: int,
    *,
    buyer_is_maker: bool,
) -> None:
    """A trade between outsiders. Our orders that stood before it in the queue take their part of it first."""
    facing = market.book.bids if buyer_is_maker else market.book.asks
    rest = lots - _fill_ours(matcher, market, facing, price, lots, at_ms, trade_id)
    if rest:
        trade_id = max(trade_id, market.tape.last_trade_id + 1)
        quote_atoms = market.rules.quote_atoms(price, rest)
        trade = market.tape.record(trade_id, price, rest, quote_atoms, 0, 0, buyer_is_maker, at_ms)
        matcher.reports.trade(trade)
        market.printed(price, at_ms)
    matcher.complete(market, at_ms)


def show_top(matcher: Matcher, market: Market, update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> None:
    """Tell a recorded best bid and ask; on a side where an order of ours is as good, the book's own."""
    market.outside_top_id = update_id
    best_bid, best_ask = market.book.bids.best, market.book.asks.best
    if best_bid is not None and best_bid.price >= bid[0] and _ours(best_bid):
        bid = (best_bid.price, best_bid.lots)
    if best_ask is not None and best_ask.price <= ask[0] and _ours(best_ask):
        ask = (best_ask.price, best_ask.lots)
    market.shown_top = (*bid, *ask)
    matcher.reports.events.append(TopChanged(market.symbol, update_id, *bid, *ask))


def _meet(matcher: Matcher, market: Market, side: BookSide, price: int, lots: int, at_ms: int) -> int:
    """Fill our orders that outsiders' new lots at this price cross; returns how many lots that took.

    Outsiders that would be crossed are gone: the newer word of the two is true.
    """
    facing = market.book.facing(side.side)
    taker = Taker(None, matcher.accounts.outsiders, lots)
    met = 0
    while met < lots:
        level = facing.best
        if level is None or (level.price - price) * facing.sign > 0:
            break
        entry = level.head
        if entry.order is None:
            facing.touched[level.price] = None
            facing.reduce(entry, entry.lots)
            continue
        part = min(entry.lots, lots - met)
        matcher.trade(market, facing, entry, part, taker, at_ms)
        met += part
    return met


def _fill_ours(
    matcher: Matcher, market: Market, facing: BookSide, price: int, lots: int, at_ms: int, trade_id: int
) -> int:
    """Fill our orders that a trade of outsiders reaches; returns their lots."""
    taker = Taker(None, matcher.accounts.outsiders, lots)
    filled = 0
    for level in _reached(facing, price):
        passed = 0
        for entry in level:
            part = min(entry.lots, lots - filled - passed)
            if part == 0:
                break
            if entry.order is not None:
                matcher.trade(market, facing, entry, part, taker, at_ms, trade_id)
                filled += part
            elif level.price == price:
                passed += part
                facing.reduce(entry, part)
        if passed:
            _join(facing, price, passed)
    return filled


def _reached(facing: BookSide, price: int) -> list[Level]:
    """The levels at which an order of ours is reached by a trade at this price, best first."""
    reached: list[Level] = []
    for level in facing:
        if (level.price - price) * facing.sign > 0:
            break
        if _ours(level):
            reached.append(level)
    return reached


def _set(side: BookSide, price: int, lots: int) -> None:
    level = side.level(price)
    missing = lots - _shown(level)
    if missing == 0:
        return
    side.touched[price] = None
    if missing > 0:
        _join(side, price, missing)
        return
    for entry in reversed(list(level or ())):
        if entry.order is None and missing < 0:
            part = min(entry.lots, -missing)
            side.reduce(entry, part)
            missing += part


def _join(side: BookSide, price: int, lots: int) -> None:
    """Let outsiders' lots join the end of the queue."""
    level = side.level(price)
    last = None if level is None else level.last
    if last is not None and last.order is None:
        side.grow(last, lots)
    else:
        side.add(price, Entry(None, lots))


def _shown(level: Level | None) -> int:
    """The lots of outsiders at a level."""
    return 0 if level is None else sum(entry.lots for entry in level if entry.order is None)


def _ours(level: Level) -> bool:
    return any(entry.order is not None for entry in level)
