"""What the ledger has acknowledged survives kill -9, and nothing is ever there by half."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

from data.database import Database

ROUNDS = 6
MOST_ACKNOWLEDGED = 1_500


def acknowledged_until_killed(path: Path, prefix: str, lines: int) -> dict[str, int]:
    """Let the child work until it has said so many lines, kill it, and return the newest version of each order."""
    versions: dict[str, int] = {}
    command = [sys.executable, "-m", "tests.data.recording_child", str(path), prefix]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        for number, line in enumerate(child.stdout, 1):
            if line.endswith("\n"):
                order_id, version = line.split()
                versions[order_id] = int(version)
            if number == lines:
                child.kill()
    assert child.returncode == -9
    return versions


def half_done(connection: sqlite3.Connection) -> Iterator[str]:
    """Everything that does not go together: an order's version counts its timeline, its fills make its quantity."""
    for order_id, version, filled in connection.execute("SELECT id, version, filled_quantity FROM orders").fetchall():
        lines = count(connection, "audit WHERE order_id = ?", order_id)
        commands = count(connection, "outbox WHERE order_id = ?", order_id)
        fills = connection.execute("SELECT quantity FROM fills WHERE order_id = ?", (order_id,)).fetchall()
        if lines != version:
            yield f"{order_id} is at version {version} with {lines} lines"
        if commands != 1:
            yield f"{order_id} has {commands} commands"
        if Decimal(filled) != sum(Decimal(quantity) for (quantity,) in fills):
            yield f"{order_id} is filled by {filled} with {len(fills)} fills"
    orders, submitted = count(connection, "orders"), count(connection, "orders WHERE submitted_at IS NOT NULL")
    filled = count(connection, "orders WHERE status = 'FILLED'")
    (sequence,) = connection.execute("SELECT sequence FROM sequences").fetchone()
    if sequence != orders + submitted + filled:
        yield f"{orders + submitted + filled} transactions gave {sequence} events"


def count(connection: sqlite3.Connection, rows: str, *values: str) -> int:
    return connection.execute(f"SELECT count(*) FROM {rows}", values).fetchone()[0]


def test_kill_9_loses_nothing_acknowledged_and_leaves_nothing_by_half(tmp_path: Path):
    draw = random.Random(1)
    path = tmp_path / "numatix.db"
    acknowledged: dict[str, int] = {}
    for number in range(ROUNDS):
        lines = draw.randint(1, MOST_ACKNOWLEDGED)
        acknowledged |= acknowledged_until_killed(path, f"round-{number}", lines)
        Database.open(path).close()
        with closing(sqlite3.connect(path)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            stored = dict(connection.execute("SELECT id, version FROM orders").fetchall())
            assert [order_id for order_id, version in acknowledged.items() if stored.get(order_id, 0) < version] == []
            assert list(half_done(connection)) == []
    assert len(acknowledged) > ROUNDS
