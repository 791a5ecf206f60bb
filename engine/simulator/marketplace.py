"""A market: one symbol with its rules, its book and its tape."""

from __future__ import annotations

from collections.abc import Iterator

from engine.simulator.book import Book
from engine.simulator.filters import Rules
from engine.simulator.model import ApiError, Listing, NewOrder, Side
from engine.simulator.tape import Tape
from engine.simulator.triggers import Triggers

Top = tuple[int, int, int, int]


class Market:
    """Where one symbol is traded; only the matching engine changes it."""

    __slots__ = (
        "base",
        "book",
        "outside_top_id",
        "prevented_id",
        "quote",
        "rules",
        "shown_top",
        "symbol",
        "tape",
        "triggers",
        "update_id",
    )

    def __init__(self, listing: Listing) -> None:
        self.symbol = listing.symbol
        self.base = listing.base
        self.quote = listing.quote
        self.rules = Rules(listing)
        self.book = Book()
        self.tape = Tape(self.rules)
        self.triggers = Triggers()
        self.prevented_id = 0
        """How many trades of an account with itself were prevented."""
        self.update_id = 0
        self.shown_top: Top = (0, 0, 0, 0)
        """The best prices that were told last."""
        self.outside_top_id = 0
        """The update id of the newest best prices that came from outside."""

    def cost_of(self, lots: int, but: int | None = None) -> int:
        """Quote atoms that buying so many lots at market pays at most; with fewer on offer, what all of them cost."""
        cost = 0
        for price, offered in self.offers(Side.BUY, but):
            taken = min(lots, offered)
            cost += self.rules.quote_atoms(price, taken)
            lots -= taken
            if lots == 0:
                break
        return cost

    def lots_for_quote(self, side: Side, quote_atoms: int, but: int | None = None) -> tuple[int, bool]:
        """The lots that trade at market for at most so many quote atoms, and whether the book had enough."""
        total = 0
        for level in self.book.facing(side):
            for offered in level.parts(but):
                lots = min(offered, self.rules.lots_for(quote_atoms, level.price))
                total += lots
                quote_atoms -= self.rules.quote_atoms(level.price, lots)
                if lots < offered:
                    return total, True
        return total, False

    def can_fill(self, request: NewOrder, limit_ticks: int | None, but: int | None = None) -> bool:
        """Whether all of an order can trade at once."""
        facing = self.book.facing(request.side)
        missing = request.lots
        for price, offered in self.offers(request.side, but):
            if limit_ticks is not None and price * facing.sign > limit_ticks * facing.sign:
                return False
            missing -= offered
            if missing <= 0:
                return True
        return False

    def offers(self, side: Side, but: int | None) -> Iterator[tuple[int, int]]:
        """What an order of this side can take, hidden parts too, best price first; without what `but` offers."""
        for level in self.book.facing(side):
            if but is None:
                yield level.price, level.lots + level.hidden
            else:
                yield level.price, sum(level.parts(but))

    def printed(self, price: int, at_ms: int) -> None:
        """A trade was recorded: orders that wait for its price become due."""
        if self.triggers.waiting:
            self.triggers.printed(price, at_ms)


def find_market(markets: dict[str, Market], symbol: str) -> Market:
    """The market of a symbol; ApiError -1121 when it is not listed."""
    market = markets.get(symbol)
    if market is None:
        raise ApiError(-1121, "Invalid symbol.")
    return market
