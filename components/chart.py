"""The candle chart: the model in Python, TradingView's chart in a frame, and little traffic between them.

lightweight-charts-python 2.1 builds and styles the chart; its own data path (pandas at every tick) is not used:
history travels as columns in one message, and of ticks only the newest state, one message in flight.
"""

# pyright: reportUnknownMemberType=false, reportMissingTypeStubs=false
# lightweight_charts carries no types.

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from nicegui import app
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from components.theme import TOKENS, YEAR_S, Theme, read_theme
from engine.domain.instrument import Instrument
from engine.domain.market import TIMEFRAMES_S, Candle

LIBRARY = Path(__file__).parent / "static" / "lib"
FRAME_NAME = "desk"
FRAME_PATH = "/assets/chart-2.1"
MOST_CANDLES = 20_000


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One of the user's open orders as a line, and what it says."""

    price: Decimal
    words: str


def serve_chart_assets() -> None:
    """Register the package's own page and scripts; called once. The import costs 0.7 s: not at start-up."""
    spec = importlib.util.find_spec("lightweight_charts")
    if spec is None or spec.origin is None:
        raise LookupError("lightweight_charts is not installed")
    app.add_static_files(FRAME_PATH, Path(spec.origin).parent / "js", max_cache_age=YEAR_S)


def import_library() -> None:
    """Pay for the import of lightweight_charts (and pandas) before the first page needs it; for a thread."""
    importlib.import_module("components.chart_frame")


class Chart(Element, component="chart.js", esm={"numatix": str(LIBRARY)}):
    """`on_timeframe(name)` when the user chooses one, `on_older(open_ms)` when bars before that one are wanted."""

    def __init__(
        self,
        instrument: Instrument,
        timeframe: str,
        theme: Theme,
        *,
        on_timeframe: Callable[[str], None],
        on_older: Callable[[int], None],
    ) -> None:
        super().__init__()
        self._instrument = instrument
        self._theme = theme
        self._candles: list[Candle] = []
        self._more = True
        self._orders: tuple[OrderLine, ...] = ()
        self._loaded = self._hidden = self._in_flight = False
        self._due: Candle | None = None
        self._props["meta"] = {"symbol": instrument.symbol, "pd": instrument.price_decimals}
        self._props["src"] = f"{FRAME_PATH}/index.html"
        self._props["timeframes"] = list(TIMEFRAMES_S)
        self._props["timeframe"] = timeframe
        self._on_timeframe, self._on_older = on_timeframe, on_older
        self.on("ready", self._build)
        self.on("timeframe", self._choose)
        self.on("older", self._page)
        self.on("ack", self._acknowledge)
        self.on("hidden", self._hide)

    # --- what the page calls

    def show(self, timeframe: str, candles: Sequence[Candle], *, more: bool) -> None:
        """Replace all bars (oldest first); `more` says whether older ones may exist."""
        self._props["timeframe"] = timeframe
        self._candles = list(candles)
        self._more = more
        self._due = None
        self.trouble(None)
        if self._loaded:
            self.run_method("mark", timeframe)
            self._send_history(keep_view=False)

    def prepend(self, candles: Sequence[Candle], *, more: bool) -> None:
        """Older bars in front; what overlaps is dropped."""
        first = self._candles[0].open_ms if self._candles else None
        older = [candle for candle in candles if first is None or candle.open_ms < first]
        self._candles = older + self._candles
        self._more = more and bool(older) and len(self._candles) < MOST_CANDLES
        if self._loaded:
            self._send_history(keep_view=True)

    def tick(self, candle: Candle) -> None:
        """The newest state of the forming bar."""
        if not self._remember(candle):
            return
        self._due = candle
        self._send_due()

    def set_theme(self, theme: Theme) -> None:
        self._theme = theme
        if self._loaded:
            self._draw_frame(build=False)
            self.run_method("recolour", volume_colours(theme))
            self._send_orders()

    def set_orders(self, orders: Sequence[OrderLine]) -> None:
        if tuple(orders) != self._orders:
            self._orders = tuple(orders)
            if self._loaded:
                self._send_orders()

    def trouble(self, words: str | None) -> None:
        """Say in the chart's place why there is none; None takes it away."""
        self.run_method("trouble", words)

    def resume(self) -> None:
        """After a reconnect: whatever was in flight may be lost, so everything is sent again."""
        if self._loaded:
            self._in_flight = False
            self._send_history(keep_view=True)

    @property
    def hidden(self) -> bool:
        """Whether the tab is in the background: nothing that ticks is sent there."""
        return self._hidden

    # --- what the browser says

    def _build(self, event: GenericEventArguments) -> None:
        """The frame has loaded, for the first time or again: make the chart from the model, in the page's theme."""
        self._theme = read_theme(event.args if isinstance(event.args, str) else None) or self._theme
        self._loaded = True
        self._in_flight = False
        self._draw_frame(build=True)
        self.run_method("adopt", FRAME_NAME)
        if self._candles:
            self._send_history(keep_view=False)

    def _choose(self, event: GenericEventArguments) -> None:
        if event.args in TIMEFRAMES_S:
            self._on_timeframe(event.args)

    def _page(self, event: GenericEventArguments) -> None:
        if self._more and self._candles and event.args == self._candles[0].open_ms:
            self._on_older(self._candles[0].open_ms)

    def _acknowledge(self) -> None:
        self._in_flight = False
        self._send_due()

    def _hide(self, event: GenericEventArguments) -> None:
        self._hidden = bool(event.args)
        if not self._hidden:
            self.resume()

    # --- sending

    def _remember(self, candle: Candle) -> bool:
        """Put it into the model; False when it is older than what the model ends with."""
        if not self._candles or candle.open_ms < self._candles[-1].open_ms:
            return False
        if candle.open_ms == self._candles[-1].open_ms:
            self._candles[-1] = candle
        else:
            self._candles.append(candle)
            del self._candles[:-MOST_CANDLES]
        return True

    def _send_due(self) -> None:
        candle = self._due
        if candle is None or self._in_flight or self._hidden or not self._loaded:
            return
        self._due = None
        self._in_flight = True
        figures = (candle.open, candle.high, candle.low, candle.close, candle.volume)
        self.run_method("update", candle.open_ms // 1000, *(float(figure) for figure in figures))

    def _send_history(self, *, keep_view: bool) -> None:
        self.run_method("history", columns(self._candles), volume_colours(self._theme), self._more, keep_view)
        self._send_orders()

    def _send_orders(self) -> None:
        amber = TOKENS[self._theme]["accent"]
        self.run_method("orders", [(float(order.price), order.words, amber) for order in self._orders])

    def _draw_frame(self, *, build: bool) -> None:
        from components.chart_frame import frame_script

        script = frame_script(FRAME_NAME, self._theme, self._instrument.price_decimals, build=build)
        self.run_method("run", script)


def columns(candles: Sequence[Candle]) -> dict[str, list[Any]]:
    """Bars as columns for the browser: times in seconds, figures as floats (the canvas knows nothing else)."""
    return {
        "t": [candle.open_ms // 1000 for candle in candles],
        "o": [float(candle.open) for candle in candles],
        "h": [float(candle.high) for candle in candles],
        "l": [float(candle.low) for candle in candles],
        "c": [float(candle.close) for candle in candles],
        "v": [float(candle.volume) for candle in candles],
    }


def volume_colours(theme: Theme) -> dict[str, str]:
    tokens = TOKENS[theme]
    return {"up": tokens["buy"] + "66", "down": tokens["sell"] + "66"}
