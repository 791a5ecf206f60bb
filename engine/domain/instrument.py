"""A tradable pair and the rules its venue holds orders to."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.domain.values import OrderType, Price, Quantity, Refusal, Side, TimeInForce, decimal_text, decimals_of


@dataclass(frozen=True, slots=True)
class Instrument:
    """One symbol of one venue. A limit of None means that the venue states none."""

    symbol: str
    """As people and the API write it: BTC/USDT."""
    venue_symbol: str
    """As the venue writes it: BTCUSDT."""
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_quantity: Decimal | None = None
    max_quantity: Decimal | None = None
    max_market_quantity: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    min_notional: Decimal | None = None
    max_notional: Decimal | None = None
    active: bool = True

    @property
    def price_decimals(self) -> int:
        return decimals_of(self.tick)

    @property
    def quantity_decimals(self) -> int:
        return decimals_of(self.lot)

    @property
    def slug(self) -> str:
        """As page addresses write it: BTC-USDT."""
        return self.symbol.replace("/", "-")

    def price_text(self, price: Decimal) -> str:
        """With the tick's decimals and no grouping."""
        return f"{price:.{self.price_decimals}f}"

    def quantity_text(self, quantity: Decimal) -> str:
        """With the lot's decimals and no grouping."""
        return f"{quantity:.{self.quantity_decimals}f}"


@dataclass(frozen=True, slots=True)
class OrderDraft:
    """An order that someone wants to place; figures are exact, nothing is checked yet.

    A market order has `quantity` (base) or `quote_quantity` (quote), the others `quantity` and `price`.
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


def check_draft(draft: OrderDraft, instrument: Instrument, reference_price: Decimal | None) -> None:
    """Refuse what the venue would refuse, naming the field and the mend.

    `reference_price` (the last price) judges the notional of a market order; without one that rule
    is left to the venue. Source: Binance Spot API, Filters.
    """
    if not instrument.active:
        raise Refusal("symbol_not_trading", f"{instrument.symbol} is not trading at this venue now.", "symbol")
    _check_shape(draft)
    if draft.price is not None:
        _check_price(draft.price, instrument)
    if draft.quantity is not None:
        _check_quantity(draft.quantity, draft.type, instrument)
    _check_notional(draft, instrument, reference_price)


def _check_shape(draft: OrderDraft) -> None:
    if draft.type is OrderType.MARKET:
        if (draft.quantity is None) == (draft.quote_quantity is None):
            raise Refusal(
                "quantity_or_quote_quantity",
                "A market order takes either quantity or quote_quantity, exactly one of them.",
                "quantity",
            )
        if draft.price is not None:
            raise Refusal("price_not_allowed", "A market order takes no price: leave it out, or send a limit.", "price")
        if draft.time_in_force is not None:
            raise Refusal("time_in_force_not_allowed", "A market order takes no time_in_force.", "time_in_force")
        return
    if draft.quote_quantity is not None:
        raise Refusal(
            "quote_quantity_not_allowed", "Only a market order takes quote_quantity: use quantity.", "quote_quantity"
        )
    if draft.quantity is None:
        raise Refusal("missing_field", "quantity is missing.", "quantity")
    if draft.price is None:
        raise Refusal("missing_field", f"price is missing: a {draft.type} order needs one.", "price")
    if draft.type is OrderType.LIMIT_MAKER and draft.time_in_force not in {None, TimeInForce.GTC}:
        raise Refusal("time_in_force_not_allowed", "A limit_maker order is always GTC.", "time_in_force")


def _check_price(price: Decimal, instrument: Instrument) -> None:
    if price <= 0:
        raise Refusal("price_not_positive", "price must be greater than 0.", "price")
    if price % instrument.tick != 0:
        raise Refusal(
            "off_tick",
            f"price {decimal_text(price)} is off the tick of {instrument.symbol}:"
            f" use a multiple of {decimal_text(instrument.tick)}.",
            "price",
        )
    if instrument.min_price is not None and price < instrument.min_price:
        raise Refusal("below_min_price", f"price must be at least {decimal_text(instrument.min_price)}.", "price")
    if instrument.max_price is not None and price > instrument.max_price:
        raise Refusal("above_max_price", f"price must be at most {decimal_text(instrument.max_price)}.", "price")


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
    if order_type is OrderType.MARKET and instrument.max_market_quantity:
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
        price = draft.price if draft.price is not None else reference_price
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
