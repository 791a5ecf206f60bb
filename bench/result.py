"""What a benchmark reports."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One row of the table: our figure beside the baseline's, measured in the same run.

    `unit` says what is counted and so which way is better, as in "orders/s" or "ms p99".
    """

    path: str
    measured: str
    ours: float
    baseline: float | None
    unit: str
    note: str = ""


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]
