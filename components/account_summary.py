"""The account at a glance, never scrolled away: free, locked and worth. No margin, since there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from nicegui.element import Element

from components.chart import LIBRARY
from components.format import alike, grouped, money_decimals
from engine.domain.instrument import Instrument
from engine.domain.position import Balance


class AccountSummary(Element, component="account_summary.js", esm={"numatix": str(LIBRARY)}):
    """Quote and base of the market that is traded, and the whole account's worth."""

    def __init__(self, instrument: Instrument) -> None:
        super().__init__()
        self._instrument = instrument
        self._shown = self._view(None, None, "", ())
        self._props["start"] = self._shown

    def show(
        self, balances: Mapping[str, Balance] | None, worth: Decimal | None, quote: str, unpriced: Sequence[str]
    ) -> None:
        """`balances` by asset; None where the venue has not said yet. `unpriced` are held but not in the worth."""
        view = self._view(balances, worth, quote, unpriced)
        if view != self._shown:
            self._shown = view
            self._props["start"] = view
            self.run_method("show", view)

    def _view(
        self, balances: Mapping[str, Balance] | None, worth: Decimal | None, quote: str, unpriced: Sequence[str]
    ) -> dict[str, Any]:
        rows: list[tuple[str, str, str]] = []
        for asset in (self._instrument.quote, self._instrument.base):
            if balances is None:
                rows.append((asset, "–", "–"))
                continue
            held = balances.get(asset, Balance(asset, Decimal(0), Decimal(0)))
            # Coins are shown to the lot at least: a figure keeps its width while it changes.
            least = self._instrument.quantity_decimals if asset == self._instrument.base else 0
            free, locked = alike((held.free, held.locked), asset, least)
            rows.append((asset, free, locked))
        words = "–" if worth is None else f"{grouped(worth, money_decimals(quote))} {quote}"
        note = f"Without {', '.join(unpriced)}: no price is known." if unpriced else ""
        return {"rows": rows, "worth": words, "note": note}
