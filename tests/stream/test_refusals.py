"""What a socket refuses: strangers, what it does not understand, and too much of anything."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.serving import DeskServer
from tests.stream.bots import Bot, Socket, stream_address

EVIL = "https://evil.example"


async def refused_handshake(server: DeskServer, headers: dict[str, str], query: str = "") -> InvalidStatus:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"{stream_address(server)}{query}", additional_headers=headers, proxy=None):
            pass
    return refused.value


# --- who is let in


@pytest.mark.parametrize("origin", [EVIL, "null", "http://localhost.evil.example", "http://127.0.0.1:1"])
async def test_a_page_of_another_site_gets_no_socket_even_with_a_token(bot: Bot, origin: str) -> None:
    refused = await refused_handshake(bot.server, {"Origin": origin, "Authorization": f"Bearer {bot.token}"})
    assert refused.response.status_code == 403


async def test_the_desks_own_pages_may_have_one(bot: Bot) -> None:
    async with bot.socket(origin=bot.server.url) as socket:
        assert (await socket.ask("ping"))["type"] == "reply"


@pytest.mark.parametrize("header", ["Bearer nonsense", "Bearer ", "Basic YTpi", "nonsense"])
async def test_a_wrong_token_in_the_header_is_a_problem_before_the_handshake(bot: Bot, header: str) -> None:
    refused = await refused_handshake(bot.server, {"Authorization": header})
    assert refused.response.status_code == 401
    assert refused.response.headers["Content-Type"] == "application/problem+json"
    assert json.loads(refused.response.body or b"{}")["code"] in {"bad_token", "login_needed"}


async def test_the_first_message_may_say_who_it_is(bot: Bot) -> None:
    async with connect(stream_address(bot.server), proxy=None) as connection:
        socket = Socket(connection)
        await connection.send(json.dumps({"op": "auth", "token": bot.token}))
        assert (await socket.next("welcome"))["proven_until"].endswith("Z")
        await socket.subscribe("orders")


@pytest.mark.parametrize(
    ("first", "code"),
    [
        ('{"op": "auth", "token": "nonsense"}', "bad_token"),
        ('{"op": "auth"}', "bad_value"),
        ('{"op": "subscribe", "channels": ["orders"]}', "login_needed"),
        ("nonsense", "malformed_json"),
    ],
)
async def test_any_other_first_message_ends_the_socket(bot: Bot, first: str, code: str) -> None:
    async with connect(stream_address(bot.server), proxy=None) as connection:
        socket = Socket(connection)
        await connection.send(first)
        assert (await socket.closed())[0] == 4401
        (error,) = socket.waiting
        assert error["problem"]["code"] == code


async def test_a_token_in_the_address_is_none(bot: Bot) -> None:
    """Addresses are written into logs."""
    async with connect(f"{stream_address(bot.server)}?token={bot.token}", proxy=None) as connection:
        await connection.send('{"op": "ping"}')
        assert (await Socket(connection).closed())[0] == 4401


# --- what is understood


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"op": "dance"}, "unknown_op", "op"),
        ({"op": ["ping"]}, "unknown_op", "op"),
        ({}, "unknown_op", "op"),
        ({"op": "ping", "extra": 1}, "unknown_field", "extra"),
        ({"op": "subscribe"}, "bad_channels", "channels"),
        ({"op": "subscribe", "channels": "orders"}, "bad_channels", "channels"),
        ({"op": "subscribe", "channels": []}, "bad_channels", "channels"),
        ({"op": "subscribe", "channels": ["orders"] * 21}, "bad_channels", "channels"),
        ({"op": "subscribe", "channels": ["orders", 7]}, "bad_channel", "channels.1"),
        ({"op": "subscribe", "channels": ["orders", "weather"]}, "unknown_channel", "channels.1"),
        ({"op": "subscribe", "channels": ["book"]}, "unknown_channel", "channels.0"),
        ({"op": "subscribe", "channels": ["book:"]}, "unknown_channel", "channels.0"),
        ({"op": "subscribe", "channels": ["book:BTC/USDT:1m"]}, "unknown_channel", "channels.0"),
        ({"op": "subscribe", "channels": ["book:NO/SUCH"]}, "unknown_symbol", "channels.0"),
        ({"op": "subscribe", "channels": ["candles:BTC/USDT"]}, "unknown_timeframe", "channels.0"),
        ({"op": "subscribe", "channels": ["candles:BTC/USDT:7m"]}, "unknown_timeframe", "channels.0"),
        ({"op": "subscribe", "channels": ["book:BTC/USDT"], "venue": "nowhere"}, "unknown_venue", "venue"),
        ({"op": "subscribe", "channels": ["book:BTC/USDT"], "account_id": "x"}, "unknown_account", "account_id"),
        ({"op": "subscribe", "channels": ["orders"], "venue": 7}, "bad_value", "venue"),
        ({"op": "resume"}, "bad_sequence", "sequence"),
        ({"op": "resume", "sequence": -1}, "bad_sequence", "sequence"),
        ({"op": "resume", "sequence": "7"}, "bad_sequence", "sequence"),
        ({"op": "resume", "sequence": True}, "bad_sequence", "sequence"),
        ({"op": "auth", "token": "nonsense"}, "bad_token", None),
    ],
)
async def test_what_is_not_understood_is_answered_with_its_field_and_changes_nothing(
    bot: Bot, fields: dict[str, Any], code: str, field: str | None
) -> None:
    async with bot.socket() as socket:
        await socket.connection.send(json.dumps({"id": "mine", **fields}))
        error = await socket.next("error")
        assert error["id"] == "mine"
        assert (error["problem"]["code"], error["problem"]["field"]) == (code, field)
        assert 400 <= error["problem"]["status"] < 500
        assert (await socket.ask("ping"))["type"] == "reply"
        assert socket.waiting == []


async def test_a_field_that_is_said_twice_is_refused(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.connection.send('{"op": "ping", "id": 1, "op": "resume"}')
        error = await socket.next("error")
        assert (error["problem"]["code"], error["problem"]["field"]) == ("repeated_field", "op")


@pytest.mark.parametrize(
    "text", ["", "[]", "7", '"ping"', "{", '{"op": "ping", "id": {}}', '{"op": "ping", "id": 1.5}']
)
async def test_what_is_no_message_is_answered_without_an_id(bot: Bot, text: str) -> None:
    async with bot.socket() as socket:
        await socket.connection.send(text)
        error = await socket.next("error")
        assert error["id"] is None
        assert error["problem"]["code"] in {"malformed_json", "bad_body", "bad_id"}


async def test_bytes_end_the_socket(bot: Bot) -> None:
    async with bot.socket() as socket:
        await socket.connection.send(b'{"op": "ping"}')
        assert (await socket.closed())[0] == 1003


async def test_another_users_token_does_not_change_whose_socket_it_is(bot: Bot) -> None:
    with bot.server.api() as owner:
        token = owner.headers["Authorization"].removeprefix("Bearer ")
    async with bot.socket() as socket:
        error = await socket.ask("auth", token=token)
        assert (error["problem"]["code"], error["problem"]["field"]) == ("other_user", "token")


# --- how much


@pytest.mark.parametrize("size", [8 * 1024 + 1, 2 * 1024 * 1024])
async def test_a_message_that_is_too_large_ends_the_socket(bot: Bot, size: int) -> None:
    async with bot.socket() as socket:
        await socket.connection.send(" " * size)
        assert (await socket.closed())[0] == 1009


async def test_a_flood_is_answered_for_a_while_and_then_ended(bot: Bot) -> None:
    async with bot.socket() as flooding, bot.socket() as other:
        for number in range(400):
            await flooding.connection.send(json.dumps({"op": "ping", "id": number}))
        assert (await flooding.closed())[0] == 1008
        replies = [message for message in flooding.waiting if message["type"] == "reply"]
        errors = [message for message in flooding.waiting if message["type"] == "error"]
        assert len(replies) >= 40
        assert {error["problem"]["code"] for error in errors} == {"too_many_messages"}
        assert {error["problem"]["status"] for error in errors} == {429}
        assert (await other.ask("ping"))["type"] == "reply"


async def test_a_user_has_only_so_many_sockets(bot: Bot) -> None:
    async with asyncio.timeout(30):
        sockets = [await connect(stream_address(bot.server), proxy=None) for _ in range(11)]
        for connection in sockets:
            await connection.send(json.dumps({"op": "auth", "token": bot.token}))
        firsts = [json.loads(await connection.recv()) for connection in sockets]
        assert [first["type"] for first in firsts].count("welcome") == 10
        (refused,) = [one for one, first in zip(sockets, firsts, strict=True) if first["type"] == "error"]
        assert (await Socket(refused).closed())[0] == 1013
        for connection in sockets:
            await connection.close()
        async with bot.socket() as socket:
            assert (await socket.ask("ping"))["type"] == "reply"


async def test_a_socket_has_only_so_many_channels(bot: Bot) -> None:
    symbols = [market["symbol"] for market in bot.http.get("/markets").json()["items"]]
    frames = ("1m", "5m", "15m", "1h", "4h", "1d")
    channels = [f"{kind}:{symbol}" for symbol in symbols for kind in ("book", "trades", "ticker")]
    channels += [f"candles:{symbol}:{frame}" for frame in frames for symbol in symbols]
    assert len(channels) > 51
    async with bot.socket() as socket:
        for first in (0, 20, 40):
            answer = await socket.ask("subscribe", channels=channels[first : min(first + 20, 50)])
            assert answer["type"] == "reply"
        refused = await socket.ask("subscribe", channels=[channels[50]])
        assert (refused["problem"]["code"], refused["problem"]["field"]) == ("too_many_channels", "channels")
        assert (await socket.ask("subscribe", channels=[channels[0]]))["type"] == "reply"
