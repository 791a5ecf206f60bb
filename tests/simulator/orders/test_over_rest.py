"""Stops, lists, replacements, amendments and self-trade prevention over REST: fields, codes and words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.process import OpenTrader, SimulatorProcess, Trader
from tests.simulator.sockets import consumer

OCO = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "70000",
    "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "50000", "belowPrice": "49000", "belowTimeInForce": "GTC",
}  # fmt: skip
OTO = {
    "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "60000", "workingQuantity": "1",
    "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL", "pendingPrice": "65000",
    "pendingQuantity": "0.5", "pendingTimeInForce": "GTC",
}  # fmt: skip


@pytest.fixture
async def last_price(trader: Trader, open_trader: OpenTrader) -> None:
    """The market has traded at 60000."""
    one, two = open_trader(), open_trader()
    await one.place("SELL", "LIMIT", quantity="0.01", price="60000")
    await two.place("BUY", "LIMIT", quantity="0.01", price="60000")


async def post(trader: Trader, path: str, **fields: object) -> Any:
    answer = await trader.call("POST", f"/api/v3/{path}", **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def look(trader: Trader, order_id: int) -> Any:
    return (await trader.call("GET", "/api/v3/order", symbol="BTCUSDT", orderId=order_id)).json()


async def locked(trader: Trader, asset: str) -> str:
    answer = await trader.call("GET", "/api/v3/account")
    return next(row["locked"] for row in answer.json()["balances"] if row["asset"] == asset)


@pytest.mark.usefixtures("last_price")
async def test_a_stop_shows_what_it_waits_for_and_when_it_works(trader: Trader, peer: Trader) -> None:
    placed = await trader.place(
        "SELL", "STOP_LOSS_LIMIT", quantity="1", price="49000", stopPrice="50000", timeInForce="GTC",
        strategyId=7, strategyType=1000000, newOrderRespType="RESULT",
    )  # fmt: skip
    assert (placed["workingTime"], placed["stopPrice"], placed["strategyId"]) == (-1, "50000.00000000", 7)
    found = await look(trader, placed["orderId"])
    assert (found["isWorking"], found["workingTime"], found["status"]) == (False, -1, "NEW")
    assert await locked(trader, "BTC") == "1.00000000"
    await peer.place("BUY", "LIMIT", quantity="0.1", price="50000")
    await peer.place("SELL", "MARKET", quantity="0.1", selfTradePreventionMode="NONE")
    found = await look(trader, placed["orderId"])
    assert (found["isWorking"], found["workingTime"] > 0, found["strategyType"]) == (True, True, 1000000)


@pytest.mark.usefixtures("last_price")
async def test_an_oco_leg_that_trades_ends_the_other(simulator: SimulatorProcess, trader: Trader, peer: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        placed = await post(trader, "orderList/oco", **OCO, listClientOrderId="mine")
        assert (placed["contingencyType"], placed["listStatusType"], placed["listOrderStatus"]) == (
            "OCO", "EXEC_STARTED", "EXECUTING",
        )  # fmt: skip
        stop, limit = placed["orderReports"]
        assert (stop["type"], stop["workingTime"], limit["type"], limit["workingTime"] > 0) == (
            "STOP_LOSS_LIMIT", -1, "LIMIT_MAKER", True,
        )  # fmt: skip
        assert await locked(trader, "BTC") == "1.00000000"
        assert (await socket.event("listStatus"))["l"] == "EXEC_STARTED"
        await peer.place("BUY", "LIMIT", quantity="0.4", price="70000", selfTradePreventionMode="NONE")
        assert (await look(trader, stop["orderId"]))["status"] == "EXPIRED"
        assert (await look(trader, limit["orderId"]))["status"] == "PARTIALLY_FILLED"
        assert await locked(trader, "BTC") == "0.60000000"
        await peer.place("BUY", "LIMIT", quantity="0.6", price="70000")
        done = await socket.event("listStatus")
        assert (done["l"], done["L"], done["C"], len(done["O"])) == ("ALL_DONE", "ALL_DONE", "mine", 2)
    query = await trader.call("GET", "/api/v3/orderList", origClientOrderId="mine")
    assert query.json()["listOrderStatus"] == "ALL_DONE"
    assert (await trader.call("GET", "/api/v3/openOrderList")).json() == []


@pytest.mark.usefixtures("last_price")
async def test_an_oco_as_it_was_sent_first_is_canceled_by_its_list_or_by_a_leg(trader: Trader) -> None:
    old = {"symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "price": "70000", "stopPrice": "50000"}
    placed = await post(trader, "order/oco", **old, stopLimitPrice="49000", stopLimitTimeInForce="GTC")
    gone = await trader.call("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=placed["orderListId"])
    assert [order["status"] for order in gone.json()["orderReports"]] == ["CANCELED", "CANCELED"]
    assert gone.json()["listStatusType"] == "ALL_DONE"
    again = await trader.call("DELETE", "/api/v3/orderList", symbol="BTCUSDT", orderListId=placed["orderListId"])
    assert again.json() == {"code": -2011, "msg": "Unknown order sent."}
    second = await post(trader, "order/oco", **old)
    await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=second["orders"][1]["orderId"])
    assert (await look(trader, second["orders"][0]["orderId"]))["status"] == "CANCELED"
    assert await locked(trader, "BTC") == "0.00000000"
    listed = (await trader.call("GET", "/api/v3/allOrderList")).json()
    assert [found["orderListId"] for found in listed] == [second["orderListId"], placed["orderListId"]]


@pytest.mark.usefixtures("last_price")
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"belowType": "LIMIT_MAKER"}, -1168),
        ({"belowType": "MARKET"}, -1158),
        ({"side": "BUY"}, -1165),
        ({"aboveType": "STOP_LOSS_LIMIT", "belowType": "LIMIT_MAKER"}, -1166),
        ({"aboveType": "STOP_LOSS"}, -1197),
        ({"belowType": "TAKE_PROFIT_LIMIT"}, -1199),
        ({"abovePrice": "59000"}, -2010),
        ({"belowStopPrice": "61000"}, -2010),
        ({"belowTimeInForce": None}, -1102),
        ({"belowStopPrice": None}, -1102),
        ({"aboveStopPrice": "1"}, -1106),
        ({"quantity": "101"}, -2010),
    ],
)
async def test_a_bad_oco_is_refused_whole(trader: Trader, change: dict[str, str | None], code: int) -> None:
    fields = {name: value for name, value in {**OCO, **change}.items() if value is not None}
    answer = await trader.call("POST", "/api/v3/orderList/oco", **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert (await trader.call("GET", "/api/v3/openOrders")).json() == []


@pytest.mark.usefixtures("last_price")
async def test_a_filled_working_order_brings_the_pending_one_to_life(trader: Trader, peer: Trader) -> None:
    placed = await post(trader, "orderList/oto", **OTO)
    working, pending = (report["orderId"] for report in placed["orderReports"])
    assert (placed["orderReports"][1]["status"], await locked(trader, "BTC")) == ("PENDING_NEW", "0.00000000")
    await peer.place("SELL", "LIMIT", quantity="0.6", price="60000")
    assert (await look(trader, pending))["status"] == "PENDING_NEW"
    await peer.place("SELL", "LIMIT", quantity="0.4", price="60000")
    assert ((await look(trader, working))["status"], (await look(trader, pending))["status"]) == ("FILLED", "NEW")
    assert await locked(trader, "BTC") == "0.50000000"


@pytest.mark.usefixtures("last_price")
async def test_an_otoco_brings_a_pair_to_life(trader: Trader, peer: Trader) -> None:
    pair = {
        "pendingSide": "SELL", "pendingQuantity": "0.5", "pendingAbovePrice": "70000",
        "pendingAboveType": "LIMIT_MAKER", "pendingBelowType": "STOP_LOSS", "pendingBelowStopPrice": "50000",
    }  # fmt: skip
    start = {name: value for name, value in OTO.items() if not name.startswith("pending")}
    placed = await post(trader, "orderList/otoco", **start, **pair)
    assert (placed["contingencyType"], len(placed["orders"])) == ("OTO", 3)
    await peer.place("SELL", "LIMIT", quantity="1", price="60000")
    opened = (await trader.call("GET", "/api/v3/openOrders", symbol="BTCUSDT")).json()
    assert [(order["type"], order["isWorking"]) for order in opened] == [("STOP_LOSS", False), ("LIMIT_MAKER", True)]
    await peer.place("BUY", "LIMIT", quantity="0.5", price="50000")
    await peer.place("BUY", "LIMIT", quantity="0.1", price="50001")
    await peer.place("SELL", "LIMIT", quantity="0.2", price="50000", selfTradePreventionMode="NONE")
    statuses = [(await look(trader, order["orderId"]))["status"] for order in placed["orders"]]
    assert statuses == ["FILLED", "PARTIALLY_FILLED", "EXPIRED"] or statuses == ["FILLED", "EXPIRED", "EXPIRED"]


async def test_canceling_one_order_of_a_list_cancels_all(trader: Trader) -> None:
    placed = await post(trader, "orderList/oto", **OTO)
    await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=placed["orders"][1]["orderId"])
    assert [(await look(trader, order["orderId"]))["status"] for order in placed["orders"]] == ["CANCELED"] * 2
    await post(trader, "orderList/oto", **OTO)
    await trader.place("BUY", "LIMIT", quantity="0.1", price="20000")
    gone = (await trader.call("DELETE", "/api/v3/openOrders", symbol="BTCUSDT")).json()
    assert [len(told.get("orderReports", ())) for told in gone] == [2, 0]


# --- cancel-replace ----------------------------------------------------------------------------------

NEW = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}


@pytest.mark.parametrize(
    ("mode", "exists", "price", "status", "code", "cancel", "new"),
    [
        ("STOP_ON_FAILURE", True, "20001", 200, None, "SUCCESS", "SUCCESS"),
        ("STOP_ON_FAILURE", False, "20001", 400, -2022, "FAILURE", "NOT_ATTEMPTED"),
        ("STOP_ON_FAILURE", True, "200000", 409, -2021, "SUCCESS", "FAILURE"),
        ("ALLOW_FAILURE", False, "20001", 409, -2021, "FAILURE", "SUCCESS"),
        ("ALLOW_FAILURE", False, "200000", 400, -2022, "FAILURE", "FAILURE"),
        ("ALLOW_FAILURE", True, "200000", 409, -2021, "SUCCESS", "FAILURE"),
    ],
)
async def test_cancel_replace_tells_which_half_succeeded(
    open_trader: OpenTrader, mode: str, exists: bool, price: str, status: int, code: int | None, cancel: str, new: str
) -> None:
    trader = open_trader(balances={"USDT": "100000"})
    old = await trader.place("BUY", "LIMIT", "BTCUSDT" if exists else "ETHUSDT", quantity="0.1", price="20000")
    answer = await trader.call(
        "POST", "/api/v3/order/cancelReplace", **NEW, price=price, cancelReplaceMode=mode, cancelOrderId=old["orderId"]
    )
    told = answer.json()
    assert (answer.status_code, told.get("code")) == (status, code), answer.text
    outcome = told.get("data", told)
    assert (outcome["cancelResult"], outcome["newOrderResult"]) == (cancel, new)
    if new == "FAILURE":
        assert outcome["newOrderResponse"]["code"] == -2010
    if cancel == "SUCCESS":
        assert outcome["cancelResponse"]["status"] == "CANCELED"
    if new == "SUCCESS":
        assert outcome["newOrderResponse"]["price"] == "20001.00000000"


async def test_a_replacement_that_fails_a_filter_leaves_the_old_order_alone(trader: Trader) -> None:
    old = await trader.place("BUY", "LIMIT", quantity="1", price="20000")
    replacing = {"cancelReplaceMode": "ALLOW_FAILURE", "cancelOrderId": old["orderId"]}
    answer = await trader.call("POST", "/api/v3/order/cancelReplace", **NEW, price="20000.001", **replacing)
    assert answer.json()["code"] == -1013
    assert (await look(trader, old["orderId"]))["status"] == "NEW"


# --- amend ---------------------------------------------------------------------------------------------


async def test_an_amended_order_keeps_its_place_in_the_queue(trader: Trader, peer: Trader) -> None:
    mine = await trader.place("SELL", "LIMIT", quantity="1", price="60000", newClientOrderId="before")
    await peer.place("SELL", "LIMIT", quantity="1", price="60000")
    answer = await trader.call(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=mine["orderId"], newQty="0.4"
    )
    amended = answer.json()["amendedOrder"]
    assert (amended["qty"], amended["origClientOrderId"], amended["status"]) == ("0.40000000", "before", "NEW")
    assert await locked(trader, "BTC") == "0.40000000"
    renamed = await trader.call("GET", "/api/v3/order", symbol="BTCUSDT", origClientOrderId=amended["clientOrderId"])
    assert renamed.json()["orderId"] == mine["orderId"]
    third = await peer.place("BUY", "MARKET", quantity="0.4", selfTradePreventionMode="NONE")
    assert third["status"] == "FILLED"
    assert (await look(trader, mine["orderId"]))["status"] == "FILLED"
    made = await trader.call("GET", "/api/v3/order/amendments", symbol="BTCUSDT", orderId=mine["orderId"])
    assert [(row["origQty"], row["newQty"]) for row in made.json()] == [("1.00000000", "0.40000000")]


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("1", "The requested action would change no state; rejecting."),
        ("1.1", "Order amend (quantity increase) is not supported."),
        ("0.00001", "Filter failure: NOTIONAL"),
    ],
)
async def test_an_amendment_that_cannot_be_made_changes_nothing(trader: Trader, quantity: str, words: str) -> None:
    mine = await trader.place("BUY", "LIMIT", quantity="1", price="20000")
    answer = await trader.call(
        "PUT", "/api/v3/order/amend/keepPriority", symbol="BTCUSDT", orderId=mine["orderId"], newQty=quantity
    )
    assert answer.json() == {"code": -2038, "msg": words}
    assert (await look(trader, mine["orderId"]))["origQty"] == "1.00000000"


async def test_an_amendment_is_reported_as_replaced(simulator: SimulatorProcess, trader: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        mine = await trader.place("BUY", "LIMIT", quantity="1", price="20000", newClientOrderId="old")
        await socket.event("executionReport")
        answer = await socket.ask_signed(
            trader.keys, "order.amend.keepPriority", symbol="BTCUSDT", orderId=mine["orderId"], newQty="0.5",
            newClientOrderId="new",
        )  # fmt: skip
        assert answer["status"] == 200, answer
        report = await socket.event("executionReport")
        assert [report[name] for name in ("x", "X", "c", "C", "q")] == ["REPLACED", "NEW", "new", "old", "0.50000000"]


@pytest.mark.usefixtures("last_price")
async def test_amending_a_leg_amends_the_pair_while_both_are_open(trader: Trader, peer: Trader) -> None:
    placed = await post(trader, "orderList/oco", **OCO)
    stop, limit = (order["orderId"] for order in placed["orders"])

    async def amend(quantity: str) -> int:
        fields = {"symbol": "BTCUSDT", "orderId": limit, "newQty": quantity}
        return (await trader.call("PUT", "/api/v3/order/amend/keepPriority", **fields)).status_code

    assert await amend("0.8") == 200
    assert [(await look(trader, order))["origQty"] for order in (stop, limit)] == ["0.80000000"] * 2
    await peer.place("BUY", "LIMIT", quantity="0.3", price="70000")
    assert await amend("0.5") == 200
    assert [(await look(trader, order))["origQty"] for order in (stop, limit)] == ["0.80000000", "0.50000000"]
    assert await locked(trader, "BTC") == "0.20000000"


# --- self-trade prevention, icebergs -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "taker", "maker", "prevented"),
    [
        ("NONE", "FILLED", "FILLED", {}),
        ("EXPIRE_TAKER", "EXPIRED_IN_MATCH", "NEW", {"takerPreventedQuantity": "1.00000000"}),
        ("EXPIRE_MAKER", "NEW", "EXPIRED_IN_MATCH", {"makerPreventedQuantity": "1.00000000"}),
        ("EXPIRE_BOTH", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH", {"takerPreventedQuantity": "1.00000000",
                                                                "makerPreventedQuantity": "1.00000000"}),
        ("DECREMENT", "EXPIRED_IN_MATCH", "EXPIRED_IN_MATCH", {"takerPreventedQuantity": "1.00000000",
                                                              "makerPreventedQuantity": "1.00000000"}),
    ],
)  # fmt: skip
async def test_an_order_that_meets_its_own_account_is_handled_by_its_mode(
    trader: Trader, mode: str, taker: str, maker: str, prevented: dict[str, str]
) -> None:
    resting = await trader.place("BUY", "LIMIT", quantity="1", price="60000")
    order = await trader.place("SELL", "LIMIT", quantity="1", price="60000", selfTradePreventionMode=mode)
    assert (order["status"], (await look(trader, resting["orderId"]))["status"]) == (taker, maker)
    matches = order.get("preventedMatches", [])
    assert all(prevented.items() <= match.items() for match in matches)
    listed = await trader.call("GET", "/api/v3/myPreventedMatches", symbol="BTCUSDT", orderId=order["orderId"])
    assert [match["selfTradePreventionMode"] for match in listed.json()] == ([mode] if prevented else [])
    assert len(matches) == len(listed.json())


async def test_the_book_shows_an_icebergs_visible_part_alone(trader: Trader, peer: Trader) -> None:
    placed = await trader.place("SELL", "LIMIT", quantity="1", price="60000", icebergQty="0.3")
    book = (await trader.http.get("/api/v3/depth", params={"symbol": "BTCUSDT"})).json()
    assert book["asks"] == [["60000.00000000", "0.30000000"]]
    await peer.place("BUY", "LIMIT", quantity="0.5", price="60000")
    book = (await trader.http.get("/api/v3/depth", params={"symbol": "BTCUSDT"})).json()
    assert book["asks"] == [["60000.00000000", "0.10000000"]]
    assert (await look(trader, placed["orderId"]))["executedQty"] == "0.50000000"
