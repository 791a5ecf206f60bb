"""The road to one Redis; the only module that knows its client library.

A Redis that hangs is worse than one that is gone: every call here has an end. Once a call was in vain, the others are
refused at once until one that tries again is answered.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, Self, cast
from urllib.parse import urlsplit

import structlog
from redis import Redis as BlockingRedis
from redis.asyncio import Connection, ConnectionPool, Redis
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.exceptions import (
    AuthenticationError,
    BusyLoadingError,
    NoScriptError,
    RedisError,
)
from redis.exceptions import ConnectionError as LinkError
from redis.exceptions import TimeoutError as LinkTimeout
from redis.retry import Retry

from data.errors import RedisFault
from engine.domain.values import Unavailable
from engine.runtime import Clock

log = structlog.get_logger(__name__)

ANSWER_WITHIN_S = 1.0
CONNECT_WITHIN_S = 3.0
"""At the start, where there is time."""
TRY_AGAIN_AFTER_S = 0.25
AT_ONCE = 16
CHECKED_FOR_S = 30.0
OLDEST = (7, 0)
GOOD_POLICY = "noeviction"
QUIET_FOR_S = 1.0
"""A channel on which nothing came for so long is asked whether it still lives."""


class Client(Protocol):
    """What is used of redis-py's asynchronous client, which is only partly typed."""

    def execute_command(self, *command: str | bytes | float) -> Awaitable[Any]: ...
    def pipeline(self, *, transaction: bool) -> Pipeline: ...
    def info(self) -> Awaitable[Mapping[str, object]]: ...
    def aclose(self) -> Awaitable[None]: ...


class Pipeline(Protocol):
    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, *_: object) -> None: ...
    def publish(self, channel: str, data: bytes) -> object: ...
    def execute(self) -> Awaitable[object]: ...


@dataclass(frozen=True)
class Script:
    """A Lua script that Redis runs as a whole or, while it has no memory left, not at all."""

    text: str

    @cached_property
    def digest(self) -> str:
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class Listening:
    """The channels are heard from here on; whatever was said before is gone."""


@dataclass(frozen=True, slots=True)
class Heard:
    channel: str
    data: bytes


class RedisLink:
    """Calls raise Unavailable when they are not answered; which of them were carried out nevertheless is not known."""

    def __init__(self, url: str, clock: Clock) -> None:
        self._clock = clock
        self._redis = _client(url)
        self._waiting = _client(url)
        self._connection = _connection_of(url)
        self._places = asyncio.Semaphore(AT_ONCE)
        self._checking = asyncio.Lock()
        self._away = False
        self._try_again_at = float("-inf")
        self._checked_until = float("-inf")
        self._fault: str | None = None

    @classmethod
    def open(cls, url: str, clock: Clock) -> RedisLink:
        """A link to a Redis that was found fit. Raises RedisFault."""
        check(url)
        return cls(url, clock)

    async def run(self, script: Script, keys: Sequence[str], arguments: Sequence[str | bytes | int]) -> Any:
        """What the script returns: bytes, ints and lists of them."""
        async with self._places, self._answered(ANSWER_WITHIN_S):
            try:
                return await self._call("EVALSHA", script.digest, len(keys), *keys, *arguments)
            except NoScriptError:
                return await self._call("EVAL", script.text, len(keys), *keys, *arguments)

    async def publish(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Say these on their channels, in this order."""
        async with self._places, self._answered(ANSWER_WITHIN_S), self._redis.pipeline(transaction=False) as pipe:
            for channel, data in messages:
                pipe.publish(channel, data)
            await pipe.execute()

    async def wait(self, stream: str, after: str, seconds: float) -> None:
        """Until the stream has an entry after that id, or the time is over."""
        if self._away:
            raise _away()  # it would take long to find out whether it is back
        async with self._answered(seconds + ANSWER_WITHIN_S):
            milliseconds = max(1, round(seconds * 1_000))
            await self._waiting.execute_command("XREAD", "COUNT", 1, "BLOCK", milliseconds, "STREAMS", stream, after)

    async def make_sure(self) -> None:
        """That Redis throws nothing away, asked anew after it was away and now and then. Raises Unavailable."""
        async with self._checking:
            if self._checked_until <= self._clock.monotonic():
                async with self._places, self._answered(ANSWER_WITHIN_S):
                    info = await self._redis.info()
                fault, before = unfit(info), self._fault
                self._fault = fault
                self._checked_until = self._clock.monotonic() + (CHECKED_FOR_S if fault is None else ANSWER_WITHIN_S)
                if fault is not None and fault != before:
                    log.error("Redis is not fit any more: nothing is published", fault=fault)
        if self._fault is not None:
            raise Unavailable("redis_unfit", f"Redis {self._fault}.")

    async def listen(self, channels: Sequence[str]) -> AsyncGenerator[Listening | Heard]:
        """What is said on the channels, until the link is lost: then Unavailable."""
        connection = self._connection()
        try:
            async with aclosing(_hear(connection, channels)) as heard:
                async for one in heard:
                    yield one
        except (RedisError, OSError, TimeoutError) as error:
            raise Unavailable("redis_away", f"Redis is not heard any more: {_words(error)}.") from error
        finally:
            await connection.disconnect(nowait=True)

    async def close(self) -> None:
        for client in (self._redis, self._waiting):
            with suppress(RedisError, OSError):
                await client.aclose()

    async def _call(self, *command: str | bytes | int) -> Any:
        return await self._redis.execute_command(*command)

    @asynccontextmanager
    async def _answered(self, within_s: float) -> AsyncGenerator[None]:
        self._refuse_while_away()
        try:
            async with asyncio.timeout(within_s):
                yield
        except (LinkError, LinkTimeout, OSError, TimeoutError) as error:
            self._lost(error)
            raise Unavailable("redis_away", f"Redis does not answer: {_words(error)}.") from error
        except RedisError as error:
            self._come_back()
            raise Unavailable("redis_refuses", f"Redis refuses: {_words(error)}.") from error
        self._come_back()

    def _refuse_while_away(self) -> None:
        """One call at a time tries whether it is back."""
        if not self._away:
            return
        now = self._clock.monotonic()
        if now < self._try_again_at:
            raise _away()
        self._try_again_at = now + ANSWER_WITHIN_S

    def _lost(self, error: Exception) -> None:
        if not self._away:
            log.warning("Redis does not answer", error=_words(error))
        self._away = True
        self._try_again_at = self._clock.monotonic() + TRY_AGAIN_AFTER_S
        self._checked_until = float("-inf")

    def _come_back(self) -> None:
        if self._away:
            log.info("Redis answers again")
        self._away = False


def check(url: str) -> None:
    """Ask what stands there, once, blocking. Raises RedisFault."""
    client = cast("Any", BlockingRedis).from_url(
        url,
        protocol=2,
        socket_timeout=CONNECT_WITHIN_S,
        socket_connect_timeout=CONNECT_WITHIN_S,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        fault = unfit(cast("Mapping[str, object]", client.info()))
    except AuthenticationError as error:
        raise _fault(url, f"it refuses the name or password ({_words(error)})", "mend them in the address") from error
    except BusyLoadingError as error:
        raise _fault(url, "it is still loading its data", "start again in a moment") from error
    except (LinkError, LinkTimeout, OSError) as error:
        raise _fault(url, f"no Redis answers there ({_words(error)})", "start it, or mend the address") from error
    except (RedisError, ValueError) as error:
        raise _fault(url, f"it cannot be used ({_words(error)})", "mend the address") from error
    finally:
        client.close()
    if fault is not None:
        raise _fault(url, f"it {fault}", "mend that, or name another")


def unfit(info: Mapping[str, object]) -> str | None:
    """What is wrong with a Redis that says this of itself, in words that follow its name; None when it is fit."""
    version = str(info.get("redis_version", "0"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    policy = str(info.get("maxmemory_policy", "unknown"))
    if numbers < OLDEST:
        return f"is version {version}, and {'.'.join(map(str, OLDEST))} or later is needed"
    if policy != GOOD_POLICY:
        return f"has the maxmemory-policy {policy}, which may throw commands away: it must be {GOOD_POLICY}"
    if info.get("role") == "slave":
        return "is a replica, which takes nothing: its primary is needed"
    return None


async def _hear(connection: Connection, channels: Sequence[str]) -> AsyncGenerator[Listening | Heard]:
    async with asyncio.timeout(ANSWER_WITHIN_S):
        await connection.connect()
        await connection.send_command("SUBSCRIBE", *channels)
        for _ in channels:
            await connection.read_response()
    yield Listening()
    read = cast("Callable[..., Awaitable[Any]]", connection.read_response)
    asked = False
    while True:
        answer = await read(timeout=QUIET_FOR_S, disconnect_on_error=False)
        if answer is None:
            if asked:
                raise LinkTimeout("it says nothing")
            await connection.send_command("PING", check_health=False)
            asked = True
        elif answer[0] == b"message":
            asked = False
            yield Heard(answer[1].decode(), answer[2])
        else:
            asked = False


def _client(url: str) -> Client:
    """Without limits of its own on time, and without attempts behind our back."""
    return cast("Any", Redis).from_url(url, protocol=2, socket_timeout=None, retry=AsyncRetry(NoBackoff(), 0))


def _connection_of(url: str) -> Callable[[], Connection]:
    return cast("Any", ConnectionPool).from_url(url, protocol=2, socket_timeout=None).make_connection


def _fault(url: str, fault: str, mend: str) -> RedisFault:
    parts = urlsplit(url)
    shown = f"{parts.scheme}://{'…@' if '@' in parts.netloc else ''}{parts.netloc.rpartition('@')[2]}{parts.path}"
    return RedisFault(f"NUMATIX_REDIS_URL is {shown!r}: {fault}; {mend}.")


def _away() -> Unavailable:
    return Unavailable("redis_away", "Redis does not answer.")


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError) and not str(error):
        return "it takes too long"
    return str(error).strip().rstrip(".") or type(error).__name__
