"""The interface is what its description says: asked with whatever the description allows, and with what it does not."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# Much of schemathesis is generic, and leaves open over what.

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CheckFunction
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation, BaseSchema
from schemathesis.specs.openapi.checks import positive_data_acceptance

from tests.conftest import OWNER
from tests.serving import DeskServer

SAID_IN_WORDS = {
    ("post", "/v1/orders"),
    ("patch", "/v1/orders/{order_id}"),
    ("post", "/v1/order-lists"),
    ("get", "/v1/orders"),
    ("get", "/v1/fills"),
    ("get", "/v1/drifts"),
    ("get", "/v1/markets/{symbol}/candles"),
    ("put", "/v1/dead-man"),
}
"""What a schema cannot say: fields of an order depend on each other, a cursor is one that a list gave, a stretch
of time starts before it ends, and a whole number is written without a point."""
visitors = itertools.count(1)
SAMPLE = settings(
    max_examples=8,
    derandomize=True,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)
"""The same few questions at every run."""
CAMPAIGN = settings(SAMPLE, max_examples=100, derandomize=False, phases=[Phase.generate, Phase.shrink])


@pytest.fixture(scope="module")
def described_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskServer]:
    """One that believes whom a proxy names: the limits on the auth routes count by address."""
    given_settings = {**OWNER, "registration": "open", "simulator_seed": "7", "trusted_proxies": "127.0.0.1"}
    server = DeskServer(tmp_path_factory.mktemp("described") / "var", given_settings)
    server.start().wait_ready()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def description(described_desk: DeskServer) -> BaseSchema:
    return schemathesis.openapi.from_url(f"{described_desk.url}/api/openapi.json")


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_call_answers_as_it_is_described(
    described_desk: DeskServer, description: BaseSchema, mode: GenerationMode
) -> None:
    assert ask_everything(described_desk, description, mode, SAMPLE) > 50


@pytest.mark.soak
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_call_answers_as_it_is_described_however_long_one_asks(
    described_desk: DeskServer, description: BaseSchema, mode: GenerationMode
) -> None:
    assert ask_everything(described_desk, description, mode, CAMPAIGN) > 1_000


def ask_everything(desk: DeskServer, description: BaseSchema, mode: GenerationMode, effort: settings) -> int:
    """How many questions it were."""
    with desk.api() as http:
        bearer = http.headers["Authorization"]
    operations = [found.ok() for found in description.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) >= 18
    asked = sum(ask(operation, mode, effort, bearer) for operation in operations)
    assert "Traceback" not in desk.log()
    return asked


def ask(operation: APIOperation[Any, Any, Any, Any], mode: GenerationMode, effort: settings, bearer: str) -> int:
    excluded: list[CheckFunction] = []
    if (operation.method, operation.path) in SAID_IN_WORDS:
        excluded.append(positive_data_acceptance)
    asked = itertools.count()

    @effort
    @given(case=operation.as_strategy(generation_mode=mode))
    def answers_as_described(case: Case[Any]) -> None:
        next(asked)
        number = next(visitors)
        address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
        case.call_and_validate(headers={"Authorization": bearer, "X-Forwarded-For": address}, excluded_checks=excluded)

    answers_as_described()
    return next(asked)
