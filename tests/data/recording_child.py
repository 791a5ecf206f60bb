"""Records and advances orders in twenty lanes until it is killed, and says what the ledger has acknowledged.

`python -m tests.data.recording_child DATABASE PREFIX`: a line `ORDER VERSION` for each answer.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import sys
from dataclasses import replace
from pathlib import Path

from data.database import Database
from data.ledger import SqlLedger
from engine.domain.order import Accepted, Order, Submitting
from engine.runtime import SystemIds
from tests.data.makers import NOON, a_fill, an_order

LANES = 20


def say(order: Order) -> None:
    os.write(sys.stdout.fileno(), f"{order.id} {order.version}\n".encode())


async def lane(ledger: SqlLedger, prefix: str) -> None:
    for number in itertools.count():
        name = f"{prefix}-{number}"
        order = an_order(order_id=name, client_order_id=name)
        say((await ledger.record_order(order)).order)
        say((await ledger.advance(order.id, [Submitting()], NOON, source="worker")).order)
        fills = [replace(a_fill(order, f"{name}{end}", quantity="0.5"), id=f"{name}{end}") for end in "ab"]
        say((await ledger.advance(order.id, [Accepted(name)], NOON, new_fills=fills, source="worker")).order)


async def main(address: str | Path, prefix: str) -> None:
    with Database.open(address) as database:
        ledger = SqlLedger(database, SystemIds())
        await asyncio.gather(*(lane(ledger, f"{prefix}-{number}") for number in range(LANES)))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1] if "://" in sys.argv[1] else Path(sys.argv[1]), sys.argv[2]))
