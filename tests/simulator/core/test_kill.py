"""kill -9 at any instant: what was acknowledged is there afterwards, once, and every sum holds."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from signal import SIGKILL

import orjson
import pytest

from engine.simulator.exchange import Exchange
from engine.simulator.model import Status
from tests.simulator.core.venue import BTC, START_MS

NEVER = "1000000"
ROOT = Path(__file__).parents[3]
FINISHED = {Status.FILLED, Status.CANCELED, Status.EXPIRED, Status.EXPIRED_IN_MATCH}


def open_exchange(journal: Path) -> Exchange:
    """The journal's market, with a clock that stands."""
    return Exchange([BTC], 1, lambda: START_MS, journal)


def killed(journal: Path, seed: int, after: int, *file_act: str) -> Iterator[list[object]]:
    """What a process that was killed after `after` answers had acknowledged by then."""
    process = victim(journal, seed, *file_act)
    assert process.stdout is not None
    with process.stdout as answers:
        for _ in range(after):
            yield orjson.loads(answers.readline())
        process.kill()
        process.wait()
        yield from acknowledgements(answers.read())


def killed_at(journal: Path, seed: int, file_act: int) -> Iterator[list[object]]:
    """What a process acknowledged that was killed just before its so manieth act on the journal's files."""
    process = victim(journal, seed, str(file_act))
    answers, _ = process.communicate(timeout=60)
    assert process.returncode == -SIGKILL
    yield from acknowledgements(answers)


def victim(journal: Path, seed: int, *file_act: str) -> subprocess.Popen[bytes]:
    """A process that trades on a journal."""
    command = [sys.executable, "-m", "tests.simulator.core.victim", str(journal), str(seed), *file_act]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)


def acknowledgements(lines: bytes) -> Iterator[list[object]]:
    """The whole ones; the last may be cut off."""
    for line in lines.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield orjson.loads(line)


@dataclass
class Campaign:
    """A market that is killed again and again, and all that it ever acknowledged."""

    journal: Path
    totals: dict[str, int] = field(default_factory=dict[str, int])
    acknowledged: dict[int, list[object]] = field(default_factory=dict[int, list[object]])

    def __post_init__(self) -> None:
        exchange = open_exchange(self.journal)
        for key in ("a", "b"):
            exchange.create_account(key, "s", {"USDT": Decimal(1_000_000), "BTC": Decimal(100)})
        self.totals = {asset: exchange.total(asset) for asset in ("USDT", "BTC")}
        exchange.close()

    def outlived(self, answers: Iterator[list[object]]) -> None:
        """After one more kill: all of it is there, once, every sum holds, and the next start finds the same."""
        for answer in answers:
            self.acknowledged[int(str(answer[1]))] = answer
        exchange = open_exchange(self.journal)
        assert exchange.recovered
        for account, order_id, status, filled, client_order_id in self.acknowledged.values():
            order = exchange.order(int(str(account)), "BTCUSDT", order_id=int(str(order_id)))
            assert order.request.client_order_id == client_order_id
            assert order.filled_lots >= int(str(filled))
            assert order.status == status or Status(str(status)) not in FINISHED
            assert order.filled_lots == sum(fill.lots for fill in exchange.fills_of(order.order_id))
        assert {asset: exchange.total(asset) for asset in self.totals} == self.totals
        trades = exchange.trades("BTCUSDT", limit=5_000)
        assert [trade.trade_id for trade in trades] == list(range(1, len(trades) + 1))
        digest = exchange.state_digest()
        exchange.close()
        again = open_exchange(self.journal)
        assert again.state_digest() == digest
        again.close()


@pytest.mark.parametrize(("seed", "file_act"), [(1, ()), (2, ()), (3, (NEVER,)), (4, (NEVER,))])
def test_what_was_acknowledged_survives_a_kill_at_any_instant(
    tmp_path: Path, seed: int, file_act: tuple[str, ...]
) -> None:
    draws, campaign = Random(seed), Campaign(tmp_path)
    for round_ in range(3):
        campaign.outlived(killed(tmp_path, seed * 1000 + round_, draws.randrange(40, 300), *file_act))
    assert len(campaign.acknowledged) > 100


@pytest.mark.parametrize(
    "first", [1, pytest.param(8, marks=pytest.mark.soak), pytest.param(15, marks=pytest.mark.soak)]
)
def test_it_survives_a_kill_at_any_act_on_its_files(tmp_path: Path, first: int) -> None:
    """A cut is six acts: opening, shortening, forking, then the fork's opening, renaming and syncing; and a removal."""
    campaign = Campaign(tmp_path)
    for file_act in range(first, first + 7):
        campaign.outlived(killed_at(tmp_path, 100 * first + file_act, file_act))
    assert len(campaign.acknowledged) > 100
