"""Fills and what follows from them: the volume-weighted average price and the fees."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Context, Decimal, localcontext

from engine.domain.values import Liquidity, Price, Quantity, Side

EXACT = Context(prec=100)
"""Wide enough that sums of products of 34-digit figures are exact."""
QUOTIENT = Context(prec=28)
"""Python's own default precision, so that anyone who divides the same exact sums gets the same figure."""


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution of one of our orders; unique by venue account and the venue's trade id."""

    id: str
    order_id: str
    account_id: str
    symbol: str
    side: Side
    venue_trade_id: str
    price: Price
    quantity: Quantity
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    time: datetime


def vwap(fills: Iterable[Fill]) -> Price | None:
    """Σ(price·quantity) / Σ(quantity); None without a fill.

    The sums are exact and divided once, to 28 significant digits: exact wherever the quotient ends there.
    """
    with localcontext(EXACT):
        notional = Decimal(0)
        quantity = Decimal(0)
        for fill in fills:
            notional += fill.price * fill.quantity
            quantity += fill.quantity
        if not quantity:
            return None
    return Price(QUOTIENT.divide(notional, quantity))


def filled_quantity(fills: Iterable[Fill]) -> Quantity:
    """Σ(quantity), exact."""
    with localcontext(EXACT):
        return Quantity(sum((fill.quantity for fill in fills), Decimal(0)))


def fees(fills: Iterable[Fill]) -> Mapping[str, Decimal]:
    """Fees by asset, summed exactly, assets in alphabetical order, zero fees left out."""
    totals: dict[str, Decimal] = {}
    with localcontext(EXACT):
        for fill in fills:
            totals[fill.fee_asset] = totals.get(fill.fee_asset, Decimal(0)) + fill.fee
    return {asset: totals[asset] for asset in sorted(totals) if totals[asset]}
