# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false
# ccxt's own annotations are partial
"""Unmodified ccxt.pro trades, streams and hears of its orders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import ccxt
import ccxt.pro
import pytest

from tests.simulator.process import Keys, OpenTrader, SimulatorProcess, Trader, traded_at, until, within


@pytest.fixture
async def client(simulator: SimulatorProcess, trader: Trader) -> AsyncIterator[Any]:
    exchange = ccxt_client(simulator, trader.keys)
    yield exchange
    await exchange.close()


def ccxt_client(simulator: SimulatorProcess, keys: Keys) -> Any:
    """ccxt pointed at a simulator by its test addresses, as at any sandbox."""
    rest = f"{simulator.http}/api/v3"
    stream = f"{simulator.ws}/stream/ws"
    exchange = ccxt.pro.binance(
        {
            "apiKey": keys.api_key,
            "secret": keys.secret,
            "urls": {
                "test": {
                    "public": rest,
                    "private": rest,
                    "ws": {"spot": stream, "margin": stream, "ws-api": {"spot": f"{simulator.ws}/ws-api/v3"}},
                }
            },
            "options": {"defaultType": "spot", "fetchMarkets": {"types": ["spot"]}, "ws": {"cost": 0.2}},
        }
    )
    exchange.set_sandbox_mode(True)
    return exchange


async def test_markets_carry_the_filters_of_the_exchange(client: Any) -> None:
    markets = await client.load_markets()
    assert set(markets) >= {"BTC/USDT", "ETH/USDT", "SOL/USDT", "BNB/USDT", "XRP/USDT", "DOGE/USDT"}
    market = markets["BTC/USDT"]
    assert (market["precision"]["price"], market["precision"]["amount"]) == (0.01, 0.00001)
    assert market["limits"]["cost"]["min"] == 5
    assert await client.fetch_time() > 0


async def test_the_book_trades_and_candles_are_streamed(client: Any, trader: Trader, peer: Trader) -> None:
    await client.load_markets()
    await peer.place("SELL", "LIMIT", quantity="1", price="60000")
    watched = asyncio.gather(
        client.watch_trades("BTC/USDT"),
        client.watch_ohlcv("BTC/USDT", "1m"),
        client.watch_ticker("BTC/USDT"),
        client.watch_order_book("BTC/USDT"),
    )
    while not watched.done():
        await trader.place("BUY", "MARKET", quantity="0.01")
        await asyncio.sleep(0.1)
    trades, candles, ticker, book = await watched
    assert trades[-1]["price"] == 60000
    assert candles[-1][4] == 60000
    assert ticker["last"] == 60000
    assert book["asks"][0][0] == 60000


async def test_the_streamed_book_is_the_book(client: Any, peer: Trader) -> None:
    await client.load_markets()
    first = asyncio.ensure_future(client.watch_order_book("BTC/USDT"))
    for step in range(20):
        await peer.place("SELL", "LIMIT", quantity="0.1", price=f"{61000 - step}")
        await peer.place("BUY", "LIMIT", quantity="0.1", price=f"{20000 + step}")
        await asyncio.sleep(0.02)
    await within(first)
    snapshot = await client.fetch_order_book("BTC/USDT")
    book = client.orderbooks["BTC/USDT"]
    await until(lambda: book["nonce"] >= snapshot["nonce"], "the last diff")
    assert book["asks"][:20] == snapshot["asks"]
    assert book["bids"][:20] == snapshot["bids"]


@pytest.mark.parametrize("create", ["create_order", "create_order_ws"])
async def test_an_order_lives_its_life(client: Any, peer: Trader, create: str) -> None:
    await client.load_markets()
    heard = asyncio.ensure_future(client.watch_orders("BTC/USDT"))
    fills = asyncio.ensure_future(client.watch_my_trades("BTC/USDT"))
    wealth = asyncio.ensure_future(client.watch_balance())
    await asyncio.sleep(0.2)
    params = {"newClientOrderId": f"{create}-1"}
    order = await getattr(client, create)("BTC/USDT", "limit", "sell", 0.5, 60000, params)
    assert (order["status"], order["clientOrderId"]) == ("open", f"{create}-1")
    assert (await within(heard))[-1]["id"] == order["id"]
    await peer.place("BUY", "MARKET", quantity="0.2")
    assert (await within(fills))[-1]["amount"] == 0.2
    assert (await within(wealth))["BTC"]["used"] == 0.5
    found = await client.fetch_order("", "BTC/USDT", {"clientOrderId": f"{create}-1"})
    assert (found["filled"], found["remaining"], found["average"]) == (0.2, 0.3, 60000)
    canceled = await client.cancel_order(order["id"], "BTC/USDT")
    assert canceled["status"] == "canceled"
    balance = await client.fetch_balance()
    assert (balance["BTC"]["total"], balance["BTC"]["used"]) == (99.8, 0)
    assert (await client.fetch_my_trades("BTC/USDT"))[-1]["fee"] == {"currency": "USDT", "cost": 12.0}


async def test_its_refusals_are_the_exceptions_of_ccxt(client: Any) -> None:
    await client.load_markets()
    with pytest.raises(ccxt.InsufficientFunds):
        await client.create_order("BTC/USDT", "limit", "buy", 100, 60000)
    with pytest.raises(ccxt.OrderNotFound):
        await client.cancel_order("123456789", "BTC/USDT")
    with pytest.raises(ccxt.OrderNotFound):
        await client.fetch_order("123456789", "BTC/USDT")
    client.secret = "wrong"
    with pytest.raises(ccxt.AuthenticationError):
        await client.fetch_balance()


async def test_orders_of_every_kind(client: Any, open_trader: OpenTrader) -> None:
    await client.load_markets()
    await traded_at("60000", open_trader)
    stop = await client.create_order("BTC/USDT", "limit", "sell", 0.1, 49000, {"stopPrice": 50000})
    trailing = await client.create_order(
        "BTC/USDT", "market", "sell", 0.1, None, {"trailingPercent": 1, "stopLossOrTakeProfit": "stopLoss"}
    )
    profit = await client.create_order("BTC/USDT", "limit", "sell", 0.1, 80000, {"takeProfitPrice": 70000})
    found = [await client.fetch_order(order["id"], "BTC/USDT") for order in (stop, trailing, profit)]
    assert [(order["status"], order["stopPrice"]) for order in found] == [
        ("open", 50000),
        ("open", None),
        ("open", 70000),
    ]
    assert found[1]["info"]["trailingDelta"] == 100
    await client.cancel_all_orders("BTC/USDT")

    rests = await client.create_order("BTC/USDT", "limit", "buy", 0.5, 30000)
    edited = await client.edit_order(rests["id"], "BTC/USDT", "limit", "buy", 0.4, 31000)
    assert (edited["price"], edited["amount"], edited["status"]) == (31000, 0.4, "open")
    amended = await client.request(
        "order/amend/keepPriority",
        ["private"],
        "PUT",
        {"symbol": "BTCUSDT", "orderId": edited["id"], "newQty": "0.3"},
    )
    assert amended["amendedOrder"]["qty"] == "0.30000000"
    oco = await client.private_post_orderlist_oco(
        {
            "symbol": "BTCUSDT", "side": "SELL", "quantity": "1", "aboveType": "LIMIT_MAKER", "abovePrice": "70000",
            "belowType": "STOP_LOSS", "belowStopPrice": "50000",
        }
    )  # fmt: skip
    assert [report["status"] for report in oco["orderReports"]] == ["NEW", "NEW"]
    assert len(await client.fetch_open_orders("BTC/USDT")) == 3
    with pytest.raises(ccxt.OrderImmediatelyFillable):
        await client.create_order("BTC/USDT", "market", "sell", 0.1, None, {"stopPrice": 61000})
