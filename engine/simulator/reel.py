"""A capture on its reel: read event by event from its snapshot on, without an exchange.

The order of events is the recording's order of receipt, except that the snapshot comes first and what is older than
it is left out.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from engine.simulator.capture import (
    CaptureError,
    Levels,
    Recorded,
    RecordedDiff,
    RecordedSnapshot,
    RecordedTop,
    RecordedTrade,
    read_capture,
)
from engine.simulator.model import Listing
from engine.simulator.scales import Scale

MOST_BEFORE_SNAPSHOT = 100_000
READ_AT_ONCE = 500

TickLevels = list[tuple[int, int]]
"""`(price_ticks, lots)`."""


@dataclass(slots=True)
class Place:
    """How far a recording has come, in its own figures."""

    position_ns: int
    """When the newest event so far was received."""
    line: int
    update_id: int
    played: int = 0
    """Events since the snapshot."""
    diffs: int = 0
    trade_id: int = 0
    """The newest trade's; 0 before the first."""


class Reel:
    """`following` is the event that comes next, None at the end or after a line that cannot be read."""

    def __init__(self, path: Path, listings: Mapping[str, Listing]) -> None:
        """Open a capture at its snapshot. CaptureError when it is none of a listed symbol, OSError when it is gone."""
        self.path = path
        events = read_capture(path)
        held, recorded, snapshot = _until_snapshot(events, path)
        self.listing = _find_listing(path, listings, held)
        self._scale = Scale.of(self.listing)
        self.started_ns = recorded.received_ns
        self.place = Place(recorded.received_ns, recorded.line, snapshot.last_update_id)
        self.bids = dict(self.levels(recorded, snapshot.bids))
        """What outsiders showed where the reel was wound to: at the snapshot, or wherever `wind` ended."""
        self.asks = dict(self.levels(recorded, snapshot.asks))
        told = (recorded.line, snapshot.last_update_id)
        self._events = (event for event in chain(held, events) if _is_newer(event, *told))
        self.following: Recorded | None = None
        self.read_on()

    @property
    def following_ns(self) -> float:
        """How long after the snapshot the next event was received; infinity when there is none."""
        return math.inf if self.following is None else self.following.received_ns - self.started_ns

    def read_on(self) -> None:
        """Let the event after `following` follow. CaptureError at a line that cannot be read: then none follows."""
        self.following = None
        self.following = next(self._events, None)

    def pass_by(self, recorded: Recorded) -> None:
        """Count `following`. CaptureError when it does not belong into this capture."""
        event, place = recorded.event, self.place
        if isinstance(event, RecordedSnapshot):
            raise CaptureError(f"{self.path}, line {recorded.line}: a second snapshot")
        if event.symbol != self.listing.symbol:
            raise CaptureError(
                f"{self.path}, line {recorded.line}: {event.symbol} in a capture of {self.listing.symbol}"
            )
        place.line = max(place.line, recorded.line)
        place.position_ns = max(place.position_ns, recorded.received_ns)
        place.played += 1
        match event:
            case RecordedDiff():
                place.diffs += 1
                place.update_id = event.last_update_id
            case RecordedTrade():
                place.trade_id = event.trade_id
            case RecordedTop():
                pass

    def wind(self, is_there: Callable[[Reel], bool]) -> Iterator[None]:
        """Read on until it is there or at the end, and fold what outsiders show; gives way every `READ_AT_ONCE`."""
        while self.following is not None and not is_there(self):
            recorded = self.following
            self.pass_by(recorded)
            if isinstance(recorded.event, RecordedDiff):
                _fold(self.bids, self.levels(recorded, recorded.event.bids))
                _fold(self.asks, self.levels(recorded, recorded.event.asks))
            self.read_on()
            if self.place.played % READ_AT_ONCE == 0:
                yield

    def levels(self, recorded: Recorded, levels: Levels) -> TickLevels:
        """Recorded levels in ticks and lots; CaptureError names the line of one that is none."""
        return [self.level(recorded, price, quantity) for price, quantity in levels]

    def level(self, recorded: Recorded, price: str, quantity: str) -> tuple[int, int]:
        try:
            return self._scale.ticks(price), self._scale.lots(quantity)
        except (ValueError, AttributeError) as error:
            raise CaptureError(f"{self.path}, line {recorded.line}: level {price!r} {quantity!r}: {error}") from error


def _fold(side: dict[int, int], levels: TickLevels) -> None:
    for price, lots in levels:
        if lots:
            side[price] = lots
        else:
            side.pop(price, None)


def _find_listing(path: Path, listings: Mapping[str, Listing], held: list[Recorded]) -> Listing:
    for recorded in held:
        if not isinstance(recorded.event, RecordedSnapshot):
            listing = listings.get(recorded.event.symbol)
            if listing is None:
                raise CaptureError(f"{path} holds {recorded.event.symbol}, which is not listed here")
            return listing
    raise CaptureError(f"{path} holds a snapshot and nothing else")


def _until_snapshot(events: Iterator[Recorded], path: Path) -> tuple[list[Recorded], Recorded, RecordedSnapshot]:
    """The events received before the snapshot and the one after it, which names the symbol; and the snapshot."""
    held: list[Recorded] = []
    for recorded in events:
        if isinstance(recorded.event, RecordedSnapshot):
            following = next(events, None)
            return held if following is None else [*held, following], recorded, recorded.event
        held.append(recorded)
        if len(held) > MOST_BEFORE_SNAPSHOT:
            break
    raise CaptureError(f"{path} holds no book snapshot among its first {len(held)} lines")


def _is_newer(recorded: Recorded, snapshot_line: int, update_id: int) -> bool:
    """Whether the snapshot does not tell it already. Trades carry no update id, so only those after it are played."""
    match recorded.event:
        case RecordedDiff(last_update_id=last) | RecordedTop(update_id=last):
            return last > update_id
        case _:
            return recorded.line > snapshot_line
