"""Whatever happens in a world, in the end ledger and exchange agree."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence

import pytest

from engine.domain.order import OrderStatus
from tests.virtual.accidents import ACCIDENTS
from tests.virtual.life import Point
from tests.virtual.network import FATES
from tests.virtual.quiet import sweep, without_logs
from tests.virtual.world import Verdict, run_seed

SAMPLE = range(90)
CAMPAIGN = range(2_000)
SAME_TWICE = (3, 16, 47, 102)


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    with without_logs():
        yield


@pytest.fixture(scope="module")
def sample() -> list[Verdict]:
    return [run_seed(seed) for seed in SAMPLE]


def replay(verdict: Verdict) -> str:
    """What to do about a broken world."""
    faults = "\n  ".join(verdict.faults[:5])
    return f"seed {verdict.seed} broke; `python -m tests.virtual {verdict.seed}` tells how:\n  {faults}"


def broken(verdicts: Sequence[Verdict]) -> str:
    return "\n".join(replay(verdict) for verdict in verdicts if verdict.faults)


def test_ledger_and_exchange_agree_in_the_end(sample: list[Verdict]):
    assert not broken(sample)


def test_the_sample_has_seen_everything_that_can_happen(sample: list[Verdict]):
    lines = [line for verdict in sample for line in verdict.trace.lines]
    sent = {facts[-1] for _, what, facts in lines if what == "sent"}
    befell = {facts[0] for _, what, facts in lines if what == "accident"}
    died = {facts[1] for _, what, facts in lines if what == "death"}
    assert FATES.keys() - sent <= {"unreachable", "held back"}  # these never get as far as being sent
    assert befell == ACCIDENTS.keys()
    assert died == {"killed", *Point}
    rests = {order.status for verdict in sample for order in verdict.orders}
    assert rests >= {
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.REJECTED,
        OrderStatus.EXPIRED,
        OrderStatus.DENIED,
        OrderStatus.ACCEPTED,
        OrderStatus.PARTIALLY_FILLED,
    }


@pytest.mark.parametrize("seed", SAME_TWICE)
def test_a_seed_is_the_same_run_whenever_it_is_run(seed: int):
    assert run_seed(seed).trace.text() == run_seed(seed).trace.text()


def test_a_seed_is_the_same_run_in_every_process():
    seeds = [str(seed) for seed in SAME_TWICE]
    told = [
        subprocess.run(
            [sys.executable, "-m", "tests.virtual", *seeds],
            check=True,
            capture_output=True,
            env={"PYTHONHASHSEED": hash_seed, "PATH": ""},
        ).stdout
        for hash_seed in ("1", "2")
    ]
    assert told[0] == told[1]
    assert told[0].count(b"everything held") == len(seeds)


@pytest.mark.soak
def test_two_thousand_worlds():
    began, cpu_began = time.monotonic(), time.process_time()
    failed: list[str] = []
    orders = deaths = virtual_s = 0
    for seed in CAMPAIGN:
        # What was looked at early is looked at again after all of the calm, in every tenth world.
        verdict = run_seed(seed, whole=seed % 10 == 0)
        sweep(seed)
        orders += len(verdict.orders)
        deaths += verdict.deaths
        virtual_s += int(verdict.lasted_s)
        if verdict.faults:
            failed.append(replay(verdict))
    took_s, cpu_s = time.monotonic() - began, time.process_time() - cpu_began
    print(
        f"{len(CAMPAIGN)} worlds, {virtual_s} virtual seconds, {orders} orders, {deaths} deaths:"
        f" {took_s:.0f} s, {cpu_s:.0f} s of them on the processor; {len(failed)} broken"
    )
    assert not failed, "\n".join(failed)
