"""The picture of the market in the documents, and what it is drawn with."""

from __future__ import annotations

from collections import Counter
from xml.etree import ElementTree

import pytest

from bench import market_figures as figures
from bench.market_plot import PICTURE
from bench.svg import Axis, Chart, Line, sheet

SVG = "{http://www.w3.org/2000/svg}"


def test_figures_of_known_series() -> None:
    there_and_back = [1.0, -1.0] * 50
    assert figures.kurtosis(there_and_back) == pytest.approx(1)
    assert figures.autocorrelation(there_and_back, 1) == pytest.approx(-0.99)
    assert figures.autocorrelation(there_and_back, 2) == pytest.approx(0.98)
    assert figures.scaled(there_and_back) == [1.0] * 100
    assert figures.returns([1.0, 9.0, 1.0, 9.0, 1.0], 2) == [0.0, 0.0]
    assert figures.quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert figures.tail([1.0, 2.0, 4.0, 8.0]) == [(1.0, 1.0), (2.0, 0.75), (4.0, 0.5), (8.0, 0.25)]


def test_spreads_are_weighed_by_time() -> None:
    spread_ms = Counter({1: 900, 2: 75, 40: 25})
    assert figures.time_tail(spread_ms) == [(1, 1.0), (2, 0.1), (40, 0.025)]
    assert figures.wide_share(spread_ms, 1) == pytest.approx(0.1)


def test_a_chart_puts_values_where_they_belong() -> None:
    axis = Axis("", 1, 100, log=True)
    assert (axis.share(1), axis.share(10), axis.share(100), axis.share(0), axis.share(1e9)) == (0, 0.5, 1, 0, 1)
    line = Line("a < b", "#000000", [(0, 1), (5, 100)])
    drawn = ElementTree.fromstring(sheet([Chart("title", Axis("x", 0, 10), axis, [line])]))
    (path,) = drawn.iter(f"{SVG}polyline")
    (first, second) = (tuple(map(float, pair.split(","))) for pair in path.attrib["points"].split())
    assert first[0] < second[0]
    assert first[1] > second[1]
    assert "a < b" in {text.text for text in drawn.iter(f"{SVG}text")}


def test_the_documents_picture_is_one() -> None:
    drawn = ElementTree.parse(PICTURE).getroot()
    assert len(list(drawn.iter(f"{SVG}g"))) >= 6
    assert len(list(drawn.iter(f"{SVG}polyline"))) == 22
