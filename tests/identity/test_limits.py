"""Moving windows on the desk's own clock."""

from __future__ import annotations

import pytest
from limits import RateLimitItemPerMinute

from engine.domain.values import TooMany
from engine.identity import Limits
from engine.identity import limits as limits_module
from engine.identity.limits import AUTH_REQUESTS, ORDERS, WindowStore, network_of
from tests.identity.conftest import HandClock


async def test_the_limit_is_taken_in_full_and_not_once_more(clock: HandClock) -> None:
    limits = Limits(clock)
    for _ in range(100):
        await limits.hit(AUTH_REQUESTS, "a")
    with pytest.raises(TooMany) as refused:
        await limits.hit(AUTH_REQUESTS, "a")
    assert refused.value.code == "too_many_auth_requests"
    assert refused.value.retry_after_s == 900
    await limits.hit(AUTH_REQUESTS, "b")


async def test_the_window_moves_so_that_no_edge_gives_twice_the_limit(clock: HandClock) -> None:
    limits = Limits(clock)
    for _ in range(50):
        await limits.hit(AUTH_REQUESTS, "a")
    clock.forward(minutes=14)
    for _ in range(50):
        await limits.hit(AUTH_REQUESTS, "a")
    clock.forward(seconds=61)
    for _ in range(50):
        await limits.hit(AUTH_REQUESTS, "a")
    with pytest.raises(TooMany) as refused:
        await limits.hit(AUTH_REQUESTS, "a")
    assert 830 < refused.value.retry_after_s < 840


async def test_what_is_refused_is_not_counted(clock: HandClock) -> None:
    limits = Limits(clock)
    for _ in range(ORDERS.amount):
        await limits.hit(ORDERS, "a")
    for _ in range(5):
        with pytest.raises(TooMany):
            await limits.hit(ORDERS, "a")
    clock.forward(seconds=ORDERS.get_expiry())
    await limits.hit(ORDERS, "a")


async def test_forgiving_starts_again_from_nothing(clock: HandClock) -> None:
    limits = Limits(clock)
    for _ in range(ORDERS.amount):
        await limits.hit(ORDERS, "a")
    await limits.forgive(ORDERS, "a")
    await limits.hit(ORDERS, "a")


async def test_many_strangers_do_not_fill_the_memory(clock: HandClock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits_module, "MOST_KEYS", 100)
    store = WindowStore(clock)
    rule = RateLimitItemPerMinute(5)
    for number in range(1000):
        assert await store.acquire_entry(rule.key_for(str(number)), 5, 60)
    assert await store.reset() == 100


@pytest.mark.parametrize(
    ("ip", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64"),
        ("2001:db8:1:2::9", "2001:0db8:0001:0002::/64"),
        ("testclient", "testclient"),
    ],
)
def test_one_household_is_one_asker(ip: str, network: str) -> None:
    assert network_of(ip) == network
