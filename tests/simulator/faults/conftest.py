"""Faults for the time of a test, on a market of its own module."""

from __future__ import annotations

import importlib
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.simulator.process import SimulatorProcess

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    importlib.import_module("binance")  # warns of its own old habits when imported

Break = Callable[..., dict[str, Any]]


@pytest.fixture
def break_it(simulator: SimulatorProcess) -> Iterator[Break]:
    """Makes faults by the operator's call; ends them all with the test."""
    with simulator.operator() as operator:

        def make(what: str, **fields: object) -> dict[str, Any]:
            answer = operator.post("/sim/faults", json={"what": what, **fields})
            assert answer.status_code == 200, answer.text
            told: dict[str, Any] = answer.json()
            return told

        yield make
        assert operator.delete("/sim/faults").status_code == 200
