"""The simulator as a process: opens the exchange, serves its doors on loopback, ends when told or orphaned."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import socket
import sys
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import orjson
import structlog
import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from engine.runtime import Clock, Ids, Supervisor, SystemClock, SystemIds
from engine.simulator.admin import Admin, Keys, open_account
from engine.simulator.channels import MarketChannels
from engine.simulator.exchange import Exchange, NowMs
from engine.simulator.flow import Flow, build_flow
from engine.simulator.journal import JournalError, journal_seed
from engine.simulator.listings import default_listings
from engine.simulator.market import OPERATIONS as MARKET
from engine.simulator.model import ApiError
from engine.simulator.operations import Counter
from engine.simulator.parent import die_with_parent, watch_parent
from engine.simulator.rest import METHODS, Rest
from engine.simulator.sockets import Sockets
from engine.simulator.streams import StreamDoor
from engine.simulator.trading import OPERATIONS as TRADING
from engine.simulator.usage import Usage
from engine.simulator.user_streams import UserStreams
from engine.simulator.ws_api import WsApiDoor

CANNOT_START: Final = 2
GRACE_S: Final = 1
LARGEST_MESSAGE: Final = 64 * 1024
SEEDS: Final = 2**31


@dataclass(frozen=True, slots=True)
class SimulatorConfig:
    """How a simulator is started.

    `port` 0 takes any free one; `seed` None draws one (a journal's own is continued). `journal_dir` None keeps
    the market in memory. `parent_fd` is the read end of a pipe whose write end the parent holds.
    """

    host: str = "127.0.0.1"
    port: int = 8090
    seed: int | None = None
    flow: str = "synthetic"
    journal_dir: Path | None = None
    admin_token: str | None = field(default=None, repr=False)
    keys: tuple[Keys, ...] = field(default=(), repr=False)
    parent_fd: int | None = None


class CannotStart(Exception):
    """Why the simulator cannot start, in a sentence for whoever started it."""


def run(config: SimulatorConfig) -> int:
    """Serve until SIGTERM, SIGINT, an operator's shutdown or the parent's end; returns the exit code.

    What stands in the way of a start is said in one line on stderr, with exit code 2. When the simulator
    serves, one JSON line on stdout tells its host and port.
    """
    _log_to_stderr()
    if config.parent_fd is not None:
        die_with_parent()
    try:
        with contextlib.closing(_listen(config)) as listener:
            simulator = Simulator(config, SystemClock(), SystemIds())
            try:
                uvloop.run(simulator.serve(listener))
            finally:
                simulator.exchange.close()
    except CannotStart as reason:
        sys.stderr.write(f"simulator: {reason}\n")
        return CANNOT_START
    return 0


class Simulator:
    """The exchange with its doors."""

    def __init__(self, config: SimulatorConfig, clock: Clock, ids: Ids) -> None:
        """Open or recover the market. CannotStart when the journal, a key or the flow will not do."""
        self._config = config
        self._clock = clock
        self._ids = ids
        self._supervisor = Supervisor("simulator", clock)
        self._now_ms: NowMs = lambda: int(clock.now().timestamp() * 1000)
        self.exchange = _open_exchange(config, self._now_ms)
        try:
            self._flow = _open_flow(config, self.exchange, clock)
        except CannotStart:
            self.exchange.close()
            raise

    async def serve(self, listener: socket.socket) -> None:
        """Serve on a socket that listens already, until told to end."""
        counter = Counter(self.exchange, self._now_ms, self._ids)
        channels = MarketChannels(self.exchange, counter.notations, self._clock, self._now_ms)
        users = UserStreams(self.exchange, counter.notations, self._ids, self._now_ms)
        if self._flow.controller is not None:
            self._flow.controller.backlog = channels.backlog
        server = _Server(lambda end: self._app(counter, channels, users, end), lambda: _announce(listener))
        stop_watching = _end_on_signals(server.end)
        parent_fd = self._config.parent_fd
        unwatch = watch_parent(parent_fd, server.end) if parent_fd is not None else _nothing
        self._supervisor.keep("flow", self._flow.run)
        self._supervisor.keep("streams", channels.run)
        self._supervisor.keep("listen keys", users.run)
        gc.freeze()
        try:
            await server.serve([listener])
        finally:
            unwatch()
            stop_watching()
            channels.close()
            users.close()
            await self._supervisor.close()

    def _app(
        self, counter: Counter, channels: MarketChannels, users: UserStreams, shut_down: Callable[[], None]
    ) -> Starlette:
        usage = Usage(self._now_ms)
        operations = MARKET + TRADING + users.operations()
        rest = Rest(counter, operations, usage)
        sockets = Sockets(self._supervisor, self._ids)
        streams = StreamDoor(channels, users, sockets)
        ws_api = WsApiDoor(counter, operations, users, usage, sockets)
        admin = Admin(
            self.exchange,
            channels,
            self._flow,
            self._config.flow,
            self._config.journal_dir,
            self._config.admin_token,
            self._ids,
            self._now_ms,
            shut_down,
        )
        return Starlette(
            routes=[
                Route("/sim/accounts", admin.accounts, methods=["POST"]),
                Route("/sim/status", admin.status, methods=["GET"]),
                Route("/sim/replay/{action}", admin.replay, methods=["POST"]),
                Route("/sim/shutdown", admin.shutdown, methods=["POST"]),
                WebSocketRoute("/ws-api/v3", ws_api.open),
                WebSocketRoute("/ws", streams.open),
                WebSocketRoute("/ws/{names:path}", streams.open),
                WebSocketRoute("/stream", streams.open),
                WebSocketRoute("/stream/ws", streams.open),
                WebSocketRoute("/stream/ws/{names:path}", streams.open),
                Route("/{path:path}", rest.answer, methods=list(METHODS)),
            ]
        )


class _Server(uvicorn.Server):
    """uvicorn without its own signal handlers, saying when it is ready."""

    def __init__(self, build_app: Callable[[Callable[[], None]], Starlette], ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                build_app(self.end),
                http="httptools",
                ws="websockets-sansio",
                lifespan="off",
                log_config=None,
                log_level="warning",
                access_log=False,
                server_header=False,
                ws_max_size=LARGEST_MESSAGE,
                ws_ping_interval=20,
                ws_ping_timeout=60,
                ws_per_message_deflate=False,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._ready = ready

    def end(self) -> None:
        """Stop serving soon."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


def _listen(config: SimulatorConfig) -> socket.socket:
    family = socket.AF_INET6 if ":" in config.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((config.host, config.port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotStart(
            f"cannot listen on {config.host}:{config.port} ({_reason(error)}): free it or choose another with --port"
        ) from None
    listener.setblocking(False)
    return listener


def _open_exchange(config: SimulatorConfig, now_ms: NowMs) -> Exchange:
    seed = config.seed
    try:
        if seed is None and config.journal_dir is not None:
            seed = journal_seed(config.journal_dir)
        if seed is None:
            seed = secrets.randbelow(SEEDS)
        return Exchange(default_listings(), seed, now_ms, config.journal_dir)
    except OSError as error:
        raise CannotStart(
            f"cannot keep a journal in {config.journal_dir} ({_reason(error)}): choose a folder that can be written"
        ) from None
    except JournalError as error:
        raise CannotStart(str(error)) from None


def _open_flow(config: SimulatorConfig, exchange: Exchange, clock: Clock) -> Flow:
    try:
        for keys in config.keys:
            open_account(exchange, keys)
        flow = build_flow(config.flow, exchange, exchange.seed, clock)
        flow.prepare()
    except ApiError as error:
        raise CannotStart(f"cannot open an account: {error.message}") from None
    except ValueError as error:
        raise CannotStart(str(error)) from None
    return flow


def _end_on_signals(end: Callable[[], None]) -> Callable[[], None]:
    loop = asyncio.get_running_loop()
    handled = (signal.SIGTERM, signal.SIGINT)
    for number in handled:
        loop.add_signal_handler(number, end)

    def restore() -> None:
        for number in handled:
            loop.remove_signal_handler(number)

    return restore


def _announce(listener: socket.socket) -> None:
    host, port = listener.getsockname()[:2]
    line = orjson.dumps({"event": "simulator listening", "host": host, "port": port}).decode()
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


def _nothing() -> None:
    return


STARTING_BALANCE: Final = {"USDT": Decimal(100_000), "BTC": Decimal(1)}
