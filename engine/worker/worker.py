"""Reads commands from the stream and has them carried out, several at once, each order's one after another."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import structlog

from engine.domain.messages import Command, CommandKind
from engine.execution import Execution
from engine.ports import Delivery, Stream, VenueError
from engine.runtime import Clock, Ids, Supervisor

log = structlog.get_logger(__name__)

AT_ONCE = 16
RENEW_EVERY_S = 5.0
RETRY_AFTER_S = (0.2, 0.5, 1.0, 2.0, 5.0)
MOST_ATTEMPTS = 8
MOST_SET_ASIDE = 1_000
DRAIN_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class SetAside:
    """A command that kept failing and is not tried any more; its order is still looked after by the keeper."""

    command: Command
    error: str
    attempts: int
    at: datetime


class Worker:
    """At least once from the stream, at most once to the venue: the ledger's SUBMITTED is the line between."""

    def __init__(
        self,
        stream: Stream,
        execution: Execution,
        clock: Clock,
        ids: Ids,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
    ) -> None:
        self._retry_after_s = retry_after_s
        self._stream = stream
        self._execution = execution
        self._clock = clock
        self._consumer = f"worker-{ids.new()[-8:]}"
        self._places = asyncio.Semaphore(AT_ONCE)
        self._in_hand: dict[str, Delivery] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._set_aside: deque[SetAside] = deque(maxlen=MOST_SET_ASIDE)

    @property
    def set_aside(self) -> tuple[SetAside, ...]:
        """What kept failing, oldest first."""
        return tuple(self._set_aside)

    @property
    def busy(self) -> int:
        """Commands in hand now."""
        return len(self._in_hand)

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("commands", lambda: self._read(supervisor))
        supervisor.keep("leases", self._renew)

    async def drain(self, supervisor: Supervisor) -> None:
        """Take nothing new, and give what is in hand a moment to finish."""
        supervisor.stop("commands")
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_WITHIN_S):
                await self._idle.wait()

    async def _read(self, supervisor: Supervisor) -> None:
        while True:
            await self._places.acquire()
            try:
                delivery = await self._stream.read(tuple(CommandKind), self._consumer)
            except BaseException:
                self._places.release()
                raise
            self._in_hand[delivery.tag] = delivery
            self._idle.clear()
            supervisor.run(f"command {delivery.tag}", self._carry_out(delivery))

    async def _carry_out(self, delivery: Delivery) -> None:
        try:
            await self._execution.execute(delivery.command)
        except VenueError as error:
            await self._give_back(delivery, error)
        except Exception as error:
            await self._give_back(delivery, error)
            raise
        else:
            await self._stream.ack(delivery)
        finally:
            del self._in_hand[delivery.tag]
            self._places.release()
            if not self._in_hand:
                self._idle.set()

    async def _give_back(self, delivery: Delivery, error: Exception) -> None:
        command = delivery.command
        log.warning(
            "command failed", command=command.id, order=command.order_id, attempt=delivery.attempt, error=str(error)
        )
        if delivery.attempt < MOST_ATTEMPTS:
            delays_s = self._retry_after_s
            await self._stream.retry(delivery, delays_s[min(delivery.attempt - 1, len(delays_s) - 1)])
            return
        log.error("command is set aside", command=command.id, order=command.order_id, attempts=delivery.attempt)
        self._set_aside.append(SetAside(command, str(error), delivery.attempt, self._clock.now()))
        await self._stream.ack(delivery)

    async def _renew(self) -> None:
        """What takes long is not taken for dead."""
        while True:
            await asyncio.sleep(RENEW_EVERY_S)
            for delivery in tuple(self._in_hand.values()):
                await self._stream.renew(delivery)
