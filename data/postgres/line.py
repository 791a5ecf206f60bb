"""A connection to PostgreSQL that heals: when it was lost the next use makes a new one, with patience."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

import psycopg
import structlog

from data.connection import Work
from data.errors import DatabaseError
from data.postgres.address import Address
from data.postgres.session import Session
from engine.domain.values import Unavailable
from engine.runtime import Clock, SystemClock

log = structlog.get_logger(__name__)

T = TypeVar("T")

PATIENCE_S = 10.0
"""A restart of the server takes less."""
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.05, 2.0
"""Between one try to connect and the next."""
ENDED = ("57P01", "57P02", "57P03", "57P05", "25P03")
"""What the server says when it ends a connection: shutdown, crash, start, idle for too long."""


@dataclass(slots=True)
class Line:
    """`data.readers.Line` when it only reads, the writer's else. One thread uses it at a time, but for `hang_up` and
    `cut`."""

    address: Address
    read_only: bool
    on_connect: Callable[[Session], None] | None = None
    patience_s: float = PATIENCE_S
    clock: Clock = field(default_factory=SystemClock)
    _session: Session | None = None
    _hung_up: threading.Event = field(default_factory=threading.Event)
    _is_away: bool = False

    def ask(self, query: Work[T]) -> T:
        try:
            return self.patiently(query)
        except psycopg.Error as error:
            raise DatabaseError(f"the database could not be read: {in_words(error)}") from error

    def patiently(self, attempt: Callable[[Session], T]) -> T:
        """What the attempt gives, begun afresh on a new connection whenever the old one was lost meanwhile.

        Its other errors go through. Raises Unavailable when the server stays away; who comes after that, while it is
        still away, learns it at once.
        """
        away_since: float | None = None
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                result = attempt(self.session())
            except psycopg.Error as error:
                if not self.was_lost(error):
                    raise
                self._drop()
                if away_since is None:
                    away_since = self.clock.monotonic()
                    log.warning("the database is away", place=self.address.place, reason=in_words(error))
                self._wait(pause_s, away_since, error)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                if away_since is not None:
                    log.info("the database is back", place=self.address.place)
                self._is_away = False
                return result

    def session(self) -> Session:
        """The connection, made when there is none. Raises psycopg.Error."""
        if self._session is None:
            self._session = Session(self.address.connect(read_only=self.read_only))
            if self.on_connect is not None:
                self.on_connect(self._session)
        return self._session

    def hang_up(self) -> None:
        """From any thread: wait no longer for a server that is away."""
        self._hung_up.set()

    def cut(self) -> None:
        """From any thread: end the connection under whoever waits for an answer that does not come."""
        session = self._session
        if session is not None:
            session.cut()

    def close(self) -> None:
        self.hang_up()
        self._drop()

    def was_lost(self, error: psycopg.Error) -> bool:
        """Whether it came of a connection that is gone, or that could not be made."""
        state = error.sqlstate or ""
        return self._session is None or self._session.is_lost or state in ENDED or state.startswith("08")

    def _wait(self, seconds: float, away_since: float, error: psycopg.Error) -> None:
        waited_s = self.clock.monotonic() - away_since
        if self._is_away or waited_s + seconds > self.patience_s or self._hung_up.wait(seconds):
            self._is_away = True
            raise Unavailable(
                "database_unreachable", "The database cannot be reached now; try again in a moment."
            ) from error

    def _drop(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


def in_words(error: psycopg.Error) -> str:
    """What went wrong, in one line."""
    return error.diag.message_primary or " ".join(str(error).split())
