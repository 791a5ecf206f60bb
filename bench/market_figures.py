"""Figures of returns, sizes and times: what a picture or a table of a market needs."""

from __future__ import annotations

import math
import statistics
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise


def returns(prices: Sequence[float], step: int) -> list[float]:
    """Log returns over every `step` prices, one after the other."""
    picked = prices[::step]
    return [math.log(after / before) for before, after in pairwise(picked)]


def tail(values: Sequence[float]) -> list[tuple[float, float]]:
    """`(value, share of the values that are at least as large)`, thinned to a few hundred points."""
    ordered = sorted(values)
    every = max(1, len(ordered) // 300)
    points = [(ordered[index], 1 - index / len(ordered)) for index in range(0, len(ordered) - 60, every)]
    return points + [(value, 1 - index / len(ordered)) for index, value in list(enumerate(ordered))[-60:]]


def normal_tail(limit: float) -> list[tuple[float, float]]:
    """The same for the size of a normal value of unit variance."""
    return [(z / 20, math.erfc(z / 20 / math.sqrt(2))) for z in range(1, int(limit * 20))]


def scaled(values: Sequence[float]) -> list[float]:
    """Their sizes, in standard deviations."""
    spread = statistics.pstdev(values)
    return [abs(value) / spread for value in values]


def kurtosis(values: Sequence[float]) -> float:
    """3 for normal values."""
    mean = statistics.fmean(values)
    variance = statistics.fmean((value - mean) ** 2 for value in values)
    return statistics.fmean((value - mean) ** 4 for value in values) / variance**2


def autocorrelation(values: Sequence[float], lag: int) -> float:
    mean = statistics.fmean(values)
    variance = sum((value - mean) ** 2 for value in values)
    paired = zip(values, values[lag:], strict=False)
    return sum((one - mean) * (other - mean) for one, other in paired) / variance


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def time_tail(spread_ms: Counter[int]) -> list[tuple[float, float]]:
    """`(ticks, share of the time in which the spread was at least as wide)`."""
    total = sum(spread_ms.values())
    points: list[tuple[float, float]] = []
    left = total
    for ticks, lasted_ms in sorted(spread_ms.items()):
        if ticks > 0:
            points.append((ticks, left / total))
        left -= lasted_ms
    return points


def wide_share(spread_ms: Counter[int], usual: int) -> float:
    """The share of the time in which the spread was wider than usual."""
    total = sum(spread_ms.values())
    return sum(lasted for ticks, lasted in spread_ms.items() if ticks > usual) / total if total else math.nan
