# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false, reportOptionalMemberAccess=false, reportAttributeAccessIssue=false
# pyright: reportOptionalIterable=false
# the SDK's generated annotations are partial
"""Every call that binance-sdk-spot offers is made and its answer read by the SDK's own strict models."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from binance_common.configuration import (
    ConfigurationRestAPI,
    ConfigurationWebSocketAPI,
    ConfigurationWebSocketStreams,
)
from binance_common.errors import BadRequestError
from binance_sdk_spot.rest_api.rest_api import SpotRestAPI
from binance_sdk_spot.spot import Spot
from binance_sdk_spot.websocket_api.websocket_api import SpotWebSocketAPI
from binance_sdk_spot.websocket_streams.websocket_streams import SpotWebSocketStreams
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tests.simulator.clients.catalogue import ARGUMENTS, LIMIT, REFUSED, Arguments, Scene, scene
from tests.simulator.process import SimulatorProcess, until

pytestmark = pytest.mark.filterwarnings("ignore")  # of what the client itself does

REST = {
    "account_commission": "account.commission",
    "agg_trades": "trades.aggregate",
    "all_order_list": "allOrderLists",
    "all_orders": "allOrders",
    "avg_price": "avgPrice",
    "delete_open_orders": "openOrders.cancelAll",
    "delete_order": "order.cancel",
    "delete_order_list": "orderList.cancel",
    "depth": "depth",
    "exchange_info": "exchangeInfo",
    "execution_rules": "executionRules",
    "get_account": "account.status",
    "get_open_orders": "openOrders.status",
    "get_order": "order.status",
    "get_order_list": "orderList.status",
    "get_trades": "trades.recent",
    "historical_block_trades": "blockTrades.historical",
    "historical_trades": "trades.historical",
    "klines": "klines",
    "my_allocations": "myAllocations",
    "my_filters": "myFilters",
    "my_prevented_matches": "myPreventedMatches",
    "my_trades": "myTrades",
    "new_order": "order.place",
    "open_order_list": "openOrderLists.status",
    "order_amend_keep_priority": "order.amend.keepPriority",
    "order_amendments": "order.amendments",
    "order_cancel_replace": "order.cancelReplace",
    "order_list_oco": "orderList.place.oco",
    "order_list_opo": "orderList.place.opo",
    "order_list_opoco": "orderList.place.opoco",
    "order_list_oto": "orderList.place.oto",
    "order_list_otoco": "orderList.place.otoco",
    "order_oco": "orderList.place",
    "order_test": "order.test",
    "ping": "ping",
    "rate_limit_order": "account.rateLimits.orders",
    "reference_price": "referencePrice",
    "reference_price_calculation": "referencePrice.calculation",
    "sor_order": "sor.order.place",
    "sor_order_test": "sor.order.test",
    "ticker": "ticker",
    "ticker24hr": "ticker.24hr",
    "ticker_book_ticker": "ticker.book",
    "ticker_price": "ticker.price",
    "ticker_trading_day": "ticker.tradingDay",
    "time": "time",
    "ui_klines": "uiKlines",
}
WEBSOCKET = {
    "account_commission": "account.commission",
    "account_rate_limits_orders": "account.rateLimits.orders",
    "account_status": "account.status",
    "all_order_lists": "allOrderLists",
    "all_orders": "allOrders",
    "avg_price": "avgPrice",
    "block_trades_historical": "blockTrades.historical",
    "depth": "depth",
    "exchange_info": "exchangeInfo",
    "execution_rules": "executionRules",
    "klines": "klines",
    "my_allocations": "myAllocations",
    "my_filters": "myFilters",
    "my_prevented_matches": "myPreventedMatches",
    "my_trades": "myTrades",
    "open_order_lists_status": "openOrderLists.status",
    "open_orders_cancel_all": "openOrders.cancelAll",
    "open_orders_status": "openOrders.status",
    "order_amend_keep_priority": "order.amend.keepPriority",
    "order_amendments": "order.amendments",
    "order_cancel": "order.cancel",
    "order_cancel_replace": "order.cancelReplace",
    "order_list_cancel": "orderList.cancel",
    "order_list_place": "orderList.place",
    "order_list_place_oco": "orderList.place.oco",
    "order_list_place_opo": "orderList.place.opo",
    "order_list_place_opoco": "orderList.place.opoco",
    "order_list_place_oto": "orderList.place.oto",
    "order_list_place_otoco": "orderList.place.otoco",
    "order_list_status": "orderList.status",
    "order_place": "order.place",
    "order_status": "order.status",
    "order_test": "order.test",
    "ping": "ping",
    "reference_price": "referencePrice",
    "reference_price_calculation": "referencePrice.calculation",
    "sor_order_place": "sor.order.place",
    "sor_order_test": "sor.order.test",
    "ticker": "ticker",
    "ticker24hr": "ticker.24hr",
    "ticker_book": "ticker.book",
    "ticker_price": "ticker.price",
    "ticker_trading_day": "ticker.tradingDay",
    "time": "time",
    "trades_aggregate": "trades.aggregate",
    "trades_historical": "trades.historical",
    "trades_recent": "trades.recent",
    "ui_klines": "uiKlines",
}
SESSION = {
    "session_logon", "session_logout", "session_status", "session_subscriptions", "user_data_stream_subscribe",
    "user_data_stream_subscribe_signature", "user_data_stream_unsubscribe",
}  # fmt: skip
"""These belong together and have a test of their own."""
STREAMS: dict[str, Arguments] = {
    "agg_trade": {"symbol": "btcusdt"},
    "all_market_rolling_window_ticker": {"window_size": "1h"},
    "all_mini_ticker": {},
    "avg_price": {"symbol": "btcusdt"},
    "book_ticker": {"symbol": "btcusdt"},
    "diff_book_depth": {"symbol": "btcusdt"},
    "kline": {"symbol": "btcusdt", "interval": "1m"},
    "kline_offset": {"symbol": "btcusdt", "interval": "1m"},
    "mini_ticker": {"symbol": "btcusdt"},
    "partial_book_depth": {"symbol": "btcusdt", "levels": 5},
    "rolling_window_ticker": {"symbol": "btcusdt", "window_size": "1h"},
    "ticker": {"symbol": "btcusdt"},
    "trade": {"symbol": "btcusdt"},
    "user_data": {},
}
SILENT = {"block_trade": {"symbol": "btcusdt"}, "reference_price": {"symbol": "btcusdt"}}
"""Streams of what no symbol here has: taken, and nothing comes."""
INSIDE = {
    "close_connection", "connect", "create_connection", "init_connection", "is_one_of_model", "list_subscribe",
    "off_connection", "on", "on_connection", "parse_signed_stream_message", "ping_server", "ping_ws_api",
    "ping_ws_stream", "receive_loop", "reconnect", "schedule_reconnect", "send_message", "send_signed_message",
    "send_request", "send_signed_request", "session_re_log_on", "sign_stream_url", "stream_messages", "subscribe",
    "subscribe_user_data", "unsubscribe",
}  # fmt: skip
"""The client's own machinery: no requests, or what the others are made of."""


def offered(client: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(client, inspect.isfunction) if not name.startswith("_")}


def test_the_tables_are_all_that_the_sdk_offers() -> None:
    assert offered(SpotRestAPI) - INSIDE == set(REST)
    assert offered(SpotWebSocketAPI) - INSIDE == set(WEBSOCKET) | SESSION
    # its ping is the machinery's there, and no stream
    assert offered(SpotWebSocketStreams) - {*INSIDE, "ping"} == set(STREAMS) | set(SILENT)


@pytest.fixture(scope="module")
def customer(simulator: SimulatorProcess) -> Iterator[Scene]:
    with scene(simulator) as made:
        yield made


def rest_of(simulator: SimulatorProcess, customer: Scene) -> Any:
    return Spot(ConfigurationRestAPI(customer.keys.api_key, customer.keys.secret, base_path=simulator.http)).rest_api


@pytest.mark.parametrize("method", REST)
def test_every_rest_call_is_answered(simulator: SimulatorProcess, customer: Scene, method: str) -> None:
    asked = REST[method]
    call: Callable[..., Any] = getattr(rest_of(simulator, customer), method)
    try:
        arguments = snake(ARGUMENTS[asked](customer))
        if asked in REFUSED:
            with pytest.raises(BadRequestError) as refused:
                call(**arguments)
            assert refused.value.error_message == REFUSED[asked][1]
        else:
            call(**arguments).data()
    finally:
        customer.clear()


@pytest.mark.parametrize("method", WEBSOCKET)
async def test_every_websocket_call_is_answered(simulator: SimulatorProcess, customer: Scene, method: str) -> None:
    asked = WEBSOCKET[method]
    keys = customer.keys
    client = Spot(
        config_ws_api=ConfigurationWebSocketAPI(keys.api_key, keys.secret, stream_url=f"{simulator.ws}/ws-api/v3")
    ).websocket_api
    await client.create_connection()
    try:
        arguments = snake(await asyncio.to_thread(ARGUMENTS[asked], customer))
        answer = (await getattr(client, method)(**arguments)).data()
        # an answer that its models cannot read, or a refusal, comes as a dictionary
        refusal = answer.get("error") if isinstance(answer, dict) else None
        assert (None if refusal is None else (refusal["code"], refusal["msg"])) == REFUSED.get(asked)
    finally:
        await client.close_connection(close_session=True)
        await asyncio.to_thread(customer.clear)


@pytest.fixture
async def streams(simulator: SimulatorProcess) -> AsyncIterator[Any]:
    client = Spot(config_ws_streams=ConfigurationWebSocketStreams(stream_url=simulator.ws)).websocket_streams
    await client.create_connection()
    yield client
    await client.close_connection(close_session=True)


async def test_every_stream_brings_what_the_sdk_can_read(
    simulator: SimulatorProcess, customer: Scene, streams: Any
) -> None:
    heard: dict[str, list[Any]] = {}

    def listener(method: str) -> Callable[[Any], None]:
        return lambda event: heard.setdefault(method, []).append(event)

    keys = {"user_data": {"listenKey": await asyncio.to_thread(customer.listen_key)}}

    async def listen(method: str, arguments: Arguments) -> None:
        stream = await getattr(streams, method)(**keys.get(method, arguments))
        stream.on("message", listener(method))

    await asyncio.gather(*(listen(*row) for row in {**STREAMS, **SILENT}.items()))
    await asyncio.to_thread(customer.order)
    with scene(simulator) as seller:
        market = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": 0.01}
        await asyncio.to_thread(seller.call, "POST", "order", **market)
    await until(lambda: heard.keys() >= STREAMS.keys(), f"all but {STREAMS.keys() - heard.keys()}")
    assert not heard.keys() & SILENT.keys()
    assert not [event for events in heard.values() for event in events if isinstance(event, dict)], "unread events"


async def test_an_ed25519_key_logs_on_and_hears_its_events(simulator: SimulatorProcess) -> None:
    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    with simulator.operator() as operator:
        fields = {"balances": {"USDT": "100000"}, "public_key": public}
        api_key = operator.post("/sim/accounts", json=fields).json()["api_key"]
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    client = Spot(
        config_ws_api=ConfigurationWebSocketAPI(api_key, private_key=pem, stream_url=f"{simulator.ws}/ws-api/v3")
    ).websocket_api
    await client.create_connection()
    try:
        assert (await client.session_logon()).data().result.api_key == api_key
        assert (await client.session_status()).data().result.api_key == api_key
        heard: list[Any] = []
        subscribed = await client.user_data_stream_subscribe()
        subscribed.stream.on("message", heard.append)
        number = subscribed.response.data().result.subscription_id
        assert [row.subscription_id for row in (await client.session_subscriptions()).data().result] == [number]
        placed = await client.order_place(**snake(LIMIT))
        assert placed.data().result.status == "NEW"
        await until(lambda: len(heard) >= 2, "a report and a balance")
        await client.user_data_stream_unsubscribe(subscription_id=number)
        assert (await client.user_data_stream_subscribe_signature()).response.data().result.subscription_id == 1
        assert (await client.session_logout()).data().result.api_key is None
    finally:
        await client.close_connection(close_session=True)


def snake(arguments: Arguments) -> Arguments:
    """Binance's names as the SDK has them: `newOrderRespType` is `new_order_resp_type`."""
    return {re.sub(r"([A-Z])", lambda found: f"_{found[1].lower()}", name): value for name, value in arguments.items()}
