"""One mirrored market: the venue's book and trades as they enter the exchange, and how old they are.

What comes twice is printed once, what is finer than our steps is cut, and a book that is too old is taken down: nobody
shall trade at a price that may be long gone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from engine.runtime import Clock
from engine.simulator.exchange import Exchange
from engine.simulator.filters import Rules
from engine.simulator.mirror import BookChange, Levels, UpstreamLost, UpstreamTrade
from engine.simulator.model import Listing
from engine.simulator.scales import Scale

KNOWN_IDS: Final = 5_000
OLDEST_TRADE_MS: Final = 5_000
"""Of the trades that a new connection begins with, older ones are history: they must not fill an order of today."""
LARGEST_ID: Final = 2**53
NOTE_EVERY_MS: Final = 5_000


class CannotMirror(Exception):
    """The venue's market does not fit the listing; the message says why."""


@dataclass(slots=True)
class Counts:
    """What has come from the venue since the start."""

    books: int = 0
    trades: int = 0
    repeated: int = 0
    """Trades that were known already, or older than the connection."""
    cut: int = 0
    """Trades larger than an order may be here."""
    beyond: int = 0
    """Levels whose price no order may have here."""


class MirroredMarket:
    """One symbol's market; the names of its journal notes end in the symbol."""

    def __init__(self, exchange: Exchange, listing: Listing, clock: Clock) -> None:
        """Go on from the journal's note, if it has one."""
        self.listing = listing
        self.pair = f"{listing.base}/{listing.quote}"
        self.reason: str | None = None
        """Why it cannot be mirrored."""
        self.counts = Counts()
        self.opened = asyncio.Event()
        """Set while the present connection has brought a book."""
        self._exchange = exchange
        self._clock = clock
        self._scale = Scale.of(listing)
        self._rules = Rules(listing)
        self._known: dict[str, None] = {}
        """Trade ids, oldest first."""
        self._newest_ms = 0
        """When the newest trade that was printed was made, by the venue's clock."""
        self._begins_ms = 0
        """What was traded before is history for the present connection."""
        self._heard_s = -float("inf")
        self._noted_ms = 0
        self._shown = False
        self._find_place()

    @property
    def age_s(self) -> float:
        """Seconds since the book was last known to be true."""
        return self._clock.monotonic() - self._heard_s

    @property
    def shown(self) -> bool:
        """Whether outsiders have levels in the book."""
        return self._shown

    def begin(self) -> None:
        """A new connection: its first book is whole, its first trades may be old ones."""
        self.opened.clear()
        self.reason = None
        self._begins_ms = max(self._newest_ms, self._now_ms() - OLDEST_TRADE_MS)

    def hear(self) -> None:
        """The book is known to be true now."""
        self._heard_s = self._clock.monotonic()

    def refuse(self, reason: str) -> None:
        """It cannot be mirrored."""
        self.reason = reason
        self.opened.clear()
        self.withdraw()

    def withdraw(self) -> None:
        """Take down what outsiders show; our orders stay."""
        if self._shown:
            self._exchange.set_external_levels(self.listing.symbol, (), (), replace=True)
            self._shown = False
            self.keep_note()

    def apply(self, change: BookChange) -> None:
        """Show what the venue shows. CannotMirror when a price lies between two of our ticks.

        UpstreamLost when it changes a book that was taken down meanwhile.
        """
        if not change.whole and not self._shown:
            raise UpstreamLost("the book was taken down")
        self._exchange.set_external_levels(
            self.listing.symbol,
            self._levels(change.bids),
            self._levels(change.asks),
            last_update_id=change.update_id if change.update_id <= LARGEST_ID else None,
            replace=change.whole,
        )
        self.counts.books += 1
        self._shown = True
        self.opened.set()
        self.hear()
        if self._now_ms() - self._noted_ms > NOTE_EVERY_MS:
            self.keep_note()

    def print(self, trades: Sequence[UpstreamTrade]) -> None:
        """Print what is new of these trades, oldest first. CannotMirror as `apply`."""
        fresh = [trade for trade in trades if self._is_fresh(trade)]
        if fresh:
            self.keep_note()  # before them: a kill in between loses a stranger's trade rather than doubling it
        for trade in fresh:
            price, lots = self._level(trade.price, trade.quantity)
            if not 0 < price <= self._rules.max_ticks or not lots:
                self.counts.beyond += 1
                continue
            self.counts.cut += lots > self._rules.max_lots
            self.counts.trades += 1
            self._exchange.print_external_trade(
                self.listing.symbol,
                price,
                min(lots, self._rules.max_lots),
                buyer_is_maker=self._is_sell(trade, price),
                trade_id=_whole_id(trade.trade_id),
            )

    def keep_note(self) -> None:
        """Journal what the next process needs to go on from here."""
        self._noted_ms = self._now_ms()
        ids = list(self._known)[-KNOWN_IDS // 50 :]
        note = {"newest_ms": self._newest_ms, "ids": ids, "at_ms": self._noted_ms, "shown": self._shown}
        self._exchange.note(_note_name(self.listing.symbol), note)

    def status(self) -> Mapping[str, object]:
        counts = self.counts
        return {
            "pair": self.pair,
            "reason": self.reason,
            "age_s": round(self.age_s, 3) if self.age_s < float("inf") else None,
            "shown": self._shown,
            "books": counts.books,
            "trades": counts.trades,
            "repeated": counts.repeated,
            "cut": counts.cut,
            "beyond": counts.beyond,
        }

    def _is_fresh(self, trade: UpstreamTrade) -> bool:
        """Whether a trade was not printed yet; remembers it."""
        known = trade.trade_id is not None and trade.trade_id in self._known
        at_the_seam = trade.trade_id is None and trade.at_ms == self._begins_ms
        if known or at_the_seam or trade.at_ms < self._begins_ms:
            self.counts.repeated += 1
            return False
        if trade.trade_id is not None:
            self._known[trade.trade_id] = None
            if len(self._known) > KNOWN_IDS:
                del self._known[next(iter(self._known))]
        self._newest_ms = max(self._newest_ms, trade.at_ms)
        return True

    def _is_sell(self, trade: UpstreamTrade, price: int) -> bool:
        """Whether the taker sold: as the venue tells, else by where the price stands."""
        if trade.buyer_is_maker is not None:
            return trade.buyer_is_maker
        bids = self._exchange.depth(self.listing.symbol, 1).bids
        return bool(bids) and price <= bids[0][0]

    def _levels(self, levels: Levels) -> list[tuple[int, int]]:
        found = [self._level(price, quantity) for price, quantity in levels]
        fitting = [(price, lots) for price, lots in found if 0 < price <= self._rules.max_ticks]
        self.counts.beyond += len(found) - len(fitting)
        return fitting

    def _level(self, price: str, quantity: str) -> tuple[int, int]:
        try:
            return self._scale.ticks(price), self._scale.lots(quantity)
        except ValueError as error:
            raise CannotMirror(f"{self.pair} at {price}: {error} of {self.listing.tick} here") from None

    def _find_place(self) -> None:
        noted = self._exchange.noted(_note_name(self.listing.symbol))
        if noted is None:
            return
        self._newest_ms = cast("int", noted["newest_ms"])
        self._known = dict.fromkeys(cast("list[str]", noted["ids"]))
        self._shown = cast("bool", noted["shown"])
        self._noted_ms = cast("int", noted["at_ms"])
        self._heard_s = self._clock.monotonic() - max(0, self._now_ms() - self._noted_ms) / 1000

    def _now_ms(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _note_name(symbol: str) -> str:
    return f"mirror {symbol}"


def _whole_id(trade_id: str | None) -> int | None:
    """A trade's id where it is a number that clients can hold."""
    if trade_id is None or not (trade_id.isascii() and trade_id.isdigit()) or int(trade_id) > LARGEST_ID:
        return None
    return int(trade_id)
