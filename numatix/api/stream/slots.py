"""The newest state of one market subscription, waiting for its socket.

Payloads come encoded, the same text for every socket. A slot puts the channel and its own running number before them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Protocol

import orjson

from numatix.api.stream.channels import Kind, Subject
from numatix.api.stream.outbox import Outbox

MOST_TRADES = 200
MOST_CANDLES = 500

Piece = tuple[int, str]
"""A trade by its id, a candle by its beginning, or a state (by nothing), and its JSON text. A state's is the end of a
message."""


class MarketSlot(Protocol):
    """What a fan puts into. `Outbox` takes from it."""

    def put(self, pieces: Iterable[Piece]) -> None:
        """Merge them into what waits."""
        ...

    def take(self) -> str | None: ...


class StateSlot:
    """A book or a ticker: each state replaces the one that still waits."""

    def __init__(self, subject: Subject, outbox: Outbox) -> None:
        self._head = head_of(subject)
        self._outbox = outbox
        self._sequence = 0
        self._newest: str | None = None

    def put(self, pieces: Iterable[Piece]) -> None:
        for _, self._newest in pieces:
            self._outbox.stir(self)

    def take(self) -> str | None:
        if self._newest is None:
            return None
        self._sequence += 1
        message = f"{self._head}{self._sequence},{self._newest}}}"
        self._newest = None
        return message


class TradesSlot:
    """Each trade once. Of more than `MOST_TRADES` that wait the oldest are left out, and the message says how many."""

    def __init__(self, subject: Subject, outbox: Outbox) -> None:
        self._head = head_of(subject)
        self._outbox = outbox
        self._sequence = 0
        self._waiting: deque[str] = deque(maxlen=MOST_TRADES)
        self._newest_id = -1
        self._missed = 0

    def put(self, pieces: Iterable[Piece]) -> None:
        for number, text in pieces:
            if number > self._newest_id:
                self._newest_id = number
                self._missed += len(self._waiting) == MOST_TRADES
                self._waiting.append(text)
        if self._waiting:
            self._outbox.stir(self)

    def take(self) -> str | None:
        if not self._waiting:
            return None
        self._sequence += 1
        message = f'{self._head}{self._sequence},"missed":{self._missed},"data":[{",".join(self._waiting)}]}}'
        self._waiting.clear()
        self._missed = 0
        return message


class CandlesSlot:
    """Each candle's newest state, oldest candle first."""

    def __init__(self, subject: Subject, outbox: Outbox) -> None:
        self._head = head_of(subject)
        self._outbox = outbox
        self._sequence = 0
        self._waiting: dict[int, str] = {}

    def put(self, pieces: Iterable[Piece]) -> None:
        self._waiting.update(pieces)
        while len(self._waiting) > MOST_CANDLES:
            del self._waiting[min(self._waiting)]
        if self._waiting:
            self._outbox.stir(self)

    def take(self) -> str | None:
        if not self._waiting:
            return None
        self._sequence += 1
        candles = ",".join(self._waiting[at] for at in sorted(self._waiting))
        self._waiting.clear()
        return f'{self._head}{self._sequence},"data":[{candles}]}}'


SLOTS: dict[Kind, type[StateSlot] | type[TradesSlot] | type[CandlesSlot]] = {
    Kind.BOOK: StateSlot,
    Kind.TICKER: StateSlot,
    Kind.TRADES: TradesSlot,
    Kind.CANDLES: CandlesSlot,
}


def head_of(subject: Subject) -> str:
    """The message up to its number."""
    head = orjson.dumps({"type": subject.kind, "channel": subject.channel, "venue": subject.venue}).decode()
    return f'{head[:-1]},"sequence":'
