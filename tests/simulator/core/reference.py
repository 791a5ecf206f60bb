"""A slow order book that is right on sight: lists, searched and sorted anew for every order."""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.simulator.model import NewOrder, OrderType, Side, TimeInForce


@dataclass
class Resting:
    """An order that waits, with the number of its arrival."""

    number: int
    side: Side
    price: int
    lots: int


@dataclass
class ReferenceBook:
    """Price-time priority as the rule is told: of all that may trade, the best price, then the oldest."""

    resting: list[Resting] = field(default_factory=list[Resting])

    def place(self, number: int, order: NewOrder) -> list[tuple[int, int, int]]:
        """Trade and rest; returns the trades as `(maker's number, price, lots)`."""
        if order.time_in_force is TimeInForce.FOK and sum(found.lots for found in self.facing(order)) < order.lots:
            return []
        trades: list[tuple[int, int, int]] = []
        left = order.lots
        while left and self.facing(order):
            maker = self.facing(order)[0]
            lots = min(left, maker.lots)
            trades.append((maker.number, maker.price, lots))
            maker.lots -= lots
            left -= lots
            self.resting = [found for found in self.resting if found.lots]
        if left and order.type is not OrderType.MARKET and order.time_in_force is TimeInForce.GTC:
            self.resting.append(Resting(number, order.side, order.price_ticks, left))
        return trades

    def cancel(self, number: int) -> bool:
        """Remove an order; whether it was there."""
        before = len(self.resting)
        self.resting = [found for found in self.resting if found.number != number]
        return len(self.resting) < before

    def facing(self, order: NewOrder) -> list[Resting]:
        """All that this order may trade with, the next one first."""
        buys = order.side is Side.BUY
        reached = [
            found
            for found in self.resting
            if found.side is not order.side
            and (
                order.type is OrderType.MARKET
                or (found.price <= order.price_ticks if buys else found.price >= order.price_ticks)
            )
        ]
        return sorted(reached, key=lambda found: (found.price if buys else -found.price, found.number))

    def depth(self, side: Side) -> list[tuple[int, int]]:
        """Levels best first as `(price, lots)`."""
        levels: dict[int, int] = {}
        for found in self.resting:
            if found.side is side:
                levels[found.price] = levels.get(found.price, 0) + found.lots
        return sorted(levels.items(), reverse=side is Side.BUY)
