"""Hash chains over the audit log: a line that was changed, moved or taken out shows.

Two chains run through the lines. An order's: each of its lines is hashed with the one before it, and the order's row
holds the newest hash. A writer's: each process numbers its lines and hashes them one onto the other, and its row in
`writers` holds number and hash of the newest, so that the last lines cannot be cut off unseen either.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

import orjson

HASHED = ("at", "source", "user_id", "order_id", "event", "status_before", "status_after", "detail")
"""The columns of a line that its hash covers, in this order."""


def line_hash(previous: str, values: Sequence[str | int | None]) -> str:
    """SHA-256 (hex) of the previous hash and the line's values as `HASHED`, written as one JSON array."""
    return sha256(previous.encode() + orjson.dumps(list(values))).hexdigest()


def writer_hash(previous: str, number: int, order_hash: str) -> str:
    """SHA-256 (hex) of the writer's previous hash, this line's number and its own hash."""
    return sha256(f"{previous}:{number}:{order_hash}".encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class ChainFault:
    """Where a chain is broken: `chain` is an order's or a writer's, `line` the number of the audit line."""

    chain: str
    line: int | None
    what: str


@dataclass(slots=True)
class Chains:
    """Follows both kinds of chains through the audit log, read in the order of its numbers."""

    orders: dict[str, str]
    writers: dict[str, tuple[int, str]]
    faults: list[ChainFault]
    lines: int = 0

    @classmethod
    def begin(cls) -> Chains:
        return cls({}, {}, [])

    def follow(
        self, number: int, hashed: Sequence[str | int | None], order_hash: str, writer: str, count: int, end: str
    ) -> None:
        """One line: its number, its values as `HASHED`, and what it claims. Lines from before chains are passed."""
        if not order_hash:
            return
        self.lines += 1
        order_id = str(hashed[3]) if hashed[3] is not None else ""
        before = self.orders.get(order_id, "") if order_id else ""
        if line_hash(before, hashed) != order_hash:
            self._fault(
                f"order {order_id}" if order_id else "audit", number, "the line or the one before it was changed"
            )
        if order_id:
            self.orders[order_id] = order_hash
        last, previous = self.writers.get(writer, (0, ""))
        if count != last + 1:
            self._fault(f"writer {writer}", number, f"line {last + 1} is missing: {count} follows {last}")
        elif writer_hash(previous, count, order_hash) != end:
            self._fault(f"writer {writer}", number, "the line does not follow from the one before it")
        self.writers[writer] = (count, end)

    def close(self, orders: Iterable[tuple[str, str]], writers: Iterable[tuple[str, int, str]]) -> None:
        """Hold the ends of the chains against what orders `(id, chain)` and writers `(id, number, hash)` say."""
        for order_id, chain in orders:
            if self.orders.get(order_id, "") != chain:
                self._fault(f"order {order_id}", None, "its newest lines are missing")
        known = {writer: (number, end) for writer, number, end in writers}
        for writer, reached in self.writers.items():
            if known.get(writer) != reached:
                self._fault(f"writer {writer}", None, f"its chain ends at line {reached[0]}, its row says otherwise")
        for writer, (number, _) in known.items():
            if number and writer not in self.writers:
                self._fault(f"writer {writer}", None, f"all of its {number} lines are missing")

    def _fault(self, chain: str, line: int | None, what: str) -> None:
        self.faults.append(ChainFault(chain, line, what))
