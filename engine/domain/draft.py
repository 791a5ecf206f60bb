"""An order that someone wants to place, and what a venue's rules say of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from hashlib import sha256

from engine.domain.instrument import Instrument
from engine.domain.values import OrderType, Price, Quantity, Refusal, Side, TimeInForce, decimal_text

LEAST_TRAIL, MOST_TRAIL = 10, 2_000
"""Hundredths of a percent: what Binance's TRAILING_DELTA filter allows everywhere (Spot API, Filters, 2026-07)."""


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order that someone wants to place; figures are exact, nothing is checked yet.

    A market order has `quantity` (base) or `quote_quantity` (quote), the others `quantity`, and `price` unless they
    trade at market. The conditional ones have `stop_price`, `trailing_delta` (hundredths of a percent) or both.
    """

    symbol: str
    side: Side
    type: OrderType
    quantity: Quantity | None = None
    quote_quantity: Quantity | None = None
    price: Price | None = None
    time_in_force: TimeInForce | None = None
    client_order_id: str | None = None
    account_id: str | None = None
    stop_price: Price | None = None
    trailing_delta: int | None = None
    held: bool = False
    """The desk is to keep a conditional order until its price comes, instead of the venue."""

    @property
    def digest(self) -> str:
        """Tells whether a repeated client_order_id comes with the same body."""
        tif = None if self.type.at_market else self.time_in_force or TimeInForce.GTC
        figures = (self.quantity, self.quote_quantity, self.price, self.stop_price)
        parts = [_bare(self.symbol), self.side, self.type, tif, self.trailing_delta, self.held]
        parts += [None if figure is None else decimal_text(figure) for figure in figures]
        return sha256("|".join(str(part) for part in parts).encode()).hexdigest()[:32]


def check_draft(draft: OrderDraft, instrument: Instrument, reference_price: Decimal | None) -> None:
    """Refuse what the venue would refuse, naming the field and the mend.

    `reference_price` (the last price) judges the notional of a market order; without one that rule
    is left to the venue. Source: Binance Spot API, Filters.
    """
    if not instrument.active:
        raise Refusal("symbol_not_trading", f"{instrument.symbol} is not trading at this venue now.", "symbol")
    _check_shape(draft)
    if draft.price is not None:
        _check_price(draft.price, "price", instrument)
    if draft.stop_price is not None:
        _check_price(draft.stop_price, "stop_price", instrument)
        _check_side_of_market(draft, draft.stop_price, reference_price)
    if draft.quantity is not None:
        _check_quantity(draft.quantity, draft.type, instrument)
    _check_notional(draft, instrument, reference_price)


def _check_shape(draft: OrderDraft) -> None:
    _check_condition(draft)
    if draft.type is OrderType.MARKET:
        if (draft.quantity is None) == (draft.quote_quantity is None):
            raise Refusal(
                "quantity_or_quote_quantity",
                "A market order takes either quantity or quote_quantity, exactly one of them.",
                "quantity",
            )
    elif draft.quote_quantity is not None:
        raise Refusal(
            "quote_quantity_not_allowed", "Only a market order takes quote_quantity: use quantity.", "quote_quantity"
        )
    elif draft.quantity is None:
        raise Refusal("missing_field", "quantity is missing.", "quantity")
    if draft.type.at_market:
        _check_at_market(draft)
    elif draft.price is None:
        raise Refusal("missing_field", f"price is missing: a {draft.type} order needs one.", "price")
    elif draft.type is OrderType.LIMIT_MAKER and draft.time_in_force not in {None, TimeInForce.GTC}:
        raise Refusal("time_in_force_not_allowed", "A limit_maker order is always GTC.", "time_in_force")


def _check_at_market(draft: OrderDraft) -> None:
    if draft.price is not None:
        mend = "send a limit" if draft.type is OrderType.MARKET else f"send a {draft.type}_limit"
        raise Refusal("price_not_allowed", f"A {draft.type} order takes no price: leave it out, or {mend}.", "price")
    if draft.time_in_force is not None:
        raise Refusal("time_in_force_not_allowed", f"A {draft.type} order takes no time_in_force.", "time_in_force")


def _check_condition(draft: OrderDraft) -> None:
    if not draft.type.conditional:
        for field in ("stop_price", "trailing_delta"):
            if getattr(draft, field) is not None:
                raise Refusal(
                    f"{field}_not_allowed",
                    f"A {draft.type} order takes no {field}: leave it out, or send a stop_loss or take_profit.",
                    field,
                )
        if draft.held:
            raise Refusal("held_not_allowed", f"The desk keeps only conditional orders, not a {draft.type}.", "held")
        return
    if draft.stop_price is None and draft.trailing_delta is None:
        raise Refusal(
            "missing_field", f"stop_price is missing: a {draft.type} order needs it or a trailing_delta.", "stop_price"
        )
    if draft.trailing_delta is not None and not LEAST_TRAIL <= draft.trailing_delta <= MOST_TRAIL:
        raise Refusal(
            "bad_trailing_delta",
            f"trailing_delta is in hundredths of a percent, from {LEAST_TRAIL} to {MOST_TRAIL}.",
            "trailing_delta",
        )
    if draft.held and draft.trailing_delta is not None and draft.type.value.startswith("take_profit"):
        raise Refusal(
            "held_not_allowed", "The desk keeps no trailing take_profit: leave held out, the venue keeps it.", "held"
        )


def _check_side_of_market(draft: OrderDraft, stop_price: Decimal, reference_price: Decimal | None) -> None:
    """A stop that the market has passed already would trade at once: the venue refuses it, and so do we."""
    if reference_price is None or draft.trailing_delta is not None:
        return
    rising = rises(draft.type, draft.side)
    if stop_price <= reference_price if rising else stop_price >= reference_price:
        word = "above" if rising else "below"
        raise Refusal(
            "would_trigger_at_once",
            f"The stop price of a {draft.side} {draft.type} must be {word} the last price,"
            f" {decimal_text(reference_price)}.",
            "stop_price",
        )


def rises(order_type: OrderType, side: Side) -> bool:
    """Whether a conditional order waits for the price to rise to its stop price (else to fall)."""
    return (side is Side.BUY) == order_type.value.startswith("stop_loss")


def _check_price(price: Decimal, field: str, instrument: Instrument) -> None:
    if price <= 0:
        raise Refusal("price_not_positive", f"{field} must be greater than 0.", field)
    if price % instrument.tick != 0:
        raise Refusal(
            "off_tick",
            f"{field} {decimal_text(price)} is off the tick of {instrument.symbol}:"
            f" use a multiple of {decimal_text(instrument.tick)}.",
            field,
        )
    if instrument.min_price is not None and price < instrument.min_price:
        raise Refusal("below_min_price", f"{field} must be at least {decimal_text(instrument.min_price)}.", field)
    if instrument.max_price is not None and price > instrument.max_price:
        raise Refusal("above_max_price", f"{field} must be at most {decimal_text(instrument.max_price)}.", field)


def _check_quantity(quantity: Decimal, order_type: OrderType, instrument: Instrument) -> None:
    if quantity <= 0:
        raise Refusal("quantity_not_positive", "quantity must be greater than 0.", "quantity")
    if quantity % instrument.lot != 0:
        raise Refusal(
            "off_lot",
            f"quantity {decimal_text(quantity)} is off the lot of {instrument.symbol}:"
            f" use a multiple of {decimal_text(instrument.lot)}.",
            "quantity",
        )
    if instrument.min_quantity is not None and quantity < instrument.min_quantity:
        raise Refusal(
            "below_min_quantity",
            f"quantity must be at least {decimal_text(instrument.min_quantity)} {instrument.base}.",
            "quantity",
        )
    most = instrument.max_quantity
    if order_type.at_market and instrument.max_market_quantity:
        most = min(most, instrument.max_market_quantity) if most else instrument.max_market_quantity
    if most is not None and quantity > most:
        raise Refusal(
            "above_max_quantity", f"quantity must be at most {decimal_text(most)} {instrument.base}.", "quantity"
        )


def _check_notional(draft: OrderDraft, instrument: Instrument, reference_price: Decimal | None) -> None:
    if draft.quote_quantity is not None:
        if draft.quote_quantity <= 0:
            raise Refusal("quantity_not_positive", "quote_quantity must be greater than 0.", "quote_quantity")
        notional, field = Decimal(draft.quote_quantity), "quote_quantity"
    else:
        price = draft.price or draft.stop_price or reference_price
        if price is None or draft.quantity is None:
            return
        notional, field = price * draft.quantity, "quantity"
    if instrument.min_notional is not None and notional < instrument.min_notional:
        raise Refusal(
            "below_min_notional",
            f"The order is worth {decimal_text(notional)} {instrument.quote}; {instrument.symbol} takes orders from"
            f" {decimal_text(instrument.min_notional)} {instrument.quote}: raise the {field.replace('_', ' ')}.",
            field,
        )
    if instrument.max_notional is not None and notional > instrument.max_notional:
        raise Refusal(
            "above_max_notional",
            f"The order is worth {decimal_text(notional)} {instrument.quote}; {instrument.symbol} takes orders up to"
            f" {decimal_text(instrument.max_notional)} {instrument.quote}: lower the {field.replace('_', ' ')}.",
            field,
        )


def _bare(symbol: str) -> str:
    return symbol.upper().replace("/", "").replace("-", "")
