"""Figures over the whole ledger, for those who run it."""

from __future__ import annotations

from collections.abc import Mapping

from data.database import Database
from engine.domain.order import OrderStatus

OPEN_BY_STATUS = "SELECT status, count(*) FROM orders WHERE finished = FALSE GROUP BY status"


async def open_orders_by_status(database: Database) -> Mapping[OrderStatus, int]:
    """How many orders are in each status that is not final; none for a status without any."""
    rows = await database.read(lambda connection: connection.execute(OPEN_BY_STATUS).fetchall())
    return {OrderStatus(status): count for status, count in rows}
