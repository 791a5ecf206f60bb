"""A real identity over a real database, on a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from data.database import Database
from data.users import SqlUsers
from data.vault import Vault
from engine.identity import Identity, Limits, Passwords, Registration
from engine.identity.tokens import AccessTokens
from engine.runtime import SystemIds

SECRET = b"a secret key that only tests know, long enough"
IP = "192.0.2.7"
PASSWORD = "a long enough password"


@dataclass
class HandClock:
    """Stands still until a test moves it."""

    at: datetime = datetime(2026, 7, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return self.at.timestamp()

    def forward(self, **by: float) -> None:
        """`forward(minutes=15)`."""
        self.at += timedelta(**by)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def users(tmp_path: Path, clock: HandClock) -> Iterator[SqlUsers]:
    with Database.open(tmp_path / "numatix.db") as database:
        yield SqlUsers(database, Vault(SECRET), clock)


@pytest.fixture
def passwords() -> Iterator[Passwords]:
    hashing = Passwords()
    yield hashing
    hashing.close()


@pytest.fixture
def identity(users: SqlUsers, clock: HandClock) -> Iterator[Identity]:
    """Its passwords are hashed cheaply: dozens of users are made."""
    ids, passwords = SystemIds(), Passwords(memory_kib=64, passes=1, lanes=1)
    tokens = AccessTokens(SECRET, clock, ids)
    yield Identity(users, passwords, Limits(clock), tokens, clock, ids, Registration.OPEN)
    passwords.close()
