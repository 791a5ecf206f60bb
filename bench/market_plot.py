"""`python -m bench.market_plot CAPTURE [MINUTES]`: hold the synthetic market against a recorded one.

Writes docs/simulator-market.svg and prints the documents' table. The same code and capture give the same picture.
MINUTES of every hour and seed are lived through for the pictures by hour (4 unless said: some two minutes of work).
"""

from __future__ import annotations

import statistics
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from bench import market_figures as figures
from bench.market_samples import Sample, by_hour, recorded, simulated
from bench.svg import Axis, Chart, Line, sheet
from engine.simulator.listings import default_profiles

PICTURE = Path(__file__).parent.parent / "docs" / "simulator-market.svg"
SEEDS = (1, 3, 4)
MINUTES = 20
RECORDED_HOUR = 23.9
"""When the recorded evening began (UTC): the simulated ones are taken at the same time of day."""
REAL, MADE, YARDSTICK = "#1f2328", "#0969da", "#8c959f"
COLOURS = ("#f7931a", "#3c5bd6", "#14a37f", "#c9a200", "#7d8590", "#c2410c")
Figure = Callable[[Sample], float]
SIZES = (100, 1_000, 10_000, 100_000, 1_000_000)


def main(capture: Path, hour_minutes: int) -> None:
    """Measure, write the picture and print the table."""
    profiles = default_profiles()
    real = recorded(capture)
    made = [simulated(seed, profiles["BTCUSDT"], RECORDED_HOUR, MINUTES) for seed in SEEDS]
    days = [by_hour(seed, profiles, hour_minutes) for seed in SEEDS]
    day = {symbol: [joined(day[symbol][hour] for day in days) for hour in range(24)] for symbol in profiles}
    charts = [tails(real, made), clusters(real, made), spreads(real, made), sizes(real, made)]
    PICTURE.write_text(sheet([*charts, sizes_by_hour(real, day), spreads_by_hour(real, day)]))
    sys.stdout.write(table(real, made) + "\n")


def tails(real: Sample, made: Sequence[Sample]) -> Chart:
    """How often a second's return is how large."""
    return Chart(
        "Returns of one second: how often at least so large",
        Axis("size, in standard deviations", 0, 10, ticks=(0, 2, 4, 6, 8, 10)),
        Axis("share of the seconds", 1e-4, 1, log=True, ticks=(1e-4, 1e-3, 0.01, 0.1, 1)),
        (
            Line("recorded", REAL, figures.tail(figures.scaled(seconds(real)))),
            Line("simulated", MADE, figures.tail([size for each in made for size in figures.scaled(seconds(each))])),
            Line("normal", YARDSTICK, figures.normal_tail(4.2), dashed=True),
        ),
    )


def clusters(real: Sample, made: Sequence[Sample]) -> Chart:
    """How long a lively moment lasts."""
    lags = range(1, 41)
    noise = 1.96 / len(seconds(real)) ** 0.5
    return Chart(
        "Size of a second's return: autocorrelation",
        Axis("lag, s", 0, 40, ticks=(0, 10, 20, 30, 40)),
        Axis("correlation", -0.15, 0.45, ticks=(-0.1, 0, 0.1, 0.2, 0.3, 0.4)),
        (
            Line("recorded", REAL, [(lag, clustering(real, lag)) for lag in lags]),
            Line("simulated", MADE, [(lag, statistics.fmean(clustering(each, lag) for each in made)) for lag in lags]),
            Line("chance, 95 %", YARDSTICK, [(0, noise), (40, noise)], dashed=True),
        ),
    )


def spreads(real: Sample, made: Sequence[Sample]) -> Chart:
    """How wide the spread is for how long."""
    together = sum((each.spread_ms for each in made), Counter[int]())
    return Chart(
        "Spread of BTCUSDT: for how long at least so wide",
        Axis("ticks of 0.01", 1, 10_000, log=True, ticks=(1, 10, 100, 1_000, 10_000)),
        Axis("share of the time", 1e-5, 1, log=True, ticks=(1e-5, 1e-4, 1e-3, 0.01, 0.1, 1)),
        (
            Line("recorded", REAL, figures.time_tail(real.spread_ms)),
            Line("simulated", MADE, figures.time_tail(together)),
        ),
    )


def sizes(real: Sample, made: Sequence[Sample]) -> Chart:
    """How large takers' orders are."""
    return Chart(
        "Takers' orders in BTCUSDT: how often at least so large",
        Axis("USDT", 10, 1_000_000, log=True, ticks=(10, *SIZES)),
        Axis("share of the orders", 1e-3, 1, log=True, ticks=(1e-3, 0.01, 0.1, 1)),
        (
            Line("recorded", REAL, figures.tail(worths(real))),
            Line("simulated", MADE, figures.tail([worth for each in made for worth in worths(each)])),
        ),
    )


def sizes_by_hour(real: Sample, day: dict[str, list[Sample]]) -> Chart:
    """What a usual order is worth at which hour."""
    lines = [
        Line(symbol, colour, [(hour, statistics.median(worths(each))) for hour, each in enumerate(samples)])
        for (symbol, samples), colour in zip(day.items(), COLOURS, strict=True)
    ]
    seen = Line("recorded", REAL, [(RECORDED_HOUR, statistics.median(worths(real)))], dots=True)
    return Chart(
        "A taker's order by hour and symbol, median (simulated)",
        Axis("hour, UTC", 0, 24, ticks=(0, 6, 12, 18, 24)),
        Axis("USDT", 50, 400, ticks=(100, 200, 300, 400)),
        (*lines, seen),
    )


def spreads_by_hour(real: Sample, day: dict[str, list[Sample]]) -> Chart:
    """How often the spread is wider than usual at which hour."""
    profiles = default_profiles()
    lines = [
        Line(
            symbol,
            colour,
            [
                (
                    hour + 1.5,
                    figures.wide_share(joined(samples[hour : hour + 3]).spread_ms, profiles[symbol].spread_ticks),
                )
                for hour in range(0, 24, 3)
            ],
        )
        for (symbol, samples), colour in zip(day.items(), COLOURS, strict=True)
    ]
    seen = Line("recorded", REAL, [(RECORDED_HOUR, figures.wide_share(real.spread_ms, 1))], dots=True)
    return Chart(
        "Time with a spread of more than one tick, in three hours",
        Axis("hour, UTC", 0, 24, ticks=(0, 6, 12, 18, 24)),
        Axis("share of the time", 5e-4, 0.5, log=True, ticks=(1e-3, 0.01, 0.1)),
        (*lines, seen),
    )


def table(real: Sample, made: Sequence[Sample]) -> str:
    """The documents' table: recorded, then the least and the most of the simulated ones."""
    rows = ["| | recorded | simulated |", "|---|---|---|"]
    for name, figure in ROWS.items():
        found = [figure(each) for each in made]
        rows.append(f"| {name} | {figure(real):.3g} | {min(found):.3g} to {max(found):.3g} |")
    return "\n".join(rows)


def joined(samples: Iterable[Sample]) -> Sample:
    """Sizes and spreads of several markets as one."""
    whole = Sample()
    for sample in samples:
        whole.spread_ms.update(sample.spread_ms)
        whole.taken.extend(sample.taken)
    return whole


def seconds(sample: Sample) -> list[float]:
    return figures.returns(sample.middles, 10)


def moves(sample: Sample) -> list[float]:
    """The sizes of what moved within 100 ms, in hundredths of a per cent."""
    return [abs(change) * 10_000 for change in figures.returns(sample.middles, 1) if change]


def worths(sample: Sample) -> list[float]:
    return [order.worth for order in sample.taken]


def signs(sample: Sample) -> list[float]:
    return [1.0 if order.bought else -1.0 for order in sample.taken]


def waits(sample: Sample) -> list[float]:
    return [float(b.at_ms - a.at_ms) for a, b in pairwise(sample.taken)]


def irregularity(sample: Sample) -> float:
    """The coefficient of variation of the time between two orders: 1 when they come by chance."""
    return statistics.pstdev(waits(sample)) / statistics.fmean(waits(sample))


def clustering(sample: Sample, lag: int) -> float:
    return figures.autocorrelation([abs(change) for change in seconds(sample)], lag)


def deviation(sample: Sample, step: int) -> float:
    return statistics.pstdev(figures.returns(sample.middles, step)) * 10_000


def order_quantile(share: float) -> Figure:
    return lambda sample: figures.quantile(worths(sample), share)


def sign_memory(lag: int) -> Figure:
    return lambda sample: figures.autocorrelation(signs(sample), lag)


def size_memory(lag: int) -> Figure:
    return lambda sample: clustering(sample, lag)


ROWS: Mapping[str, Figure] = {
    "spread of one tick (0.01), share of the time": lambda s: 1 - figures.wide_share(s.spread_ms, 1),
    "the 30th bid stands below the best by, median, bps": lambda s: statistics.median(s.depth_bps),
    "worth of what waits at the best bid, median, USDT": lambda s: statistics.median(s.best_worth),
    "100 ms without a move of the middle, share": lambda s: 1 - len(moves(s)) / (len(s.middles) - 1),
    "size of a move when there is one, median, bps": lambda s: statistics.median(moves(s)),
    "the same, 95 %": lambda s: figures.quantile(moves(s), 0.95),
    "taker's order, 25 %, USDT": order_quantile(0.25),
    "median": order_quantile(0.5),
    "75 %": order_quantile(0.75),
    "95 %": order_quantile(0.95),
    "99 %": order_quantile(0.99),
    "autocorrelation of its sign, lag 1": sign_memory(1),
    "lag 5": sign_memory(5),
    "lag 20": sign_memory(20),
    "takers' orders a second": lambda s: len(s.taken) / (len(s.middles) / 10),
    "coefficient of variation of the time between them": lambda s: (
        statistics.pstdev(waits(s)) / statistics.fmean(waits(s))
    ),
    "trades an order makes": lambda s: statistics.fmean(order.trades for order in s.taken),
    "1 s standard deviation of the middle, bps": lambda s: deviation(s, 10),
    "5 s": lambda s: deviation(s, 50),
    "kurtosis of 1 s returns (3 is normal)": lambda s: figures.kurtosis(seconds(s)),
    "autocorrelation of their size, lag 1 s": size_memory(1),
    "5 s, the size": size_memory(5),
    "20 s, the size": size_memory(20),
}


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 4)
