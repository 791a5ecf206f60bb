"""Orders, history, fills and balances under the chart: one message for each change, none while nothing changes."""

# pyright: reportUnknownMemberType=false
# NiceGUI's event arguments are untyped.

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from components.blotter_rows import TABS, Instruments, Row, balance_row, fill_row, history_row, open_row
from components.chart import LIBRARY
from engine.domain.fills import Fill
from engine.domain.order import Order
from engine.domain.position import Balance
from engine.domain.values import Side

KEPT_ROWS = 200


class Blotter(Element, component="blotter.js", esm={"numatix": str(LIBRARY)}):
    """`on_cancel(order_id)` for a row's ✕, `on_open(order_id)` for a click on a row, and `on_cancel_all()`. The id is
    the browser's word: whoever acts on it must check whose order it is."""

    def __init__(
        self,
        instruments: Instruments,
        *,
        on_cancel: Callable[[str], Awaitable[None]],
        on_cancel_all: Callable[[], Awaitable[None]],
        on_open: Callable[[str], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._instruments = instruments
        self._on_cancel, self._on_cancel_all, self._on_open = on_cancel, on_cancel_all, on_open
        self._open: dict[str, Order] = {}
        self._history: deque[str] = deque()
        self._balance_rows: list[Row] = []
        self._sides: dict[str, Side] = {}
        self._props["tabs"] = [asdict(tab) for tab in TABS]
        self._props["start"] = {}
        self.on("cancel", self._cancel)
        self.on("cancelall", self._cancel_everything)
        self.on("open", self._open_order)

    @property
    def open_orders(self) -> tuple[Order, ...]:
        return tuple(self._open.values())

    def show(self, open_orders: Sequence[Order], history: Sequence[Order], fills: Sequence[Fill]) -> None:
        """Everything anew, as read from the ledger (newest first)."""
        self._open = {order.id: order for order in open_orders}
        self._history = deque((order.id for order in history[:KEPT_ROWS]), KEPT_ROWS)
        self._sides = {order.id: order.side for order in [*history, *open_orders]}
        self._reset("open", [open_row(order, self._instruments) for order in open_orders])
        self._reset("history", [history_row(order, self._instruments) for order in history[:KEPT_ROWS]])
        self._reset("fills", [self._fill_row(fill) for fill in fills[:KEPT_ROWS]])

    def change(self, order: Order, new_fills: Sequence[Fill]) -> None:
        """One order as it is now, with the fills that came."""
        self._sides[order.id] = order.side
        if order.finished:
            was_open = self._open.pop(order.id, None) is not None
            self.run_method("patch", "open", [], [order.id] if was_open else [])
        else:
            self._open[order.id] = order
            self.run_method("patch", "open", [open_row(order, self._instruments)], [])
        gone = self._keep_in_history(order.id)
        self.run_method("patch", "history", [history_row(order, self._instruments)], gone)
        if new_fills:
            self.run_method("patch", "fills", [self._fill_row(fill) for fill in new_fills], [])

    def show_balances(self, balances: Sequence[Balance], prices: Mapping[str, Decimal], quote: str) -> None:
        """An account's holdings with their worth in `quote` (prices by asset); empty ones are left out."""
        held = [balance for balance in balances if balance.total]
        rows = [
            balance_row(b, _worth(b, prices, quote), quote, len(held) - i, self._instruments)
            for i, b in enumerate(held)
        ]
        if rows != self._balance_rows:
            self._balance_rows = rows
            self._reset("balances", rows)

    def _reset(self, name: str, rows: list[Row]) -> None:
        self._props["start"] = {**self._props["start"], name: rows}
        self.run_method("reset", name, rows)

    def _keep_in_history(self, order_id: str) -> list[str]:
        """Remember the row; the keys of those that are too many now."""
        if order_id in self._history:
            return []
        gone = [self._history.pop()] if len(self._history) == KEPT_ROWS else []
        self._history.appendleft(order_id)
        return gone

    def _fill_row(self, fill: Fill) -> Row:
        return fill_row(fill, self._sides.get(fill.order_id), self._instruments)

    async def _cancel(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            await self._on_cancel(event.args)

    async def _open_order(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            await self._on_open(event.args)

    async def _cancel_everything(self) -> None:
        await self._on_cancel_all()


def _worth(balance: Balance, prices: Mapping[str, Decimal], quote: str) -> Decimal | None:
    if balance.asset == quote:
        return balance.total
    price = prices.get(balance.asset)
    return None if price is None else balance.total * price
