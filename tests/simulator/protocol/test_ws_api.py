"""The WebSocket API: the same operations by another door, and its own errors."""

from __future__ import annotations

import time

import pytest

from tests.simulator.process import SimulatorProcess, Trader
from tests.simulator.sockets import consumer, signed


async def test_an_order_is_placed_found_and_canceled(simulator: SimulatorProcess, trader: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "price": "20000.00"}
        tested = await socket.ask_signed(trader.keys, "order.test", **fields, quantity="1")
        assert (tested["status"], tested["result"]) == (200, {})
        placed = await socket.ask_signed(trader.keys, "order.place", **fields, quantity="0.5")
        assert placed["status"] == 200
        assert placed["rateLimits"][0]["rateLimitType"] == "REQUEST_WEIGHT"
        which = {"symbol": "BTCUSDT", "orderId": placed["result"]["orderId"]}
        assert (await socket.ask_signed(trader.keys, "order.status", **which))["result"]["status"] == "NEW"
        assert len((await socket.ask_signed(trader.keys, "openOrders.status"))["result"]) == 1
        canceled = await socket.ask_signed(trader.keys, "order.cancel", **which)
        assert canceled["result"]["status"] == "CANCELED"
        gone = await socket.ask_signed(trader.keys, "order.cancel", **which)
        assert (gone["status"], gone["error"]) == (400, {"code": -2011, "msg": "Unknown order sent."})
        account = await socket.ask_signed(trader.keys, "account.status", omitZeroBalances="true")
        assert {row["asset"] for row in account["result"]["balances"]} == {"BTC", "ETH", "USDT"}


async def test_the_market_is_open_to_anyone(simulator: SimulatorProcess) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        assert (await socket.ask("ping"))["result"] == {}
        assert abs((await socket.ask("time"))["result"]["serverTime"] - time.time() * 1000) < 5000
        info = (await socket.ask("exchangeInfo", {"symbols": ["BTCUSDT", "ETHUSDT"]}))["result"]
        assert [symbol["symbol"] for symbol in info["symbols"]] == ["BTCUSDT", "ETHUSDT"]
        depth = (await socket.ask("depth", {"symbol": "BTCUSDT", "limit": 5}))["result"]
        assert depth.keys() == {"lastUpdateId", "bids", "asks"}


async def test_the_signature_covers_the_parameters_sorted_and_unencoded(
    simulator: SimulatorProcess, trader: Trader
) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        params = signed(trader.keys, symbol="BTCUSDT", origClientOrderId="a/b:c")
        assert (await socket.ask("order.status", params))["error"]["code"] == -2013
        assert (await socket.ask("order.status", {**params, "origClientOrderId": "a/b:d"}))["error"]["code"] == -1022


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("order.dance", {}, -1000),
        ("order.place", {}, -2014),
        ("order.place", {"apiKey": "x" * 64}, -2015),
        ("userDataStream.subscribe", {}, -1002),
        ("depth", {"symbol": {"a": 1}}, -1102),
        ("depth", [], -1100),
        ("depth", {"symbol": "BTCUSDT", "more": 1}, -1104),
        ("userDataStream.unsubscribe", {"subscriptionId": 3}, -2036),
    ],
)
async def test_a_bad_request_is_refused_and_the_socket_lives_on(
    simulator: SimulatorProcess, method: str, params: object, code: int
) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        assert (await socket.ask(method, params))["error"]["code"] == code
        assert (await socket.ask("ping"))["status"] == 200


async def test_rate_limits_are_told_unless_they_are_not_wanted(simulator: SimulatorProcess, trader: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        assert "rateLimits" in await socket.ask_signed(trader.keys, "account.status", returnRateLimits="true")
        assert "rateLimits" not in await socket.ask("ping", {"returnRateLimits": False})


async def test_text_that_is_no_request_is_refused(simulator: SimulatorProcess) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        for text in ("no json", "[]", '{"id":{},"method":"ping"}', '{"id":1}'):
            await socket.connection.send(text)
            assert (await socket.next())["status"] == 400


async def test_a_session_logon_needs_another_kind_of_key(simulator: SimulatorProcess, trader: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        answer = await socket.ask_signed(trader.keys, "session.logon")
        assert answer["error"] == {"code": -4056, "msg": "HMAC_SHA256 API key is not supported."}
        assert (await socket.ask("session.status"))["result"]["apiKey"] is None


async def test_a_subscription_is_made_once_and_ends_when_told(
    simulator: SimulatorProcess, trader: Trader, peer: Trader
) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        subscribe = "userDataStream.subscribe.signature"
        assert (await socket.ask_signed(trader.keys, subscribe))["result"] == {"subscriptionId": 0}
        assert (await socket.ask_signed(trader.keys, subscribe))["error"]["code"] == -2035
        assert (await socket.ask_signed(peer.keys, subscribe))["result"] == {"subscriptionId": 1}
        await peer.place("BUY", "LIMIT", quantity="1", price="20000")
        report = await socket.next(lambda message: message.get("event", {}).get("e") == "executionReport")
        assert report["subscriptionId"] == 1
        assert (await socket.ask("userDataStream.unsubscribe", {"subscriptionId": 1}))["result"] == {}
        ended = await socket.next(lambda message: message.get("event", {}).get("e") == "eventStreamTerminated")
        assert ended["subscriptionId"] == 1
        await peer.place("BUY", "LIMIT", quantity="1", price="20001")
        assert (await socket.ask("ping"))["status"] == 200
        assert not [message for message in socket.waiting if "00020001" in str(message) or "20001" in str(message)]
