"""What Binance's documents say in tables and samples, held against the exchange.

Source: Binance Spot API, REST (weights, parameters, combinations), "Error codes", "User Data Streams" (samples and
conditional fields), as of 2026; the weights are those that binance-sdk-spot 13.2 carries in its own documentation.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from engine.simulator.exchange_info import OPERATIONS as INFO
from engine.simulator.list_trading import OPERATIONS as LISTS
from engine.simulator.market import OPERATIONS as MARKET
from engine.simulator.operations import Security
from engine.simulator.params import Params
from engine.simulator.replacing import OPERATIONS as REPLACING
from engine.simulator.routing import OPERATIONS as ROUTING
from engine.simulator.statements import OPERATIONS as STATEMENTS
from engine.simulator.tickers import OPERATIONS as TICKERS
from engine.simulator.trading import OPERATIONS as TRADING
from tests.simulator.process import OpenTrader, SimulatorProcess, Trader, plain_client, traded_at
from tests.simulator.protocol.test_user_events import listen_key
from tests.simulator.sockets import consumer

ROWS = (*INFO, *MARKET, *TICKERS, *STATEMENTS, *ROUTING, *TRADING, *REPLACING, *LISTS)
BY_DOOR = {" ".join(row.rest): row for row in ROWS if row.rest is not None}


def symbols(count: int) -> str:
    return "[" + ",".join(f'"S{number}"' for number in range(count)) + "]"


WEIGHTS: list[tuple[str, dict[str, str], int]] = [
    ("GET /api/v3/ping", {}, 1),
    ("GET /api/v3/time", {}, 1),
    ("GET /api/v3/exchangeInfo", {}, 20),
    ("GET /api/v3/executionRules", {"symbol": "S"}, 2),
    ("GET /api/v3/executionRules", {"symbols": symbols(3)}, 6),
    ("GET /api/v3/executionRules", {"symbols": symbols(30)}, 40),
    ("GET /api/v3/executionRules", {}, 40),
    ("GET /api/v3/depth", {"limit": "100"}, 5),
    ("GET /api/v3/depth", {"limit": "101"}, 25),
    ("GET /api/v3/depth", {"limit": "1000"}, 50),
    ("GET /api/v3/depth", {"limit": "9999"}, 250),
    ("GET /api/v3/trades", {}, 25),
    ("GET /api/v3/historicalTrades", {}, 25),
    ("GET /api/v3/historicalBlockTrades", {}, 25),
    ("GET /api/v3/aggTrades", {}, 4),
    ("GET /api/v3/klines", {}, 2),
    ("GET /api/v3/uiKlines", {}, 2),
    ("GET /api/v3/avgPrice", {}, 2),
    ("GET /api/v3/ticker/24hr", {"symbol": "S"}, 2),
    ("GET /api/v3/ticker/24hr", {"symbols": symbols(20)}, 2),
    ("GET /api/v3/ticker/24hr", {"symbols": symbols(21)}, 40),
    ("GET /api/v3/ticker/24hr", {"symbols": symbols(101)}, 80),
    ("GET /api/v3/ticker/24hr", {}, 80),
    ("GET /api/v3/ticker/tradingDay", {"symbols": symbols(3)}, 12),
    ("GET /api/v3/ticker/tradingDay", {"symbols": symbols(90)}, 200),
    ("GET /api/v3/ticker/price", {"symbol": "S"}, 2),
    ("GET /api/v3/ticker/price", {"symbols": symbols(1)}, 4),
    ("GET /api/v3/ticker/bookTicker", {}, 4),
    ("GET /api/v3/ticker", {"symbol": "S"}, 4),
    ("GET /api/v3/ticker", {"symbols": symbols(51)}, 200),
    ("GET /api/v3/referencePrice", {}, 2),
    ("GET /api/v3/referencePrice/calculation", {}, 2),
    ("POST /api/v3/order", {}, 1),
    ("POST /api/v3/order/test", {}, 1),
    ("POST /api/v3/order/test", {"computeCommissionRates": "true"}, 20),
    ("DELETE /api/v3/order", {}, 1),
    ("DELETE /api/v3/openOrders", {}, 1),
    ("POST /api/v3/order/cancelReplace", {}, 1),
    ("PUT /api/v3/order/amend/keepPriority", {}, 4),
    ("POST /api/v3/orderList/oco", {}, 1),
    ("POST /api/v3/orderList/oto", {}, 1),
    ("POST /api/v3/orderList/otoco", {}, 1),
    ("POST /api/v3/orderList/opo", {}, 1),
    ("POST /api/v3/orderList/opoco", {}, 1),
    ("DELETE /api/v3/orderList", {}, 1),
    ("POST /api/v3/sor/order", {}, 1),
    ("POST /api/v3/sor/order/test", {"computeCommissionRates": "true"}, 20),
    ("GET /api/v3/account", {}, 20),
    ("GET /api/v3/order", {}, 4),
    ("GET /api/v3/openOrders", {"symbol": "S"}, 6),
    ("GET /api/v3/openOrders", {}, 80),
    ("GET /api/v3/allOrders", {}, 20),
    ("GET /api/v3/orderList", {}, 4),
    ("GET /api/v3/allOrderList", {}, 20),
    ("GET /api/v3/openOrderList", {}, 6),
    ("GET /api/v3/myTrades", {}, 20),
    ("GET /api/v3/myTrades", {"orderId": "1"}, 5),
    ("GET /api/v3/rateLimit/order", {}, 40),
    ("GET /api/v3/myPreventedMatches", {"preventedMatchId": "1"}, 2),
    ("GET /api/v3/myPreventedMatches", {"orderId": "1"}, 20),
    ("GET /api/v3/myAllocations", {}, 20),
    ("GET /api/v3/account/commission", {}, 20),
    ("GET /api/v3/order/amendments", {}, 4),
    ("GET /api/v3/myFilters", {}, 40),
]


@pytest.mark.parametrize(("door", "params", "weight"), WEIGHTS)
def test_every_call_weighs_what_it_should(door: str, params: dict[str, str], weight: int) -> None:
    assert BY_DOOR[door].cost(Params(params)) == weight


def test_no_call_is_without_its_weight_here() -> None:
    assert BY_DOOR.keys() - {door for door, _, _ in WEIGHTS} == {"POST /api/v3/order/oco"}


def test_what_is_mandatory_is_read() -> None:
    assert all(row.mandatory <= row.parameters for row in ROWS)


async def test_what_is_mandatory_is_missed(trader: Trader) -> None:
    """Each call without any parameter: -1102 names one that its description says it must have."""
    for door, row in BY_DOOR.items():
        method, path = door.split()
        if row.mandatory:
            signed = row.security is Security.SIGNED
            headers = {"X-MBX-APIKEY": trader.keys.api_key}
            asked = trader.call(method, path) if signed else trader.http.request(method, path, headers=headers)
            answer = (await asked).json()
            assert answer["code"] == -1102, (door, answer)
            assert answer["msg"].split("'")[1] in row.mandatory, (door, answer)


SIGNED_REFUSALS: list[tuple[str, dict[str, str], int, str]] = [
    ("GET /api/v3/myTrades", {"orderId": "1", "startTime": "1"}, -1128, "Combination of optional parameters invalid."),
    ("GET /api/v3/myTrades", {"fromId": "1", "endTime": "1"}, -1128, "Combination of optional parameters invalid."),
    ("GET /api/v3/myTrades", {"startTime": "0", "endTime": "86400001"}, -1127, "More than 24 hours"),
    ("GET /api/v3/myAllocations", {"orderId": "1", "startTime": "1"}, -1128, "Combination"),
    ("GET /api/v3/myPreventedMatches", {}, -1128, "Combination"),
    ("DELETE /api/v3/order", {"orderId": "1", "cancelRestrictions": "ONLY"}, -1145, "has to be either `ONLY_NEW`"),
    ("DELETE /api/v3/order", {}, -1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty"),
    ("GET /api/v3/order", {"orderId": "99999999999999999999"}, -1108, "Parameter 'orderId' overflowed."),
]  # fmt: skip


@pytest.mark.parametrize(("door", "params", "code", "words"), SIGNED_REFUSALS)
async def test_questions_that_do_not_go_together(
    trader: Trader, door: str, params: dict[str, str], code: int, words: str
) -> None:
    method, path = door.split()
    answer = await trader.call(method, path, symbol="BTCUSDT", **params)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert words in answer.json()["msg"]


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"pegPriceType": "PRIMARY_PEG"}, -1013, "Pegged orders are not supported for this symbol."),
        ({"pegPriceType": "BEST"}, -1210, "Invalid pegPriceType."),
        ({"pegPriceType": "MARKET_PEG", "pegOffsetType": "TICKS"}, -1211, "Invalid pegOffsetType."),
        ({"pegOffsetType": "PRICE_LEVEL"}, -1128, "must be sent together or omitted entirely."),
    ],
)
async def test_a_price_that_follows_the_book_is_refused(
    trader: Trader, change: dict[str, str], code: int, words: str
) -> None:
    fields = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1"}
    answer = (await trader.call("POST", "/api/v3/order", **fields, price="20000", **change)).json()
    assert answer["code"] == code
    assert words in answer["msg"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("exchangeInfo?symbolStatus=TRADING", 6),
        ("exchangeInfo?symbolStatus=HALT", 0),
        ("exchangeInfo?permissions=SPOT", 6),
        ('exchangeInfo?permissions=["MARGIN","LEVERAGED"]', 0),
        ('exchangeInfo?permissions=["MARGIN","SPOT"]&symbolStatus=TRADING', 6),
        ("exchangeInfo?permissions=COPPER", -1130),
        ("exchangeInfo?permissions=[1]", -1130),
        ("exchangeInfo?symbol=BTCUSDT&permissions=SPOT", -1128),
        ("exchangeInfo?symbol=BTCUSDT&symbolStatus=TRADING", -1128),
        ("exchangeInfo?symbolStatus=OPEN", -1122),
        ('ticker/price?symbols=["BTCUSDT","BTCUSDT"]', -1151),
        ('ticker/price?symbols=["BTCUSDT", "ETHUSDT"]', -1100),
        ("ticker/price?symbolStatus=BREAK", 0),
        ("ticker/price?symbol=BTCUSDT&symbolStatus=BREAK", -1220),
        ("depth?symbol=BTCUSDT&symbolStatus=HALT", -1220),
        ("ticker/24hr?type=LONG", -1139),
        ("ticker?symbol=BTCUSDT&type=LONG", -1139),
        ("executionRules", 6),
        ("executionRules?symbol=BTCUSDT&symbolStatus=TRADING", -1128),
    ],
)
async def test_symbols_are_chosen_by_name_status_and_permission(
    simulator: SimulatorProcess, path: str, expected: int
) -> None:
    async with plain_client(simulator) as http:
        answer: Any = (await http.get(f"/api/v3/{path}")).json()
    if expected < 0:
        assert answer["code"] == expected, answer
    else:
        told = answer.get("symbols", answer.get("symbolRules")) if "{" in str(answer)[:1] else answer
        assert len(told) == expected


async def test_permission_sets_are_shown_unless_they_are_not_wanted(simulator: SimulatorProcess) -> None:
    async with plain_client(simulator) as http:
        shown = (await http.get("/api/v3/exchangeInfo?symbol=BTCUSDT")).json()["symbols"][0]
        bare = (await http.get("/api/v3/exchangeInfo?symbol=BTCUSDT&showPermissionSets=false")).json()["symbols"][0]
    assert (shown["permissionSets"], bare["permissionSets"]) == ([["SPOT"]], [])


async def test_two_ids_must_be_of_one_order(trader: Trader) -> None:
    one = await trader.place("BUY", "LIMIT", quantity="1", price="20000", newClientOrderId="one")
    for method, path in (("GET", "order"), ("DELETE", "order"), ("PUT", "order/amend/keepPriority")):
        more = {"newQty": "0.5"} if method == "PUT" else {}
        wrong = {"symbol": "BTCUSDT", "orderId": one["orderId"], "origClientOrderId": "two", **more}
        answer = (await trader.call(method, f"/api/v3/{path}", **wrong)).json()
        assert answer == {"code": -2039, "msg": "Client order ID is not correct for this order ID."}
        right = {**wrong, "origClientOrderId": "one"} if method != "DELETE" else None
        if right is not None:
            assert (await trader.call(method, f"/api/v3/{path}", **right)).status_code == 200


async def test_an_account_has_at_most_twenty_open_lists(trader: Trader) -> None:
    fields = {
        "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": "20000",
        "workingQuantity": "0.01", "workingTimeInForce": "GTC", "pendingType": "LIMIT", "pendingSide": "SELL",
        "pendingPrice": "90000", "pendingQuantity": "0.01", "pendingTimeInForce": "GTC",
    }  # fmt: skip
    answers = [await trader.call("POST", "/api/v3/orderList/oto", **fields) for _ in range(21)]
    assert {answer.status_code for answer in answers[:20]} == {200}
    assert answers[20].json() == {"code": -1013, "msg": "Filter failure: MAX_NUM_ORDER_LISTS"}


async def test_the_average_price_tells_when_it_was_traded_last(simulator: SimulatorProcess, trader: Trader) -> None:
    async with plain_client(simulator) as http:
        assert (await http.get("/api/v3/avgPrice?symbol=SOLUSDT")).json()["closeTime"] == 0
        await trader.place("SELL", "LIMIT", "ETHUSDT", quantity="1", price="3000")
        bought = await trader.place(
            "BUY", "LIMIT", "ETHUSDT", quantity="1", price="3000", selfTradePreventionMode="NONE"
        )
        told = (await http.get("/api/v3/avgPrice?symbol=ETHUSDT")).json()
    assert told == {"mins": 5, "price": "3000.00000000", "closeTime": bought["transactTime"]}


async def test_candles_of_a_second(simulator: SimulatorProcess, open_trader: OpenTrader) -> None:
    async with consumer(f"{simulator.ws}/ws/btcusdt@kline_1s") as socket, plain_client(simulator) as http:
        await traded_at("60001", open_trader)
        await socket.event("kline")  # from here on no second is missed
        await traded_at("60000", open_trader)
        told = (await socket.next(lambda event: event.get("k", {}).get("c") == "60000.00000000"))["k"]
        assert (told["i"], told["T"] - told["t"]) == ("1s", 999)
        await asyncio.sleep(1.1)  # so that a second without a trade lies behind the one with it
        rows = (await http.get(f"/api/v3/klines?symbol=BTCUSDT&interval=1s&startTime={told['t']}")).json()
    assert rows[0][0] == told["t"]
    assert rows[0][4] == "60000.00000000"
    assert rows[0][8] >= 1
    assert [row[0] for row in rows] == list(range(told["t"], told["t"] + 1000 * len(rows), 1000))
    assert len(rows) >= 2
    assert rows[1][1:6] == [*["60000.00000000"] * 4, "0.00000000"]


async def test_a_listen_key_that_is_closed_says_no_more(simulator: SimulatorProcess, trader: Trader) -> None:
    key = await listen_key(trader)
    async with consumer(f"{simulator.ws}/ws/{key}") as socket:
        await socket.ask("LIST_SUBSCRIPTIONS")
        headers = {"X-MBX-APIKEY": trader.keys.api_key}
        await trader.http.delete(f"/api/v3/userDataStream?listenKey={key}", headers=headers)
        await trader.place("BUY", "LIMIT", quantity="1", price="20000")
        await socket.ask("LIST_SUBSCRIPTIONS")
        assert socket.waiting == []


REPORT = set("esCSofqpPFgxXrilzLnNTtIwmMOZYQVEc")
"""The sample's fields without those that are conditional."""


async def test_an_execution_report_has_the_fields_of_the_sample(
    simulator: SimulatorProcess, trader: Trader, peer: Trader
) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        order = await trader.place(
            "SELL", "LIMIT", quantity="1", price="60000", newClientOrderId="mine", strategyId=7, strategyType=1000000
        )
        new = await socket.event("executionReport")
        assert new.keys() == REPORT | {"W", "j", "J"}
        assert [new[name] for name in "CxXrlzLnNtmMYw"] == [
            "", "NEW", "NEW", "NONE", "0.00000000", "0.00000000", "0.00000000", "0", None, -1, False, False,
            "0.00000000", True,
        ]  # fmt: skip
        await peer.place("BUY", "MARKET", quantity="0.4")
        traded = await socket.event("executionReport")
        assert [traded[name] for name in "xXlzLnNmMZYw"] == [
            "TRADE", "PARTIALLY_FILLED", "0.40000000", "0.40000000", "60000.00000000", "24.00000000", "USDT", True,
            True, "24000.00000000", "24000.00000000", True,
        ]  # fmt: skip
        await trader.call(
            "DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"], newClientOrderId="gone"
        )
        canceled = await socket.event("executionReport")
        assert [canceled[name] for name in "cCxXw"] == ["gone", "mine", "CANCELED", "CANCELED", False]
        stop = await trader.place("SELL", "STOP_LOSS", quantity="1", stopPrice="50000", trailingDelta=100)
        waiting = await socket.event("executionReport")
        assert waiting.keys() == REPORT | {"d", "D"}
        assert (waiting["P"], waiting["d"], waiting["w"], waiting["i"]) == (
            "50000.00000000", 100, False, stop["orderId"],
        )  # fmt: skip


async def test_a_prevented_match_is_reported_with_its_fields(simulator: SimulatorProcess, trader: Trader) -> None:
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        maker = await trader.place("SELL", "LIMIT", quantity="1", price="60000")
        taker = await trader.place(
            "BUY", "LIMIT", quantity="0.4", price="60000", selfTradePreventionMode="EXPIRE_TAKER"
        )
        reports = [await socket.event("executionReport") for _ in range(3)]
        prevented: dict[str, Any] = reports[2]
    assert prevented.keys() == REPORT | {"W", "v", "A", "B", "u", "U", "Cs", "pl", "pL", "pY"}
    assert (prevented["x"], prevented["X"], prevented["i"]) == (
        "TRADE_PREVENTION", "EXPIRED_IN_MATCH", taker["orderId"],
    )  # fmt: skip
    assert [prevented[name] for name in ("A", "B", "U", "Cs", "pl", "pL", "pY")] == [
        "0.40000000", "0.40000000", maker["orderId"], "BTCUSDT", "0.40000000", "60000.00000000", "24000.00000000",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"quantity": "100"}, "INSUFFICIENT_BALANCES"),
        ({"type": "LIMIT_MAKER", "timeInForce": None, "price": "61000"}, "WOULD_MATCH_IMMEDIATELY"),
        ({"type": "STOP_LOSS_LIMIT", "stopPrice": "59000"}, "STOP_PRICE_WOULD_TRIGGER_IMMEDIATELY"),
    ],
)
async def test_a_replacement_that_the_engine_rejects_is_reported(
    simulator: SimulatorProcess, trader: Trader, peer: Trader, open_trader: OpenTrader, change: Any, reason: str
) -> None:
    await traded_at("60000", open_trader)
    await peer.place("SELL", "LIMIT", quantity="1", price="60500")
    async with consumer(f"{simulator.ws}/ws-api/v3") as socket:
        await socket.ask_signed(trader.keys, "userDataStream.subscribe.signature")
        old = await trader.place("BUY", "LIMIT", quantity="1", price="20000")
        fields: dict[str, Any] = {
            "side": "BUY",
            "type": "LIMIT",
            "timeInForce": "GTC",
            "quantity": "1",
            "price": "21000",
        }
        asked = {name: value for name, value in {**fields, **change}.items() if value is not None}
        which = {"symbol": "BTCUSDT", "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": old["orderId"]}
        answer = await trader.call("POST", "/api/v3/order/cancelReplace", **asked, **which, newClientOrderId="new")
        assert answer.json()["data"]["newOrderResult"] == "FAILURE"
        reports = [await socket.event("executionReport") for _ in range(3)]
    assert [(report["x"], report["X"]) for report in reports[1:]] == [
        ("CANCELED", "CANCELED"), ("REJECTED", "REJECTED"),
    ]  # fmt: skip
    assert [reports[2][name] for name in "crwz"] == ["new", reason, False, "0.00000000"]


async def test_a_market_order_by_money_needs_someone_to_trade_with(trader: Trader) -> None:
    order = {"symbol": "XRPUSDT", "side": "BUY", "type": "MARKET"}
    answer = await trader.call("POST", "/api/v3/order", **order, quoteOrderQty="100")
    assert answer.json() == {"code": -2010, "msg": "Order book liquidity is less than symbol minimum quantity."}


async def test_an_iceberg_leg_must_be_good_till_canceled(trader: Trader) -> None:
    fields = {
        "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "70000",
        "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "50000", "belowPrice": "49000", "belowTimeInForce": "IOC",
        "belowIcebergQty": "0.5",
    }  # fmt: skip
    assert (await trader.call("POST", "/api/v3/orderList/oco", **fields)).json()["code"] == -1160


@pytest.mark.parametrize(
    ("window", "age_ms", "expected"),
    [
        ("60000", 59_000, 200),
        ("60000.001", 0, -1131),
        ("5000.5", 0, 200),
        ("0.0001", 0, -1100),
        ("1000", 3_000, -1021),
        (None, 4_000, 200),
        (None, 6_000, -1021),
        (None, -900, 200),
        (None, -3_000, -1021),
    ],
)
async def test_a_request_is_valid_for_its_window(
    trader: Trader, window: str | None, age_ms: int, expected: int
) -> None:
    more = {} if window is None else {"recvWindow": window}
    for unit in (1, 1000):  # milliseconds, microseconds
        stamp = (time.time_ns() // 1_000_000 - age_ms) * unit
        answer = await trader.call("GET", "/api/v3/account", timestamp=stamp, **more)
        assert (answer.status_code if expected == 200 else answer.json()["code"]) == expected, answer.text
