"""Whole desks for tests: a real database, the real chain, and a real simulator in another process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx

from data.bus import MemoryBus
from data.database import Database
from data.drifts import SqlDrifts
from data.ledger import SqlLedger
from data.streams import MemoryStream
from data.users import SqlUsers
from data.vault import Vault
from engine.desk import Desk
from engine.domain.draft import OrderDraft
from engine.domain.order import FINISHED, Order, OrderStatus
from engine.domain.values import OrderType, Price, Quantity, Side, TimeInForce
from engine.ports import Credentials, Role, User, Venue
from engine.reconcile import SettleTimes
from engine.runtime import Clock, Ids, Supervisor, SystemClock, SystemIds
from engine.venues.ccxt_venue import CcxtVenue
from engine.venues.config import VenueConfig
from engine.venues.paper import PaperOffice
from engine.worker import RETRY_AFTER_S, KeeperTimes
from numatix.chain import Chain, build_chain
from tests.simulator.process import TOKEN, Keys, Trader

KEY = b"a secret key that only tests know, long enough"
QUICK = KeeperTimes(look_every_s=0.05, doubt_s=0.1, open_s=0.5, idle_s=0.5, compare_s=0.5, again_s=0.2)
SETTLE = SettleTimes(settle_s=3.0, send_within_s=1.0)


@dataclass
class DeskUnderTest:
    """A running desk with one user and their paper account."""

    chain: Chain
    ledger: SqlLedger
    users: SqlUsers
    stream: MemoryStream
    database: Database
    url: str
    user_id: str = ""
    account_id: str = ""

    @property
    def desk(self) -> Desk:
        return self.chain.desk

    async def ready(self, deadline_s: float = 15.0) -> None:
        await eventually(lambda: self.desk.readiness().ready, "the desk is ready", deadline_s)

    async def open_user(self, email: str = "trader@example.org") -> None:
        """A user with a paper account; the one that the shorthands below speak for."""
        self.user_id = SystemIds().new()
        await self.users.create(User(self.user_id, email, Role.TRADER, SystemClock().now()), "no password")
        self.account_id = (await self.desk.open_paper_account(self.user_id)).id

    async def come_back_or_open_user(self) -> None:
        """The user that an earlier desk on this database opened, or a new one."""
        known = await self.users.all_users()
        if not known:
            await self.open_user()
            return
        self.user_id = known[0].id
        self.account_id = (await self.desk.account(self.user_id, None)).id

    async def buy(self, **fields: object) -> Order:
        return (await self.desk.submit_order(self.user_id, draft(Side.BUY, **fields))).order

    async def sell(self, **fields: object) -> Order:
        return (await self.desk.submit_order(self.user_id, draft(Side.SELL, **fields))).order

    async def becomes(self, order: Order, *statuses: OrderStatus, deadline_s: float = 20.0) -> Order:
        """The order once it has one of the statuses."""

        async def look() -> bool:
            return (await self.desk.order(order.user_id, order.id)).status in statuses

        await eventually_true(look, f"order becomes {' or '.join(statuses)}", deadline_s)
        return await self.desk.order(order.user_id, order.id)

    async def leave_nothing_open(self) -> None:
        """Cancel what is on the book: the market belongs to the next test, too."""
        for order in await self.desk.cancel_all(self.user_id):
            await self.becomes(order, *FINISHED)

    async def trader(self, http: httpx.AsyncClient) -> Trader:
        """Whoever trades directly at the exchange with this user's keys."""
        credentials = await self.users.credentials(self.account_id)
        return Trader(http, Keys(credentials.api_key, credentials.secret))


@asynccontextmanager
async def open_desk(
    path: Path,
    url: str,
    *,
    settle: SettleTimes = SETTLE,
    clock: Clock | None = None,
    keep: KeeperTimes = QUICK,
    retry_after_s: Sequence[float] = RETRY_AFTER_S,
    make_ledger: Callable[[Database, Ids], SqlLedger] = SqlLedger,
    make_stream: Callable[[Clock], MemoryStream] = MemoryStream,
    make_venue: Callable[[VenueConfig, Supervisor, Clock], Venue] = CcxtVenue,
) -> AsyncGenerator[DeskUnderTest]:
    """A desk on the database at `path`, trading at the simulator at `url`."""
    clock = clock or SystemClock()
    ids = SystemIds()
    supervisor = Supervisor("desk under test", clock)
    database = Database.open(path)
    ledger = make_ledger(database, ids)
    users = SqlUsers(database, Vault(KEY), clock)
    stream = make_stream(clock)
    configs = (
        VenueConfig.at("simulator", "Simulator", url, timeout_ms=5_000),
        VenueConfig.at("binance_testnet", "Testnet", url, timeout_ms=5_000),
    )
    chain = build_chain(
        ledger=ledger,
        users=users,
        drifts=SqlDrifts(database),
        stream=stream,
        bus=MemoryBus(),
        venues={config.name: make_venue(config, supervisor, clock) for config in configs},
        paper=PaperOffice(url, TOKEN),
        supervisor=supervisor,
        clock=clock,
        ids=ids,
        settle_times=settle,
        keeper_times=keep,
        retry_after_s=retry_after_s,
    )
    try:
        chain.start()
        yield DeskUnderTest(chain, ledger, users, stream, database, url)
    finally:
        await chain.close()
        database.close()


def draft(side: Side, **fields: object) -> OrderDraft:
    """A draft from texts: `symbol`, `quantity`, `quote_quantity`, `price`, `time_in_force`, `client_order_id`; limit
    when there is a price and no `type`."""

    def text(name: str) -> str | None:
        value = fields.get(name)
        return None if value is None else str(value)

    quantity, quote, price, patience = text("quantity"), text("quote_quantity"), text("price"), text("time_in_force")
    kind = text("type") or ("limit" if price is not None else "market")
    return OrderDraft(
        symbol=text("symbol") or "BTC/USDT",
        side=side,
        type=OrderType(kind),
        quantity=Quantity(Decimal(quantity)) if quantity is not None else None,
        quote_quantity=Quantity(Decimal(quote)) if quote is not None else None,
        price=Price(Decimal(price)) if price is not None else None,
        time_in_force=TimeInForce(patience) if patience is not None else None,
        client_order_id=text("client_order_id"),
        account_id=text("account_id"),
        stop_price=Price(Decimal(stop)) if (stop := text("stop_price")) is not None else None,
        trailing_delta=int(trail) if (trail := text("trailing_delta")) is not None else None,
        held=bool(fields.get("held")),
    )


async def eventually(condition: Callable[[], object], what: str, deadline_s: float = 20.0) -> None:
    """Wait for a condition by asking again and again; fails with `what` at the deadline."""

    async def look() -> bool:
        return bool(condition())

    await eventually_true(look, what, deadline_s)


async def eventually_true(condition: Callable[[], Awaitable[object]], what: str, deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not await condition():
        assert time.monotonic() < end, f"not within {deadline_s} s: {what}"
        await asyncio.sleep(0.01)


def credentials_of(keys: Keys) -> Credentials:
    return Credentials(keys.api_key, keys.secret)
