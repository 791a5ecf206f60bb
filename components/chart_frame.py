"""What lightweight-charts-python writes for the frame: the chart and its style, as one script.

Repairs of version 2.1 (`FrameWindow`, `FramedChart`): handlers are shared by all windows of the process, and the ids
of every chart stay for ever in a list; here a window has its own handlers, the frame's one chart a fixed name.
Only constants of ours reach the package's unescaped strings.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUntypedBaseClass=false, reportUnknownArgumentType=false, reportPrivateUsage=false
# lightweight_charts carries no types.

from __future__ import annotations

from collections.abc import Callable

from lightweight_charts.abstract import AbstractChart, Window

from components.theme import TOKENS, Theme

FONT = "Inter, system-ui, sans-serif"


class FrameWindow(Window):
    """A window whose handlers are its own and whose scripts go to `send`."""

    def __init__(self, send: Callable[[str], None]) -> None:
        super().__init__(script_func=send)
        self.handlers = {}


class FramedChart(AbstractChart):
    """The one chart of its frame, under a name that the page's module knows."""

    def __init__(self, window: FrameWindow, name: str) -> None:
        self.id = f"window.{name}"
        kept = len(Window._id_gen)
        super().__init__(window, toolbox=False)
        del Window._id_gen[kept:]


def frame_script(name: str, theme: Theme, price_decimals: int, *, build: bool) -> str:
    """The script that makes the chart `window[name]` (or, without `build`, only dresses it anew)."""
    sent: list[str] = []
    window = FrameWindow(sent.append)
    chart = FramedChart(window, name)
    if not build:
        # The chart stands already: only what follows is wanted.
        window.scripts.clear()
    _dress(chart, theme)
    if build:
        chart.precision(price_decimals)
        chart.price_scale(scale_margin_top=0.12, scale_margin_bottom=0.24, minimum_width=64, entire_text_only=True)
        chart.volume_config(scale_margin_top=0.82)
        chart.price_line(label_visible=True, line_visible=True)
    window.on_js_load()
    return "\n".join(sent)


def _dress(chart: FramedChart, theme: Theme) -> None:
    tokens = TOKENS[theme]
    chart.layout(background_color=tokens["card"], text_color=tokens["dim"], font_size=11, font_family=FONT)
    chart.grid(vert_enabled=False, color=tokens["line"] + "80", style="solid")
    chart.candle_style(up_color=tokens["buy"], down_color=tokens["sell"])
    chart.crosshair(
        mode="normal",
        vert_color=tokens["dim"],
        horz_color=tokens["dim"],
        vert_style="dotted",
        horz_style="dotted",
        vert_label_background_color=tokens["raised"] if theme is Theme.DARK else tokens["dim"],
        horz_label_background_color=tokens["raised"] if theme is Theme.DARK else tokens["dim"],
    )
    chart.time_scale(border_visible=True, border_color=tokens["line"], right_offset=4, seconds_visible=False)
