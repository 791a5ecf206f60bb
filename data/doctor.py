"""Checks what is stored: the hash chains of the audit log, from the first line to the last."""

from __future__ import annotations

from dataclasses import dataclass

from data.chains import HASHED, ChainFault, Chains
from data.connection import Connection
from data.database import Database
from data.statements import select

SNAPSHOT = "BEGIN /*postgres ISOLATION LEVEL REPEATABLE READ postgres*/"
BATCH = 5_000
LINES = select(
    ("number", *HASHED, "order_hash", "writer", "writer_number", "writer_hash"),
    "audit",
    "WHERE number > ? ORDER BY number LIMIT ?",
)
ORDER_ENDS = "SELECT id, chain FROM orders WHERE chain <> ''"
WRITER_ENDS = "SELECT id, number, hash FROM writers"


@dataclass(frozen=True, slots=True)
class ChainReport:
    """How many lines were checked, along how many chains, and where they are broken."""

    lines: int
    orders: int
    writers: int
    faults: tuple[ChainFault, ...]


async def verify_chains(database: Database) -> ChainReport:
    """Walk the whole audit log. Rows that are written meanwhile are seen or not, but never half."""
    return await database.read(_verify)


def _verify(connection: Connection) -> ChainReport:
    chains = Chains.begin()
    connection.execute(SNAPSHOT)
    try:
        number = 0
        while batch := connection.execute(LINES, (number, BATCH)).fetchall():
            for row in batch:
                number, hashed = row[0], row[1 : 1 + len(HASHED)]
                chains.follow(number, hashed, *row[1 + len(HASHED) :])
        chains.close(connection.execute(ORDER_ENDS), connection.execute(WRITER_ENDS))
    finally:
        connection.execute("ROLLBACK")
    return ChainReport(chains.lines, len(chains.orders), len(chains.writers), tuple(chains.faults))
