"""A desk without a guard breaks in these worlds: they can tell."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.virtual import naive
from tests.virtual.quiet import without_logs
from tests.virtual.surroundings import Make
from tests.virtual.world import run_seed

MOST_SEEDS = 120


@pytest.fixture(autouse=True, scope="module")
def quiet() -> Iterator[None]:
    with without_logs():
        yield


def first_fault(make: Make, words: str) -> str | None:
    """The first broken invariant that says so, in a bounded number of worlds."""
    for seed in range(MOST_SEEDS):
        for fault in run_seed(seed, make).faults:
            if words in fault:
                return fault
    return None


def test_one_that_sends_again_doubles_orders():
    assert first_fault(naive.SENDS_AGAIN, "was accepted 2 times")


def test_one_that_sends_before_it_has_written_so_doubles_orders():
    assert first_fault(naive.SENDS_FIRST, "was accepted 2 times")


def test_one_that_takes_silence_for_a_refusal_loses_orders():
    assert first_fault(naive.TAKES_SILENCE_FOR_NO, "(REJECTED, NO_ANSWER")


def test_one_that_takes_an_unknown_order_for_a_cancelled_one_loses_fills():
    assert first_fault(naive.TAKES_UNKNOWN_FOR_CANCELED, "(CANCELED")


@pytest.mark.parametrize("settle_s", [0.0, 5.0])
def test_one_that_does_not_wait_for_the_settle_window_refuses_what_the_exchange_takes(settle_s: float):
    assert first_fault(naive.settles_after(settle_s), "was given up, and the exchange took it")
