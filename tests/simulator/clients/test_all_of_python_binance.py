# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
# python-binance is untyped
"""Every spot call that python-binance offers is made: REST, WebSocket API, sockets."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest
from binance.async_client import AsyncClient
from binance.exceptions import BinanceAPIException
from binance.ws.streams import BinanceSocketManager

from tests.simulator.clients.catalogue import ARGUMENTS, REFUSED, Arguments, Scene, scene
from tests.simulator.process import SimulatorProcess, within

QUIET_S = 0.2
pytestmark = pytest.mark.filterwarnings("ignore")  # of what the client itself does


ASKS: dict[str, str] = {
    "cancel_all_open_orders": "openOrders.cancelAll",
    "cancel_order": "order.cancel",
    "cancel_replace_order": "order.cancelReplace",
    "create_oco_order": "orderList.place.oco",
    "create_order": "order.place",
    "create_test_order": "order.test",
    "get_account": "account.status",
    "get_account_api_permissions": "apiRestrictions",
    "get_aggregate_trades": "trades.aggregate",
    "get_all_orders": "allOrders",
    "get_allocations": "myAllocations",
    "get_avg_price": "avgPrice",
    "get_current_order_count": "account.rateLimits.orders",
    "get_historical_trades": "trades.historical",
    "get_klines": "klines",
    "get_my_trades": "myTrades",
    "get_open_oco_orders": "openOrderLists.status",
    "get_open_orders": "openOrders.status",
    "get_order": "order.status",
    "get_order_book": "depth",
    "get_orderbook_ticker": "ticker.book",
    "get_prevented_matches": "myPreventedMatches",
    "get_recent_trades": "trades.recent",
    "get_server_time": "time",
    "get_symbol_ticker": "ticker.price",
    "get_symbol_ticker_window": "ticker",
    "get_system_status": "system.status",
    "get_ticker": "ticker.24hr",
    "get_ui_klines": "uiKlines",
    "order_limit": "order.place",
    "order_oco_buy": "orderList.place.oco",
    "order_oco_sell": "orderList.place.oco",
    "ping": "ping",
    "stream_close": "userDataStream.stop",
    "stream_get_listen_key": "userDataStream.start",
    "stream_keepalive": "userDataStream.ping",
    "v3_delete_open_orders": "openOrders.cancelAll",
    "v3_delete_order": "order.cancel",
    "v3_delete_order_list": "orderList.cancel",
    "v3_get_account": "account.status",
    "v3_get_account_commission": "account.commission",
    "v3_get_all_order_list": "allOrderLists",
    "v3_get_all_orders": "allOrders",
    "v3_get_my_allocations": "myAllocations",
    "v3_get_my_prevented_matches": "myPreventedMatches",
    "v3_get_my_trades": "myTrades",
    "v3_get_open_order_list": "openOrderLists.status",
    "v3_get_open_orders": "openOrders.status",
    "v3_get_order": "order.status",
    "v3_get_order_list": "orderList.status",
    "v3_get_rate_limit_order": "account.rateLimits.orders",
    "v3_get_ticker_trading_day": "ticker.tradingDay",
    "v3_post_order": "order.place",
    "v3_post_order_cancel_replace": "order.cancelReplace",
    "v3_post_order_list_oco": "orderList.place.oco",
    "v3_post_order_list_oto": "orderList.place.oto",
    "v3_post_order_list_otoco": "orderList.place.otoco",
    "v3_post_order_test": "order.test",
    "v3_post_sor_order": "sor.order.place",
    "v3_post_sor_order_test": "sor.order.test",
    "ws_cancel_all_open_orders": "openOrders.cancelAll",
    "ws_cancel_and_replace_order": "order.cancelReplace",
    "ws_cancel_oco_order": "orderList.cancel",
    "ws_cancel_order": "order.cancel",
    "ws_create_oco_order": "orderList.place.oco",
    "ws_create_order": "order.place",
    "ws_create_oto_order": "orderList.place.oto",
    "ws_create_otoco_order": "orderList.place.otoco",
    "ws_create_sor_order": "sor.order.place",
    "ws_create_test_order": "order.test",
    "ws_create_test_sor_order": "sor.order.test",
    "ws_get_account": "account.status",
    "ws_get_account_rate_limits_orders": "account.rateLimits.orders",
    "ws_get_aggregate_trades": "trades.aggregate",
    "ws_get_all_orders": "allOrders",
    "ws_get_allocations": "myAllocations",
    "ws_get_avg_price": "avgPrice",
    "ws_get_commission_rates": "account.commission",
    "ws_get_exchange_info": "exchangeInfo",
    "ws_get_historical_trades": "trades.historical",
    "ws_get_klines": "klines",
    "ws_get_my_trades": "myTrades",
    "ws_get_oco_open_orders": "openOrderLists.status",
    "ws_get_oco_order": "orderList.status",
    "ws_get_open_orders": "openOrders.status",
    "ws_get_order": "order.status",
    "ws_get_order_book": "depth",
    "ws_get_orderbook_ticker": "ticker.book",
    "ws_get_prevented_matches": "myPreventedMatches",
    "ws_get_recent_trades": "trades.recent",
    "ws_get_symbol_ticker": "ticker.price",
    "ws_get_symbol_ticker_window": "ticker",
    "ws_get_ticker": "ticker.24hr",
    "ws_get_time": "time",
    "ws_get_trading_day_ticker": "ticker.tradingDay",
    "ws_get_uiKlines": "uiKlines",
    "ws_order_limit": "order.place",
    "ws_ping": "ping",
    **{f"{door}order_limit_{side}": "order.place" for door in ("", "ws_") for side in ("buy", "sell")},
    **{f"{door}order_market{side}": "order.place" for door in ("", "ws_") for side in ("", "_buy", "_sell")},
}
HELPERS: dict[str, Arguments] = {
    "aggregate_trade_iter": {"symbol": "BTCUSDT", "start_str": "10 minutes ago UTC"},
    "get_all_tickers": {},
    "get_asset_balance": {"asset": "BTC"},
    "get_exchange_info": {},
    "get_historical_klines": {"symbol": "BTCUSDT", "interval": "1m", "start_str": "10 minutes ago UTC"},
    "get_historical_klines_generator": {"symbol": "BTCUSDT", "interval": "1m", "start_str": "10 minutes ago UTC"},
    "get_orderbook_tickers": {},
    "get_symbol_info": {"symbol": "ETHUSDT"},
}
"""What it makes out of several calls, or with arguments of its own."""
MACHINERY = {"close_connection", "encode_uri_component", "uuid22"}
LEFT_OUT = {
    r".*futures.*|papi_.*|options_.*|(new_)?transfer_history": "futures, portfolio margin and options: other products",
    r"margin_v\d.*": "sapi: the wallet, loans, sub-accounts, brokers, mining, staking and the rest of it",
    r".*margin.*|.*isolated.*|.*_loan|.*bnb_burn.*|get_future_hourly.*|(get|exchange)_small_liab.*": "margin",
    r".*staking.*|(un)?stake_asset_us|.*simple_earn.*|change_fixed_.*|get_(fixed_activity|personal_left).*": "earn",
    r".*sub_?account.*": "sub-accounts",
    r".*convert.*|.*gift_card.*|get_(c2c|fiat|pay).*|.*dust.*": "convert, gift cards, fiat, pay, dust",
    r"withdraw|get_(deposit|withdraw).*|get_(asset_d.*|user_asset|all_coins_info)|funding_wallet": "the wallet",
    r"get_trade_fee|get_spot_delist_schedule|.*universal_transfer.*": "the wallet",
    r"get_account_(status|snapshot|api_trading_status)|(en|dis)able_fast_withdraw_switch": "the wallet",
    r"get_products": "a page of Binance's website",
    r"v3_(post|put|delete)_user_data_stream": "signed, though Binance takes a listen key unsigned; stream_* is the way",
    r"v3_post_cancel_replace": "asks for /api/v3/cancelReplace, which Binance does not have",
    r"ws_futures_.*": "futures",
}
"""Methods about other products, or that Binance itself refuses."""
SOCKETS: dict[str, Arguments] = {
    "aggtrade_socket": {"symbol": "BTCUSDT"},
    "depth_socket": {"symbol": "BTCUSDT"},
    "kline_socket": {"symbol": "BTCUSDT"},
    "miniticker_socket": {},
    "multiplex_socket": {"streams": ["btcusdt@trade", "btcusdt@bookTicker"]},
    "symbol_book_ticker_socket": {"symbol": "BTCUSDT"},
    "symbol_miniticker_socket": {"symbol": "BTCUSDT"},
    "symbol_ticker_socket": {"symbol": "BTCUSDT"},
    "ticker_socket": {},
    "trade_socket": {"symbol": "BTCUSDT"},
    "user_socket": {},
}
OTHER_SOCKETS = {
    r".*futures.*|.*coin.*|.*mark_price.*|options_.*": "futures and options",
    r"(isolated_|portfolio_)?margin_socket|index_price_socket": "margin and indices",
    r"book_ticker_socket": "!bookTicker, which Binance ended in December 2022",
}


def offered(client: type) -> set[str]:
    return {name for name, _ in inspect.getmembers(client, inspect.isfunction) if not name.startswith("_")}


def left_out(name: str, reasons: dict[str, str]) -> bool:
    return any(re.fullmatch(pattern, name) for pattern in reasons)


def test_the_tables_are_all_that_it_offers_for_spot() -> None:
    spot = {name for name in offered(AsyncClient) if not left_out(name, LEFT_OUT)}
    assert spot == set(ASKS) | set(HELPERS) | MACHINERY
    assert {name for name in offered(BinanceSocketManager) if not left_out(name, OTHER_SOCKETS)} == set(SOCKETS)


@pytest.fixture(scope="module")
def customer(simulator: SimulatorProcess) -> Iterator[Scene]:
    with scene(simulator) as made:
        yield made


@pytest.fixture
async def client(simulator: SimulatorProcess, customer: Scene) -> AsyncIterator[Any]:
    """Its addresses are attributes of its client class; they are all that is changed."""

    class Pointed(AsyncClient):
        API_URL = f"{simulator.http}/api"
        MARGIN_API_URL = f"{simulator.http}/sapi"
        WS_API_URL = f"{simulator.ws}/ws-api/v3"

    pointed = await Pointed.create(customer.keys.api_key, customer.keys.secret)
    pointed.ws_api.TIMEOUT = QUIET_S
    yield pointed
    await pointed.close_connection()


async def test_every_call_is_answered(client: Any, customer: Scene) -> None:
    for method, asked in ASKS.items():
        arguments = fitting(method, await asyncio.to_thread(ARGUMENTS[asked], customer))
        if asked in REFUSED:
            with pytest.raises(BinanceAPIException) as refused:
                await getattr(client, method)(**arguments)
            assert (refused.value.code, refused.value.message) == REFUSED[asked], method
        else:
            try:
                answer = await within(getattr(client, method)(**arguments))
            except BinanceAPIException as refusal:
                pytest.fail(f"{method}({arguments}): {refusal}")
            assert isinstance(answer, dict | list | str), method
        await asyncio.to_thread(customer.clear)


def fitting(method: str, arguments: Arguments) -> Arguments:
    """The arguments that a helper takes: it sets side and type by itself."""
    if "order_market" in method:
        side = {} if method.endswith(("buy", "sell")) else {"side": "BUY"}
        return {"symbol": arguments["symbol"], "quantity": arguments["quantity"], **side}
    if method.endswith(("_buy", "_sell")):
        arguments = {name: value for name, value in arguments.items() if name not in {"side", "type", "timeInForce"}}
        if "oco" in method and method.endswith("_buy"):
            return {
                **arguments, "aboveType": "STOP_LOSS", "aboveStopPrice": 70000, "abovePrice": None,
                "belowType": "LIMIT_MAKER", "belowPrice": 50000, "belowStopPrice": None, "belowTimeInForce": None,
            }  # fmt: skip
        return {**arguments, "price": 70000} if method.endswith("limit_sell") else arguments
    return {**arguments, "price": str(arguments["price"])} if method == "order_limit" else arguments


async def test_every_helper_finds_what_it_wants(client: Any) -> None:
    found: dict[str, Any] = {}
    for method, arguments in HELPERS.items():
        made = getattr(client, method)(**arguments)
        if method == "get_historical_klines_generator":
            made = await made
        found[method] = [row async for row in made] if hasattr(made, "__aiter__") else await made
    assert found["get_symbol_info"]["baseAsset"] == "ETH"
    assert found["get_asset_balance"]["asset"] == "BTC"
    assert len(found["aggregate_trade_iter"]) >= 1
    assert len(found["get_historical_klines"]) == len(found["get_historical_klines_generator"]) >= 1


async def test_every_socket_brings_events(simulator: SimulatorProcess, client: Any, customer: Scene) -> None:
    manager = BinanceSocketManager(client)
    manager.STREAM_URL = f"{simulator.ws}/"
    async with AsyncExitStack() as open_sockets:
        opened: dict[str, Any] = {}
        for method, arguments in SOCKETS.items():
            socket = getattr(manager, method)(**arguments)
            socket.TIMEOUT = (
                QUIET_S  # its sockets end only after a read timed out: ten seconds, unless told a shorter time
            )
            opened[method] = await open_sockets.enter_async_context(socket)
        await asyncio.to_thread(customer.order)
        sale = {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": 0.01}
        with scene(simulator) as seller:
            await asyncio.to_thread(seller.call, "POST", "order", **sale)
        for method, socket in opened.items():
            try:
                assert await within(socket.recv()), method
            except TimeoutError:
                pytest.fail(f"{method} brought nothing")
