"""Reads commands from the stream and has them carried out, several at once, each order's one after another."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Protocol

import structlog

from engine.domain.messages import Command, CommandKind
from engine.ports import Delivery, Stream, VenueError
from engine.runtime import Ids, Supervisor

log = structlog.get_logger(__name__)

AT_ONCE = 16
RENEW_EVERY_S = 4.0
"""Well within the lease of a stream, so that one renewal may fail."""
RETRY_AFTER_S = (0.2, 1.0, 3.0, 5.0)
MOST_ATTEMPTS = 5
DRAIN_WITHIN_S = 12.0
"""Longer than a venue may take for an answer (10 s), so that what is on its way is concluded, not asked after later."""


class CarriesOut(Protocol):
    """What a command is handed to: `engine.execution.Execution`."""

    async def execute(self, command: Command) -> None:
        """Carry it out as far as it goes; any exception has it tried again."""
        ...


class Worker:
    """At least once from the stream, at most once to the venue: the ledger's SUBMITTED is the line between."""

    def __init__(
        self,
        stream: Stream,
        execution: CarriesOut,
        ids: Ids,
        retry_after_s: Sequence[float] = RETRY_AFTER_S,
        renew_every_s: float = RENEW_EVERY_S,
    ) -> None:
        self._retry_after_s = retry_after_s
        self._renew_every_s = renew_every_s
        self._stream = stream
        self._execution = execution
        self._consumer = f"worker-{ids.new()[-8:]}"
        self._places = asyncio.Semaphore(AT_ONCE)
        self._in_hand: dict[str, Delivery] = {}
        self._idle = asyncio.Event()
        self._idle.set()
        self._drained = False

    @property
    def busy(self) -> int:
        """Commands in hand now."""
        return len(self._in_hand)

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("commands", lambda: self._read(supervisor))
        supervisor.keep("leases", self._renew)

    async def drain(self, supervisor: Supervisor, within_s: float = DRAIN_WITHIN_S) -> None:
        """Take nothing new, give what is in hand time to finish, and leave the rest to other workers, or to the next
        start. Once: a second call waits for nothing."""
        if self._drained:
            return
        self._drained = True
        supervisor.stop("commands")
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        if self._in_hand:
            log.warning(
                "commands are left as they are", orders=[one.command.order_id for one in self._in_hand.values()]
            )
        await self._stream.leave(self._consumer)

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
        await self._stream.set_aside(delivery, str(error))

    async def _renew(self) -> None:
        """What takes long is not taken for dead."""
        while True:
            await asyncio.sleep(self._renew_every_s)
            for delivery in tuple(self._in_hand.values()):
                await self._stream.renew(delivery)
