"""Every kind of bad request is answered with Binance's own code, and nothing happens."""

from __future__ import annotations

import pytest

from tests.simulator.process import OpenTrader, SimulatorProcess, Trader, plain_client

LIMIT = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": "1", "price": "20000"}
MARKET = {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quantity": "1"}

BAD_ORDERS: list[tuple[dict[str, str | None], int, str]] = [
    ({"symbol": None}, -1102, "'symbol'"),
    ({"symbol": ""}, -1105, "Parameter 'symbol' was empty."),
    ({"symbol": "btcusdt"}, -1100, "'symbol'"),
    ({"symbol": "NOPEUSDT"}, -1121, "Invalid symbol."),
    ({"side": None}, -1102, "'side'"),
    ({"side": "HOLD"}, -1117, "Invalid side."),
    ({"type": "BEST"}, -1116, "Invalid orderType."),
    ({"timeInForce": None}, -1102, "'timeInForce'"),
    ({"timeInForce": "GTX"}, -1115, "Invalid timeInForce."),
    ({"quantity": None}, -1102, "'quantity'"),
    ({"price": None}, -1102, "'price'"),
    ({"quoteOrderQty": "10"}, -1106, "'quoteOrderQty'"),
    ({"quantity": "NaN"}, -1100, "'quantity'"),
    ({"quantity": "1e5"}, -1100, "'quantity'"),
    ({"quantity": "-1"}, -1100, "'quantity'"),
    ({"quantity": "１"}, -1100, "'quantity'"),
    ({"quantity": "9" * 5000}, -1100, "'quantity'"),
    ({"quantity": "0"}, -1013, "Invalid quantity."),
    ({"quantity": "1.000000001"}, -1111, "'quantity'"),
    ({"quantity": "1.0000001"}, -1013, "LOT_SIZE"),
    ({"quantity": "0.000001"}, -1013, "LOT_SIZE"),
    ({"price": "20000.001"}, -1013, "PRICE_FILTER"),
    ({"price": "0"}, -1013, "Invalid price."),
    ({"price": "1e309"}, -1100, "'price'"),
    ({"quantity": "0.00001", "price": "20000"}, -1013, "NOTIONAL"),
    ({"newClientOrderId": "a b"}, -1100, "'newClientOrderId'"),
    ({"newClientOrderId": "x" * 37}, -1100, "'newClientOrderId'"),
    ({"icebergQty": "2"}, -2010, "IcebergQty exceeds QTY."),
    ({"icebergQty": "0.001"}, -1013, "Filter failure: ICEBERG_PARTS"),
    ({"icebergQty": "0.5", "timeInForce": "IOC"}, -1013, "Unsupported order combination."),
    ({"strategyType": "999999"}, -1134, "strategyType"),
    ({"stopPrice": "100"}, -1106, "'stopPrice'"),
    ({"newOrderRespType": "LONG"}, -1130, "'newOrderRespType'"),
    ({"selfTradePreventionMode": "TRANSFER"}, -1013, "self-trade prevention"),
    ({"type": "STOP_LOSS"}, -1106, "Parameter 'price' sent when not required."),
    ({"type": "TAKE_PROFIT_LIMIT"}, -1102, "Param 'stopPrice' or 'trailingDelta' must be sent"),
    ({"type": "STOP_LOSS_LIMIT", "trailingDelta": "5"}, -1013, "Filter failure: TRAILING_DELTA"),
    ({"type": "STOP_LOSS_LIMIT", "trailingDelta": "2001"}, -1013, "Filter failure: TRAILING_DELTA"),
    ({"type": "STOP_LOSS_LIMIT", "stopPrice": "2000000"}, -1013, "Filter failure: PRICE_FILTER"),
    ({"surprise": "1"}, -1104, "Not all sent parameters were read; read '8' parameter(s) but was sent '9'."),
]


@pytest.mark.parametrize(("change", "code", "words"), BAD_ORDERS)
@pytest.mark.parametrize("path", ["/api/v3/order", "/api/v3/order/test"])
async def test_a_bad_limit_order_is_refused_and_leaves_nothing(
    trader: Trader, change: dict[str, str | None], code: int, words: str, path: str
) -> None:
    fields = {name: value for name, value in {**LIMIT, **change}.items() if value is not None}
    answer = await trader.call("POST", path, **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text
    assert words in answer.json()["msg"]
    assert (await trader.call("GET", "/api/v3/openOrders")).json() == []


async def test_an_order_beyond_the_balance_is_refused_but_may_be_tested(trader: Trader) -> None:
    fields = {**LIMIT, "quantity": "100"}
    placed = await trader.call("POST", "/api/v3/order", **fields)
    assert placed.json() == {"code": -2010, "msg": "Account has insufficient balance for requested action."}
    assert (await trader.call("POST", "/api/v3/order/test", **fields)).status_code == 200


async def test_a_client_order_id_is_unique_among_open_orders(trader: Trader) -> None:
    await trader.place("BUY", "LIMIT", quantity="1", price="20000", newClientOrderId="mine")
    again = await trader.call("POST", "/api/v3/order", **LIMIT, newClientOrderId="mine")
    assert again.json() == {"code": -2010, "msg": "Duplicate order sent."}
    await trader.call("DELETE", "/api/v3/order", symbol="BTCUSDT", origClientOrderId="mine")
    assert (await trader.call("POST", "/api/v3/order", **LIMIT, newClientOrderId="mine")).status_code == 200


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"price": "1"}, -1106),
        ({"timeInForce": "GTC"}, -1106),
        ({"quantity": None}, -1102),
        ({"quoteOrderQty": "10"}, -1106),
        ({"quantity": None, "quoteOrderQty": "0"}, -1013),
        ({"quantity": None, "quoteOrderQty": "1"}, -1013),
    ],
)
async def test_a_bad_market_order_is_refused(trader: Trader, change: dict[str, str | None], code: int) -> None:
    fields = {name: value for name, value in {**MARKET, **change}.items() if value is not None}
    answer = await trader.call("POST", "/api/v3/order", **fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/api/v3/depth", -1102),
        ("/api/v3/depth?symbol=NOPE", -1121),
        ("/api/v3/depth?symbol=BTCUSDT&limit=0", -1130),
        ("/api/v3/depth?symbol=BTCUSDT&limit=x", -1100),
        ("/api/v3/depth?symbol=BTCUSDT&symbol=ETHUSDT", -1101),
        ("/api/v3/klines?symbol=BTCUSDT", -1102),
        ("/api/v3/klines?symbol=BTCUSDT&interval=7m", -1120),
        ("/api/v3/ticker/24hr?symbol=BTCUSDT&symbols=[]", -1128),
        ("/api/v3/ticker/24hr?symbols=nope", -1100),
        ("/api/v3/ticker/price?symbols=[%22NOPE%22]", -1121),
        ("/api/v3/ping?now=1", -1104),
        ("/api/v3/time?a=%ff", -1100),
        ("/api/v3/time?" + "&".join(f"p{n}=1" for n in range(70)), -1101),
    ],
)
async def test_a_bad_question_about_the_market_is_refused(simulator: SimulatorProcess, path: str, code: int) -> None:
    async with plain_client(simulator) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.text


async def test_a_path_that_does_not_exist_is_answered_in_json(simulator: SimulatorProcess) -> None:
    async with plain_client(simulator) as http:
        missing = await http.get("/api/v3/nothing")
        wrong_method = await http.put("/api/v3/order")
        elsewhere = await http.get("/sapi/v1/capital/config/getall")
    assert (missing.status_code, missing.json()["error"]) == (404, "Not Found")
    assert wrong_method.status_code == 405
    assert elsewhere.status_code == 404


async def test_foreign_and_unknown_orders_are_not_there(open_trader: OpenTrader) -> None:
    owner, stranger = open_trader(), open_trader()
    order = await owner.place("BUY", "LIMIT", quantity="1", price="20000")
    for fields in ({"orderId": order["orderId"]}, {"origClientOrderId": order["clientOrderId"]}, {"orderId": 10**15}):
        looked = await stranger.call("GET", "/api/v3/order", symbol="BTCUSDT", **fields)
        canceled = await stranger.call("DELETE", "/api/v3/order", symbol="BTCUSDT", **fields)
        assert (looked.json()["code"], canceled.json()["code"]) == (-2013, -2011)
    neither = await owner.call("GET", "/api/v3/order", symbol="BTCUSDT")
    assert neither.json()["code"] == -1102
    assert len((await owner.call("GET", "/api/v3/openOrders", symbol="BTCUSDT")).json()) == 1


async def test_a_body_that_is_too_large_is_refused(trader: Trader) -> None:
    answer = await trader.http.post("/api/v3/order", content=b"a=" + b"x" * 100_000)
    assert answer.status_code == 413
