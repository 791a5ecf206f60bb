"""The order book of one symbol: sorted price levels, each a queue in which orders stand in time order.

A level's queue is a linked list through its entries, so a cancel unlinks in constant time and leaves
nothing behind. What outsiders show (replay) stands in the same queues as entries without an order.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sortedcontainers import SortedDict

from engine.simulator.model import Side, SimOrder


class Entry:
    """A place in a level's queue: an order's remaining lots, or with `order` None some outsiders' lots."""

    __slots__ = ("level", "lots", "next", "order", "previous")

    def __init__(self, order: SimOrder | None, lots: int) -> None:
        self.order = order
        self.lots = lots
        self.level: Level | None = None
        self.previous: Entry | None = None
        self.next: Entry | None = None


class Level:
    """One price of one side, with the lots that stand there in all."""

    __slots__ = ("first", "last", "lots", "price")

    def __init__(self, price: int) -> None:
        self.price = price
        self.lots = 0
        self.first: Entry | None = None
        self.last: Entry | None = None

    @property
    def head(self) -> Entry:
        """Who trades next; a level that stands in the book has one."""
        if self.first is None:
            raise RuntimeError("an empty level stands in the book")
        return self.first

    def __iter__(self) -> Iterator[Entry]:
        entry = self.first
        while entry is not None:
            following = entry.next
            yield entry
            entry = following


class BookSide:
    """All bids or all asks, best first."""

    __slots__ = ("best", "levels", "side", "sign")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = -1 if side is Side.BUY else 1
        """Prices times the sign sort best first; so they compare with a limit, too."""
        self.levels: SortedDict[int, Level] = SortedDict()
        self.best: Level | None = None

    def add(self, price: int, entry: Entry) -> None:
        """Put an entry at the end of the queue at this price."""
        key = price * self.sign
        level = self.levels.get(key)
        if level is None:
            level = self.levels[key] = Level(price)
            if self.best is None or key < self.best.price * self.sign:
                self.best = level
        last = level.last
        if last is None:
            level.first = entry
        else:
            last.next = entry
            entry.previous = last
        level.last = entry
        entry.level = level
        level.lots += entry.lots

    def reduce(self, entry: Entry, lots: int) -> None:
        """Take lots from an entry; one that has none left leaves the queue, and an empty level the book."""
        level = entry.level
        if level is None:
            raise RuntimeError("this entry does not stand in the book")
        level.lots -= lots
        entry.lots -= lots
        if entry.lots == 0:
            self._unlink(level, entry)

    def grow(self, entry: Entry, lots: int) -> None:
        """Add lots to an entry in its place."""
        if entry.level is None:
            raise RuntimeError("this entry does not stand in the book")
        entry.level.lots += lots
        entry.lots += lots

    def level(self, price: int) -> Level | None:
        """The level at this price, if anything stands there."""
        return self.levels.get(price * self.sign)

    def lots_at(self, price: int) -> int:
        """The lots that stand at this price."""
        level = self.levels.get(price * self.sign)
        return 0 if level is None else level.lots

    def top(self, count: int) -> tuple[tuple[int, int], ...]:
        """The best `count` levels as `(price_ticks, lots)`."""
        return tuple((level.price, level.lots) for level in islice(self.levels.values(), count))

    def _unlink(self, level: Level, entry: Entry) -> None:
        before, after = entry.previous, entry.next
        if before is None:
            level.first = after
        else:
            before.next = after
        if after is None:
            level.last = before
        else:
            after.previous = before
        entry.level = entry.previous = entry.next = None
        if level.first is None:
            del self.levels[level.price * self.sign]
            if level is self.best:
                self.best = self.levels.peekitem(0)[1] if self.levels else None


class Book:
    """Both sides of one symbol. It never crosses: who could trade has traded."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)

    def own(self, side: Side) -> BookSide:
        """Where an order of this side rests."""
        return self.bids if side is Side.BUY else self.asks

    def facing(self, side: Side) -> BookSide:
        """What an order of this side takes from."""
        return self.asks if side is Side.BUY else self.bids

    def best(self) -> tuple[int, int, int, int]:
        """Best bid and ask as `(bid_ticks, bid_lots, ask_ticks, ask_lots)`; zeros where a side is empty."""
        bid, ask = self.bids.best, self.asks.best
        return (
            bid.price if bid is not None else 0,
            bid.lots if bid is not None else 0,
            ask.price if ask is not None else 0,
            ask.lots if ask is not None else 0,
        )
