"""What an order would meet in the book as it stands: an estimate for the ticket, never a promise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.domain.draft import OrderDraft
from engine.domain.market import Level, OrderBook
from engine.domain.values import OrderType, Side


@dataclass(frozen=True, slots=True)
class Preview:
    """`average` over what the book holds for it now and `slippage` (a fraction) of it against the best price.

    `rests` says that a limit order would wait in the book, `short` that the visible book does not hold enough.
    """

    average: Decimal | None
    slippage: Decimal | None
    rests: bool = False
    short: bool = False


def preview(draft: OrderDraft, book: OrderBook | None) -> Preview:
    """Walk the other side of the book up to the limit, as far as it is visible."""
    levels: Sequence[Level] = ()
    if book is not None:
        levels = book.asks if draft.side is Side.BUY else book.bids
    limit = None if draft.type is OrderType.MARKET else draft.price
    if not levels:
        return Preview(limit, None, rests=False)
    if limit is not None and (limit < levels[0].price if draft.side is Side.BUY else limit > levels[0].price):
        return Preview(limit, None, rests=True)
    quantity, notional, short = _walk(levels, draft, limit)
    if not quantity:
        return Preview(limit, None)
    average = notional / quantity
    return Preview(average, abs(average - levels[0].price) / levels[0].price, short=short)


def _walk(levels: Sequence[Level], draft: OrderDraft, limit: Decimal | None) -> tuple[Decimal, Decimal, bool]:
    """Base and quote taken from the levels, and whether they did not suffice."""
    by_quote = draft.quantity is None
    left = Decimal(draft.quote_quantity or 0) if draft.quantity is None else Decimal(draft.quantity)
    quantity = notional = Decimal(0)
    for level in levels:
        beyond = limit is not None and (level.price > limit if draft.side is Side.BUY else level.price < limit)
        if not left or beyond:
            break
        wanted = left / level.price if by_quote else left
        taken = min(wanted, level.quantity)
        quantity += taken
        notional += taken * level.price
        left = Decimal(0) if taken == wanted else left - (taken * level.price if by_quote else taken)
    return quantity, notional, bool(left)
