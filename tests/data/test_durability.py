"""What the ledger has acknowledged survives kill -9, and nothing is ever there by half."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from pathlib import Path

from data.database import Database
from data.doctor import verify_chains
from tests.data.looking import half_done, rows_in

ROUNDS = 4
MOST_ACKNOWLEDGED = 1_000


def acknowledged_until_killed(address: str | Path, prefix: str, lines: int) -> dict[str, int]:
    """Let the child work until it has said so many lines, kill it, and return the newest version of each order."""
    versions: dict[str, int] = {}
    command = [sys.executable, "-m", "tests.data.recording_child", str(address), prefix]
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


def test_kill_9_loses_nothing_acknowledged_and_leaves_nothing_by_half(address: str | Path):
    draw = random.Random(1)
    acknowledged: dict[str, int] = {}
    for number in range(ROUNDS):
        lines = draw.randint(1, MOST_ACKNOWLEDGED)
        acknowledged |= acknowledged_until_killed(address, f"round-{number}", lines)
        with Database.open(address) as database:
            assert asyncio.run(verify_chains(database)).faults == ()
        if isinstance(address, Path):
            assert rows_in(address, "PRAGMA integrity_check") == [("ok",)]
        stored = dict(rows_in(address, "SELECT id, version FROM orders"))
        assert [order_id for order_id, version in acknowledged.items() if stored.get(order_id, 0) < version] == []
        assert list(half_done(address)) == []
    assert len(acknowledged) > ROUNDS
