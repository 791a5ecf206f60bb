"""Line charts as SVG, several on one sheet: just enough for a picture in the documents."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape

WIDTH, HEIGHT = 440, 320
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 64, 44
NAMES_A_ROW, NAME_WIDTH = 4, 92
INK, FAINT = "#1f2328", "#d8dee4"
FONT = "font-family='Inter, Helvetica, Arial, sans-serif'"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Line:
    """One series; `dashed` for what is a yardstick, `dots` for what are single observations."""

    name: str
    colour: str
    points: Points
    dashed: bool = False
    dots: bool = False


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis from `low` to `high`; both above 0 when it is logarithmic."""

    label: str
    low: float
    high: float
    log: bool = False
    ticks: Sequence[float] = ()

    def share(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one; what lies beyond is put at the end."""
        if self.log:
            value = max(value, self.low)
            found = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            found = (value - self.low) / (self.high - self.low)
        return min(1.0, max(0.0, found))


@dataclass(frozen=True, slots=True)
class Chart:
    """Lines over two axes."""

    title: str
    x: Axis
    y: Axis
    lines: Sequence[Line] = field(default_factory=tuple)

    def place(self, x: float, y: float) -> tuple[float, float]:
        return (
            LEFT + self.x.share(x) * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - self.y.share(y) * (HEIGHT - TOP - BOTTOM),
        )


def sheet(charts: Sequence[Chart], columns: int = 2) -> str:
    """All charts on one white sheet, row by row."""
    rows = math.ceil(len(charts) / columns)
    width, height = columns * WIDTH, rows * HEIGHT
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' viewBox='0 0 {width} {height}'>",
        f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
    ]
    for index, chart in enumerate(charts):
        x, y = index % columns * WIDTH, index // columns * HEIGHT
        parts.append(f"<g transform='translate({x} {y})'>{_chart(chart)}</g>")
    return "\n".join([*parts, "</svg>"]) + "\n"


def _chart(chart: Chart) -> str:
    parts = [_text(LEFT, 20, chart.title, size=13, bold=True)]
    for value in chart.x.ticks:
        x, bottom = chart.place(value, chart.y.low)
        parts.append(_rule(x, TOP, x, bottom))
        parts.append(_text(x, bottom + 15, _figure(value), anchor="middle"))
    for value in chart.y.ticks:
        left, y = chart.place(chart.x.low, value)
        parts.append(_rule(left, y, WIDTH - RIGHT, y))
        parts.append(_text(left - 6, y + 3.5, _figure(value), anchor="end"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, chart.x.label, anchor="middle"))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    label = _text(0, 0, chart.y.label, anchor="middle")
    parts.append(f"<g transform='translate(13 {middle:g}) rotate(-90)'>{label}</g>")
    for index, line in enumerate(chart.lines):
        parts.append(_line(chart, line))
        x, y = LEFT + index % NAMES_A_ROW * NAME_WIDTH, 38 + index // NAMES_A_ROW * 15
        parts.append(f"<rect x='{x}' y='{y - 5}' width='12' height='3' fill='{line.colour}'/>")
        parts.append(_text(x + 17, y, line.name))
    return "".join(parts)


def _line(chart: Chart, line: Line) -> str:
    placed = [chart.place(x, y) for x, y in line.points]
    if line.dots:
        return "".join(f"<circle cx='{x:.1f}' cy='{y:.1f}' r='3.5' fill='{line.colour}'/>" for x, y in placed)
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in placed)
    dashes = " stroke-dasharray='5 4'" if line.dashed else ""
    return f"<polyline points='{path}' fill='none' stroke='{line.colour}' stroke-width='1.6'{dashes}/>"


def _rule(x1: float, y1: float, x2: float, y2: float) -> str:
    return f"<line x1='{x1:.1f}' y1='{y1:.1f}' x2='{x2:.1f}' y2='{y2:.1f}' stroke='{FAINT}'/>"


def _text(x: float, y: float, text: str, *, size: int = 11, anchor: str = "start", bold: bool = False) -> str:
    weight = " font-weight='600'" if bold else ""
    return (
        f"<text x='{x:.1f}' y='{y:.1f}' {FONT} font-size='{size}' text-anchor='{anchor}' fill='{INK}'{weight}>"
        f"{escape(text)}</text>"
    )


def _figure(value: float) -> str:
    if value >= 1_000_000:
        return f"{value / 1_000_000:g}M"
    return f"{value / 1_000:g}k" if value >= 1_000 else f"{value:g}"
