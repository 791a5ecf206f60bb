"""Picks what implements each port and hands it over: the one place that knows all parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from data.database import Database
from data.drifts import SqlDrifts
from data.ledger import SqlLedger
from data.users import SqlUsers
from data.vault import Vault
from engine.desk import Desk
from engine.identity import Identity, Passwords, Registration
from engine.identity.tokens import AccessTokens
from engine.ports import Ledger, Stream, Venue
from engine.reconcile import SettleTimes
from engine.runtime import Clock, Ids, Supervisor, SystemClock, SystemIds
from engine.venues.ccxt_venue import CcxtVenue
from engine.venues.config import VenueConfig
from engine.venues.paper import PaperOffice
from numatix.api.stream import StreamDoor, StreamTimes
from numatix.chain import Chain, build_chain
from numatix.messaging import Messaging, open_messaging
from numatix.metrics import Meters, Readings
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
    ledger: Ledger
    users: SqlUsers
    identity: Identity
    messaging: Messaging
    chain: Chain
    bots: StreamDoor
    meters: Meters
    readings: Readings

    @property
    def desk(self) -> Desk:
        return self.chain.desk

    async def close(self) -> None:
        """End every task, then what they stood on."""
        await self.bots.close()
        await self.chain.close()
        await self.messaging.close()
        self.identity.passwords.close()
        self.database.close()


@dataclass(frozen=True, slots=True)
class ExchangeDoor:
    """The built-in exchange: its base address and its operator's token."""

    url: str
    token: str = field(repr=False)


def writer_of(database: Database, ids: Ids) -> str:
    """This process in the audit log. On SQLite there is one; on PostgreSQL each has a chain of its own, since those
    that share one would write one after the other."""
    return "desk" if database.path else f"desk-{ids.new()}"


@dataclass(frozen=True, slots=True)
class Makers:
    """What makes the parts that stand behind ports; whoever starts a desk may hand over others."""

    ledger: Callable[[Database, Ids], Ledger] = lambda database, ids: SqlLedger(database, ids, writer_of(database, ids))
    stream: Callable[[Stream], Stream] = lambda stream: stream
    """Given the one that the settings name."""
    venue: Callable[[VenueConfig, Supervisor, Clock], Venue] = CcxtVenue
    settle_times: SettleTimes = field(default_factory=SettleTimes)
    stream_times: StreamTimes = field(default_factory=StreamTimes)


def build_house(
    settings: Settings,
    address: PublicAddress,
    var_dir: Path,
    key: bytes,
    exchange: ExchangeDoor,
    makers: Makers | None = None,
) -> House:
    """Open the database and put everything together; nothing runs yet. Raises DatabaseError, RedisFault."""
    makers = makers or Makers()
    clock, ids = SystemClock(), SystemIds()
    meters = Meters(CollectorRegistry(), clock)
    supervisor = Supervisor("desk", clock, meters.failed)
    messaging = open_messaging(settings.redis_url, supervisor, clock)
    database = Database.open(settings.database_url or var_dir / "numatix.db")
    users = SqlUsers(database, Vault(key), clock)
    ledger = makers.ledger(database, ids)
    identity = Identity(
        users,
        Passwords(),
        messaging.limits,
        AccessTokens(key, clock, ids),
        clock,
        ids,
        Registration(settings.registration),
    )
    chain = build_chain(
        ledger=ledger,
        users=users,
        drifts=SqlDrifts(database),
        stream=makers.stream(messaging.stream),
        bus=messaging.bus,
        venues={config.name: makers.venue(config, supervisor, clock) for config in venue_configs(settings, exchange)},
        paper=PaperOffice(exchange.url, exchange.token),
        supervisor=supervisor,
        clock=clock,
        ids=ids,
        settle_times=makers.settle_times,
        watch=meters,
    )
    meters.know_venues(chain.accounts.venue_of)
    readings = Readings(meters.registry, database, messaging.stream, chain.venues, clock)
    bots = StreamDoor(chain.desk, identity, clock, makers.stream_times)
    readings.gauge("numatix_bot_sockets", "Open sockets of bots.", lambda: bots.sockets)
    readings.gauge("numatix_worker_busy", "Commands that are being carried out.", lambda: chain.worker.busy)
    readings.gauge("numatix_users_listening", "Users with a page or a socket.", lambda: len(chain.desk.hub.listening()))
    return House(
        settings,
        address,
        clock,
        ids,
        supervisor,
        database,
        ledger,
        users,
        identity,
        messaging,
        chain,
        bots,
        meters,
        readings,
    )


def venue_configs(settings: Settings, exchange: ExchangeDoor) -> tuple[VenueConfig, ...]:
    """The desk's own exchange first, then where users may bring keys for."""
    testnet = ("binance_testnet", "Binance Spot Testnet")
    return (
        VenueConfig.at("simulator", "Simulator", exchange.url),
        VenueConfig(*testnet)
        if settings.binance_testnet_url is None
        else VenueConfig.at(*testnet, settings.binance_testnet_url),
    )
