# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false
# ccxt's own annotations are partial
"""What unmodified ccxt makes of each fault: the exception that it raises, and what that says of the order."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import pytest

from tests.simulator.clients.test_ccxt import ccxt_client
from tests.simulator.faults.conftest import Break
from tests.simulator.process import SimulatorProcess, Trader

ORDER = "POST /api/v3/order"
UNKNOWN_OR_NOT = [
    ({"what": "drop_before"}, ccxt.ExchangeNotAvailable, False),
    ({"what": "drop_after"}, ccxt.ExchangeNotAvailable, True),
    ({"what": "half_open"}, ccxt.RequestTimeout, False),
    ({"what": "half_open", "accepted": True}, ccxt.RequestTimeout, True),
    ({"what": "latency", "latency_ms": 1500}, ccxt.RequestTimeout, True),
    ({"what": "error", "code": -1007, "accepted": True}, ccxt.RequestTimeout, True),
    ({"what": "http_error", "status": 504, "accepted": True}, ccxt.RequestTimeout, True),
    ({"what": "error", "code": -1000, "accepted": True}, ccxt.OperationFailed, True),
    ({"what": "error", "code": -1001}, ccxt.OperationFailed, False),
    ({"what": "error", "code": -1006, "accepted": True}, ccxt.OperationFailed, True),
    ({"what": "error", "code": -1008}, ccxt.OperationFailed, False),
    ({"what": "http_error", "status": 500, "accepted": True}, ccxt.ExchangeNotAvailable, True),
    ({"what": "http_error", "status": 502}, ccxt.ExchangeNotAvailable, False),
    ({"what": "http_error", "status": 503, "accepted": True}, ccxt.ExchangeNotAvailable, True),
    ({"what": "http_error", "status": 403}, ccxt.ExchangeNotAvailable, False),
    ({"what": "http_error", "status": 404}, ccxt.ExchangeNotAvailable, False),
    ({"what": "maintenance"}, ccxt.BadRequest, False),
    ({"what": "too_many", "retry_after_s": 1}, ccxt.DDoSProtection, False),
    ({"what": "banned", "retry_after_s": 1}, ccxt.DDoSProtection, False),
    ({"what": "error", "code": -1003}, ccxt.DDoSProtection, False),
    ({"what": "error", "code": -1015}, ccxt.DDoSProtection, False),
    ({"what": "clock_skew", "skew_ms": 60_000}, ccxt.InvalidNonce, False),
]


@pytest.fixture
async def client(simulator: SimulatorProcess, trader: Trader) -> AsyncIterator[Any]:
    exchange = ccxt_client(simulator, trader.keys)
    exchange.timeout = 1000
    exchange.exceptions["exact"] |= exchange.exceptions["spot"]["exact"]
    await exchange.load_markets()
    yield exchange
    await exchange.close()


@pytest.mark.parametrize(("fault", "raised", "stands"), UNKNOWN_OR_NOT)
async def test_an_order_ends_in_the_exception_of_the_table(
    client: Any, trader: Trader, break_it: Break, fault: dict[str, Any], raised: type[Exception], stands: bool
) -> None:
    break_it(**fault, request=ORDER)
    with pytest.raises(raised) as caught:
        await client.create_order("BTC/USDT", "limit", "buy", 1, 20000)
    assert issubclass(caught.type, raised)
    if fault["what"] == "latency":
        await settled(trader)
    assert len((await trader.call("GET", "/api/v3/openOrders")).json()) == stands


async def settled(trader: Trader) -> None:
    """A late order shows up when its latency is over."""
    ends = time.monotonic() + 10
    while not (await trader.call("GET", "/api/v3/openOrders")).json():
        assert time.monotonic() < ends
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("what", ["empty", "html", "truncated"])
async def test_a_200_that_is_no_answer_raises_nothing(client: Any, trader: Trader, break_it: Break, what: str) -> None:
    break_it(what, request=ORDER)
    order = await client.create_order("BTC/USDT", "limit", "buy", 1, 20000)
    assert order["status"] is None
    assert len((await trader.call("GET", "/api/v3/openOrders")).json()) == 1


async def test_a_skew_is_cured_by_asking_the_time(client: Any, break_it: Break) -> None:
    break_it("clock_skew", skew_ms=60_000)
    with pytest.raises(ccxt.InvalidNonce):
        await client.fetch_balance()
    client.options["adjustForTimeDifference"] = True
    await client.load_time_difference()
    assert (await client.fetch_balance())["USDT"]["free"] == 1_000_000
