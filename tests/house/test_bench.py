"""`python -m bench` runs what there is, or what is named, and prints one table."""

from __future__ import annotations

import subprocess
import sys

from bench.__main__ import table
from bench.result import Result
from tests.house.tree import ROOT


def test_results_stand_beside_their_baselines_in_one_table() -> None:
    rows = table(
        [
            Result("matching", "limit orders", 412345.6, 200000, "orders/s"),
            Result("ledger", "commit", 0.01234, None, "s p99", "FULL"),
        ]
    ).splitlines()
    assert [cell.strip() for cell in rows[2].split("|")[1:-1]] == [
        "matching",
        "limit orders",
        "412,346",
        "200,000",
        "2.06",
        "orders/s",
        "",
    ]
    assert [cell.strip() for cell in rows[3].split("|")[1:-1]] == [
        "ledger",
        "commit",
        "0.0123",
        "",
        "",
        "s p99",
        "FULL",
    ]
    assert len({len(row) for row in rows}) == 1


def test_a_benchmark_that_does_not_exist_is_an_error_that_names_those_that_do() -> None:
    refused = subprocess.run(
        [sys.executable, "-m", "bench", "nonsense"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert refused.returncode == 2
    assert refused.stderr.startswith("no benchmark named nonsense; there are: ")
