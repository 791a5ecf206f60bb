"""The check between a well-formed draft and the venue: can this account pay for it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from engine.domain.draft import OrderDraft
from engine.domain.instrument import Instrument
from engine.domain.order import IN_DOUBT, Order, OrderStatus
from engine.domain.position import Balance
from engine.domain.values import Refusal, Side, decimal_text

NOT_YET_LOCKED = IN_DOUBT | {OrderStatus.PENDING}
"""Orders whose cost the venue's balance may not show yet."""


def cost(
    side: Side,
    instrument: Instrument,
    quantity: Decimal | None,
    quote_quantity: Decimal | None,
    price: Decimal | None,
    reference_price: Decimal | None,
) -> tuple[str, Decimal]:
    """The asset that an order spends and how much of it; a market order is judged at the reference price.

    Without any price to judge by, what cannot be known counts as 0 and is left to the venue.
    """
    at = price if price is not None else reference_price
    if side is Side.BUY:
        if quote_quantity is not None:
            return instrument.quote, quote_quantity
        return instrument.quote, (quantity or Decimal(0)) * (at or Decimal(0))
    if quantity is not None:
        return instrument.base, quantity
    return instrument.base, quote_quantity / at if quote_quantity is not None and at else Decimal(0)


def check_balance(
    draft: OrderDraft,
    instrument: Instrument,
    reference_price: Decimal | None,
    balances: Mapping[str, Balance],
    unsettled: Iterable[tuple[Order, Instrument]],
) -> None:
    """Refusal `insufficient_balance` when the draft costs more than is free.

    `unsettled` are the account's orders with the venue's answer outstanding: what they will lock is
    taken off first, so that two quick orders cannot both spend the same balance.
    """
    worst = draft.price or draft.stop_price
    asset, needed = cost(draft.side, instrument, draft.quantity, draft.quote_quantity, worst, reference_price)
    free = balances[asset].free if asset in balances else Decimal(0)
    for order, of in unsettled:
        if order.status not in NOT_YET_LOCKED:
            continue
        at = reference_price if order.symbol == draft.symbol else None
        spends, amount = cost(order.side, of, order.quantity, order.quote_quantity, order.price or order.stop_price, at)
        if spends == asset:
            free -= amount
    if needed > free:
        field = "quote_quantity" if draft.quantity is None else "quantity"
        raise Refusal(
            "insufficient_balance",
            f"The order needs {decimal_text(needed)} {asset}, {decimal_text(max(free, Decimal(0)))} {asset} are free:"
            " lower the quantity or free some balance.",
            field,
        )
