# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingParameterType=false, reportUntypedBaseClass=false
# (ccxt declares its exchange methods at run time and carries no types for them: this file is where that ends)
"""The only importer of ccxt: one Binance exchange object behind typed calls.

Payloads go through as the venue wrote them (ccxt signs, limits, connects and keeps the books; its floats are
not used where a string is there), and every failure comes out as a `Trouble` without secrets in it.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

import aiohttp
import ccxt.pro
from ccxt.async_support.base.throttler import Throttler
from ccxt.base.errors import BaseError

from engine.ports import Credentials
from engine.runtime import Clock
from engine.venues.config import VenueConfig
from engine.venues.trouble import Trouble, TroubleKind, cut, parsed, redact, trouble_of_answer

T = TypeVar("T")
Raw = Mapping[str, Any]
"""A JSON object as the venue sent it."""

LONGEST_BACKLOG = 5_000
"""Messages of one kind that may wait for their reader; the oldest go first, and the reader re-reads by REST."""
STREAM_THROTTLE = {"algorithm": "rollingWindow", "windowSize": 1_000.0, "rateLimit": 1_200.0}
"""Four messages a second at the cost of 0.2 that every message has: Binance closes a stream socket that sends more
than five, pongs among them (Spot API, "WebSocket Limits", 2026-07)."""
USER = "numatix:user"
SEND_BEFORE: ContextVar[float | None] = ContextVar("send_before", default=None)
"""When a request of this task must not leave any more, on the monotonic clock."""

WEIGHT_HEADER = "x-mbx-used-weight-1m"


class Road:
    """One ccxt exchange object: the public side of a venue, or one account on it."""

    def __init__(self, config: VenueConfig, clock: Clock, credentials: Credentials | None = None) -> None:
        self._clock = clock
        self._secrets = (credentials.api_key, credentials.secret) if credentials else ()
        self._exchange: Any = _Binance(_settings(config, credentials))
        if config.rest_url is not None:
            if config.rest_url.startswith("http:"):
                self._exchange.timeout_on_exit = 0  # ccxt waits a quarter of a second for TLS to say goodbye
            self._exchange.urls["test"] = {
                "public": config.rest_url,
                "private": config.rest_url,
                "ws": {"spot": config.ws_url, "margin": config.ws_url, "ws-api": {"spot": config.ws_api_url}},
            }
        self._exchange.set_sandbox_mode(True)
        self.connections = 0
        """How often a socket was opened: who sees it change has missed something."""
        self._exchange.connected_hook = self._count_connection
        self._exchange.clock = clock

    async def call(self, endpoint: str, params: Mapping[str, str | int]) -> Any:
        """One REST call by ccxt's implicit name (`privatePostOrder`); the decoded JSON, or Trouble."""
        answer: Any = await self._guard(getattr(self._exchange, endpoint)(dict(params)))
        if not isinstance(answer, dict | list):
            raise Trouble(TroubleKind.UNANSWERED, "GARBLED", f"the answer makes no sense: {cut(redact(repr(answer)))}")
        return answer

    def used_weight(self) -> int | None:
        """Of the request limit by address, in the current minute, as the last answer said."""
        headers: Any = self._exchange.last_response_headers or {}
        told = next((text for name, text in headers.items() if name.lower() == WEIGHT_HEADER), None)
        return int(told) if isinstance(told, str) and told.isdecimal() else None

    async def request(self, path: str, method: str, params: Mapping[str, str | int]) -> Any:
        """One signed REST call that ccxt has no name for."""
        answer: Any = await self._guard(self._exchange.request(path, ["private"], method, dict(params)))
        if not isinstance(answer, dict | list):
            raise Trouble(TroubleKind.UNANSWERED, "GARBLED", f"the answer makes no sense: {cut(redact(repr(answer)))}")
        return answer

    @contextmanager
    def sending_within(self, seconds: float) -> Generator[None]:
        """Requests made inside that were held back for longer (by the rate limiter) are not sent: NOT_SENT."""
        token = SEND_BEFORE.set(self._clock.monotonic() + seconds)
        try:
            yield
        finally:
            SEND_BEFORE.reset(token)

    async def markets(self) -> Mapping[str, Raw]:
        """ccxt's markets by symbol, each with the venue's own words in `info`; read once."""
        return await self._guard(self._exchange.load_markets())

    async def sync_clock(self) -> None:
        """Learn how far the venue's clock is from ours."""
        try:
            await self._guard(self._exchange.load_time_difference())
        except TypeError:  # ccxt counts with whatever the answer has in the time's place
            raise Trouble(TroubleKind.UNANSWERED, "GARBLED", "the venue's time makes no sense") from None

    async def next_book(self, symbol: str, depth: int) -> tuple[int, list[list[float]], list[list[float]]]:
        """Wait for a change of the book: its update id, bids and asks, best first, `depth` levels at most."""
        book = await self._guard(self._exchange.watch_order_book(symbol, 500))
        bids = [[price, quantity] for price, quantity in book["bids"][:depth]]
        asks = [[price, quantity] for price, quantity in book["asks"][:depth]]
        return int(book["nonce"] or 0), bids, asks

    async def next_trades(self, symbol: str) -> list[Raw]:
        """Wait for public trades and take all that came."""
        waiting = self._exchange.backlog(f"trade:{symbol}")
        if not waiting:
            await self._guard(self._exchange.watch_trades(symbol))
        return _take(waiting)

    async def next_klines(self, symbol: str, timeframe: str) -> list[Raw]:
        """Wait for changes of the candle that is forming and take all that came."""
        waiting = self._exchange.backlog(f"kline:{symbol}:{timeframe}")
        if not waiting:
            await self._guard(self._exchange.watch_ohlcv(symbol, timeframe))
        return _take(waiting)

    def forget_klines(self, symbol: str, timeframe: str) -> None:
        """What came for a watcher who left before it was taken is old by now."""
        self._exchange.backlog(f"kline:{symbol}:{timeframe}").clear()

    async def next_ticker(self, symbol: str) -> Raw:
        ticker = await self._guard(self._exchange.watch_ticker(symbol))
        return ticker["info"]

    async def unwatch(self, kind: str, symbol: str, timeframe: str = "") -> None:
        """Stop a stream at the venue; nothing is sent when its socket is down."""
        if not any(client.isConnected and not client.closed() for client in self._clients()):
            return
        match kind:
            case "book":
                await self._guard(self._exchange.un_watch_order_book(symbol))
            case "trades":
                await self._guard(self._exchange.un_watch_trades(symbol))
            case "ticker":
                await self._guard(self._exchange.un_watch_ticker(symbol))
            case _:
                await self._guard(self._exchange.un_watch_ohlcv(symbol, timeframe))

    async def open_user_stream(self) -> None:
        """Subscribe to the account's events; returns when the venue has confirmed it."""
        try:
            await self._guard(self._exchange.authenticate({"type": "spot"}))
        except Trouble as trouble:
            # ccxt goes on waiting for a subscription that was refused, at the next try too, until its socket ends.
            for client in self._clients():
                client.on_error(trouble)
            raise

    async def next_user_events(self) -> list[Raw]:
        """Wait for the account's events and take all that came; Trouble when the stream broke."""
        waiting = self._exchange.backlog(USER)
        if not waiting:
            await self._guard(self._exchange.watch_user_event())
        return _take(waiting)

    def last_frame_ms(self) -> Mapping[str, int]:
        """When each open socket last received a frame (a ping is one), by its address, on ccxt's clock."""
        return {
            client.url: int(client.last_message_at or client.connectionEstablished or 0)
            for client in self._clients()
            if client.isConnected and not client.closed()
        }

    def drop_socket(self, url: str, why: str) -> None:
        """Close a socket and fail everyone who waits on it, so that they open it again."""
        for client in self._clients():
            if client.url == url:
                client.on_error(Trouble(TroubleKind.UNANSWERED, "SOCKET_SILENT", why))

    async def close(self) -> None:
        await self._exchange.close()

    def _clients(self) -> list[Any]:
        return list(self._exchange.clients.values())

    def _count_connection(self) -> None:
        self.connections += 1

    async def _guard(self, work: Awaitable[T]) -> T:
        """Every failure as a Trouble, cut off from ccxt's exception: that one may carry the signed address."""
        trouble: Trouble
        try:
            return await work
        except Trouble as error:
            trouble = error
        except BaseError as error:
            trouble = trouble_of(error, self._secrets)
        except KeyError as error:
            # ccxt forgets a subscription that failed, and stumbles where the failure had taken it away already.
            if not isinstance(error.__context__, Trouble | BaseError):
                raise
            trouble = _trouble_under(error.__context__, self._secrets)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            trouble = Trouble(TroubleKind.UNANSWERED, "SOCKET_CLOSED", "the stream's socket was closed")
        raise trouble from None


def _trouble_under(error: Trouble | BaseError, secrets: tuple[str, ...]) -> Trouble:
    return error if isinstance(error, Trouble) else trouble_of(error, secrets)


def trouble_of(error: BaseError, secrets: tuple[str, ...] = ()) -> Trouble:
    """A failure that ccxt raised without an answer of the venue: was anything sent at all?"""
    cause = error.__cause__
    said = str(error) if cause is None else f"{type(cause).__name__}: {cause}"
    detail = cut(redact(said, secrets))
    # Raised while the connection was being made, a failed TLS handshake included: nothing was written yet.
    if isinstance(cause, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | socket.gaierror):
        return Trouble(TroubleKind.NOT_SENT, "UNREACHABLE", detail)
    code = "TIMEOUT" if isinstance(cause, TimeoutError) else type(error).__name__
    return Trouble(TroubleKind.UNANSWERED, code, detail)


_Untyped: Any = ccxt.pro.binance


class _Binance(_Untyped):
    """ccxt.pro's Binance that also keeps what it received as it was written.

    ccxt coalesces order updates and turns figures into floats; the desk needs each report and its strings.
    """

    connected_hook: Callable[[], None]
    clock: Clock

    def __init__(self, settings: dict[str, Any]) -> None:
        self._backlogs: dict[str, deque[Raw]] = {}
        self._symbols: dict[str, str] = {}
        super().__init__(settings)

    def backlog(self, key: str) -> deque[Raw]:
        return self._backlogs.setdefault(key, deque(maxlen=LONGEST_BACKLOG))

    async def throttle(self, cost=None) -> None:
        """The last moment before a request is signed and sent."""
        await super().throttle(cost)
        deadline = SEND_BEFORE.get()
        if deadline is not None and self.clock.monotonic() > deadline:
            raise Trouble(TroubleKind.NOT_SENT, "RATE_LIMITED", "our own rate limiter held it back for too long")

    def client(self, url) -> Any:
        """A socket; one of market streams with a throttle of its own, since Binance cuts those that say too much."""
        known = url in (self.clients or {})
        found = super().client(url)
        if not known and url != self.urls["api"]["ws"]["ws-api"]["spot"]:
            found.throttle = Throttler(STREAM_THROTTLE, self.asyncio_loop)
        return found

    def on_connected(self, client, message=None) -> None:
        super().on_connected(client, message)
        self.connected_hook()

    def handle_errors(self, *answered: Any) -> None:
        """Replaces ccxt's table of error classes by ours, which knows status, code and Retry-After."""
        code, _reason, _url, _method, headers, body, response, *_request = answered
        status = code if code >= 100 else 0
        answer = response if response is not None else parsed(body or "")
        trouble = trouble_of_answer(status, headers or {}, body or "", answer)
        if trouble is not None:
            raise trouble

    def handle_trade(self, client, message) -> None:
        self.backlog(f"trade:{self._symbol_of(message['s'])}").append(message)
        super().handle_trade(client, message)

    def handle_ohlcv(self, client, message) -> None:
        kline = message["k"]
        self.backlog(f"kline:{self._symbol_of(message['s'])}:{kline['i']}").append(kline)
        super().handle_ohlcv(client, message)

    def handle_order_update(self, client, message) -> None:
        self._keep_user_event(client, message)

    def handle_balance(self, client, message) -> None:
        self._keep_user_event(client, message)

    def watch_user_event(self) -> Awaitable[Any]:
        """The next event of the account, of whatever kind; rejected when the socket breaks."""
        return self.watch(self.urls["api"]["ws"]["ws-api"]["spot"], USER, None, "spot")

    def _keep_user_event(self, client, message) -> None:
        self.backlog(USER).append(message)
        client.resolve(True, USER)

    def _symbol_of(self, venue_symbol: str) -> str:
        symbol = self._symbols.get(venue_symbol)
        if symbol is None:
            symbol = str(self.safe_symbol(venue_symbol, None, None, "spot"))
            self._symbols[venue_symbol] = symbol
        return symbol


def _take(waiting: deque[Raw]) -> list[Raw]:
    taken = list(waiting)
    waiting.clear()
    return taken


def _settings(config: VenueConfig, credentials: Credentials | None) -> dict[str, Any]:
    """How ccxt has to be set for one venue address; each line is there because its default failed (field notes)."""
    settings: dict[str, Any] = {
        "enableRateLimit": True,
        "rateLimiterAlgorithm": "rollingWindow",  # the leaky bucket is one queue: an order waits behind reads
        "timeout": config.timeout_ms,
        "newUpdates": True,
        "options": {
            "defaultType": "spot",
            "fetchMarkets": {"types": ["spot"]},  # the default calls futures hosts too
            "adjustForTimeDifference": False,
            "recvWindow": 5_000,
            "streamLimits": {"spot": 1},  # else every stream opens a socket of its own
            "subscriptionLimitByStream": {"spot": 1_024},
            "ws": {"cost": 0.2, "keepAlive": 15_000},
            "warnOnFetchOpenOrdersWithoutSymbol": False,
        },
    }
    if credentials is not None:
        settings |= {"apiKey": credentials.api_key, "secret": credentials.secret}
    return settings
