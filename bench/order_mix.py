"""A mix of orders as a market sees them around a price that walks: limits that rest or cross, markets, cancels."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

START_TICKS = 6_000_000
"""60,000.00 USDT for a BTC."""
NEWEST = 500
"""Of so many newest orders one is canceled: whoever cancels does so soon."""


class Step(NamedTuple):
    """One thing that a client does. `kind` is limit, market or cancel; a cancel is of the order `number`."""

    kind: str
    side: str
    price_ticks: int
    """Of 0.01."""
    lots: int
    """Of 0.00001."""
    number: int
    middle_ticks: int
    """Where the price stands: half-way between the best bid and ask of outsiders."""


def order_mix(count: int, seed: int) -> Iterator[Step]:
    """Of a hundred steps about 45 rest, 12 cross, 8 are market orders and 35 cancel what may still rest."""
    draws = Random(seed)
    middle, placed = START_TICKS, list[int]()
    for number in range(count):
        middle += draws.choice((-10, 0, 0, 0, 10))
        kind, side = draws.random(), draws.choice(("BUY", "SELL"))
        away = 1 if side == "SELL" else -1
        if kind < 0.35 and placed:
            place = -1 - draws.randrange(min(len(placed), NEWEST))
            placed[place], placed[-1] = placed[-1], placed[place]
            yield Step("cancel", "", 0, 0, placed.pop(), middle)
        elif kind < 0.8:
            price = middle + away * (1 + int(draws.expovariate(1 / 300)))
            yield Step("limit", side, price, draws.randrange(20, 2_000), number, middle)
            placed.append(number)
        elif kind < 0.92:
            price = middle - away * int(draws.expovariate(1 / 100))
            yield Step("limit", side, price, draws.randrange(20, 3_000), number, middle)
            placed.append(number)
        else:
            yield Step("market", side, 0, draws.randrange(20, 2_000), number, middle)
