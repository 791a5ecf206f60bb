# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# binance-connector is untyped
"""Unmodified binance-connector (threads and listen keys) trades, streams and hears of its orders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

from tests.simulator.process import OpenTrader, SimulatorProcess, Trader, traded_at, until

pytestmark = pytest.mark.filterwarnings("ignore")  # of what the client itself does


@pytest.fixture
def spot(simulator: SimulatorProcess, trader: Trader) -> Any:
    return Spot(trader.keys.api_key, trader.keys.secret, base_url=simulator.http)


@pytest.fixture
async def heard(simulator: SimulatorProcess, spot: Any) -> AsyncIterator[list[dict[str, Any]]]:
    """What its stream client hears: a market's streams and the user's own."""
    messages: list[dict[str, Any]] = []
    key = (await asyncio.to_thread(spot.new_listen_key))["listenKey"]
    client = await asyncio.to_thread(
        SpotWebsocketStreamClient, simulator.ws, on_message=lambda _, text: messages.append(json.loads(text))
    )
    client.trade("btcusdt")
    client.diff_book_depth("btcusdt")
    client.kline("btcusdt", "1m")
    client.user_data(key)
    await until(lambda: len(messages) == 4, "four subscriptions")
    yield messages
    await asyncio.to_thread(client.stop)
    await asyncio.to_thread(client.socket_manager.join)


async def test_it_trades_streams_and_hears(spot: Any, heard: list[dict[str, Any]], peer: Trader) -> None:
    assert {symbol["symbol"] for symbol in (await asyncio.to_thread(spot.exchange_info))["symbols"]} >= {"BTCUSDT"}
    order = await asyncio.to_thread(
        spot.new_order, "BTCUSDT", "SELL", "LIMIT", timeInForce="GTC", quantity=1, price=60000
    )
    await peer.place("BUY", "MARKET", quantity="0.4")
    canceled = await asyncio.to_thread(spot.cancel_order, "BTCUSDT", orderId=order["orderId"])
    assert canceled["status"] == "CANCELED"
    await until(lambda: {"trade", "depthUpdate", "kline"} <= {event.get("e") for event in heard}, "all streams")
    await until(lambda: len(reports(heard)) == 3, "three reports")
    assert reports(heard) == ["NEW", "TRADE", "CANCELED"]


def reports(heard: list[dict[str, Any]]) -> list[str]:
    return [event["x"] for event in heard if event.get("e") == "executionReport"]


async def test_a_refusal_carries_the_code(spot: Any) -> None:
    with pytest.raises(ClientError) as refused:
        await asyncio.to_thread(spot.cancel_order, "BTCUSDT", orderId=123456789)
    assert refused.value.error_code == -2011


async def test_orders_of_every_kind(spot: Any, open_trader: OpenTrader) -> None:
    await traded_at("60000", open_trader)
    legs = {"abovePrice": "70000", "belowStopPrice": "50000"}
    oco = await asyncio.to_thread(spot.new_oco_order, "BTCUSDT", "SELL", 1, "LIMIT_MAKER", "STOP_LOSS", **legs)
    assert len(await asyncio.to_thread(spot.get_oco_open_orders)) == 1
    gone = await asyncio.to_thread(spot.cancel_oco_order, "BTCUSDT", orderListId=oco["orderListId"])
    assert {report["status"] for report in gone["orderReports"]} == {"CANCELED"}
    stop = await asyncio.to_thread(
        spot.new_order, "BTCUSDT", "SELL", "STOP_LOSS", quantity=1, stopPrice=50000, newOrderRespType="RESULT"
    )
    assert stop["workingTime"] == -1
    fields = {"cancelOrderId": stop["orderId"], "timeInForce": "GTC", "quantity": 1, "price": 65000}
    replaced = await asyncio.to_thread(spot.cancel_and_replace, "BTCUSDT", "SELL", "LIMIT", "STOP_ON_FAILURE", **fields)
    assert (replaced["cancelResult"], replaced["newOrderResult"]) == ("SUCCESS", "SUCCESS")
