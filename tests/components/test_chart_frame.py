"""What is sent into the chart's frame, and the repairs of lightweight-charts-python 2.1."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportPrivateUsage=false
# lightweight_charts carries no types.

from __future__ import annotations

from lightweight_charts.abstract import Window

from components.chart import columns
from components.chart_frame import FramedChart, FrameWindow, frame_script
from components.theme import Theme
from engine.domain.market import Candle


def test_windows_do_not_share_their_handlers() -> None:
    first, second = FrameWindow(lambda _: None), FrameWindow(lambda _: None)
    first.handlers["mine"] = print
    assert second.handlers == {}
    assert "mine" not in Window.handlers


def test_a_chart_leaves_nothing_behind_in_the_package() -> None:
    before = len(Window._id_gen)
    for _ in range(3):
        FramedChart(FrameWindow(lambda _: None), "desk")
    assert len(Window._id_gen) == before


def test_the_frame_is_built_by_one_script_and_dressed_anew_without_a_second_chart() -> None:
    built = frame_script("desk", Theme.DARK, 2, build=True)
    dressed = frame_script("desk", Theme.LIGHT, 2, build=False)
    assert built.count("new Lib.Handler") == 1
    assert "new Lib.Handler" not in dressed
    assert "#ffffff" in dressed


def test_history_travels_as_columns_in_seconds() -> None:
    from decimal import Decimal

    one = Candle(60_000, Decimal(1), Decimal(3), Decimal("0.5"), Decimal(2), Decimal(7))
    assert columns([one]) == {"t": [60], "o": [1.0], "h": [3.0], "l": [0.5], "c": [2.0], "v": [7.0]}
