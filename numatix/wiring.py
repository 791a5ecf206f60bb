"""Picks what implements each port and hands it over: the one place that knows all parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from data.bus import MemoryBus
from data.database import Database
from data.ledger import SqlLedger
from data.streams import MemoryStream
from data.users import SqlUsers
from data.vault import Vault
from engine.desk import Desk
from engine.identity import Identity, Limits, Passwords, Registration
from engine.identity.tokens import AccessTokens
from engine.ports import Venue
from engine.runtime import Clock, Ids, Supervisor, SystemClock, SystemIds
from engine.venues.ccxt_venue import CcxtVenue
from engine.venues.config import VenueConfig
from engine.venues.paper import PaperOffice
from numatix.chain import Chain, build_chain
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
    chain: Chain

    @property
    def desk(self) -> Desk:
        return self.chain.desk

    async def close(self) -> None:
        """End every task, then what they stood on."""
        await self.chain.close()
        self.identity.passwords.close()
        self.database.close()


@dataclass(frozen=True, slots=True)
class ExchangeDoor:
    """The built-in exchange: its base address and its operator's token."""

    url: str
    token: str = field(repr=False)


def build_house(settings: Settings, address: PublicAddress, var_dir: Path, key: bytes, exchange: ExchangeDoor) -> House:
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
    chain = build_chain(
        ledger=ledger,
        users=users,
        stream=MemoryStream(clock),
        bus=MemoryBus(),
        venues=build_venues(settings, exchange, supervisor, clock),
        paper=PaperOffice(exchange.url, exchange.token),
        supervisor=supervisor,
        clock=clock,
        ids=ids,
    )
    return House(settings, address, clock, ids, supervisor, database, ledger, users, identity, chain)


def build_venues(settings: Settings, exchange: ExchangeDoor, supervisor: Supervisor, clock: Clock) -> dict[str, Venue]:
    """The desk's own exchange first, then where users may bring keys for."""
    testnet = ("binance_testnet", "Binance Spot Testnet")
    configs = (
        VenueConfig.at("simulator", "Built-in exchange", exchange.url),
        VenueConfig(*testnet)
        if settings.binance_testnet_url is None
        else VenueConfig.at(*testnet, settings.binance_testnet_url),
    )
    return {config.name: CcxtVenue(config, supervisor, clock) for config in configs}
