"""The drawer of one order: what it is, and everything that happened to it."""

# pyright: reportUnknownMemberType=false
# NiceGUI's event handlers are untyped.

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nicegui.element import Element

from components.chart import LIBRARY
from components.format import SIDE_WORDS, TYPE_WORDS, reason_words, shortest, status_pill
from components.timeline_rows import timeline_row
from engine.domain.order import Order
from engine.domain.timeline import TimelineLine

MOST_LINES = 500
"""Shown; the file has all."""


class OrderDrawer(Element, component="order_drawer.js", esm={"numatix": str(LIBRARY)}):
    """`exports` are the words and addresses of its files; `on_leave()` when it is to be closed."""

    def __init__(self, view: Mapping[str, Any], *, on_leave: Callable[[], object]) -> None:
        super().__init__()
        self._props["view"] = dict(view)
        self.on("leave", on_leave)

    def show(self, view: Mapping[str, Any]) -> None:
        """The order as it is now."""
        self._props["view"] = dict(view)
        self.update()


def drawer_view(
    order: Order, lines: Sequence[TimelineLine], account: str, exports: Sequence[tuple[str, str]]
) -> dict[str, Any]:
    """What the drawer draws; `account` is the name of the order's account."""
    pill = status_pill(order)
    left_out = len(lines) - MOST_LINES
    note = f"{left_out} earlier lines are in the file" if left_out > 0 else f"{len(lines)} lines, hashed in a chain"
    return {
        "title": _title(order),
        "side": order.side.value,
        "pill": {"words": pill.words, "kind": pill.kind},
        "facts": _facts(order, account),
        "lines": [timeline_row(line) for line in lines[-MOST_LINES:]],
        "note": note,
        "exports": [list(export) for export in exports],
    }


def _title(order: Order) -> str:
    base, _, quote = order.symbol.partition("/")
    if order.quantity is not None:
        size = f"{shortest(order.quantity)} {base}"
    else:
        size = f"{base} for {shortest(order.quote_quantity)} {quote}" if order.quote_quantity is not None else base
    return f"{SIDE_WORDS[order.side]} {size}"


def _facts(order: Order, account: str) -> list[list[str]]:
    quote = order.symbol.partition("/")[2]
    force = f", {order.time_in_force}" if order.time_in_force else ""
    facts = [
        ("Order", f"{TYPE_WORDS[order.type]}{force}, on {order.symbol}"),
        ("Price", "" if order.price is None else f"{shortest(order.price)} {quote}"),
        ("Stop", "" if order.stop_price is None else f"{shortest(order.stop_price)} {quote}"),
        ("Filled", shortest(order.filled_quantity) if order.filled_quantity else ""),
        ("Average", "" if order.average_price is None else f"{shortest(order.average_price)} {quote}"),
        ("Fees", ", ".join(f"{shortest(fee)} {asset}" for asset, fee in order.fees.items())),
        ("Reason", reason_words(order.reason)),
        ("Account", account),
        ("Our id", order.client_order_id),
        ("Venue's id", order.venue_order_id or ""),
    ]
    return [[name, text] for name, text in facts if text]
