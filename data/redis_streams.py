"""The stream of commands across processes: Redis Streams and one consumer group, with the ledger's outbox as the truth.

A lost answer is never guessed at: what a consumer was given and does not know of is given to it again, and what it
could not tell Redis is told before it reads on.
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import structlog

from data import redis_scripts as scripts
from data.encoding import Undecodable, decode, encode
from data.redis_keys import BELL, COMMAND_KEYS, PREFIX
from data.redis_link import RedisLink, Script
from data.streams import CAPACITY, LEASE_S, MOST_DEAD, full, tell_thrown_away
from engine.domain.messages import Command, CommandKind
from engine.domain.values import Unavailable
from engine.ports import Backlog, DeadLetter, Delivery
from engine.runtime import Clock

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 1.0
"""A reader that waits looks this often for what dead consumers left; anything else wakes it."""
AGAIN_S = 0.3
TIDY_EVERY_S = 60.0
GONE_AFTER_S = 600.0
MOST_OWED = 1_000
LONGEST_RAW = 64 * 1024
LONGEST_ERROR = 1_000
UNKNOWN_TIME = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Grip:
    """What a delivery's tag says: whose it is, of which entry, at which attempt."""

    stream: str
    entry: str
    consumer: str
    attempt: int

    @classmethod
    def of(cls, delivery: Delivery) -> _Grip:
        stream, entry, attempt, consumer = delivery.tag.split(" ", 3)
        return cls(stream, entry, consumer, int(attempt))

    @property
    def tag(self) -> str:
        return f"{self.stream} {self.entry} {self.attempt} {self.consumer}"

    @property
    def arguments(self) -> tuple[str | int, ...]:
        return (self.stream, self.entry, self.consumer, self.attempt)


@dataclass(frozen=True, slots=True)
class _Owed:
    """What Redis could not be told when it was due."""

    script: Script
    grip: _Grip
    more: tuple[str | bytes | int, ...]


@dataclass(frozen=True, slots=True)
class _Letter:
    """A dead letter as Redis keeps it; `raw` in base 64."""

    raw: str
    error: str
    attempts: int
    at: datetime


@dataclass(slots=True)
class RedisStream:
    """`engine.ports.Stream` on Redis. Leases are measured by Redis' clock alone."""

    link: RedisLink
    clock: Clock
    lease_s: float = LEASE_S
    capacity: int = CAPACITY
    most_dead: int = MOST_DEAD
    _in_hand: dict[str, dict[tuple[str, str], int]] = field(default_factory=dict[str, dict[tuple[str, str], int]])
    """By consumer: the attempt of each stream and entry that it has in hand."""
    _owed: deque[_Owed] = field(default_factory=lambda: deque[_Owed](maxlen=MOST_OWED))
    _taking: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One at a time: what is being handed over would look as if it were lost on its way."""
    _tidy_at: float = float("-inf")

    async def publish(self, command: Command) -> None:
        await self.link.make_sure()
        answer = await self._run(
            scripts.PUBLISH, command.id, command.order_id, _stream_of(command.kind), encode(command), self.capacity
        )
        if answer == scripts.FULL:
            raise full()

    async def read(self, kinds: Sequence[CommandKind], consumer: str) -> Delivery:
        streams = tuple(_stream_of(kind) for kind in kinds)
        told = ""
        while True:
            try:
                async with self._taking:
                    await self._pay()
                    taken = await self._take(streams, consumer)
                if isinstance(taken, Delivery):
                    return taken
                if taken is not None:
                    await self.link.wait(BELL, *taken)
            except Unavailable as refusal:
                if refusal.code != told:
                    log.warning("commands cannot be read: trying again", reason=refusal.message)
                told = refusal.code
                await asyncio.sleep(AGAIN_S)

    async def renew(self, delivery: Delivery) -> None:
        with suppress(Unavailable):
            await self._run(scripts.RENEW, *_Grip.of(delivery).arguments)

    async def ack(self, delivery: Delivery) -> None:
        await self._let_go(scripts.ACK, delivery)

    async def retry(self, delivery: Delivery, delay_s: float) -> None:
        await self._let_go(scripts.RETRY, delivery, max(0, round((self.lease_s - delay_s) * 1_000)))

    async def set_aside(self, delivery: Delivery, error: str) -> None:
        command = delivery.command
        letter = self._letter(encode(command), error, delivery.attempt)
        await self._let_go(scripts.SET_ASIDE, delivery, command.id, letter, self.most_dead)

    async def leave(self, consumer: str) -> None:
        self._in_hand.pop(consumer, None)
        with suppress(Unavailable):
            await self._pay()
            await self._run(scripts.LEAVE, consumer, self._lease_ms)

    async def dead_letters(self) -> tuple[DeadLetter, ...]:
        found = cast("list[bytes]", await self._run(scripts.DEAD_LETTERS))
        return tuple(
            _opened(letter_id.decode(), letter) for letter_id, letter in zip(found[::2], found[1::2], strict=True)
        )

    async def replay(self, letter_id: str) -> None:
        stored = cast("bytes | None", await self._run(scripts.DEAD_LETTER, letter_id))
        if stored is None:
            raise KeyError(letter_id)
        command = _opened(letter_id, stored).command
        if command is None:
            raise ValueError(f"dead letter {letter_id} holds no command")
        await self.publish(command)
        await self.forget(letter_id)

    async def forget(self, letter_id: str) -> None:
        await self._run(scripts.FORGET, letter_id)

    async def pending(self) -> Backlog:
        size, in_hand, dead, oldest_ms = cast("list[int]", await self._run(scripts.PENDING))
        return Backlog(size - in_hand, in_hand, dead, None if oldest_ms < 0 else oldest_ms / 1_000)

    async def tidy(self, gone_after_s: float = GONE_AFTER_S) -> None:
        """Forget the names of consumers that have nothing in hand and were not heard of for so long."""
        await self._run(scripts.TIDY, round(gone_after_s * 1_000))

    # --- reading

    async def _take(self, streams: Sequence[str], consumer: str) -> Delivery | tuple[str, float] | None:
        """The next command; or after which ring of the bell, and for how long, to wait for one; or None when it was
        no command and was set aside."""
        mine = self._in_hand.setdefault(consumer, {})
        answer = cast(
            "list[Any]",
            await self._run(
                scripts.TAKE,
                consumer,
                self._lease_ms,
                len(streams),
                *streams,
                *(f"{stream} {entry}" for stream, entry in mine),
            ),
        )
        if len(answer) == 2:
            bell, due_ms = answer
            return bell.decode(), LOOK_EVERY_S if due_ms < 0 else min(LOOK_EVERY_S, due_ms / 1_000)
        stream, entry, attempt, flat = answer
        grip = _Grip(stream.decode(), entry.decode(), consumer, attempt)
        fields = dict(zip(flat[::2], flat[1::2], strict=True))
        try:
            command = _command_in(grip.stream, fields)
        except Undecodable as error:
            await self._set_poison_aside(grip, fields.get(b"command", b" ".join(flat)), str(error))
            return None
        mine[grip.stream, grip.entry] = attempt
        return Delivery(command, grip.tag, attempt)

    async def _set_poison_aside(self, grip: _Grip, raw: bytes, error: str) -> None:
        letter_id = f"{grip.stream.removeprefix(PREFIX)}:{grip.entry}"
        log.error("what stands in the stream is no command: set aside", letter=letter_id, error=error)
        letter = self._letter(raw, error, grip.attempt)
        _tell(await self._run(scripts.SET_ASIDE, *grip.arguments, letter_id, letter, self.most_dead))

    # --- letting go

    async def _let_go(self, script: Script, delivery: Delivery, *more: str | bytes | int) -> None:
        owed = _Owed(script, _Grip.of(delivery), more)
        try:
            await self._tell_redis(owed)
        except Unavailable:
            self._owed.append(owed)

    async def _pay(self) -> None:
        """Tell Redis what it could not be told. Raises Unavailable."""
        while self._owed:
            await self._tell_redis(self._owed[0])
            self._owed.popleft()
        if self.clock.monotonic() >= self._tidy_at:
            self._tidy_at = self.clock.monotonic() + TIDY_EVERY_S
            await self.tidy()

    async def _tell_redis(self, owed: _Owed) -> None:
        _tell(await self._run(owed.script, *owed.grip.arguments, *owed.more))
        mine = self._in_hand.get(owed.grip.consumer, {})
        if mine.get((owed.grip.stream, owed.grip.entry)) == owed.grip.attempt:
            del mine[owed.grip.stream, owed.grip.entry]

    # --- parts

    @property
    def _lease_ms(self) -> int:
        return round(self.lease_s * 1_000)

    async def _run(self, script: Script, *arguments: str | bytes | int) -> Any:
        return await self.link.run(script, COMMAND_KEYS, arguments)

    def _letter(self, raw: bytes, error: str, attempts: int) -> bytes:
        text = base64.b64encode(raw[:LONGEST_RAW]).decode()
        return encode(_Letter(text, error[:LONGEST_ERROR], attempts, self.clock.now()))


def _stream_of(kind: CommandKind) -> str:
    return f"{PREFIX}{kind.value}"


def _command_in(stream: str, fields: Mapping[bytes, bytes]) -> Command:
    """Raises Undecodable."""
    command = decode(Command, fields.get(b"command", b""))
    if _stream_of(command.kind) != stream:
        raise Undecodable(f"a command of {command.kind.value} in the stream {stream}")
    return command


def _opened(letter_id: str, stored: bytes) -> DeadLetter:
    try:
        letter = decode(_Letter, stored)
        raw = base64.b64decode(letter.raw)
    except ValueError as error:
        return DeadLetter(letter_id, None, stored, f"the letter itself is spoiled: {error}", 0, UNKNOWN_TIME)
    try:
        command = decode(Command, raw)
    except Undecodable:
        command = None
    return DeadLetter(letter_id, command, raw, letter.error, letter.attempts, letter.at)


def _tell(thrown_away: bytes | None) -> None:
    if thrown_away is not None:
        tell_thrown_away(_opened("the oldest", thrown_away))
