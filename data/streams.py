"""The stream of commands inside one process; the ledger's outbox is what survives it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heappop, heappush

import structlog

from data.encoding import encode
from engine.domain.messages import Command, CommandKind
from engine.domain.values import Unavailable
from engine.ports import Backlog, DeadLetter, Delivery
from engine.runtime import Clock

log = structlog.get_logger(__name__)

LEASE_S = 15.0
"""How long a consumer that died keeps what it had in hand. One that lives renews well before."""
CAPACITY = 10_000
MOST_DEAD = 1_000
LONGEST_ECHO = 1_000


@dataclass(slots=True)
class _Entry:
    """A command in the stream. It is in someone's hands or put off while `wakes_at` is set, else it may be read."""

    command: Command
    number: int
    since: float
    attempt: int = 0
    consumer: str = ""
    tag: str | None = None
    wakes_at: float | None = None


@dataclass(slots=True)
class MemoryStream:
    """`engine.ports.Stream` in memory: at least once, and the commands of one order strictly one after another.

    What waits is read in the order it was published, but for an order whose earlier command is not acknowledged yet.
    """

    clock: Clock
    lease_s: float = LEASE_S
    capacity: int = CAPACITY
    most_dead: int = MOST_DEAD
    _entries: dict[str, _Entry] = field(default_factory=dict[str, _Entry])
    _lines: dict[str, deque[_Entry]] = field(default_factory=dict[str, deque[_Entry]])
    """By order: its commands, the first of them the one that may be read."""
    _ready: dict[CommandKind, list[tuple[int, str]]] = field(default_factory=dict[CommandKind, list[tuple[int, str]]])
    """By kind: a heap of number and command id, of which those that are asleep or gone are passed over."""
    _asleep: list[tuple[float, int, str]] = field(default_factory=list[tuple[float, int, str]])
    """A heap of wake time, number and command id; an entry that sleeps for another time is passed over."""
    _dead: dict[str, DeadLetter] = field(default_factory=dict[str, DeadLetter])
    _readers: dict[asyncio.Future[None], None] = field(default_factory=dict[asyncio.Future[None], None])
    """In the order in which they came: the same run wakes them in the same order again."""
    _published: int = 0

    async def publish(self, command: Command) -> None:
        if command.id in self._entries:
            return
        if len(self._entries) >= self.capacity:
            raise full()
        self._published += 1
        entry = _Entry(command, self._published, self.clock.monotonic())
        self._entries[command.id] = entry
        line = self._lines.setdefault(command.order_id, deque())
        line.append(entry)
        if line[0] is entry:
            self._offer(entry)

    async def read(self, kinds: Sequence[CommandKind], consumer: str) -> Delivery:
        while True:
            self._wake_up()
            entry = self._first_ready(kinds)
            if entry is not None:
                return self._hand_over(entry, consumer)
            await self._something_new()

    async def renew(self, delivery: Delivery) -> None:
        entry = self._held(delivery)
        if entry is not None:
            self._put_to_sleep(entry, self.lease_s)

    async def ack(self, delivery: Delivery) -> None:
        entry = self._held(delivery)
        if entry is not None:
            self._take_out(entry)

    async def retry(self, delivery: Delivery, delay_s: float) -> None:
        entry = self._held(delivery)
        if entry is not None:
            self._put_back(entry, delay_s)

    async def set_aside(self, delivery: Delivery, error: str) -> None:
        entry = self._held(delivery)
        if entry is None:
            return
        command = entry.command
        self._dead.pop(command.id, None)
        self._dead[command.id] = DeadLetter(
            command.id, command, encode(command), error, entry.attempt, self.clock.now()
        )
        if len(self._dead) > self.most_dead:
            tell_thrown_away(self._dead.pop(next(iter(self._dead))))
        self._take_out(entry)

    async def leave(self, consumer: str) -> None:
        for entry in tuple(self._entries.values()):
            if entry.tag is not None and entry.consumer == consumer:
                self._put_back(entry, 0)

    async def dead_letters(self) -> tuple[DeadLetter, ...]:
        return tuple(self._dead.values())

    async def replay(self, letter_id: str) -> None:
        letter = self._dead[letter_id]
        if letter.command is None:
            raise ValueError(f"dead letter {letter_id} holds no command")
        await self.publish(letter.command)
        del self._dead[letter_id]

    async def forget(self, letter_id: str) -> None:
        self._dead.pop(letter_id, None)

    async def pending(self) -> Backlog:
        in_hand = sum(entry.tag is not None for entry in self._entries.values())
        oldest = next(iter(self._entries.values()), None)
        return Backlog(
            waiting=len(self._entries) - in_hand,
            in_hand=in_hand,
            dead=len(self._dead),
            oldest_s=None if oldest is None else self.clock.monotonic() - oldest.since,
        )

    def __len__(self) -> int:
        """Commands that are not acknowledged."""
        return len(self._entries)

    def _held(self, delivery: Delivery) -> _Entry | None:
        entry = self._entries.get(delivery.command.id)
        return entry if entry is not None and entry.tag == delivery.tag else None

    def _hand_over(self, entry: _Entry, consumer: str) -> Delivery:
        entry.attempt += 1
        entry.consumer = consumer
        entry.tag = f"{consumer}:{entry.number}:{entry.attempt}"
        self._put_to_sleep(entry, self.lease_s)
        return Delivery(entry.command, entry.tag, entry.attempt)

    def _put_back(self, entry: _Entry, delay_s: float) -> None:
        entry.tag = None
        self._put_to_sleep(entry, delay_s)
        self._call_readers()

    def _take_out(self, entry: _Entry) -> None:
        """Its order's next command may be read now."""
        order_id = entry.command.order_id
        line = self._lines[order_id]
        line.popleft()
        del self._entries[entry.command.id]
        if line:
            self._offer(line[0])
        else:
            del self._lines[order_id]

    def _put_to_sleep(self, entry: _Entry, seconds: float) -> None:
        entry.wakes_at = self.clock.monotonic() + seconds
        heappush(self._asleep, (entry.wakes_at, entry.number, entry.command.id))

    def _wake_up(self) -> None:
        """Offer again what slept long enough: put off, or left behind by a consumer that died."""
        now = self.clock.monotonic()
        while self._asleep and self._asleep[0][0] <= now:
            wakes_at, _, command_id = heappop(self._asleep)
            entry = self._entries.get(command_id)
            if entry is not None and entry.wakes_at == wakes_at:
                entry.wakes_at = None
                self._offer(entry)

    def _offer(self, entry: _Entry) -> None:
        heappush(self._ready.setdefault(entry.command.kind, []), (entry.number, entry.command.id))
        self._call_readers()

    def _first_ready(self, kinds: Sequence[CommandKind]) -> _Entry | None:
        """The earliest of these kinds that may be read now, taken off its heap."""
        heaps = [self._without_stale(self._ready.get(kind, [])) for kind in kinds]
        first = min((heap for heap in heaps if heap), default=None, key=lambda heap: heap[0])
        return None if first is None else self._entries[heappop(first)[1]]

    def _without_stale(self, heap: list[tuple[int, str]]) -> list[tuple[int, str]]:
        while heap:
            entry = self._entries.get(heap[0][1])
            if entry is not None and entry.wakes_at is None:
                break
            heappop(heap)
        return heap

    def _call_readers(self) -> None:
        for reader in self._readers:
            if not reader.done():
                reader.set_result(None)

    async def _something_new(self) -> None:
        """Wait until something was offered, or the next sleeper is due."""
        reader: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._readers[reader] = None
        due_s = max(0.0, self._asleep[0][0] - self.clock.monotonic()) if self._asleep else None
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(due_s):
                    await reader
        finally:
            self._readers.pop(reader, None)


def full() -> Unavailable:
    """What a stream without room answers."""
    return Unavailable("stream_full", "Too many commands wait for the worker; this one is sent when there is room.")


def tell_thrown_away(letter: DeadLetter) -> None:
    """There are too many dead letters: the oldest leaves, and is last seen in the log."""
    log.error(
        "the oldest dead letter is thrown away: replay or forget some",
        letter=letter.id,
        raw=letter.raw[:LONGEST_ECHO].decode(errors="replace"),
        error=letter.error,
    )
