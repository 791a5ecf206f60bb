# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# schemathesis is partly untyped
"""Schemathesis asks every REST call what its description allows, and what it does not.

No 500, no traceback, and answers as described. Requests are signed as Binance wants it, over the query as it is sent.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from requests.auth import AuthBase
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.simulator.process import Keys, SimulatorProcess, start_simulator

NOT_ASKED = [positive_data_acceptance]
"""What a schema cannot say: the parameters of an order depend on each other and on the market."""
RICH = {"USDT": "100000000", "BTC": "100000", "ETH": "100000"}
SAMPLE = settings(
    max_examples=2,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
"""The same few questions at every run."""
CAMPAIGN = settings(SAMPLE, max_examples=200, derandomize=False, phases=[Phase.generate, Phase.shrink])


class Signed(AuthBase):
    """Key, time stamp and signature, over the query that goes out."""

    def __init__(self, keys: Keys) -> None:
        self._keys = keys

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        parts = urlsplit(str(request.url))
        wanted = [pair for pair in parts.query.split("&") if pair and not pair.startswith(("timestamp=", "signature="))]
        query = "&".join([*wanted, f"timestamp={time.time_ns() // 1_000_000}"])
        request.url = urlunsplit(parts._replace(query=f"{query}&signature={self._keys.sign(query)}"))
        request.headers["X-MBX-APIKEY"] = self._keys.api_key
        return request


@pytest.fixture(scope="module")
def tried() -> Iterator[SimulatorProcess]:
    """A lively market of these tests' own, without limits; it must not have failed inside, either."""
    running = start_simulator("--flow", "synthetic", "--seed", "5", "--limits", "none")
    yield running
    running.process.terminate()
    _, complaints = running.process.communicate(timeout=10)
    assert b"request failed" not in complaints, complaints.decode()[-4000:]


@pytest.fixture(scope="module")
def keys(tried: SimulatorProcess) -> Keys:
    return tried.open_account(balances=RICH)


@pytest.fixture(scope="module")
def description(tried: SimulatorProcess) -> BaseSchema:
    """As it is served, less what `Signed` adds to every request."""
    with tried.operator() as http:
        document = http.get("/sim/openapi.json").json()
    for operation in (each for path in document["paths"].values() for each in path.values()):
        operation["x-signed"] = bool(operation.pop("security"))
        operation["parameters"] = [each for each in operation["parameters"] if each["name"] != "timestamp"]
    found = schemathesis.openapi.from_dict(document)
    found.config.update(base_url=tried.http)
    return found


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_call_answers_as_it_is_described(description: BaseSchema, keys: Keys, mode: GenerationMode) -> None:
    assert ask_everything(description, keys, mode, SAMPLE) > 80


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_call_answers_as_it_is_described_however_long_one_asks(
    description: BaseSchema, keys: Keys, mode: GenerationMode
) -> None:
    assert ask_everything(description, keys, mode, CAMPAIGN) > 5_000


def ask_everything(description: BaseSchema, keys: Keys, mode: GenerationMode, effort: settings) -> int:
    """How many questions it were."""
    operations = [found.ok() for found in description.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 53
    return sum(ask(operation, keys, mode, effort) for operation in operations)


def ask(operation: APIOperation[Any, Any, Any, Any], keys: Keys, mode: GenerationMode, effort: settings) -> int:
    secured = operation.definition.raw["x-signed"]
    asked = itertools.count()

    @effort
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers_as_described(case: Case[Any]) -> None:
        next(asked)
        case.call_and_validate(auth=Signed(keys) if secured else None, timeout=10, excluded_checks=NOT_ASKED)

    if mode is GenerationMode.POSITIVE or operation.query:
        answers_as_described()
    return next(asked)
