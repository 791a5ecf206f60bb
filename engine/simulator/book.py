"""The order book of one symbol: sorted price levels, each a queue in which orders stand in time order.

A level's queue is a linked list through its entries, so a cancel unlinks in constant time and leaves
nothing behind. What outsiders show (replay) stands in the same queues as entries without an order.
Prices stand in a plain list with the best one last: there most levels come and go, and C moves the few behind.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterator
from itertools import islice

from engine.simulator.model import BUY, Side, SimOrder


class Entry:
    """A place in a level's queue: an order's remaining lots, or with `order` None some outsiders' lots.

    An iceberg shows `lots` and keeps `hidden` behind them. An order that waits for its price, or for another order,
    has an entry without a level.
    """

    __slots__ = ("hidden", "level", "lots", "next", "order", "previous")

    def __init__(self, order: SimOrder | None, lots: int, hidden: int = 0) -> None:
        self.order = order
        self.lots = lots
        self.hidden = hidden
        self.level: Level | None = None
        self.previous: Entry | None = None
        self.next: Entry | None = None


class Level:
    """One price of one side, with the lots that everyone sees there, and those that icebergs keep back."""

    __slots__ = ("first", "hidden", "last", "lots", "price")

    def __init__(self, price: int) -> None:
        self.price = price
        self.lots = 0
        self.hidden = 0
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

    def parts(self, but: int | None) -> Iterator[int]:
        """The lots that trade one after the other here, hidden ones in their turn; not those of the account `but`."""
        queue = deque(
            (entry.lots, entry.hidden, entry.order)
            for entry in self
            if entry.order is None or entry.order.account_id != but
        )
        while queue:
            lots, hidden, order = queue.popleft()
            yield lots
            if hidden and order is not None:
                part = min(order.request.terms.iceberg_lots, hidden)
                queue.append((part, hidden - part, order))


class BookSide:
    """All bids or all asks."""

    __slots__ = ("_keys", "_levels", "best", "side", "sign", "touched")

    def __init__(self, side: Side) -> None:
        self.side = side
        self.sign = -1 if side is BUY else 1
        """Prices times the sign sort best first; so they compare with a limit, too."""
        self.best: Level | None = None
        self.touched: dict[int, None] = {}
        """Prices of the levels that the operation under way has changed."""
        self._levels: dict[int, Level] = {}
        self._keys: list[int] = []
        """Prices times the negative sign, in order: the best one is the last."""

    def __iter__(self) -> Iterator[Level]:
        """Best first."""
        levels, sign = self._levels, self.sign
        return (levels[-key * sign] for key in reversed(self._keys))

    def add(self, price: int, entry: Entry) -> None:
        """Put an entry at the end of the queue at this price."""
        level = self._levels.get(price)
        if level is None:
            level = self._open(price)
        last = level.last
        if last is None:
            level.first = entry
        else:
            last.next = entry
            entry.previous = last
        level.last = entry
        entry.level = level
        level.lots += entry.lots
        level.hidden += entry.hidden

    def reduce(self, entry: Entry, lots: int) -> None:
        """Take lots from an entry; one that has none left leaves the queue, and an empty level the book."""
        level = entry.level
        if level is None:
            raise RuntimeError("this entry does not stand in the book")
        level.lots -= lots
        entry.lots -= lots
        if entry.lots == 0:
            self._unlink(level, entry)

    def reveal(self, price: int, entry: Entry, part: int) -> None:
        """Show an iceberg's next part, at the end of the queue; its last one is gone."""
        entry.lots = min(part, entry.hidden)
        entry.hidden -= entry.lots
        self.add(price, entry)

    def hide(self, entry: Entry, hidden: int) -> None:
        """Set what an iceberg keeps back."""
        if entry.level is None:
            raise RuntimeError("this entry does not stand in the book")
        entry.level.hidden += hidden - entry.hidden
        entry.hidden = hidden

    def grow(self, entry: Entry, lots: int) -> None:
        """Add lots to an entry in its place."""
        if entry.level is None:
            raise RuntimeError("this entry does not stand in the book")
        entry.level.lots += lots
        entry.lots += lots

    def level(self, price: int) -> Level | None:
        """The level at this price, if anything stands there."""
        return self._levels.get(price)

    def lots_at(self, price: int) -> int:
        """The lots that stand at this price."""
        level = self._levels.get(price)
        return 0 if level is None else level.lots

    def changes(self) -> tuple[tuple[int, int], ...]:
        """The touched levels as `(price_ticks, lots now)`."""
        levels = self._levels
        changed: list[tuple[int, int]] = []
        for price in self.touched:
            level = levels.get(price)
            changed.append((price, 0 if level is None else level.lots))
        return tuple(changed)

    def top(self, count: int) -> tuple[tuple[int, int], ...]:
        """The best `count` levels as `(price_ticks, lots)`."""
        return tuple((level.price, level.lots) for level in islice(self, count))

    def _open(self, price: int) -> Level:
        level = self._levels[price] = Level(price)
        keys, key = self._keys, -price * self.sign
        if not keys or key > keys[-1]:
            keys.append(key)
            self.best = level
        else:
            insort(keys, key)
        return level

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
        level.hidden -= entry.hidden
        if level.first is None:
            self._close(level)

    def _close(self, level: Level) -> None:
        del self._levels[level.price]
        keys = self._keys
        if level is self.best:
            keys.pop()
            self.best = self._levels[-keys[-1] * self.sign] if keys else None
        else:
            del keys[bisect_left(keys, -level.price * self.sign)]


class Book:
    """Both sides of one symbol. It never crosses: who could trade has traded."""

    __slots__ = ("asks", "bids")

    def __init__(self) -> None:
        self.bids = BookSide(Side.BUY)
        self.asks = BookSide(Side.SELL)

    def own(self, side: Side) -> BookSide:
        """Where an order of this side rests."""
        return self.bids if side is BUY else self.asks

    def facing(self, side: Side) -> BookSide:
        """What an order of this side takes from."""
        return self.asks if side is BUY else self.bids

    def best(self) -> tuple[int, int, int, int]:
        """Best bid and ask as `(bid_ticks, bid_lots, ask_ticks, ask_lots)`; zeros where a side is empty."""
        bid, ask = self.bids.best, self.asks.best
        return (
            bid.price if bid is not None else 0,
            bid.lots if bid is not None else 0,
            ask.price if ask is not None else 0,
            ask.lots if ask is not None else 0,
        )
