"""A page of rows that is read: orders or fills of the past."""

# pyright: reportUnknownMemberType=false
# NiceGUI's event arguments are untyped.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from components.blotter_rows import Row
from components.chart import LIBRARY


class HistoryTable(Element, component="history_table.js", esm={"numatix": str(LIBRARY)}):
    """`columns` as title and alignment, `rows` as `blotter_rows` makes them, `empty` in words; `on_open(order_id)` for
    a row that is clicked: the id is the browser's word."""

    def __init__(
        self,
        columns: Sequence[tuple[str, str]],
        rows: Sequence[Row],
        empty: str,
        *,
        on_open: Callable[[str], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._on_open = on_open
        self.on("open", self._open)
        self._props["columns"] = list(columns)
        self._props["rows"] = list(rows)
        self._props["empty"] = empty

    async def _open(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str):
            await self._on_open(event.args)
