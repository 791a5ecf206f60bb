"""What the order ticket knows and works out: fields as raw text in, figures, words and a draft out. Pure.

Whatever comes from the browser is text; it meets the same checks as the HTTP interface, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from components.format import money_decimals
from components.ticket_preview import Preview, preview
from engine.domain.draft import OrderDraft, check_draft
from engine.domain.instrument import Instrument
from engine.domain.market import OrderBook
from engine.domain.order import Order
from engine.domain.position import Balance
from engine.domain.risk import check_balance
from engine.domain.values import (
    OrderType,
    Price,
    Quantity,
    Refusal,
    Side,
    TimeInForce,
    floor_to,
    parse_decimal,
)

LONGEST_TEXT = 5_000


class Force(StrEnum):
    """How long a limit order waits, as the ticket's chips call it."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    POST = "POST"


class Master(StrEnum):
    """Which of the two figures the user set last: the other follows from it."""

    QUANTITY = "quantity"
    TOTAL = "total"


@dataclass(frozen=True, slots=True)
class TicketMarket:
    """What the ticket judges by; None where it is not known yet."""

    last: Decimal | None = None
    book: OrderBook | None = None
    balances: Mapping[str, Balance] | None = None
    unsettled: tuple[tuple[Order, Instrument], ...] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """The ticket's content at one moment, as text: what the user saw when they pressed."""

    side: Side
    type: OrderType
    force: Force
    master: Master
    price: str
    quantity: str
    total: str


@dataclass(slots=True)
class TicketForm:
    """One ticket while it is filled in.

    Each figure has a version, raised when anything but its own typing changes it.
    """

    instrument: Instrument
    market: TicketMarket = field(default_factory=TicketMarket)
    side: Side = Side.BUY
    type: OrderType = OrderType.LIMIT
    force: Force = Force.GTC
    manual: bool = False
    master: Master = Master.QUANTITY
    percent: int | None = None
    price: str = ""
    quantity: str = ""
    total: str = ""
    versions: dict[str, int] = field(default_factory=lambda: {"price": 0, "quantity": 0, "total": 0})

    # --- what the user does

    def edit(self, name: str, text: str) -> None:
        """Typing in price, quantity or total; text is kept as it is."""
        text = text[:LONGEST_TEXT]
        if name == "price" and self.type is not OrderType.MARKET:
            self.price, self.manual = text, True
        elif name in set(Master):
            self.master, self.percent = Master(name), None
            setattr(self, name, text)
        self._follow(typed=name)

    def choose_side(self, side: Side) -> None:
        self.side = side
        self._follow()

    def choose_type(self, order_type: OrderType) -> None:
        self.type = order_type
        if order_type is OrderType.MARKET:
            self.manual = False
        self._follow()

    def choose_force(self, force: Force) -> None:
        self.force = force

    def set_price(self, text: str) -> None:
        """A price picked in the book or by a chip: manual from here on, and a limit order."""
        self.type = OrderType.LIMIT
        self._put("price", text)
        self.manual = True
        self._follow()

    def set_percent(self, percent: int) -> None:
        """So much of what is free; it holds while price and balance move, until a figure is edited."""
        self.percent = max(0, min(100, percent))
        self._follow()

    def reset_price(self) -> None:
        """Let the price follow the market again."""
        self.manual = False
        self._follow()

    def see(self, market: TicketMarket) -> None:
        """The market or the balances moved."""
        self.market = market
        self._follow()

    def clear_figures(self) -> None:
        """After an order went out: the next starts empty, the side, type and manual price stay."""
        self.percent = None
        self.master = Master.QUANTITY
        self._put("quantity", "")
        self._put("total", "")

    # --- what follows

    @property
    def entry(self) -> Entry:
        return Entry(self.side, self.type, self.force, self.master, self.price, self.quantity, self.total)

    def draft(self, entry: Entry | None = None) -> OrderDraft:
        """The order that the entry asks for. Refusal, with the field, when its text is no order."""
        return draft_of(entry or self.entry, self.instrument)

    def check(self, draft: OrderDraft) -> None:
        """What the venue and the balance would refuse. Refusal with the field."""
        check_draft(draft, self.instrument, self.market.last)
        if self.market.balances is not None:
            check_balance(draft, self.instrument, self.market.last, self.market.balances, self.market.unsettled)

    def preview(self, draft: OrderDraft) -> Preview:
        return preview(draft, self.market.book)

    def free(self) -> tuple[str, Decimal | None]:
        """The asset that an order of this side spends, and what is free of it."""
        asset = self.instrument.quote if self.side is Side.BUY else self.instrument.base
        if self.market.balances is None:
            return asset, None
        balance = self.market.balances.get(asset)
        return asset, balance.free if balance else Decimal(0)

    def _follow(self, typed: str = "") -> None:
        if not self.manual and self.market.last is not None:
            self._put("price", self.instrument.price_text(self.market.last))
        if self.percent is not None:
            self._spend_percent()
        elif self.master is Master.QUANTITY:
            self._total_from_quantity(typed)
        else:
            self._quantity_from_total(typed)

    def _spend_percent(self) -> None:
        _, free = self.free()
        price = figure(self.price)
        if free is None:
            return
        share = free * (self.percent or 0) / 100
        if self.side is Side.SELL:
            self.master = Master.QUANTITY
            self._put("quantity", self.instrument.quantity_text(floor_to(share, self.instrument.lot)))
            self._total_from_quantity("")
        elif self.type is OrderType.MARKET:
            self.master = Master.TOTAL
            self._put(
                "total", self._money_text(floor_to(share, Decimal(1).scaleb(-money_decimals(self.instrument.quote))))
            )
            self._quantity_from_total("")
        elif price:
            self.master = Master.QUANTITY
            self._put("quantity", self.instrument.quantity_text(floor_to(share / price, self.instrument.lot)))
            self._total_from_quantity("")

    def _total_from_quantity(self, typed: str) -> None:
        price, quantity = figure(self.price), figure(self.quantity)
        if typed != "total":
            self._put("total", "" if not price or quantity is None else self._money_text(price * quantity))

    def _quantity_from_total(self, typed: str) -> None:
        price, total = figure(self.price), figure(self.total)
        if typed != "quantity":
            known = price and total is not None
            amount = floor_to(total / price, self.instrument.lot) if known and total is not None and price else None
            self._put("quantity", "" if amount is None else self.instrument.quantity_text(amount))

    def _money_text(self, value: Decimal) -> str:
        return f"{value:.{money_decimals(self.instrument.quote)}f}"

    def _put(self, name: str, text: str) -> None:
        if getattr(self, name) != text:
            setattr(self, name, text)
            self.versions[name] += 1


def figure(text: str) -> Decimal | None:
    """The figure that the text holds, or None: for what is only shown."""
    try:
        return parse_decimal(text, "figure")
    except Refusal:
        return None


def draft_of(entry: Entry, instrument: Instrument) -> OrderDraft:
    """Raw text into an order through the strict parser. Refusal names the field and says what is missing."""
    if entry.type is OrderType.MARKET:
        if entry.master is Master.TOTAL:
            total = _required(entry.total, "total", "Enter a quantity or a total.")
            return OrderDraft(instrument.symbol, entry.side, entry.type, quote_quantity=Quantity(total))
        quantity = _required(entry.quantity, "quantity", "Enter a quantity or a total.")
        return OrderDraft(instrument.symbol, entry.side, entry.type, quantity=Quantity(quantity))
    price = _required(entry.price, "price", "Waiting for the market's price.")
    quantity = _required(entry.quantity, "quantity", "Enter a quantity or a total.")
    maker = entry.force is Force.POST
    return OrderDraft(
        instrument.symbol,
        entry.side,
        OrderType.LIMIT_MAKER if maker else OrderType.LIMIT,
        quantity=Quantity(quantity),
        price=Price(price),
        time_in_force=TimeInForce.GTC if maker else TimeInForce(entry.force),
    )


def _required(text: str, name: str, words: str) -> Decimal:
    if not text:
        raise Refusal("missing_field", words, name)
    return parse_decimal(text, name)
