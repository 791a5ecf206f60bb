"""A plain WebSocket consumer: keeps what arrives, waits for what a test expects."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from websockets.asyncio.client import ClientConnection, connect

from tests.simulator.process import Keys

Message = dict[str, Any]
DEADLINE_S = 10.0


class Consumer:
    """One socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.waiting: list[Any] = []
        self._ids = itertools.count(1)

    async def say(self, **message: object) -> None:
        await self.connection.send(json.dumps(message))

    async def next(self, wanted: Callable[[Any], object] = lambda message: True) -> Any:
        """The next message that is wanted; those before it stay for later calls."""
        for index, message in enumerate(self.waiting):
            if wanted(message):
                return self.waiting.pop(index)
        async with asyncio.timeout(DEADLINE_S):
            while True:
                message = json.loads(await self.connection.recv())
                if wanted(message):
                    return message
                self.waiting.append(message)

    async def event(self, kind: str) -> Message:
        """The next event of this kind, bare or wrapped."""
        return unwrapped(await self.next(lambda message: unwrapped(message).get("e") == kind))

    async def ask(self, method: str, params: object = None) -> Message:
        """A request and the answer to it."""
        number = next(self._ids)
        await self.say(id=number, method=method, params={} if params is None else params)
        return await self.next(lambda message: unlisted(message).get("id") == number)

    async def ask_signed(self, keys: Keys, method: str, **params: object) -> Message:
        """A WebSocket API request with key, time and signature."""
        return await self.ask(method, signed(keys, **params))


def signed(keys: Keys, **params: object) -> dict[str, object]:
    """Parameters with key, time and signature, as the WebSocket API wants them."""
    full = {"apiKey": keys.api_key, "timestamp": time.time_ns() // 1_000_000, **params}
    payload = "&".join(f"{name}={full[name]}" for name in sorted(full))
    return {**full, "signature": keys.sign(payload)}


def unwrapped(message: Any) -> Message:
    """The event inside a combined stream's or a subscription's wrapping."""
    found = unlisted(message)
    return found.get("event") or found.get("data") or found


def unlisted(message: Any) -> Message:
    """The message, or nothing when it is a list of tickers."""
    return cast("Message", message) if isinstance(message, dict) else {}


@asynccontextmanager
async def consumer(url: str) -> AsyncGenerator[Consumer]:
    """A socket for the time of a test."""
    async with connect(url, proxy=None, max_queue=None) as connection:
        yield Consumer(connection)
