"""How long a socket waits: for its token, for a word, for a client that does not read."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from websockets.asyncio.client import connect

from engine.identity import tokens
from engine.runtime import SystemClock, SystemIds
from tests.conftest import OWNER
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, DeskServer
from tests.stream.bots import PATIENCE_S, Bot, Socket, stream_address
from tests.stream.hasty_desk import KERNEL_KEEPS, TIMES


@pytest.fixture(scope="module")
def hasty_desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DeskServer]:
    settings = {**OWNER, "simulator_seed": "7"}
    server = DeskServer(tmp_path_factory.mktemp("hasty") / "var", settings, ("-m", "tests.stream.hasty_desk"))
    server.start().wait_ready()
    yield server
    server.stop()


@pytest.fixture
def bot(hasty_desk: DeskServer) -> Iterator[Bot]:
    """With a token that was given just now."""
    with hasty_desk.api(OWNER_EMAIL, OWNER_PASSWORD) as http:
        yield Bot(hasty_desk, http, http.headers["Authorization"].removeprefix("Bearer "))


async def test_who_says_nothing_is_not_waited_for(bot: Bot) -> None:
    begun = time.monotonic()
    async with connect(stream_address(bot.server), proxy=None) as connection:
        socket = Socket(connection)
        assert (await socket.closed())[0] == 4401
        assert time.monotonic() - begun >= TIMES.auth_s
        assert [message["problem"]["code"] for message in socket.waiting] == ["login_needed"]


async def test_a_quiet_socket_beats_with_the_number_of_the_last_event(bot: Bot) -> None:
    async with bot.socket() as socket:
        assert (await socket.next("heartbeat"))["sequence"] is None
        await socket.subscribe("orders")
        start = await socket.next("orders")
        beat = await socket.next(lambda message: message["type"] == "heartbeat" and message["sequence"] is not None)
        assert beat["sequence"] == start["sequence"]


async def test_a_token_that_ends_ends_the_socket_unless_a_newer_one_comes_in_time(
    bot: Bot, monkeypatch: pytest.MonkeyPatch
) -> None:
    user_id = bot.http.get("/account").json()["user"]["id"]
    key = (bot.server.var_dir / "secret_key").read_bytes()
    monkeypatch.setattr(tokens, "ACCESS_LIFE", timedelta(seconds=3))
    short = Bot(bot.server, bot.http, tokens.AccessTokens(key, SystemClock(), SystemIds()).issue(user_id))
    async with short.socket() as left_alone, short.socket() as renewed:
        answer = await renewed.ask("auth", token=bot.token)
        assert answer["type"] == "reply"
        assert await left_alone.closed() == (4401, "token_expired")
        assert left_alone.waiting[-1]["problem"]["code"] == "token_expired"
        assert (await renewed.ask("ping"))["type"] == "reply"


async def test_a_client_that_reads_nothing_is_cut_off_and_others_do_not_notice(bot: Bot) -> None:
    host, port = "127.0.0.1", bot.server.port
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_KEEPS)
    narrow.connect((host, port))
    async with bot.socket() as reading, bot.socket(sock=narrow, compression=None, max_queue=1) as asleep:
        await reading.subscribe("book:BTC/USDT")
        symbols = [market["symbol"] for market in bot.http.get("/markets").json()["items"]]
        await asleep.subscribe(*(f"book:{symbol}" for symbol in symbols))
        asleep.connection.transport.pause_reading()
        begun = time.monotonic()
        while 1013 not in [line["code"] for line in bot.server.log_lines("a bot's socket is closed")]:
            await reading.next("book")
            assert time.monotonic() - begun < PATIENCE_S
        before, after = await reading.next("book"), await reading.next("book")
        assert after["sequence"] == before["sequence"] + 1
        asleep.connection.transport.resume_reading()
        assert (await asleep.closed())[0] in {1013, 1006}
