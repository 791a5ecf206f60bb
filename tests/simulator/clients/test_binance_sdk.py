# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportAttributeAccessIssue=false, reportOptionalMemberAccess=false
# pyright: reportArgumentType=false
# the SDK's generated annotations are partial
"""Unmodified binance-sdk-spot (Binance's own) trades, streams and hears of its orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.models import ExecutionReport

from tests.simulator.process import OpenTrader, SimulatorProcess, Trader, traded_at, until

pytestmark = pytest.mark.filterwarnings("ignore")  # of what the client itself does


@pytest.fixture
async def spot(simulator: SimulatorProcess, trader: Trader) -> AsyncIterator[Any]:
    keys = trader.keys
    client = Spot(
        ConfigurationRestAPI(keys.api_key, keys.secret, base_path=simulator.http),
        ConfigurationWebSocketAPI(keys.api_key, keys.secret, stream_url=f"{simulator.ws}/ws-api/v3"),
        ConfigurationWebSocketStreams(stream_url=simulator.ws),
    )
    await client.websocket_api.create_connection()
    await client.websocket_streams.create_connection()
    yield client
    await client.websocket_streams.close_connection(close_session=True)
    await client.websocket_api.close_connection(close_session=True)


async def test_it_loads_the_markets(spot: Any) -> None:
    info = (await asyncio.to_thread(spot.rest_api.exchange_info)).data()
    assert "BTCUSDT" in {symbol.symbol for symbol in info.symbols}


async def test_it_streams_trades_depth_and_candles(spot: Any, trader: Trader, peer: Trader) -> None:
    seen: list[Any] = []
    for stream in (
        await spot.websocket_streams.trade("btcusdt"),
        await spot.websocket_streams.diff_book_depth("btcusdt"),
        await spot.websocket_streams.kline("btcusdt", "1m"),
    ):
        stream.on("message", seen.append)
    await peer.place("SELL", "LIMIT", quantity="1", price="60000")
    await trader.place("BUY", "MARKET", quantity="0.4")
    await until(lambda: {event.e for event in seen} >= {"trade", "depthUpdate", "kline"}, "all three streams")
    assert next(event.q for event in seen if event.e == "trade") == "0.40000000"


async def test_an_order_lives_its_life(spot: Any, peer: Trader) -> None:
    reports: list[tuple[str, str]] = []

    def hear(event: Any) -> None:
        told = event.actual_instance
        if isinstance(told, ExecutionReport):
            reports.append((told.x, told.X))

    (await spot.websocket_api.user_data_stream_subscribe_signature()).stream.on("message", hear)
    order = (
        await asyncio.to_thread(
            spot.rest_api.new_order, "BTCUSDT", "SELL", "LIMIT", time_in_force="GTC", quantity=1, price=60000.5
        )
    ).data()
    assert (order.status, order.price) == ("NEW", "60000.50000000")
    await peer.place("BUY", "MARKET", quantity="0.4")
    canceled = await spot.websocket_api.order_cancel("BTCUSDT", order_id=order.order_id)
    assert canceled.data().result.executed_qty == "0.40000000"
    expected = [("NEW", "NEW"), ("TRADE", "PARTIALLY_FILLED"), ("CANCELED", "CANCELED")]
    await until(lambda: reports == expected, f"{expected}, got {reports}")


async def test_orders_go_by_its_websocket_api_too(spot: Any) -> None:
    placed = await spot.websocket_api.order_place(
        "BTCUSDT", "BUY", "LIMIT", time_in_force="GTC", quantity=0.5, price=20000.25
    )
    assert placed.data().result.status == "NEW"
    assert len((await spot.websocket_api.open_orders_status()).data().result) == 1


async def test_a_refusal_carries_the_code(spot: Any) -> None:
    with pytest.raises(BadRequestError, match="Unknown order sent"):
        await asyncio.to_thread(spot.rest_api.delete_order, "BTCUSDT", order_id=123456789)


async def test_orders_of_every_kind(spot: Any, open_trader: OpenTrader) -> None:
    await traded_at("60000", open_trader)
    legs = {"above_price": 70000, "below_stop_price": 50000}
    oco = await asyncio.to_thread(
        spot.rest_api.order_list_oco, "BTCUSDT", "SELL", 1, "LIMIT_MAKER", "STOP_LOSS", **legs
    )
    assert [report.status for report in oco.data().order_reports] == ["NEW", "NEW"]
    gone = await asyncio.to_thread(spot.rest_api.delete_order_list, "BTCUSDT", order_list_id=oco.data().order_list_id)
    assert gone.data().list_order_status == "ALL_DONE"
    again = await spot.websocket_api.order_list_place_oco("BTCUSDT", "SELL", 1, "LIMIT_MAKER", "STOP_LOSS", **legs)
    assert again.data().result.contingency_type == "OCO"
    rests = await asyncio.to_thread(
        spot.rest_api.new_order, "BTCUSDT", "BUY", "LIMIT", time_in_force="GTC", quantity=1, price=30000
    )
    amended = await asyncio.to_thread(
        spot.rest_api.order_amend_keep_priority, "BTCUSDT", 0.5, order_id=rests.data().order_id
    )
    assert amended.data().amended_order.qty == "0.50000000"
    replaced = await asyncio.to_thread(
        spot.rest_api.order_cancel_replace, "BTCUSDT", "BUY", "LIMIT", "STOP_ON_FAILURE", time_in_force="GTC",
        quantity=1, price=31000, cancel_order_id=rests.data().order_id,
    )  # fmt: skip
    assert replaced.data().new_order_result == "SUCCESS"
