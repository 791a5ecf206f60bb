"""What `engine.venues.ccxt_road.Road` is on the network, in a world: calls that may go wrong, and a user stream."""

from __future__ import annotations

import asyncio
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import count
from random import Random
from typing import Any, cast

from engine.ports import Credentials
from engine.venues.trouble import Trouble, TroubleKind
from tests.virtual.exchange import (
    BEGAN_MS,
    PING_EVERY_S,
    Channel,
    Raw,
    Request,
    VirtualExchange,
    endpoint_of,
    trouble_in,
)
from tests.virtual.life import BEGAN, Mortal, Point, VirtualClock
from tests.virtual.network import Weather

SEND_BEFORE: ContextVar[float | None] = ContextVar("send_before", default=None)
STREAM_DELAYS_S = (0.005, 0.02, 0.3)


class VirtualRoad:
    """One client's way to the exchange; `engine.venues.ccxt_account.CcxtAccount` drives on it as on the real one."""

    def __init__(
        self,
        exchange: VirtualExchange,
        weather: Weather,
        mortal: Mortal,
        clock: VirtualClock,
        credentials: Credentials | None,
        of: Random,
    ) -> None:
        self.connections = 0
        self._exchange = exchange
        self._weather = weather
        self._mortal = mortal
        self._clock = clock
        self._api_key = credentials.api_key if credentials is not None else ""
        self._ahead_ms = 0
        """How far we believe our clock to be ahead of the venue's."""
        self._of = of
        self._channel: Channel | None = None
        self._numbers = count(1)

    async def call(self, endpoint: str, params: Mapping[str, str | int]) -> Any:
        """The exchange's answer, or Trouble."""
        loop = asyncio.get_running_loop()
        fate = self._weather.fate(endpoint)
        if fate.held_s:
            await asyncio.sleep(fate.held_s)
        deadline = SEND_BEFORE.get()
        if deadline is not None and self._clock.monotonic() > deadline:
            raise Trouble(TroubleKind.NOT_SENT, "RATE_LIMITED", "our own rate limiter held it back for too long")
        await self._mortal.come_to(Point.BEFORE_SENDING)
        if not fate.leaves or self._exchange.away:
            await asyncio.sleep(0.01)
            raise Trouble(TroubleKind.NOT_SENT, "UNREACHABLE", "connection refused")
        values = {name: str(value) for name, value in params.items()}
        request = Request(endpoint, values, self._api_key, self._wall_ms() - self._ahead_ms, loop.create_future())
        self._exchange.post(request, fate)
        await self._mortal.come_to(Point.AFTER_SENDING)
        told = await request.answer
        if told is None:
            raise Trouble(TroubleKind.UNANSWERED, "NetworkError", fate.name)
        await self._mortal.come_to(Point.ANSWERED)
        trouble = trouble_in(told)
        if trouble is not None:
            raise trouble
        return told[1]

    async def request(self, path: str, method: str, params: Mapping[str, str | int]) -> Any:
        return await self.call(endpoint_of(method, path, "private"), params)

    @contextmanager
    def sending_within(self, seconds: float) -> Generator[None]:
        token = SEND_BEFORE.set(self._clock.monotonic() + seconds)
        try:
            yield
        finally:
            SEND_BEFORE.reset(token)

    async def sync_clock(self) -> None:
        asked_ms = self._wall_ms()
        answer = await self.call("publicGetTime", {})
        if not isinstance(answer, dict) or "serverTime" not in answer:
            raise Trouble(TroubleKind.UNANSWERED, "GARBLED", "the venue's time makes no sense")
        self._ahead_ms = (asked_ms + self._wall_ms()) // 2 - cast("Raw", answer)["serverTime"]

    async def open_user_stream(self) -> None:
        await asyncio.sleep(self._of.uniform(0.01, 0.2))
        account = self._exchange.exchange.account_by_key(self._api_key)
        if self._exchange.away or self._of.random() < self._weather.spoils / 2:
            raise Trouble(TroubleKind.UNANSWERED, "SOCKET_CLOSED", "the socket could not be opened")
        if account is None or self._api_key in self._exchange.revoked:
            raise Trouble(TroubleKind.KEY, "-2015", "Invalid API-key, IP, or permissions for action.")
        self.connections += 1
        delay_s = STREAM_DELAYS_S[int(self._of.random() * len(STREAM_DELAYS_S))]
        self._channel = self._exchange.open_channel(account.account_id, next(self._numbers), delay_s)

    async def next_user_events(self) -> list[Raw]:
        channel = self._channel
        assert channel is not None
        while not channel.events:
            if channel.broken is not None:
                raise Trouble(TroubleKind.UNANSWERED, "SOCKET_CLOSED", channel.broken)
            channel.reader = asyncio.get_running_loop().create_future()
            await channel.reader
        taken = list(channel.events)
        channel.events.clear()
        return taken

    def last_frame_ms(self) -> Mapping[str, int]:
        """A ping came every quarter of a minute, as long as anything came."""
        channel = self._channel
        if channel is None or channel.broken is not None:
            return {}
        heard_s = self._clock.monotonic() if channel.silent_since_s is None else channel.silent_since_s
        pings = int((heard_s - channel.opened_s) / PING_EVERY_S)
        return {channel.url: BEGAN_MS + int((channel.opened_s + pings * PING_EVERY_S) * 1000)}

    def drop_socket(self, url: str, why: str) -> None:
        if self._channel is not None and self._channel.url == url:
            self._channel.break_off(why)

    async def close(self) -> None:
        if self._channel is not None:
            self._exchange.close_channel(self._channel)

    def _wall_ms(self) -> int:
        return BEGAN_MS + int((self._clock.now() - BEGAN).total_seconds() * 1000)
