"""An order's way through the ledger: recorded, submitted, accepted with two fills; three durable transactions.

On SQLite at FULL and on a PostgreSQL of its own, which waits for the disk as well. The baseline does the same three
transactions with SQLModel sessions on the same database, tables and settings, without hash chains.
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlmodel import select

from bench.result import Result
from data import tables
from data.database import Database
from data.ledger import SqlLedger
from engine.domain.advance import advance
from engine.domain.fills import Fill
from engine.domain.order import Accepted, Executed, Order, OrderStatus, Submitting
from engine.domain.values import Liquidity, OrderType, Price, Quantity, Side, TimeInForce
from engine.runtime import SystemIds
from tests.postgres import PostgresServer

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
TRANSACTIONS_AN_ORDER = 3
LANES = (1, 20, 100)
ORDERS = 1_500
BASELINE_ORDERS = 60
WARM_UP = 100

Way = Callable[[Order, tuple[Fill, ...]], Awaitable[None]]


def main() -> list[Result]:
    """Transactions a second and the 99th percentile of one, by how many orders go their way at once."""
    results: list[Result] = []
    for lanes in LANES:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "numatix.db"
            results += asyncio.run(compared("ledger on SQLite", path, sqlite_engine(path), lanes))
    server = PostgresServer.launch()
    try:
        for lanes in LANES:
            url = server.url(server.new_database())
            results += asyncio.run(compared("ledger on PostgreSQL", url, postgres_engine(url), lanes))
    finally:
        server.remove()
    return results


async def compared(name: str, address: str | Path, engine: AsyncEngine, lanes: int) -> list[Result]:
    """Ours beside the baseline with this many orders at once."""
    with Database.open(address) as database:
        way = our_way(SqlLedger(database, SystemIds()))
        await measured(way, lanes, WARM_UP)
        batches, calls = database.writer.batches, database.writer.calls
        ours = await measured(way, lanes, ORDERS)
        together = (database.writer.calls - calls) / (database.writer.batches - batches)
    theirs = await measured(sqlmodel_way(engine), lanes, BASELINE_ORDERS)
    await engine.dispose()
    at_once = f"{lanes} at once"
    note = f"{together:.1f} transactions a commit; baseline: SQLModel"
    return [
        Result(name, at_once, ours[0], theirs[0], "tx/s", note),
        Result(name, at_once, ours[1], theirs[1], "ms p99 a transaction"),
    ]


async def measured(way: Way, lanes: int, orders: int) -> tuple[float, float]:
    """Transactions a second, and the 99th percentile of a transaction in ms."""
    numbers = iter(range(orders))
    took_ms: list[float] = []

    async def lane() -> None:
        for number in numbers:
            order = an_order(f"{lanes}-{orders}-{number}")
            fills = (a_fill(order, "a"), a_fill(order, "b"))
            begun = time.perf_counter()
            await way(order, fills)
            took_ms.append((time.perf_counter() - begun) * 1_000 / TRANSACTIONS_AN_ORDER)

    begun = time.perf_counter()
    await asyncio.gather(*(lane() for _ in range(lanes)))
    elapsed_s = time.perf_counter() - begun
    return orders * TRANSACTIONS_AN_ORDER / elapsed_s, sorted(took_ms)[int(len(took_ms) * 0.99)]


def our_way(ledger: SqlLedger) -> Way:
    async def way(order: Order, fills: tuple[Fill, ...]) -> None:
        await ledger.record_order(order)
        await ledger.advance(order.id, [Submitting()], NOW, source="worker")
        await ledger.advance(order.id, [Accepted(order.id)], NOW, new_fills=fills, source="worker")

    return way


def sqlite_engine(path: Path) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}", pool_size=20, connect_args={"timeout": 60})
    event.listen(engine.sync_engine, "connect", set_up_connection)
    event.listen(engine.sync_engine, "begin", begin_immediate)
    return engine


def postgres_engine(url: str) -> AsyncEngine:
    return create_async_engine(url.replace("postgresql", "postgresql+psycopg", 1), pool_size=20)


def sqlmodel_way(engine: AsyncEngine) -> Way:
    """The same rows by the textbook: one session a transaction, rows as objects, a pool of 20."""

    async def way(order: Order, fills: tuple[Fill, ...]) -> None:
        async with AsyncSession(engine) as session, session.begin():
            session.add(order_row(order))
            session.add(tables.Outbox(id=order.id, kind="k", order_id=order.id, account_id="a", created_at=NOW))
            await written_down(session, order, "Recorded", None)
        submitted = advance(order, Submitting(), NOW)
        async with AsyncSession(engine) as session, session.begin():
            await session.merge(order_row(submitted))
            await written_down(session, submitted, "Submitting", order.status)
        filled = advance(submitted, Executed(fills), NOW)
        async with AsyncSession(engine) as session, session.begin():
            await session.merge(order_row(replace(filled, venue_order_id=order.id)))
            session.add_all(fill_row(order, fill) for fill in fills)
            await written_down(session, filled, "Executed", submitted.status)

    return way


async def written_down(session: AsyncSession, order: Order, name: str, before: OrderStatus | None) -> None:
    session.add(
        tables.Audit(
            at=NOW,
            source="worker",
            user_id=order.user_id,
            order_id=order.id,
            event=name,
            status_before=before,
            status_after=order.status,
            detail="{}",
        )
    )
    newest = select(tables.Sequences).where(tables.Sequences.user_id == order.user_id).with_for_update()
    row = (await session.scalars(newest)).one()
    row.sequence += 1
    session.add(row)


def set_up_connection(connection: Any, _: object) -> None:
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def order_row(order: Order) -> tables.Orders:
    return tables.Orders(
        **{name: getattr(order, name) for name in tables.Orders.model_fields if name != "fees"}, fees="{}"
    )


def fill_row(order: Order, fill: Fill) -> tables.Fills:
    own = {name: getattr(fill, name) for name in tables.Fills.model_fields if hasattr(fill, name)}
    return tables.Fills(**own, user_id=order.user_id)


def an_order(name: str) -> Order:
    return Order(
        id=name,
        user_id="ann",
        account_id="ann-paper",
        client_order_id=name,
        symbol="BTC/USDT",
        side=Side.BUY,
        type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        quantity=Quantity(Decimal(1)),
        quote_quantity=None,
        price=Price(Decimal("50000.1")),
        status=OrderStatus.PENDING,
        created_at=NOW,
        updated_at=NOW,
    )


def a_fill(order: Order, end: str) -> Fill:
    return Fill(
        id=f"{order.id}{end}",
        order_id=order.id,
        account_id=order.account_id,
        symbol=order.symbol,
        side=order.side,
        venue_trade_id=f"{order.id}{end}",
        price=Price(Decimal("50000.1")),
        quantity=Quantity(Decimal("0.5")),
        fee=Decimal("0.0001"),
        fee_asset="BNB",
        liquidity=Liquidity.TAKER,
        time=NOW,
    )
