"""The life of an order over REST: placed, filled, canceled, looked up."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from tests.simulator.process import Trader


async def balances(trader: Trader) -> dict[str, tuple[str, str]]:
    answer = await trader.call("GET", "/api/v3/account")
    return {row["asset"]: (row["free"], row["locked"]) for row in answer.json()["balances"]}


async def test_a_limit_order_rests_and_locks_what_it_may_cost(trader: Trader) -> None:
    order = await trader.place("BUY", "LIMIT", quantity="0.5", price="20000.10", newClientOrderId="resting")
    assert {name: order[name] for name in ("status", "price", "origQty", "executedQty", "fills", "type", "side")} == {
        "status": "NEW", "price": "20000.10000000", "origQty": "0.50000000", "executedQty": "0.00000000", "fills": [],
        "type": "LIMIT", "side": "BUY",
    }  # fmt: skip
    assert (await balances(trader))["USDT"] == ("989999.95000000", "10000.05000000")
    found = (await trader.call("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="resting")).json()
    assert (found["orderId"], found["isWorking"], found["time"]) == (order["orderId"], True, order["workingTime"])
    book = (await trader.http.get("/api/v3/depth", params={"symbol": "BTCUSDT"})).json()
    assert book["bids"] == [["20000.10000000", "0.50000000"]]


async def test_a_market_order_takes_what_rests_and_tells_its_fills(trader: Trader, peer: Trader) -> None:
    await peer.place("SELL", "LIMIT", quantity="0.3", price="60000")
    await peer.place("SELL", "LIMIT", quantity="0.5", price="60001")
    order = await trader.place("BUY", "MARKET", quantity="0.5")
    assert (order["status"], order["executedQty"], order["cummulativeQuoteQty"]) == (
        "FILLED", "0.50000000", "30000.20000000",
    )  # fmt: skip
    assert [(fill["price"], fill["qty"], fill["commission"], fill["commissionAsset"]) for fill in order["fills"]] == [
        ("60000.00000000", "0.30000000", "0.00030000", "BTC"),
        ("60001.00000000", "0.20000000", "0.00020000", "BTC"),
    ]
    mine = (await trader.call("GET", "/api/v3/myTrades", symbol="BTCUSDT", orderId=order["orderId"])).json()
    assert [fill["id"] for fill in mine] == [fill["tradeId"] for fill in order["fills"]]
    assert [(fill["isBuyer"], fill["isMaker"]) for fill in mine] == [(True, False)] * 2
    theirs = (await peer.call("GET", "/api/v3/myTrades", symbol="BTCUSDT")).json()
    assert [(fill["isBuyer"], fill["isMaker"], fill["commissionAsset"]) for fill in theirs] == [
        (False, True, "USDT")
    ] * 2
    assert (await balances(trader))["BTC"] == ("100.49950000", "0.00000000")


async def test_a_market_order_by_quote_quantity_spends_no_more(trader: Trader, peer: Trader) -> None:
    await peer.place("SELL", "LIMIT", quantity="1", price="60000")
    order = await trader.place("BUY", "MARKET", quoteOrderQty="1000")
    assert order["status"] == "FILLED"
    assert Decimal("999") < Decimal(order["cummulativeQuoteQty"]) <= 1000
    assert order["origQuoteOrderQty"] == "1000.00000000"


@pytest.mark.parametrize(
    ("force", "status", "executed"), [("IOC", "EXPIRED", "0.20000000"), ("FOK", "EXPIRED", "0.00000000")]
)
async def test_what_cannot_be_filled_at_once_expires(
    trader: Trader, peer: Trader, force: str, status: str, executed: str
) -> None:
    await peer.place("SELL", "LIMIT", quantity="0.2", price="60000")
    order = await trader.place("BUY", "LIMIT", quantity="0.5", price="60000", timeInForce=force)
    assert (order["status"], order["executedQty"]) == (status, executed)
    assert (await trader.call("GET", "/api/v3/openOrders", symbol="BTCUSDT")).json() == []


async def test_a_market_order_without_a_market_expires(trader: Trader) -> None:
    order = await trader.place("BUY", "MARKET", "ETHUSDT", quantity="1")
    assert (order["status"], order["fills"]) == ("EXPIRED", [])


async def test_a_maker_order_that_would_take_is_refused(trader: Trader, peer: Trader) -> None:
    await peer.place("SELL", "LIMIT", quantity="0.2", price="60000")
    order = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT_MAKER", "quantity": "0.2"}
    refused = await trader.call("POST", "/api/v3/order", **order, price="60000")
    assert refused.json() == {"code": -2010, "msg": "Order would immediately match and take."}
    placed = await trader.call("POST", "/api/v3/order", **order, price="59999")
    assert placed.json().keys() == {"symbol", "orderId", "orderListId", "clientOrderId", "transactTime"}


@pytest.mark.parametrize(
    ("length", "has_status", "has_fills"), [("ACK", False, False), ("RESULT", True, False), ("FULL", True, True)]
)
async def test_the_answer_is_as_long_as_asked(trader: Trader, length: str, has_status: bool, has_fills: bool) -> None:
    order = await trader.place("BUY", "LIMIT", quantity="1", price="20000", newOrderRespType=length)
    assert ("status" in order, "fills" in order) == (has_status, has_fills)


async def test_a_canceled_order_gives_back_what_it_locked(trader: Trader) -> None:
    order = await trader.place("SELL", "LIMIT", quantity="2", price="70000", newClientOrderId="sell-2")
    canceled = await trader.call(
        "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"], newClientOrderId="cancel-2"
    )
    told: dict[str, Any] = canceled.json()
    assert (told["status"], told["origClientOrderId"], told["clientOrderId"]) == ("CANCELED", "sell-2", "cancel-2")
    assert (await balances(trader))["BTC"] == ("100.00000000", "0.00000000")
    again = await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
    assert again.json() == {"code": -2011, "msg": "Unknown order sent."}


async def test_cancel_restrictions_are_kept(trader: Trader) -> None:
    order = await trader.place("BUY", "LIMIT", quantity="1", price="20000")
    which = {"symbol": "BTCUSDT", "orderId": order["orderId"]}
    kept = await trader.call("DELETE", "/api/v3/order", **which, cancelRestrictions="ONLY_PARTIALLY_FILLED")
    assert kept.json()["code"] == -2011
    gone = await trader.call("DELETE", "/api/v3/order", **which, cancelRestrictions="ONLY_NEW")
    assert gone.json()["status"] == "CANCELED"


async def test_all_open_orders_of_one_symbol_are_canceled_at_once(trader: Trader) -> None:
    for price in ("20000", "20001", "20002"):
        await trader.place("BUY", "LIMIT", quantity="0.1", price=price)
    await trader.place("BUY", "LIMIT", "ETHUSDT", quantity="1", price="2000")
    canceled = (await trader.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).json()
    assert [order["status"] for order in canceled] == ["CANCELED"] * 3
    assert len({order["clientOrderId"] for order in canceled}) == 3
    left = (await trader.call("GET", "/api/v3/openOrders")).json()
    assert [order["symbol"] for order in left] == ["ETHUSDT"]
    none = await trader.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")
    assert none.json() == {"code": -2011, "msg": "Unknown order sent."}


async def test_orders_are_listed_from_an_id_within_a_time_and_up_to_a_limit(trader: Trader) -> None:
    placed = [await trader.place("BUY", "LIMIT", quantity="0.1", price=f"2000{n}") for n in range(4)]
    ids = [order["orderId"] for order in placed]

    async def listed(**fields: object) -> list[int]:
        answer = await trader.call("GET", "/api/v3/allOrders", symbol="BTCUSDT", **fields)
        assert answer.status_code == 200, answer.text
        return [order["orderId"] for order in answer.json()]

    assert await listed() == ids
    assert await listed(orderId=ids[2]) == ids[2:]
    assert await listed(limit=2) == ids[2:]
    assert await listed(startTime=1, endTime=1000) == []
    wide = await trader.call("GET", "/api/v3/allOrders", symbol="BTCUSDT", startTime=1, endTime=10**8)
    assert wide.json()["code"] == -1127


async def test_a_hundred_orders_at_once_are_each_placed_once(trader: Trader, peer: Trader) -> None:
    await peer.place("SELL", "LIMIT", quantity="1", price="60000")
    orders = await asyncio.gather(*(trader.place("BUY", "MARKET", quantity="0.01") for _ in range(100)))
    assert {order["status"] for order in orders} == {"FILLED"}
    assert len({order["fills"][0]["tradeId"] for order in orders}) == 100
    assert (await balances(peer))["BTC"] == ("99.00000000", "0.00000000")


async def test_weight_and_order_counts_are_told_in_headers(trader: Trader) -> None:
    first = await trader.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": "1000"})
    second = await trader.http.get("/api/v3/depth", params={"symbol": "BTCUSDT", "limit": "1000"})
    used = [int(answer.headers["X-MBX-USED-WEIGHT-1M"]) for answer in (first, second)]
    assert used[1] - used[0] == 50 or used[1] == 50  # a new minute may have begun between the two
    order = await trader.call(
        "POST", "/api/v3/order", symbol="BTCUSDT", side="BUY", type="LIMIT_MAKER", quantity="1", price="20000"
    )
    assert int(order.headers["X-MBX-ORDER-COUNT-1D"]) == 1
