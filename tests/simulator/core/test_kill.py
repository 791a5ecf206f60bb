"""kill -9 at any instant: what was acknowledged is there afterwards, once, and every sum holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random

import orjson
import pytest

from engine.simulator.exchange import Exchange
from engine.simulator.model import Status
from tests.simulator.core.venue import BTC, START_MS

ROOT = Path(__file__).parents[3]
FINISHED = {Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.EXPIRED_IN_MATCH}


def open_exchange(journal: Path) -> Exchange:
    """The journal's market, with a clock that stands."""
    return Exchange([BTC], 1, lambda: START_MS, journal)


def killed(journal: Path, seed: int, after: int) -> Iterator[list[object]]:
    """What a process that was killed after `after` answers had acknowledged by then."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.simulator.core.victim", str(journal), str(seed)], cwd=ROOT, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    with process.stdout as answers:
        for _ in range(after):
            yield orjson.loads(answers.readline())
        process.kill()
        process.wait()
        for line in answers.read().splitlines(keepends=True):
            if line.endswith(b"\n"):
                yield orjson.loads(line)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_was_acknowledged_survives_a_kill_at_any_instant(tmp_path: Path, seed: int) -> None:
    draws = Random(seed)
    exchange = open_exchange(tmp_path)
    for key in ("a", "b"):
        exchange.create_account(key, "s", {"USDT": Decimal(1_000_000), "BTC": Decimal(100)})
    totals = {asset: exchange.total(asset) for asset in ("USDT", "BTC")}
    exchange.close()
    acknowledged: dict[int, list[object]] = {}
    for round_ in range(4):
        for answer in killed(tmp_path, seed * 1000 + round_, draws.randrange(1, 300)):
            acknowledged[int(str(answer[1]))] = answer
        exchange = open_exchange(tmp_path)
        assert exchange.recovered
        for account, order_id, status, filled, client_order_id in acknowledged.values():
            order = exchange.order(int(str(account)), "BTCUSDT", order_id=int(str(order_id)))
            assert order.request.client_order_id == client_order_id
            assert order.filled_lots >= int(str(filled))
            assert order.status == status or Status(str(status)) not in FINISHED
            assert order.filled_lots == sum(fill.lots for fill in exchange.fills_of(order.order_id))
        assert {asset: exchange.total(asset) for asset in totals} == totals
        trades = exchange.trades("BTCUSDT", limit=5_000)
        assert [trade.trade_id for trade in trades] == list(range(1, len(trades) + 1))
        digest = exchange.state_digest()
        exchange.close()
        again = open_exchange(tmp_path)
        assert again.state_digest() == digest
        again.close()
    assert len(acknowledged) > 100
