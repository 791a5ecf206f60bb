"""A capture that is played on the exchange event by event, gone on with after a restart, and wound back.

Outsiders' orders come from the recording, ours are matched against them. What has happened to ours cannot be undone:
a recording that is wound back shows its earlier book and goes on from there, under ids that go on growing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import cast

from engine.simulator.capture import CaptureError, Recorded, RecordedDiff, RecordedTop, RecordedTrade
from engine.simulator.exchange import Exchange
from engine.simulator.reel import Place, Reel

NOTE = "flow"


class Recording:
    """A capture that is being played."""

    def __init__(self, exchange: Exchange, path: Path) -> None:
        """Open the capture and show its snapshot, or go on after the event that the journal noted last.

        Raises CaptureError when it is no capture of a listed symbol, ValueError when the journal holds another flow.
        """
        self.path = path
        self.fault: str | None = None
        """Why it cannot go on, when the capture has a bad line."""
        self._exchange = exchange
        noted = exchange.noted(NOTE)
        if noted is not None:
            self._check_journal(noted)
        self._reel = Reel(path, exchange.listings)
        self.symbol = self._reel.listing.symbol
        self._id_shift = 0
        """What is added to recorded update ids: more than 0 once it was wound back."""
        self._trade_shift: int | None = 0
        """What is added to recorded trade ids; None until the first trade after it was wound back."""
        self._newest_id = 0
        if noted is None:
            self._show()
        else:
            self._find_place(noted)

    @property
    def place(self) -> Place:
        """Where it stands, in the recording's own figures."""
        return self._reel.place

    @property
    def update_id(self) -> int:
        """The update id under which the newest diff (or the snapshot) was shown."""
        return self.place.update_id + self._id_shift

    @property
    def offset_ns(self) -> int:
        """Recorded nanoseconds since the snapshot."""
        return self.place.position_ns - self._reel.started_ns

    @property
    def position_s(self) -> float:
        """The same in seconds."""
        return self.offset_ns / 1_000_000_000

    @property
    def following_s(self) -> float:
        """At which recorded second since the snapshot the next event comes; infinity when none does."""
        return self._reel.following_ns / 1_000_000_000

    def play(self) -> bool:
        """Play the event that follows; False when there is none. CaptureError when it cannot be played."""
        recorded = self._reel.following
        if recorded is None:
            return False
        try:
            self._reel.pass_by(recorded)
            self._put(recorded)
            self._reel.read_on()
        except ValueError as error:
            self._reel.following = None
            self.fault = str(error) if isinstance(error, CaptureError) else self._at(recorded, error)
            raise CaptureError(self.fault) from error
        return True

    def play_on(self, is_there: Callable[[Reel], bool], at_once: int) -> Iterator[None]:
        """Play up to a later place, or the end; gives way after every handful. CaptureError as `play`."""
        count = 0
        while self._reel.following is not None and not is_there(self._reel):
            self.play()
            count += 1
            if count % at_once == 0:
                yield

    def wind_back(self, is_there: Callable[[Reel], bool]) -> Iterator[None]:
        """Read the capture again up to an earlier place and show the book as it stood there; gives way meanwhile.

        Everything stays as it is until that place is found. CaptureError or OSError when the capture will not do.
        """
        reel = Reel(self.path, self._exchange.listings)
        yield from reel.wind(is_there)
        shown_id = max(self._newest_id, self._exchange.depth(self.symbol, 1).last_update_id)
        self._reel, self.fault = reel, None
        self._id_shift = shown_id + 1 - reel.place.update_id
        self._trade_shift = None
        self._show()

    # --- one event ---------------------------------------------------------------------------------
    def _put(self, recorded: Recorded) -> None:
        match recorded.event:
            case RecordedDiff() as diff:
                self._put_diff(recorded, diff)
                self._note()
            case RecordedTrade() as trade:
                price, lots = self._reel.level(recorded, trade.price, trade.quantity)
                trade_id = self._shown_trade_id(trade.trade_id)
                self._note()  # before it: a kill in between loses a stranger's trade rather than doubling it
                self._exchange.print_external_trade(
                    self.symbol, price, lots, buyer_is_maker=trade.buyer_is_maker, trade_id=trade_id
                )
            case RecordedTop() as top:
                bid, ask = self._reel.level(recorded, *top.bid), self._reel.level(recorded, *top.ask)
                self._newest_id = max(self._newest_id, top.update_id + self._id_shift)
                self._exchange.show_external_top(self.symbol, top.update_id + self._id_shift, bid, ask)
            case _:
                pass

    def _put_diff(self, recorded: Recorded, diff: RecordedDiff) -> None:
        self._exchange.set_external_levels(
            self.symbol,
            self._reel.levels(recorded, diff.bids),
            self._reel.levels(recorded, diff.asks),
            first_update_id=diff.first_update_id + self._id_shift,
            last_update_id=diff.last_update_id + self._id_shift,
        )

    def _shown_trade_id(self, trade_id: int) -> int:
        if self._trade_shift is None:
            newest = self._exchange.trades(self.symbol, limit=1)
            self._trade_shift = newest[-1].trade_id + 1 - trade_id if newest else 0
        return trade_id + self._trade_shift

    def _show(self) -> None:
        """Show the book at the reel's place instead of whatever outsiders showed. Noted before and after it: a kill in
        between leaves a book that is shown once more."""
        self._note(shown=False)
        self._exchange.set_external_levels(
            self.symbol,
            tuple(self._reel.bids.items()),
            tuple(self._reel.asks.items()),
            last_update_id=self.update_id,
            replace=True,
        )
        self._note()

    def _at(self, recorded: Recorded, error: ValueError) -> str:
        return f"{self.path}, line {recorded.line}: {error}"

    # --- the journal -------------------------------------------------------------------------------
    def _note(self, *, shown: bool = True) -> None:
        place = self.place
        where = {"played": place.played, "line": place.line, "diffs": place.diffs, "update_id": place.update_id}
        shifts = {"id_shift": self._id_shift, "trade_shift": self._trade_shift, "shown": shown}
        self._exchange.note(NOTE, {"flow": "replay", "file": self.path.name, **where, **shifts})

    def _check_journal(self, noted: Mapping[str, object]) -> None:
        if (noted.get("flow"), noted.get("file")) != ("replay", self.path.name):
            raise ValueError(
                f"the journal holds a market of flow {noted.get('flow')!r} ({noted.get('file', 'no file')}): start it"
                f" with that flow, or keep the replay of {self.path.name!r} in a journal folder of its own"
            )

    def _find_place(self, noted: Mapping[str, object]) -> None:
        played = cast("int", noted["played"])
        self._id_shift = cast("int", noted.get("id_shift", 0))
        self._trade_shift = cast("int | None", noted.get("trade_shift", 0))
        for _ in self._reel.wind(lambda reel: reel.place.played >= played):
            pass
        if not noted.get("shown", True):
            self._show()
