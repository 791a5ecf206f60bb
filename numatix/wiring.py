"""Picks what implements each port and hands it over: the one place that knows all parts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from data.database import Database
from data.ledger import SqlLedger
from data.users import SqlUsers
from data.vault import Vault
from engine.desk import Desk
from engine.identity import Identity, Limits, Passwords, Registration
from engine.identity.tokens import AccessTokens
from engine.runtime import Clock, Ids, Supervisor, SystemClock, SystemIds
from numatix.settings import PublicAddress, Settings


@dataclass(frozen=True, slots=True)
class House:
    """Everything that one desk process is made of."""

    settings: Settings
    address: PublicAddress
    clock: Clock
    ids: Ids
    supervisor: Supervisor
    database: Database
    ledger: SqlLedger
    users: SqlUsers
    identity: Identity
    desk: Desk

    async def close(self) -> None:
        """End every task, then what they stood on."""
        await self.supervisor.close()
        self.identity.passwords.close()
        self.database.close()


def build_house(settings: Settings, address: PublicAddress, var_dir: Path, key: bytes) -> House:
    """Open the database and put everything together; nothing runs yet. Raises DatabaseError."""
    clock, ids = SystemClock(), SystemIds()
    supervisor = Supervisor("desk", clock)
    database = Database.open(settings.database_url or var_dir / "numatix.db")
    users = SqlUsers(database, Vault(key), clock)
    ledger = SqlLedger(database, ids)
    identity = Identity(
        users,
        Passwords(),
        Limits(clock),
        AccessTokens(key, clock, ids),
        clock,
        ids,
        Registration(settings.registration),
    )
    return House(settings, address, clock, ids, supervisor, database, ledger, users, identity, Desk())
