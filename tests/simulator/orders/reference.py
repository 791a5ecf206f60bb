"""A slow exchange that is right on sight: stops, icebergs, pairs, amendments and self-trade prevention in plain lists.

It keeps every order as a row and looks through all rows for whatever it needs. It knows no money.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from engine.simulator.model import NewOrder, OrderType, Side, Status, Stp, TimeInForce

STOPS = {OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT}
DONE = {Status.FILLED, Status.EXPIRED, Status.CANCELED, Status.EXPIRED_IN_MATCH}


@dataclass
class Row:
    """One order."""

    number: int
    account: int
    asked: NewOrder
    lots: int
    turn: int
    """Its place in time; an iceberg's next part takes a new one."""
    state: str
    """waiting, resting, or done."""
    status: Status = Status.NEW
    shown: int = 0
    filled: int = 0
    prevented: int = 0
    sibling: int = 0
    by_list: bool = False
    """Whether its sibling ended it."""
    best: int = 0
    tracking: bool = False

    @property
    def left(self) -> int:
        return self.lots - self.filled - self.prevented


@dataclass
class SlowExchange:
    """Trades as `(maker, taker, price, lots)` in `trades`."""

    rows: list[Row] = field(default_factory=list[Row])
    trades: list[tuple[int, int, int, int]] = field(default_factory=list[tuple[int, int, int, int]])
    last: int = 0
    turns: int = 0
    due: list[int] = field(default_factory=list[int])

    def place(self, number: int, account: int, asked: NewOrder) -> None:
        row = self._new(number, account, asked)
        if row.state == "waiting":
            self._begin_to_track(row)
        else:
            self._take(row)
        self._settle()

    def place_pair(self, numbers: tuple[int, int], account: int, pair: tuple[NewOrder, NewOrder]) -> None:
        stop, limit = (self._new(number, account, asked) for number, asked in zip(numbers, pair, strict=True))
        stop.sibling, limit.sibling = limit.number, stop.number
        self._begin_to_track(stop)
        self._rest(limit)
        self._settle()

    def cancel(self, number: int) -> None:
        row = self.row(number)
        for each in (row, self._sibling(row)):
            if each is not None and each.state != "done":
                self._end(each, Status.CANCELED)

    def amend(self, number: int, lots: int) -> None:
        row = self.row(number)
        for each in (row, self._sibling(row)):
            if each is not None and each.state != "done":
                each.lots = lots
                each.shown = min(each.shown, each.left)

    def row(self, number: int) -> Row:
        return next(row for row in self.rows if row.number == number)

    def depth(self, side: Side) -> list[tuple[int, int]]:
        """Levels best first as `(price, lots shown)`."""
        levels: dict[int, int] = {}
        for row in self.rows:
            if row.state == "resting" and row.asked.side is side:
                levels[row.asked.price_ticks] = levels.get(row.asked.price_ticks, 0) + row.shown
        return sorted(levels.items(), reverse=side is Side.BUY)

    # --- one step at a time ----------------------------------------------------------------------

    def _new(self, number: int, account: int, asked: NewOrder) -> Row:
        self.turns += 1
        terms = asked.terms
        state = "waiting" if terms.stop_ticks or terms.trailing_bips else "taking"
        row = Row(number, account, asked, asked.lots, self.turns, state)
        self.rows.append(row)
        return row

    def _begin_to_track(self, row: Row) -> None:
        if row.asked.terms.trailing_bips and not row.asked.terms.stop_ticks and self.last:
            row.tracking, row.best = True, self.last

    def _rest(self, row: Row) -> None:
        self.turns += 1
        row.turn, row.state = self.turns, "resting"
        row.shown = min(row.asked.terms.iceberg_lots or row.left, row.left)

    def _facing(self, taker: Row, but: int | None) -> list[Row]:
        asked = taker.asked
        buys = asked.side is Side.BUY
        reached = [
            row
            for row in self.rows
            if row.state == "resting"
            and row.asked.side is not asked.side
            and row.account != but
            and (
                not asked.price_ticks
                or (row.asked.price_ticks <= asked.price_ticks if buys else row.asked.price_ticks >= asked.price_ticks)
            )
        ]
        return sorted(reached, key=lambda row: (row.asked.price_ticks if buys else -row.asked.price_ticks, row.turn))

    def _take(self, taker: Row) -> None:
        mode = taker.asked.terms.stp
        passed = taker.account if mode not in {Stp.NONE, Stp.DECREMENT} else None
        whole = sum(row.left for row in self._facing(taker, passed)) >= taker.left
        fok = taker.asked.time_in_force is TimeInForce.FOK
        while taker.left and taker.state != "done" and (whole or not fok):
            facing = self._facing(taker, None)
            if not facing:
                break
            maker = facing[0]
            if mode is not Stp.NONE and maker.account == taker.account:
                self._prevent(maker, taker, mode)
            else:
                self._trade(maker, taker)
        if taker.state == "done":
            return
        if taker.left == 0:
            self._end(taker, Status.FILLED)
        elif taker.asked.price_ticks and taker.asked.time_in_force is TimeInForce.GTC:
            self._rest(taker)
        else:
            self._end(taker, Status.EXPIRED)

    def _trade(self, maker: Row, taker: Row) -> None:
        lots = min(maker.shown, taker.left)
        self.trades.append((maker.number, taker.number, maker.asked.price_ticks, lots))
        for row in (maker, taker):
            row.filled += lots
            row.status = Status.PARTIALLY_FILLED
        self._show_less(maker, lots)
        self.last = maker.asked.price_ticks
        self._watch()
        if maker.left == 0:
            self._end(maker, Status.FILLED)

    def _prevent(self, maker: Row, taker: Row, mode: Stp) -> None:
        lots = min(maker.shown, taker.left)
        of_maker = {Stp.EXPIRE_TAKER: 0, Stp.DECREMENT: lots}.get(mode, maker.left)
        of_taker = {Stp.EXPIRE_MAKER: 0, Stp.DECREMENT: lots}.get(mode, taker.left)
        for row, less in ((maker, of_maker), (taker, of_taker)):
            row.prevented += less
            if row.left == 0:
                self._end(row, Status.EXPIRED_IN_MATCH)
        self._show_less(maker, of_maker)

    def _show_less(self, row: Row, lots: int) -> None:
        row.shown -= min(lots, row.shown)
        if row.shown == 0 and row.left:
            self.turns += 1
            row.turn = self.turns
            row.shown = min(row.asked.terms.iceberg_lots, row.left)

    def _end(self, row: Row, status: Status) -> None:
        row.state, row.status = "done", status

    def _sibling(self, row: Row) -> Row | None:
        return self.row(row.sibling) if row.sibling else None

    def _watch(self) -> None:
        """See which waiting orders the last price calls; lower numbers first among equal prices."""
        waiting = [row for row in self.rows if row.state == "waiting" and row.number not in self.due]
        tracking = [row for row in waiting if row.tracking or not row.asked.terms.stop_ticks]
        called = [row.number for row in sorted(tracking, key=lambda row: row.number) if self._turned(row)]
        above = [row for row in waiting if row not in tracking and self._above(row)]
        below = [row for row in waiting if row not in tracking and not self._above(row)]
        above.sort(key=lambda row: (row.asked.terms.stop_ticks, row.number))
        below.sort(key=lambda row: (-row.asked.terms.stop_ticks, row.number))
        for row in above + below:
            stop = row.asked.terms.stop_ticks
            if self.last >= stop if self._above(row) else self.last <= stop:
                if row.asked.terms.trailing_bips:
                    row.tracking, row.best = True, self.last
                else:
                    called.append(row.number)
        self.due += called

    def _above(self, row: Row) -> bool:
        return (row.asked.side is Side.BUY) == (row.asked.type in STOPS)

    def _turned(self, row: Row) -> bool:
        if not row.best:
            row.tracking, row.best = True, self.last
            return False
        sells = row.asked.side is Side.SELL
        row.best = max(row.best, self.last) if sells else min(row.best, self.last)
        change = (row.best - self.last if sells else self.last - row.best) * 10_000
        return change >= row.asked.terms.trailing_bips * row.best

    def _settle(self) -> None:
        while True:
            if self._end_siblings():
                continue
            if not self.due:
                return
            row = self.row(self.due.pop(0))
            if row.state != "waiting":
                continue
            sibling = self._sibling(row)
            if sibling is not None and sibling.state != "done":
                self._end(sibling, Status.EXPIRED)
                sibling.by_list = True
            row.state = "taking"
            self._take(row)

    def _end_siblings(self) -> bool:
        for row in self.rows:
            sibling = self._sibling(row)
            if sibling is None or sibling.state == "done" or row.by_list:
                continue
            if row.filled or row.status in DONE:
                self._end(sibling, Status.EXPIRED)
                sibling.by_list = True
                return True
        return False
