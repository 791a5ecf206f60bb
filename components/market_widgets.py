"""Header figures, order book and tape: all three draw the market's stream in the browser; Python only places them."""

# pyright: reportUnknownMemberType=false
# NiceGUI's event arguments are untyped.

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from components.chart import LIBRARY
from engine.domain.instrument import Instrument
from engine.domain.values import Side

ESM = {"numatix": str(LIBRARY)}


class MarketHeader(Element, component="market_header.js", esm=ESM):
    """Last price, the day's change, high, low and volume, and how the stream is."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        self._props["meta"] = market_meta(instrument)


class BookPanel(Element, component="order_book.js", esm=ESM):
    """The order book; `on_pick(price_text)` when a row is clicked."""

    def __init__(self, instrument: Instrument, *, on_pick: Callable[[str], None]) -> None:
        super().__init__()
        self._instrument = instrument
        self._on_pick = on_pick
        self._own: list[str] = []
        self._props["meta"] = market_meta(instrument)
        self._props["own"] = self._own
        self.on("pick", self._pick)

    def set_own(self, orders: Sequence[tuple[Side, Decimal]]) -> None:
        """Side and price of the user's open orders: they get a dot."""
        own = sorted({f"{side} {units(price, self._instrument.price_decimals)}" for side, price in orders})
        if own != self._own:
            self._own = own
            self._props["own"] = own
            self.run_method("setOwn", own)

    def _pick(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            self._on_pick(event.args)


class Tape(Element, component="tape.js", esm=ESM):
    """The market's trades, newest first."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        self._props["meta"] = market_meta(instrument)


def market_meta(instrument: Instrument) -> dict[str, Any]:
    """What turns the stream's integers into text: `pd` and `qd` decimals of prices and quantities."""
    return {
        "symbol": instrument.symbol,
        "base": instrument.base,
        "quote": instrument.quote,
        "pd": instrument.price_decimals,
        "qd": instrument.quantity_decimals,
    }


def units(value: Decimal, decimals: int) -> int:
    """How many smallest steps a figure is: 64218.40 with 2 decimals is 6421840."""
    return int(value.scaleb(decimals))
