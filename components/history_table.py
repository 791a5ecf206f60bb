"""A page of rows that is read: orders or fills of the past."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui.element import Element

from components.blotter_rows import Row
from components.chart import LIBRARY


class HistoryTable(Element, component="history_table.js", esm={"numatix": str(LIBRARY)}):
    """`columns` as title and alignment, `rows` as `blotter_rows` makes them, `empty` in words."""

    def __init__(self, columns: Sequence[tuple[str, str]], rows: Sequence[Row], empty: str) -> None:
        super().__init__()
        self._props["columns"] = list(columns)
        self._props["rows"] = list(rows)
        self._props["empty"] = empty
