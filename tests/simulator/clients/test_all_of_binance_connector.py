# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportUnknownLambdaType=false
# binance-connector is untyped
"""Every spot call that binance-connector offers is made: REST, WebSocket API, streams."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any

import pytest
from binance.error import ClientError
from binance.spot import Spot
from binance.websocket.spot.websocket_api import SpotWebsocketAPIClient
from binance.websocket.spot.websocket_stream import SpotWebsocketStreamClient

from tests.simulator.clients.catalogue import ARGUMENTS, REFUSED, Arguments, Scene, scene
from tests.simulator.process import SimulatorProcess, until

pytestmark = pytest.mark.filterwarnings("ignore")  # of what the client itself does

REST = {
    "account": "account.status",
    "agg_trades": "trades.aggregate",
    "api_key_permissions": "apiRestrictions",
    "avg_price": "avgPrice",
    "book_ticker": "ticker.book",
    "cancel_and_replace": "order.cancelReplace",
    "cancel_oco_order": "orderList.cancel",
    "cancel_open_orders": "openOrders.cancelAll",
    "cancel_order": "order.cancel",
    "close_listen_key": "userDataStream.stop",
    "depth": "depth",
    "exchange_info": "exchangeInfo",
    "get_oco_open_orders": "openOrderLists.status",
    "get_oco_order": "orderList.status",
    "get_oco_orders": "allOrderLists",
    "get_open_orders": "openOrders.status",
    "get_order": "order.status",
    "get_order_rate_limit": "account.rateLimits.orders",
    "get_orders": "allOrders",
    "historical_trades": "trades.historical",
    "klines": "klines",
    "my_trades": "myTrades",
    "new_listen_key": "userDataStream.start",
    "new_oco_order": "orderList.place.oco",
    "new_order": "order.place",
    "new_order_test": "order.test",
    "new_oto_order": "orderList.place.oto",
    "new_otoco_order": "orderList.place.otoco",
    "ping": "ping",
    "query_allocations": "myAllocations",
    "query_commission_rates": "account.commission",
    "query_prevented_matches": "myPreventedMatches",
    "renew_listen_key": "userDataStream.ping",
    "rolling_window_ticker": "ticker",
    "system_status": "system.status",
    "ticker_24hr": "ticker.24hr",
    "ticker_price": "ticker.price",
    "time": "time",
    "trades": "trades.recent",
    "trading_day_ticker": "ticker.tradingDay",
    "ui_klines": "uiKlines",
}
OTHER_PRODUCTS = {
    "_auto_invest", "_c2c", "_convert", "_crypto_loan", "_fiat", "_gift_card", "_margin", "_mining", "_nft", "_pay",
    "_portfolio_margin", "_rebate", "_simple_earn", "_staking", "_sub_account", "_wallet",
}  # fmt: skip
"""Its modules that are not about spot trading: other products of Binance, all of them under sapi."""
MARGIN_KEYS = {
    f"{act}_{kind}_listen_key" for act in ("new", "renew", "close") for kind in ("margin", "isolated_margin")
}  # fmt: skip
"""User streams of margin accounts."""
MACHINERY = {
    "limit_request", "limited_encoded_sign_request", "query", "send_request", "sign_request",
    "sign_request_without_params",
}  # fmt: skip
WEBSOCKET = {
    "account": "account.status",
    "aggregate_trades": "trades.aggregate",
    "avg_price": "avgPrice",
    "cancel_oco_order": "orderList.cancel",
    "cancel_open_orders": "openOrders.cancelAll",
    "cancel_order": "order.cancel",
    "cancel_replace_order": "order.cancelReplace",
    "exchange_info": "exchangeInfo",
    "get_oco_order": "orderList.status",
    "get_open_oco_orders": "openOrderLists.status",
    "get_open_orders": "openOrders.status",
    "get_order": "order.status",
    "historical_trades": "trades.historical",
    "klines": "klines",
    "my_trades": "myTrades",
    "new_oco_order": "orderList.place.oco",
    "new_order": "order.place",
    "new_order_test": "order.test",
    "new_oto_order": "orderList.place.oto",
    "new_otoco_order": "orderList.place.otoco",
    "oco_history": "allOrderLists",
    "order_book": "depth",
    "order_history": "allOrders",
    "order_rate_limit": "account.rateLimits.orders",
    "ping_connectivity": "ping",
    "prevented_matches": "myPreventedMatches",
    "recent_trades": "trades.recent",
    "server_time": "time",
    "ticker": "ticker",
    "ticker_24hr": "ticker.24hr",
    "ticker_book": "ticker.book",
    "ticker_price": "ticker.price",
    "ui_klines": "uiKlines",
    "user_data_ping": "userDataStream.ping",
    "user_data_start": "userDataStream.start",
    "user_data_stop": "userDataStream.stop",
}
STREAMS: dict[str, Arguments] = {
    "agg_trade": {"symbol": "btcusdt"},
    "book_ticker": {"symbol": "btcusdt"},
    "diff_book_depth": {"symbol": "btcusdt", "speed": 100},
    "kline": {"symbol": "btcusdt", "interval": "1m"},
    "kline_timezone_offset": {"symbol": "btcusdt", "interval": "1h"},
    "mini_ticker": {"symbol": "btcusdt"},
    "partial_book_depth": {"symbol": "btcusdt", "level": 5, "speed": 1000},
    "rolling_window_ticker": {"symbol": "btcusdt", "windowSize": "1h"},
    "rolling_window_ticker_all_symbols": {"windowSize": "1h"},
    "ticker": {"symbol": "btcusdt"},
    "trade": {"symbol": "btcusdt"},
    "user_data": {},
}
SOCKET_MACHINERY = {"list_subscribe", "ping", "send", "send_message_to_server", "stop", "subscribe", "unsubscribe"}


def offered(client: type) -> dict[str, str]:
    """The methods of a class, with the last part of the module that each comes from."""
    return {
        name: made.__module__.rsplit(".", 1)[-1]
        for name, made in inspect.getmembers(client, inspect.isfunction)
        if not name.startswith("_")
    }


def test_the_tables_are_all_that_the_connector_offers_for_spot() -> None:
    spot = {name for name, module in offered(Spot).items() if module not in OTHER_PRODUCTS}
    assert spot - MARGIN_KEYS - MACHINERY == set(REST) - {"api_key_permissions", "system_status"}
    assert set(offered(SpotWebsocketAPIClient)) - SOCKET_MACHINERY == set(WEBSOCKET)
    assert set(offered(SpotWebsocketStreamClient)) - SOCKET_MACHINERY == set(STREAMS)


@pytest.fixture(scope="module")
def customer(simulator: SimulatorProcess) -> Iterator[Scene]:
    with scene(simulator) as made:
        yield made


@pytest.mark.parametrize("method", REST)
def test_every_rest_call_is_answered(simulator: SimulatorProcess, customer: Scene, method: str) -> None:
    asked = REST[method]
    spot = Spot(customer.keys.api_key, customer.keys.secret, base_url=simulator.http)
    try:
        arguments = ARGUMENTS[asked](customer)
        if asked in REFUSED:
            with pytest.raises(ClientError) as refused:
                getattr(spot, method)(**arguments)
            assert (refused.value.error_code, refused.value.error_message) == REFUSED[asked]
        else:
            assert isinstance(getattr(spot, method)(**arguments), dict | list)
    finally:
        customer.clear()


@pytest.fixture
async def heard(simulator: SimulatorProcess, customer: Scene) -> AsyncIterator[tuple[Any, list[dict[str, Any]]]]:
    """Its client of the WebSocket API, and what it hears."""
    messages: list[dict[str, Any]] = []
    client = await asyncio.to_thread(
        SpotWebsocketAPIClient,
        f"{simulator.ws}/ws-api/v3",
        customer.keys.api_key,
        customer.keys.secret,
        on_message=lambda _, text: messages.append(json.loads(text)),
    )
    yield client, messages
    await asyncio.to_thread(client.stop)
    await asyncio.to_thread(client.socket_manager.join)


async def test_every_websocket_call_is_answered(customer: Scene, heard: tuple[Any, list[dict[str, Any]]]) -> None:
    client, messages = heard
    for method, asked in WEBSOCKET.items():
        arguments = await asyncio.to_thread(ARGUMENTS[asked], customer)
        if asked == "trades.historical":
            arguments = {**arguments, "apiKey": customer.keys.api_key}
        asked_so_far = len(messages)
        getattr(client, method)(**plain(arguments))
        await until(lambda before=asked_so_far: len(messages) > before, f"an answer to {method}")
        assert messages[-1]["status"] == 200, (method, messages[-1])
        await asyncio.to_thread(customer.clear)


async def test_every_stream_brings_events(simulator: SimulatorProcess, customer: Scene) -> None:
    heard: set[str] = set()
    client = await asyncio.to_thread(
        SpotWebsocketStreamClient,
        simulator.ws,
        on_message=lambda _, text: heard.add(json.loads(text).get("stream")),
        is_combined=True,
    )
    try:
        key = await asyncio.to_thread(customer.listen_key)
        for method, arguments in STREAMS.items():
            given = {"listen_key": key} if method == "user_data" else arguments
            await asyncio.to_thread(lambda name=method, asked=given: getattr(client, name)(**asked))
        await asyncio.to_thread(customer.order)
        market = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": 0.01}
        with scene(simulator) as seller:
            await asyncio.to_thread(seller.call, "POST", "order", **market)
        await until(lambda: len(heard - {None}) == len(STREAMS), f"as many streams as asked for: {heard}")
    finally:
        await asyncio.to_thread(client.stop)
        await asyncio.to_thread(client.socket_manager.join)


def plain(arguments: Arguments) -> Arguments:
    """Figures as text: the connector signs what `str` makes of them."""
    return {name: str(Decimal(str(value))) if isinstance(value, float) else value for name, value in arguments.items()}
