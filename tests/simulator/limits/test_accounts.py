"""Rights, fee tiers and deposits of accounts."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulator.core.venue import Venue
from tests.simulator.process import OpenTrader, SimulatorProcess, Trader
from tests.simulator.sockets import consumer


async def test_a_key_is_told_what_it_may_do(open_trader: OpenTrader) -> None:
    async def told(**rights: bool) -> tuple[bool, bool, bool]:
        answer = (await open_trader(**rights).call("GET", "/sapi/v1/account/apiRestrictions")).json()
        return answer["enableReading"], answer["enableSpotAndMarginTrading"], answer["enableWithdrawals"]

    assert await told() == (True, True, False)
    assert await told(can_withdraw=True) == (True, True, True)
    assert await told(can_trade=False) == (True, False, False)


async def test_a_key_without_the_right_to_trade_reads_but_does_not_touch_an_order(open_trader: OpenTrader) -> None:
    onlooker = open_trader(can_trade=False)
    market: dict[str, Any] = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}
    for method, path, fields in (
        ("POST", "/api/v3/order", market),
        ("POST", "/api/v3/order/test", market),
        ("DELETE", "/api/v3/order", {"symbol": "BTCUSDT", "orderId": 1}),
        ("DELETE", "/api/v3/openOrders", {"symbol": "BTCUSDT"}),
    ):
        answer = await onlooker.call(method, path, **fields)
        assert (answer.status_code, answer.json()["code"]) == (401, -2015), path
    for path in ("account", "openOrders", "rateLimit/order"):
        assert (await onlooker.call("GET", f"/api/v3/{path}")).status_code == 200


async def test_a_fee_tier_is_told_and_paid(open_trader: OpenTrader) -> None:
    maker, taker = open_trader(maker_bps="2.5", taker_bps="4"), open_trader(maker_bps="0", taker_bps="7.5")
    told = (await taker.call("GET", "/api/v3/account/commission", symbol="BTCUSDT")).json()["standardCommission"]
    assert (told["maker"], told["taker"]) == ("0.00000000", "0.00075000")
    await maker.place("SELL", "LIMIT", quantity="1", price="60000")
    bought = await taker.place("BUY", "MARKET", quantity="1")
    assert bought["fills"][0]["commission"] == "0.00075000"
    (sold,) = (await maker.call("GET", "/api/v3/myTrades", symbol="BTCUSDT")).json()
    assert (sold["commission"], sold["commissionAsset"]) == ("15.00000000", "USDT")


@pytest.mark.parametrize("bps", [5, "-1", "1e1", "", "10000000", "１"])
def test_a_fee_tier_that_is_none_is_refused(simulator: SimulatorProcess, bps: object) -> None:
    with simulator.operator() as operator:
        answer = operator.post("/sim/accounts", json={"maker_bps": bps})
    assert (answer.status_code, answer.json()["code"]) == (400, -1130)


async def test_a_deposit_is_there_and_told(simulator: SimulatorProcess, trader: Trader) -> None:
    path = f"/sim/accounts/{trader.keys.api_key}/deposit"
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        with simulator.operator() as operator:
            answer = operator.post(path, json={"asset": "DOGE", "quantity": "12.5"})
            assert answer.json() == {"asset": "DOGE", "free": "12.50000000", "locked": "0.00000000"}
        update = await socket.event("balanceUpdate")
        assert (update["a"], update["d"]) == ("DOGE", "12.50000000")
        position = await socket.event("outboundAccountPosition")
        assert position["B"] == [{"a": "DOGE", "f": "12.50000000", "l": "0.00000000"}]


@pytest.mark.parametrize(
    ("key", "body", "status"),
    [
        ("nobody-has-this", {"asset": "BTC", "quantity": "1"}, 404),
        ("", {"asset": "BTC", "quantity": "0"}, 400),
        ("", {"asset": "BTC", "quantity": 1}, 400),
        ("", {"asset": "btc", "quantity": "1"}, 400),
        ("", {"asset": "BTC", "quantity": "99999999999"}, 400),
        ("", {"asset": "BTC"}, 400),
    ],
)
def test_a_deposit_that_cannot_be_is_refused(
    simulator: SimulatorProcess, key: str, body: dict[str, object], status: int
) -> None:
    path = f"/sim/accounts/{key or simulator.open_account().api_key}/deposit"
    with simulator.operator() as operator:
        assert operator.post(path, json=body).status_code == status


def test_a_deposit_survives_in_the_journal(tmp_path: Path) -> None:
    venue = Venue(tmp_path)
    account = venue.account("k", {"USDT": 1})
    venue.exchange.deposit(account, "USDT", Decimal("2.5"))
    digest, journal = venue.exchange.state_digest(), venue.journal
    assert journal is not None
    again = venue.reopened()
    assert again.exchange.state_digest() == digest
    assert again.held(account, "USDT") == (350_000_000, 0)
    assert again.exchange.total("USDT") == 350_000_000
    again.exchange.close()
