# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
# python-binance is untyped
"""Unmodified python-binance trades, streams and hears of its orders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException
from binance.ws.streams import BinanceSocketManager

from tests.simulator.process import OpenTrader, SimulatorProcess, Trader, traded_at, within

QUIET_S = 0.2
pytestmark = pytest.mark.filterwarnings("ignore")  # of what the client itself does


@pytest.fixture
async def client(simulator: SimulatorProcess, trader: Trader) -> AsyncIterator[Any]:
    """Its addresses are attributes of its client class; they are all that is changed."""

    class Pointed(AsyncClient):
        API_URL = f"{simulator.http}/api"
        WS_API_URL = f"{simulator.ws}/ws-api/v3"

    pointed = await Pointed.create(trader.keys.api_key, trader.keys.secret)
    pointed.ws_api.TIMEOUT = QUIET_S
    yield pointed
    await pointed.close_connection()


@pytest.fixture
def sockets(simulator: SimulatorProcess, client: Any) -> Any:
    manager = BinanceSocketManager(client)
    manager.STREAM_URL = f"{simulator.ws}/"
    return manager


def soon(socket: Any) -> Any:
    """Its sockets end only after their read timed out once: ten seconds, if they are not told a shorter time."""
    socket.TIMEOUT = QUIET_S
    return socket


async def test_it_loads_the_markets(client: Any) -> None:
    info = await client.get_exchange_info()
    assert "BTCUSDT" in {symbol["symbol"] for symbol in info["symbols"]}
    assert (await client.get_symbol_info("ETHUSDT"))["filters"][0]["filterType"] == "PRICE_FILTER"


async def test_it_streams_trades_depth_and_candles(sockets: Any, trader: Trader, peer: Trader) -> None:
    async with (
        soon(sockets.trade_socket("BTCUSDT")) as trades,
        soon(sockets.depth_socket("BTCUSDT")) as depth,
        soon(sockets.kline_socket("BTCUSDT")) as candles,
    ):
        await peer.place("SELL", "LIMIT", quantity="1", price="60000")
        await trader.place("BUY", "MARKET", quantity="0.4")
        assert (await within(trades.recv()))["q"] == "0.40000000"
        assert (await within(depth.recv()))["e"] == "depthUpdate"
        assert (await within(candles.recv()))["k"]["i"] == "1m"


async def test_an_order_lives_its_life(client: Any, sockets: Any, peer: Trader) -> None:
    async with soon(sockets.user_socket()) as events:
        order = await client.create_order(
            symbol="BTCUSDT", side="SELL", type="LIMIT", timeInForce="GTC", quantity="1", price="60000"
        )
        assert await next_report(events) == ("NEW", "NEW")
        await peer.place("BUY", "MARKET", quantity="0.4")
        assert await next_report(events) == ("TRADE", "PARTIALLY_FILLED")
        canceled = await client.cancel_order(symbol="BTCUSDT", orderId=order["orderId"])
        assert canceled["executedQty"] == "0.40000000"
        assert await next_report(events) == ("CANCELED", "CANCELED")
    assert (await client.get_asset_balance("BTC"))["free"] == "99.60000000"
    assert [fill["qty"] for fill in await client.get_my_trades(symbol="BTCUSDT")] == ["0.40000000"]


async def next_report(events: Any) -> tuple[str, str]:
    while True:
        event = await within(events.recv())
        if event["e"] == "executionReport":
            return event["x"], event["X"]


async def test_orders_go_by_its_websocket_api_too(client: Any) -> None:
    order = await client.ws_create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="1", price="20000"
    )
    assert (await client.ws_get_order(symbol="BTCUSDT", orderId=order["orderId"]))["status"] == "NEW"
    assert (await client.ws_cancel_order(symbol="BTCUSDT", orderId=order["orderId"]))["status"] == "CANCELED"


async def test_a_refusal_carries_the_code(client: Any) -> None:
    with pytest.raises(BinanceAPIException) as refused:
        await client.cancel_order(symbol="BTCUSDT", orderId=123456789)
    assert refused.value.code == -2011


OCO = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "70000",
    "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": "50000", "belowPrice": "49000", "belowTimeInForce": "GTC",
}  # fmt: skip


async def test_orders_of_every_kind(client: Any, open_trader: OpenTrader) -> None:
    await traded_at("60000", open_trader)
    oco = await client.create_oco_order(**OCO)
    assert len(await client.get_open_oco_orders()) == 1
    gone = await client.ws_cancel_oco_order(symbol="BTCUSDT", orderListId=oco["orderListId"])
    assert gone["listOrderStatus"] == "ALL_DONE"
    again = await client.ws_create_oco_order(**OCO)
    assert (await client.ws_get_oco_order(orderListId=again["orderListId"]))["listOrderStatus"] == "EXECUTING"
    stop = await client.create_order(symbol="BTCUSDT", side="SELL", type="STOP_LOSS", quantity="1", stopPrice="50000")
    replaced = await client.cancel_replace_order(
        symbol="BTCUSDT", side="SELL", type="LIMIT", timeInForce="GTC", quantity="1", price="65000",
        cancelReplaceMode="STOP_ON_FAILURE", cancelOrderId=stop["orderId"],
    )  # fmt: skip
    assert (replaced["cancelResponse"]["status"], replaced["newOrderResponse"]["status"]) == ("CANCELED", "NEW")
    bought = await client.create_order(
        symbol="BTCUSDT", side="BUY", type="LIMIT", timeInForce="GTC", quantity="1", price="65000"
    )
    matches = await client.get_prevented_matches(symbol="BTCUSDT", orderId=bought["orderId"])
    assert [match["makerOrderId"] for match in matches] == [replaced["newOrderResponse"]["orderId"]]
