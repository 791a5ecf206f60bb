"""What becomes of orders that would trade with their own account, by the taker's mode.

Source: Binance Spot API, "Self Trade Prevention (STP) FAQ", 2026-07.
"""

from __future__ import annotations

from engine.simulator.accounts import Account
from engine.simulator.book import BookSide, Entry
from engine.simulator.floor import Floor
from engine.simulator.marketplace import Market
from engine.simulator.model import Execution, PreventedMatch, SimOrder, Status, Stp


def prevent(
    floor: Floor,
    market: Market,
    facing: BookSide,
    entry: Entry,
    taker: SimOrder,
    account: Account,
    left: int,
    at_ms: int,
) -> None:
    """Expire what the taker's mode says instead of a trade with `entry`; `left` is what the taker still wants."""
    maker, level = entry.order, entry.level
    if maker is None or level is None:
        raise RuntimeError("only an order in the book can be kept from trading")
    mode = taker.request.terms.stp
    lots = min(left, entry.lots)
    taker_lots, maker_lots = {
        Stp.EXPIRE_TAKER: (left, 0),
        Stp.EXPIRE_MAKER: (0, maker.remaining_lots),
        Stp.EXPIRE_BOTH: (left, maker.remaining_lots),
        Stp.DECREMENT: (lots, lots),
    }[mode]
    found = PreventedMatch(
        market.prevented_id,
        market.symbol,
        taker.order_id,
        maker.order_id,
        mode,
        level.price,
        lots,
        taker_lots,
        maker_lots,
        at_ms,
    )
    market.prevented_id += 1
    if account.history is not None:
        account.history.prevented.append(found)
    if maker_lots:
        _lessen_maker(floor, market, facing, entry, maker, account, found)
    if taker_lots:
        _lessen(floor, taker, account, taker_lots, found, ends=taker_lots == left)


def _lessen_maker(
    floor: Floor,
    market: Market,
    facing: BookSide,
    entry: Entry,
    maker: SimOrder,
    account: Account,
    found: PreventedMatch,
) -> None:
    lots = found.maker_lots
    ends = lots == maker.remaining_lots
    if ends:
        floor.withdraw(market, maker, account)
    else:
        floor.unlock(market, maker, account, lots)
        facing.touched[found.price_ticks] = None
        facing.reduce(entry, lots)
        if entry.lots == 0:
            facing.reveal(found.price_ticks, entry, maker.request.terms.iceberg_lots)
    _lessen(floor, maker, account, lots, found, ends=ends)


def _lessen(floor: Floor, order: SimOrder, account: Account, lots: int, found: PreventedMatch, *, ends: bool) -> None:
    order.prevented_lots += lots
    order.prevented_id = found.prevented_id
    order.updated_ms = found.time_ms
    if order.request.quote_atoms:
        order.lots = order.filled_lots + order.prevented_lots
    if ends:
        order.status = Status.EXPIRED_IN_MATCH
        floor.leave(order, account)
    if order.list_id >= 0:
        floor.moved.append(order)
    floor.reports.order(order, Execution.TRADE_PREVENTION, found.time_ms, prevented=found)
