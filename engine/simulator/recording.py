"""A capture as something that can be played on the exchange event by event, and gone on with after a restart.

Outsiders' orders come from the recording, ours are matched against them. The order of events is the recording's
order of receipt, except that the snapshot comes first and what is older than it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import cast

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
from engine.simulator.exchange import Exchange
from engine.simulator.model import ATOMS, Listing

NOTE = "flow"
MOST_BEFORE_SNAPSHOT = 100_000


class Recording:
    """A capture that is being played; `following` is the event that comes next, None at the end."""

    def __init__(self, exchange: Exchange, path: Path) -> None:
        """Open the capture and show its snapshot, or go on after the line that the journal noted last.

        Raises CaptureError when it is no capture of a listed symbol, ValueError when the journal holds another flow.
        """
        self.path = path
        self.line = self.played = self.diffs = 0
        self._exchange = exchange
        noted = exchange.noted(NOTE)
        if noted is not None:
            self._check_journal(noted)
        events = read_capture(path)
        held, recorded, snapshot = _until_snapshot(events, path)
        self.listing = self._find_listing(held)
        self._tick_atoms = int(self.listing.tick * ATOMS)
        self._lot_atoms = int(self.listing.lot * ATOMS)
        self.started_ns = self.position_ns = recorded.received_ns
        self.update_id = snapshot.last_update_id
        self._events = chain((event for event in held if _is_newer(event, snapshot.last_update_id)), events)
        if noted is None:
            self._show(recorded, snapshot)
        else:
            self._skip(noted)
        self.following = next(self._events, None)

    @property
    def symbol(self) -> str:
        return self.listing.symbol

    def play(self) -> bool:
        """Play the event that follows; False when there is none left."""
        recorded = self.following
        if recorded is None:
            return False
        event = recorded.event
        if not isinstance(event, RecordedSnapshot) and event.symbol != self.symbol:
            raise CaptureError(f"{self.path}, line {recorded.line}: {event.symbol} in a capture of {self.symbol}")
        self.line = max(self.line, recorded.line)
        self.played += 1
        self.position_ns = max(self.position_ns, recorded.received_ns)
        match event:
            case RecordedDiff():
                self._play_diff(recorded, event)
                self._note()
            case RecordedTrade():
                self._note()  # before it: a kill in between loses a stranger's trade rather than doubling it
                price, lots = self._level(recorded, event.price, event.quantity)
                self._exchange.print_external_trade(
                    self.symbol, price, lots, buyer_is_maker=event.buyer_is_maker, trade_id=event.trade_id
                )
            case RecordedTop():
                bid, ask = self._level(recorded, *event.bid), self._level(recorded, *event.ask)
                self._exchange.show_external_top(self.symbol, event.update_id, bid, ask)
            case RecordedSnapshot():
                raise CaptureError(f"{self.path}, line {recorded.line}: a second snapshot")
        self.following = next(self._events, None)
        return True

    def _play_diff(self, recorded: Recorded, diff: RecordedDiff) -> None:
        self._exchange.set_external_levels(
            self.symbol,
            self._levels(recorded, diff.bids),
            self._levels(recorded, diff.asks),
            first_update_id=max(diff.first_update_id, self.update_id + 1),
            last_update_id=diff.last_update_id,
        )
        self.update_id = diff.last_update_id
        self.diffs += 1

    def _show(self, recorded: Recorded, snapshot: RecordedSnapshot) -> None:
        self._exchange.set_external_levels(
            self.symbol,
            self._levels(recorded, snapshot.bids),
            self._levels(recorded, snapshot.asks),
            last_update_id=snapshot.last_update_id,
            replace=True,
        )
        self.line = recorded.line
        self._note()

    # --- the journal -------------------------------------------------------------------------------
    def _note(self) -> None:
        where = {"played": self.played, "line": self.line, "diffs": self.diffs, "update_id": self.update_id}
        self._exchange.note(NOTE, {"flow": "replay", "file": self.path.name, **where})

    def _check_journal(self, noted: Mapping[str, object]) -> None:
        if (noted.get("flow"), noted.get("file")) != ("replay", self.path.name):
            raise ValueError(
                f"the journal holds a market of flow {noted.get('flow')!r} ({noted.get('file', 'no file')}): start it"
                f" with that flow, or keep the replay of {self.path.name!r} in a journal folder of its own"
            )

    def _skip(self, noted: Mapping[str, object]) -> None:
        self.played, self.line, self.diffs, self.update_id = (
            cast("int", noted[name]) for name in ("played", "line", "diffs", "update_id")
        )
        for recorded in islice(self._events, self.played):
            self.position_ns = max(self.position_ns, recorded.received_ns)

    # --- words into figures ------------------------------------------------------------------------
    def _find_listing(self, held: list[Recorded]) -> Listing:
        for recorded in held:
            if not isinstance(recorded.event, RecordedSnapshot):
                listing = self._exchange.listings.get(recorded.event.symbol)
                if listing is None:
                    raise CaptureError(f"{self.path} holds {recorded.event.symbol}, which is not listed here")
                return listing
        raise CaptureError(f"{self.path} holds a snapshot and nothing else")

    def _levels(self, recorded: Recorded, levels: Levels) -> list[tuple[int, int]]:
        return [self._level(recorded, price, quantity) for price, quantity in levels]

    def _level(self, recorded: Recorded, price: str, quantity: str) -> tuple[int, int]:
        try:
            return _ticks(price, self._tick_atoms), _lots(quantity, self._lot_atoms)
        except (ValueError, AttributeError) as error:
            raise CaptureError(f"{self.path}, line {recorded.line}: level {price!r} {quantity!r}: {error}") from error


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


def _is_newer(recorded: Recorded, update_id: int) -> bool:
    """Whether the snapshot does not tell it already. Trades carry no update id, so only those after it are played."""
    match recorded.event:
        case RecordedDiff(last_update_id=last) | RecordedTop(update_id=last):
            return last > update_id
        case _:
            return False


def _ticks(text: str, tick_atoms: int) -> int:
    """A recorded price in ticks. ValueError when it is no price or lies between two ticks."""
    ticks, off = divmod(_atoms(text), tick_atoms)
    if off:
        raise ValueError(f"{text} is not a whole number of ticks")
    return ticks


def _lots(text: str, lot_atoms: int) -> int:
    """A recorded quantity in whole lots; what is finer is cut, but a level that has something keeps a lot.

    Binance still shows orders from before a lot grew: 25.42618900 BTC at 200000 where a lot is 0.00001.
    """
    atoms = _atoms(text)
    return max(1, atoms // lot_atoms) if atoms else 0


def _atoms(text: str) -> int:
    whole, _, fraction = text.partition(".")
    if len(fraction) > 8:
        raise ValueError(f"{text} has more than 8 decimals")
    return int(whole + fraction.ljust(8, "0"))
