"""A bot hears of its own orders and balances, each change once and in order, and of what it missed."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from tests.stream.bots import Bot, Message, new_bot


def numbers_of(messages: list[Message]) -> list[int]:
    return [message["sequence"] for message in messages if message["type"] == "order"]


async def test_two_sockets_hear_every_change_of_an_order_with_the_same_gapless_numbers(bot: Bot) -> None:
    async with bot.socket() as first, bot.socket() as second:
        heard: list[list[Message]] = []
        for socket in (first, second):
            await socket.subscribe("orders")
            start = await socket.next("orders")
            assert (start["reason"], start["items"], start["last"]) == ("snapshot", [], True)
        placed = await asyncio.to_thread(bot.place)
        for socket in (first, second):
            filled = await socket.order(placed["id"], "FILLED")
            events = [message for message in socket.waiting if message["type"] == "order"] + [filled]
            heard.append(events)
            assert numbers_of(events) == list(range(start["sequence"] + 1, filled["sequence"] + 1))
            fills = [fill for event in events for fill in event["fills"]]
            assert len({fill["id"] for fill in fills}) == len(fills) > 0
            assert sum(float(fill["quantity"]) for fill in fills) == float(filled["order"]["filled_quantity"])
        assert heard[0] == heard[1]
        assert [event["order"]["status"] for event in heard[0]][:2] == ["PENDING", "SUBMITTED"]


async def test_who_subscribes_gets_the_open_orders_first_and_then_their_changes(bot: Bot) -> None:
    resting = await asyncio.to_thread(bot.place_resting)
    async with bot.socket() as socket:
        await socket.subscribe("orders")
        start = await socket.next("orders")
        assert [item["order"]["id"] for item in start["items"]] == [resting["id"]]
        await asyncio.to_thread(bot.cancel, resting["id"])
        ended = await socket.order(resting["id"], "CANCELED")
        assert (ended["order"]["filled_quantity"], ended["fills"]) == ("0", [])


async def test_after_a_cut_a_bot_gets_every_order_that_changed_meanwhile_as_it_is_now(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.subscribe("orders")
        kept = await asyncio.to_thread(bot.place_resting)
        seen = await socket.order(kept["id"], "ACCEPTED")
        untouched = await asyncio.to_thread(bot.place_resting)
        seen = await socket.order(untouched["id"], "ACCEPTED")
        socket.connection.transport.abort()
    filled = await asyncio.to_thread(bot.place)
    resting = await asyncio.to_thread(bot.place_resting)
    await asyncio.to_thread(bot.cancel, kept["id"])
    await asyncio.to_thread(bot.becomes, filled["id"], "FILLED")
    await asyncio.to_thread(bot.becomes, resting["id"], "ACCEPTED")
    await asyncio.to_thread(bot.becomes, kept["id"], "CANCELED")
    async with bot.socket() as socket:
        await socket.ask("resume", sequence=seen["sequence"])
        missed = await socket.next("orders")
        states = {item["order"]["id"]: item["order"]["status"] for item in missed["items"]}
        assert states == {kept["id"]: "CANCELED", filled["id"]: "FILLED", resting["id"]: "ACCEPTED"}
        assert (missed["reason"], missed["after"], missed["last"]) == ("resume", seen["sequence"], True)
        numbers = [item["sequence"] for item in missed["items"]]
        assert numbers == sorted(numbers)
        assert all(number > seen["sequence"] for number in numbers)
        known = bot.http.get(f"/orders/{filled['id']}").json()
        (item,) = [item for item in missed["items"] if item["order"]["id"] == filled["id"]]
        assert item["fills"] == known["fills"]
        assert item["order"]["average_price"] == known["average_price"]
        await asyncio.to_thread(bot.cancel, resting["id"])
        following = await socket.next("order")
        assert (following["order"]["id"], following["sequence"]) == (resting["id"], missed["sequence"] + 1)


async def test_a_number_that_the_desk_cannot_have_given_is_answered_with_all_that_is_open(bot: Bot) -> None:
    resting = await asyncio.to_thread(bot.place_resting)
    async with bot.socket() as socket:
        assert (await socket.ask("resume", sequence=1_000_000))["type"] == "reply"
        anew = await socket.next("orders")
        assert anew["reason"] == "resync"
        assert [item["order"]["id"] for item in anew["items"]] == [resting["id"]]
        assert anew["sequence"] < 1_000_000


async def test_balances_come_at_once_and_when_a_fill_moves_them(bot: Bot) -> None:
    account = bot.http.get("/account").json()["accounts"][0]["id"]
    async with bot.socket() as socket:
        await socket.subscribe("balances")
        before = await socket.next("balances")
        assert before["account_id"] == account
        assert {item["asset"] for item in before["items"]} == {"USDT", "BTC", "ETH"}
        bitcoins = next(Decimal(item["total"]) for item in before["items"] if item["asset"] == "BTC")
        await asyncio.to_thread(bot.place, quantity="0.01")

        def grown(message: Message) -> bool:
            held = {item["asset"]: item for item in message.get("items", ()) if message["type"] == "balances"}
            return "BTC" in held and Decimal(held["BTC"]["total"]) > bitcoins

        after = await socket.next(grown)
        assert after["time"] > before["time"]


async def test_what_was_unsubscribed_comes_no_more_and_can_be_subscribed_again(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.subscribe("orders", "balances")
        assert (await socket.ask("unsubscribe", channels=["orders"]))["channels"] == ["orders"]
        await asyncio.to_thread(bot.place)
        await socket.next(lambda message: message["type"] == "balances")
        await socket.ask("ping")
        assert numbers_of(socket.waiting) == []
        await socket.subscribe("orders")
        again = await socket.next(lambda message: message["type"] == "orders" and message["sequence"] > 0)
        assert again["reason"] == "snapshot"


async def test_one_users_events_are_not_anothers(bot: Bot) -> None:
    with new_bot(bot.server) as other:
        async with other.socket() as socket:
            await socket.subscribe("orders", "balances")
            placed = await asyncio.to_thread(bot.place)
            async with bot.socket() as mine:
                await mine.ask("resume", sequence=0)
                await mine.next("orders")
            await socket.ask("ping")
            assert placed["id"] not in str(socket.waiting)
            account = bot.http.get("/account").json()["accounts"][0]["id"]
            refused = await socket.ask("subscribe", channels=["balances"], account_id=account)
            assert (refused["type"], refused["problem"]["code"]) == ("error", "unknown_account")
