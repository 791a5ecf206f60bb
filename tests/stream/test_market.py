"""Market data on a socket: what is known first, then the newest state."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal

from tests.stream.bots import Bot, Message, Socket

MARKET = ("book:BTC/USDT", "trades:BTC/USDT", "ticker:BTC/USDT", "candles:BTC/USDT:1m")


async def some(socket: Socket, channel: str, count: int) -> list[Message]:
    return [await socket.next(lambda message: message.get("channel") == channel) for _ in range(count)]


def assert_counted(messages: Sequence[Message]) -> None:
    assert [message["sequence"] for message in messages] == list(range(1, len(messages) + 1))
    assert {message["venue"] for message in messages} == {"simulator"}


async def test_a_book_comes_whole_and_counted_by_its_subscription(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.subscribe("book:BTC-USDT")
        books = await some(socket, "book:BTC/USDT", 4)
        assert_counted(books)
        for book in books:
            bids = [Decimal(price) for price, _ in book["data"]["bids"]]
            asks = [Decimal(price) for price, _ in book["data"]["asks"]]
            assert bids == sorted(bids, reverse=True)
            assert asks == sorted(asks)
            assert bids[0] < asks[0]
            assert book["stale"] is False
        nonces = [book["data"]["nonce"] for book in books]
        assert nonces == sorted(nonces)


async def test_trades_come_each_once_and_a_socket_that_comes_later_gets_the_recent_ones(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.subscribe("trades:BTC/USDT")
        messages = await some(socket, "trades:BTC/USDT", 3)
        assert_counted(messages)
        ids = [int(trade["id"]) for message in messages for trade in message["data"]]
        assert ids == list(range(ids[0], ids[-1] + 1))
        assert {message["missed"] for message in messages} == {0}
        async with bot.socket() as later:
            await later.subscribe("trades:BTC/USDT")
            (start,) = await some(later, "trades:BTC/USDT", 1)
            assert int(start["data"][0]["id"]) <= ids[-1]
            assert len(start["data"]) > 1


async def test_a_ticker_and_candles_begin_with_what_is_known(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.subscribe("ticker:BTC/USDT", "candles:BTC/USDT:1m")
        (ticker,) = await some(socket, "ticker:BTC/USDT", 1)
        market = (await asyncio.to_thread(bot.http.get, "/markets/BTC-USDT")).json()
        assert ticker["data"].keys() == market["ticker"].keys()
        candles = await some(socket, "candles:BTC/USDT:1m", 2)
        assert_counted(candles)
        assert len(candles[0]["data"]) == 2
        last, following = candles[0]["data"][-1], candles[1]["data"][-1]
        assert following["time"] >= last["time"]
        assert last.keys() == {"time", "open", "high", "low", "close", "volume"}


async def test_two_sockets_get_the_same_payload(bot: Bot) -> None:
    async with bot.socket() as first, bot.socket() as second:
        await first.subscribe("book:ETH/USDT")
        await second.subscribe("book:ETH/USDT")
        one = {book["data"]["nonce"]: (book["time"], book["data"]) for book in await some(first, "book:ETH/USDT", 6)}
        two = {book["data"]["nonce"]: (book["time"], book["data"]) for book in await some(second, "book:ETH/USDT", 6)}
        shared = one.keys() & two.keys()
        assert len(shared) >= 3
        assert all(one[nonce] == two[nonce] for nonce in shared)


async def test_a_channel_subscribed_again_begins_anew_and_one_unsubscribed_falls_silent(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.subscribe("book:BTC/USDT")
        await some(socket, "book:BTC/USDT", 3)
        await socket.subscribe("book:BTC/USDT")
        socket.waiting.clear()
        again = await some(socket, "book:BTC/USDT", 2)
        assert [book["sequence"] for book in again] == [1, 2]
        await socket.ask("unsubscribe", channels=["book:BTC/USDT"])
        socket.waiting.clear()
        await socket.subscribe("book:ETH/USDT")
        await some(socket, "book:ETH/USDT", 3)
        assert [message for message in socket.waiting if message.get("channel") == "book:BTC/USDT"] == []


async def test_a_venue_can_be_named(bot: Bot) -> None:
    async with bot.socket() as socket:
        answer = await socket.subscribe(*MARKET, venue="simulator")
        assert answer["channels"] == list(MARKET)
        for channel in MARKET:
            assert_counted(await some(socket, channel, 1))
