"""The synthetic traders of one symbol: makers who keep a book around a fair price, and takers who trade with it.

They know the fair price, the public best bid and ask and their own orders, and act only by placing and cancelling
orders. The market's price follows the fair price because makers requote and informed takers hit who is late; a
large order of anyone else eats levels that come back over the next seconds, and pushes the fair price for a while.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from engine.simulator.history import TAIL_CUT
from engine.simulator.listings import MarketProfile
from engine.simulator.model import Side
from engine.simulator.process import order_size, queue_size, reserve
from engine.simulator.seat import Seat

MOVE_A_YEAR = 0.93e-4
"""Mean distance that the fair price goes before the makers requote, as a part of a year's volatility: what keeps
the touch still in most moments. 0.42 hundredths of a per cent for BTCUSDT."""
RETURNING = 0.3
"""Part of the missing orders that come back in one beat."""
LARGEST_REFILL = 12
TURNOVER_PER_S = 3.0
"""Cancels a second and side that no price move causes."""
PRESSURE_FADES_S = 45.0
MOST_PRESSURE_BPS = 40.0
EXCITEMENT, EXCITEMENT_FADES_S = 0.65, 0.8
"""Of a hundred takers' orders these many were set off by an earlier one, and how fast that wears off."""
FOLLOWING = 0.87
"""How often a taker's order takes the side of the parent order that is being worked."""


@dataclass(slots=True)
class Mood:
    """What the traders of a symbol carry from one beat to the next; small, since it is noted in the journal."""

    bid_ticks: int
    """Where the makers bid."""
    patience_bps: float = 0.5
    pressure_bps: float = 0.0
    """How far other people's trades push the fair price."""
    side: int = 1
    run: int = 0
    excitement: float = 0.0
    untold_lots: int = 0
    """What takers bought net of what they sold since the last beat, as far as it was seen before a restart."""
    spread_ticks: int = 0
    """How far above their bid the makers ask; 0 is the profile's usual."""

    def noted(self) -> list[float]:
        return [
            self.bid_ticks,
            self.patience_bps,
            self.pressure_bps,
            self.side,
            self.run,
            self.excitement,
            self.untold_lots,
            self.spread_ticks,
        ]

    @classmethod
    def from_note(cls, values: Sequence[float]) -> Mood:
        """What `noted` gave; a note of before spreads varied lacks the last figure."""
        bid, patience, pressure, side, run, excitement, untold, *spread = values
        return cls(int(bid), patience, pressure, int(side), int(run), excitement, int(untold), *map(int, spread))


class SymbolTraders:
    """Everyone synthetic who trades one symbol."""

    def __init__(self, seat: Seat, profile: MarketProfile, mood: Mood) -> None:
        self.seat = seat
        self.mood = mood
        self._profile = profile
        self._liveliness = 1.0
        mood.spread_ticks = mood.spread_ticks or profile.spread_ticks
        seat.net_lots = mood.untold_lots

    def noted(self) -> list[float]:
        """What another process needs to go on from here, beside the orders in the book."""
        self.mood.untold_lots = self.seat.net_lots
        return self.mood.noted()

    def open_book(self, rng: random.Random, liveliness: float) -> None:
        """Fill both sides at once: before anyone can look."""
        self._liveliness = liveliness
        for side in Side:
            self._touch(rng, side)
            taken: set[int] = set()
            for _ in range(self._profile.levels - len(self.seat.orders(side))):
                self._rest(rng, side, taken)

    def beat(self, rng: random.Random, fair_price: float, activity: float, liveliness: float, elapsed_s: float) -> None:
        """One moment of the market. `fair_price` in quote units; `activity` (this minute's volatility) and
        `liveliness` (the time of day's) are 1 in usual times."""
        self._liveliness = liveliness
        fair = self._pushed(fair_price / float(self.seat.listing.tick), elapsed_s)
        self._requote(rng, fair, activity / liveliness)
        self._meet_strangers()
        for side in Side:
            self._turn_over(rng, side, elapsed_s)
            self._refill(rng, side)
        self._take(rng, activity, elapsed_s)

    # --- makers ----------------------------------------------------------------------------------
    def _pushed(self, fair: float, elapsed_s: float) -> float:
        mood, profile = self.mood, self._profile
        worth = self.seat.net_lots * fair * self.seat.worth
        side_worth = profile.levels * profile.order_notional * 3
        push = profile.depth_bps * worth / side_worth
        faded = mood.pressure_bps * math.exp(-elapsed_s / PRESSURE_FADES_S)
        mood.pressure_bps = max(-MOST_PRESSURE_BPS, min(MOST_PRESSURE_BPS, faded + push))
        self.seat.net_lots = 0
        return fair * (1 + mood.pressure_bps / 10_000)

    def _requote(self, rng: random.Random, fair: float, unrest: float) -> None:
        """Follow the fair price once it has gone far enough: informed takers first, then the makers give way."""
        mood = self.mood
        gone = fair - mood.bid_ticks - mood.spread_ticks / 2
        if abs(gone) <= max(mood.patience_bps * fair / 10_000, 0.75):
            return
        mood.patience_bps = 10_000 * MOVE_A_YEAR * self._profile.volatility * rng.expovariate(1.0)
        mood.spread_ticks = self._spread(rng, unrest)
        mood.bid_ticks = max(1, math.floor(fair - mood.spread_ticks / 2 + 0.5))
        late, limit = (Side.SELL, mood.bid_ticks) if gone > 0 else (Side.BUY, self._price(Side.SELL))
        stale = [
            (order_id, resting)
            for order_id, resting in self.seat.orders(late).items()
            if (resting.price_ticks <= limit if late is Side.SELL else resting.price_ticks >= limit)
        ]
        if stale and rng.random() < 0.5:
            lots = min(sum(resting.lots for _, resting in stale), self._order_lots(rng))
            self.seat.hit(_other(late), lots, limit)
        for order_id, _ in stale:
            self.seat.cancel(late, order_id)
        if mood.spread_ticks > self._profile.spread_ticks:
            self._clear_spread()
        self._touch(rng, Side.BUY)
        self._touch(rng, Side.SELL)

    def _spread(self, rng: random.Random, unrest: float) -> int:
        """Ticks between the makers' quotes: usual, or now and then wider, the more so at night and in unrest."""
        usual, share = self._profile.spread_ticks, self._profile.wide_share
        if rng.random() >= min(0.5, share * reserve(self._liveliness) * min(unrest, 4.0)):
            return usual
        return usual + 1 + int(rng.expovariate(1 / self._profile.wide_ticks))

    def _clear_spread(self) -> None:
        """Take back what stands between the makers' new quotes."""
        bid, ask = self._price(Side.BUY), self._price(Side.SELL)
        for side in Side:
            for order_id, resting in list(self.seat.orders(side).items()):
                if bid < resting.price_ticks < ask:
                    self.seat.cancel(side, order_id)

    def _meet_strangers(self) -> None:
        """Take what outsiders left standing on the wrong side of the makers' quotes, a part in every beat."""
        most = self._lots(2 * self._profile.touch_notional)
        if self.seat.top.ask_lots and self.seat.top.ask_ticks <= self.mood.bid_ticks:
            self.seat.hit(Side.BUY, min(self.seat.top.ask_lots, most), self.mood.bid_ticks)
        elif self.seat.top.bid_lots and self.seat.top.bid_ticks >= self._price(Side.SELL):
            self.seat.hit(Side.SELL, min(self.seat.top.bid_lots, most), self._price(Side.SELL))

    def _turn_over(self, rng: random.Random, side: Side, elapsed_s: float) -> None:
        """Now and then somebody leaves, sooner the farther away from the touch."""
        orders = self.seat.orders(side)
        if not orders or rng.random() > 2 * TURNOVER_PER_S * elapsed_s:
            return
        order_id = list(orders)[int(rng.random() * len(orders))]
        resting = orders[order_id]
        distance = abs(resting.price_ticks - self._price(side))
        if rng.random() < 0.25 + distance / (4 * self._ticks(self._profile.depth_bps)):
            self.seat.cancel(side, order_id)

    def _refill(self, rng: random.Random, side: Side) -> None:
        orders, price = self.seat.orders(side), self._price(side)
        queue = sum(resting.lots for resting in orders.values() if resting.price_ticks == price)
        if queue < self._lots(0.5 * self._profile.touch_notional * queue_size(self._liveliness)) and rng.random() < 0.5:
            self._touch(rng, side)
        missing = self._profile.levels - len(orders)
        if missing > 0:
            taken = {resting.price_ticks for resting in orders.values()}
            for _ in range(min(LARGEST_REFILL, math.ceil(RETURNING * missing))):
                self._rest(rng, side, taken)
        elif missing < -self._profile.levels // 4:
            self.seat.cancel(side, next(iter(orders)))

    def _touch(self, rng: random.Random, side: Side) -> None:
        """A few orders at the best price, from dust to most of what waits there."""
        usual = 0.12 * self._profile.touch_notional * queue_size(self._liveliness)
        for _ in range(1 + int(3 * rng.random())):
            notional = usual * math.exp(1.4 * rng.gauss(0.0, 1.0))
            self.seat.rest(self._someone(rng), side, self._price(side), self._lots(notional))

    def _rest(self, rng: random.Random, side: Side, taken: set[int]) -> None:
        """One more order behind the touch: a third of them close to it, a few far away, rather alone than in line."""
        depth = self._ticks(self._profile.depth_bps)
        near = rng.random() < 0.3
        distance = rng.expovariate(4 / depth) if near else depth * math.exp(0.8 * rng.gauss(0.0, 1.0))
        behind = 1 + int(distance)
        outwards = 1 if side is Side.SELL else -1
        price = self._price(side) + outwards * behind
        while price in taken and rng.random() < 0.8:
            price += outwards
        taken.add(price)
        weight = math.sqrt(0.5 + 0.5 * distance / depth) * queue_size(self._liveliness)
        notional = weight * self._profile.order_notional * math.exp(min(2.6, 1.5 * rng.gauss(0.0, 1.0)))
        self.seat.rest(self._someone(rng), side, price, self._lots(notional))

    # --- takers ----------------------------------------------------------------------------------
    def _take(self, rng: random.Random, activity: float, elapsed_s: float) -> None:
        """Takers come in clusters and stay on one side for a while, as parent orders are worked in parts."""
        mood = self.mood
        mood.excitement *= math.exp(-elapsed_s / EXCITEMENT_FADES_S)
        calm = self._profile.trades_per_s * (1 - EXCITEMENT) * (0.4 + 0.6 * min(activity, 4.0))
        for _ in range(min(6, _poisson(rng, (calm + mood.excitement) * elapsed_s))):
            mood.excitement += EXCITEMENT / EXCITEMENT_FADES_S
            if mood.run <= 0:
                mood.side = 1 if rng.random() < 0.5 else -1
                mood.run = min(300, int((1 - rng.random()) ** (-1 / 1.4)))
            mood.run -= 1
            wanted = mood.side if rng.random() < FOLLOWING else (1 if rng.random() < 0.5 else -1)
            self._take_once(rng, Side.BUY if wanted > 0 else Side.SELL)

    def _take_once(self, rng: random.Random, side: Side) -> None:
        best = (self.seat.top.ask_ticks, self.seat.top.ask_lots) if side is Side.BUY else (
            self.seat.top.bid_ticks, self.seat.top.bid_lots)  # fmt: skip
        if not best[1]:
            return
        lots = self._order_lots(rng)
        if 4 * lots <= best[1]:
            self.seat.take(side, lots, None)
            return
        slip = 1 + round(2 * self._ticks(self._profile.depth_bps))
        limit = best[0] + (slip if side is Side.BUY else -slip)
        self.seat.take(side, lots, limit)

    def _order_lots(self, rng: random.Random) -> int:
        usual = self._profile.trade_notional * order_size(self._liveliness)
        notional = usual * math.exp(self._profile.trade_tail * min(TAIL_CUT, rng.gauss(0.0, 1.0)))
        lots = self._lots(notional)
        digits = len(str(lots)) - 1
        round_lots = round(lots, -digits) if digits and rng.random() < 0.2 else lots
        return max(round_lots, self.seat.fewest_lots(self.mood.bid_ticks))

    def _someone(self, rng: random.Random) -> int:
        makers = self.seat.traders.makers
        return makers[int(rng.random() * len(makers))]

    # --- figures ---------------------------------------------------------------------------------
    def _price(self, side: Side) -> int:
        """Where the makers' best quote of this side belongs."""
        return self.mood.bid_ticks if side is Side.BUY else self.mood.bid_ticks + self.mood.spread_ticks

    def _lots(self, notional: float) -> int:
        return max(self.seat.fewest_lots(self.mood.bid_ticks), int(notional / (self.mood.bid_ticks * self.seat.worth)))

    def _ticks(self, bps: float) -> float:
        return bps * self.mood.bid_ticks / 10_000


def _other(side: Side) -> Side:
    return Side.SELL if side is Side.BUY else Side.BUY


def _poisson(rng: random.Random, mean: float) -> int:
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count
