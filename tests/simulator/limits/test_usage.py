"""Counting against the limits, on a clock of the test's own."""

from __future__ import annotations

import pytest

from engine.simulator.limits import Limits, parse_limits
from engine.simulator.usage import TooMuch, Usage

MINUTE_MS = 60_000


class Time:
    def __init__(self) -> None:
        self.now_ms = 1_700_000_040_000

    def __call__(self) -> int:
        return self.now_ms


def refusal(usage: Usage, weight: int = 1, address: str = "a") -> TooMuch | None:
    try:
        usage.spend(address, weight)
    except TooMuch as refused:
        return refused
    return None


def test_weight_is_refused_only_above_the_limit_and_only_for_its_address_and_minute() -> None:
    time = Time()
    usage = Usage(time, Limits(weight_1m=10))
    assert refusal(usage, 10) is None
    over = refusal(usage)
    assert over is not None
    assert (over.code, over.http_status, usage.retry_after_s(over)) == (-1003, 429, 60)
    assert "current limit is 10 request weight per 1 MINUTE" in over.message
    assert refusal(usage, address="b") is None
    time.now_ms += MINUTE_MS - 1
    late = refusal(usage)
    assert late is not None
    assert usage.retry_after_s(late) == 1
    time.now_ms += 1
    assert refusal(usage, 10) is None


def test_going_on_after_429_is_banned_longer_each_time_up_to_three_days() -> None:
    time = Time()
    usage = Usage(time, Limits(weight_1m=1, strikes=2, ban_s=120))
    lengths: list[int] = []
    for _ in range(14):
        assert refusal(usage) is None
        assert [answer.http_status for answer in (refusal(usage), refusal(usage)) if answer] == [429, 429]
        banned = refusal(usage)
        assert banned is not None
        assert (banned.http_status, banned.code) == (418, -1003)
        assert f"IP banned until {banned.back_ms}" in banned.message
        lengths.append(usage.retry_after_s(banned))
        assert not usage.connect("a")
        time.now_ms = banned.back_ms - 1
        assert refusal(usage) is not None
        time.now_ms = (banned.back_ms // MINUTE_MS + 1) * MINUTE_MS
    assert lengths[:4] == [120, 240, 480, 960]
    assert lengths[-1] == 3 * 86_400


def test_raw_requests_count_whatever_they_weigh() -> None:
    usage = Usage(Time(), Limits(requests_5m=3))
    assert [refusal(usage, 0) is None for _ in range(4)] == [True, True, True, False]


def test_a_limit_of_zero_is_off() -> None:
    usage = Usage(Time(), parse_limits("none"))
    assert all(refusal(usage, 10**6) is None for _ in range(1000))
    usage.admit_order(1)
    assert usage.limits.rate_limits() == []
    assert all(usage.connect("a") for _ in range(1000))


def test_the_defaults_are_binances() -> None:
    assert [(row["rateLimitType"], row["intervalNum"], row["limit"]) for row in Limits().rate_limits()] == [
        ("REQUEST_WEIGHT", 1, 6000),
        ("ORDERS", 10, 100),
        ("ORDERS", 1, 200_000),
        ("RAW_REQUESTS", 5, 61_000),
    ]


@pytest.mark.parametrize("text", ["", "weight_1m", "weight_1m=", "weight_1m=-1", "weight=5", "weight_1m=1e3", "a=1"])
def test_limits_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="limit"):
        parse_limits(text)


def test_limits_are_read_from_an_option() -> None:
    assert parse_limits("weight_1m=60,orders_10s=5") == Limits(weight_1m=60, orders_10s=5)


@pytest.mark.parametrize("value", ["5", -1, True, 10**10, None])
def test_a_figure_that_is_no_limit_is_refused_by_its_name(value: object) -> None:
    with pytest.raises(ValueError, match="orders_10s must be a whole number"):
        Limits().changed({"orders_10s": value})
