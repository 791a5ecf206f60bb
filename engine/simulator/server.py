"""The simulator as a process: opens the exchange, serves its doors on loopback, ends when told or orphaned."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

import orjson
import uvloop
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from engine.runtime import Clock, Ids, Supervisor, SystemClock, SystemIds
from engine.simulator.admin import Admin
from engine.simulator.channels import MarketChannels
from engine.simulator.exchange import NowMs
from engine.simulator.exchange_info import OPERATIONS as INFO
from engine.simulator.fault_doors import FaultyRest, FrontDoor, system_status
from engine.simulator.fault_script import read_script
from engine.simulator.faults import Faults, SocketFaults
from engine.simulator.lines import Server
from engine.simulator.list_trading import OPERATIONS as LISTS
from engine.simulator.market import OPERATIONS as MARKET
from engine.simulator.operations import Counter, Operation
from engine.simulator.parent import die_with_parent, watch_parent
from engine.simulator.replacing import OPERATIONS as REPLACING
from engine.simulator.rest import METHODS, Rest
from engine.simulator.routing import OPERATIONS as ROUTING
from engine.simulator.sockets import Sockets
from engine.simulator.starting import CannotStart, SimulatorConfig, listen, log_to_stderr, open_exchange, open_flow
from engine.simulator.statements import OPERATIONS as STATEMENTS
from engine.simulator.streams import StreamDoor
from engine.simulator.tickers import OPERATIONS as TICKERS
from engine.simulator.trading import OPERATIONS as TRADING
from engine.simulator.usage import Usage
from engine.simulator.user_streams import UserStreams
from engine.simulator.wallet import OPERATIONS as WALLET
from engine.simulator.ws_api import WsApiDoor

CANNOT_START: Final = 2
COLLECT_AT: Final = (50_000, 20, 50)
"""Garbage is looked for less often than usual: each look goes through all that was made since the start."""


def run(config: SimulatorConfig, name: str = "simulator") -> int:
    """Serve until SIGTERM, SIGINT, an operator's shutdown or the parent's end; returns the exit code.

    What stands in the way of a start is said in one line on stderr, behind the name, with exit code 2. When the
    simulator serves, one JSON line on stdout tells its host and port.
    """
    log_to_stderr()
    if config.parent_fd is not None:
        die_with_parent()
    try:
        with contextlib.closing(listen(config.host, config.port)) as listener:
            simulator = Simulator(config, SystemClock(), SystemIds())
            try:
                uvloop.run(simulator.serve(listener))
            finally:
                simulator.exchange.close()
    except CannotStart as reason:
        sys.stderr.write(f"{name}: {reason}\n")
        return CANNOT_START
    return 0


class Simulator:
    """The exchange with its doors."""

    def __init__(self, config: SimulatorConfig, clock: Clock, ids: Ids) -> None:
        """Open or recover the market. CannotStart when the journal, a key, the flow or the faults will not do."""
        self._config = config
        self._clock = clock
        self._ids = ids
        self._now_ms: NowMs = lambda: int(clock.now().timestamp() * 1000)
        self._over = asyncio.Event()
        self._down_ms: int | None = None
        self._server: Server | None = None
        self._announce_end: Callable[[], None] = _nothing
        self._open()
        self._faults = Faults(self.exchange.seed, self._now_ms, self._account_id_of)
        try:
            self._script = read_script(config.faults) if config.faults is not None else []
            for fault in self._script:
                self._faults.add(fault)
        except ValueError as error:
            self.exchange.close()
            raise CannotStart(str(error)) from None

    async def serve(self, listener: socket.socket) -> None:
        """Serve on a socket that listens already, until told to end; restarts in between at the same address."""
        stop_watching = _end_on_signals(self.end)
        parent_fd = self._config.parent_fd
        unwatch = watch_parent(parent_fd, self.end) if parent_fd is not None else _nothing
        try:
            address: tuple[str, int] = listener.getsockname()[:2]
            await self._serve_once(listener)
            while await self._comes_back():
                await self._serve_once(listen(*address))
        finally:
            unwatch()
            stop_watching()

    def end(self) -> None:
        """Stop serving soon, for good."""
        self._over.set()
        self._stop()

    def restart(self, down_ms: int) -> None:
        """Stop serving soon; after so many milliseconds come back as a process would that was started again."""
        self._down_ms = down_ms
        self._stop()

    def _stop(self) -> None:
        if self._server is not None:
            self._announce_end()
            self._server.should_exit = True

    def _open(self) -> None:
        self.exchange = open_exchange(self._config, self._now_ms)
        try:
            self._flow = open_flow(self._config, self.exchange, self._clock)
        except CannotStart:
            self.exchange.close()
            raise

    async def _comes_back(self) -> bool:
        """Whether this end is a restart; waits it out and recovers the market from its journal, if it has one."""
        if self._down_ms is None or self._over.is_set():
            return False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._down_ms / 1000):
                await self._over.wait()
                return False
        if self._config.journal_dir is not None:
            self.exchange.close()
            self._open()
        return True

    async def _serve_once(self, listener: socket.socket) -> None:
        self._down_ms = None
        supervisor = Supervisor("simulator", self._clock)
        usage = Usage(self._now_ms, self._config.limits)
        counter = Counter(self.exchange, self._now_ms, self._ids, usage)
        channels = MarketChannels(self.exchange, counter.notations, self._clock, self._now_ms)
        users = UserStreams(self.exchange, counter.notations, self._ids, self._now_ms, self._faults)
        sockets = Sockets(supervisor, self._ids, usage, self._now_ms)
        if self._flow.controller is not None:
            self._flow.controller.backlog = channels.backlog
        rest = FaultyRest(Rest(counter, self._operations(users)), self._faults)
        app = self._app(counter, channels, users, sockets, rest)
        self._server = Server(app, lambda: _announce(listener), usage.limits.ping_s, usage.limits.pong_s)
        hits = SocketFaults(sockets.cut, sockets.silence, self.restart)
        supervisor.keep("journal", self.exchange.keep_together)
        supervisor.keep("flow", self._flow.run)
        supervisor.keep("streams", channels.run)
        supervisor.keep("listen keys", users.run)
        supervisor.keep("sockets", sockets.run)
        supervisor.keep("faults", lambda: self._faults.run(hits))
        self._announce_end = sockets.announce_end
        self._server.on_end = rest.release
        gc.freeze()
        gc.set_threshold(*COLLECT_AT)
        try:
            await self._server.serve([listener])
        finally:
            counter.close()
            channels.close()
            users.close()
            await supervisor.close()

    def _operations(self, users: UserStreams) -> tuple[Operation, ...]:
        return (
            *INFO,
            *MARKET,
            *TICKERS,
            *TRADING,
            *STATEMENTS,
            *REPLACING,
            *LISTS,
            *ROUTING,
            *users.operations(),
            *WALLET,
            system_status(self._faults),
        )

    def _app(
        self,
        counter: Counter,
        channels: MarketChannels,
        users: UserStreams,
        sockets: Sockets,
        rest: FaultyRest,
    ) -> FrontDoor:
        streams = StreamDoor(channels, users, sockets)
        ws_api = WsApiDoor(counter, self._operations(users), users, sockets, self._faults)
        admin = Admin(
            self.exchange,
            channels,
            self._flow,
            self._config.flow,
            self._config.journal_dir,
            self._config.admin_token,
            self._ids,
            self._now_ms,
            self.end,
            self._faults,
            counter.usage,
        )
        routed = Starlette(
            routes=[
                Route("/sim/openapi.json", rest.describe, methods=["GET"]),
                Route("/sim/accounts", admin.accounts, methods=["POST"]),
                Route("/sim/accounts/{api_key}/deposit", admin.deposit, methods=["POST"]),
                Route("/sim/faults", admin.list_faults, methods=["GET"]),
                Route("/sim/faults", admin.add_fault, methods=["POST"]),
                Route("/sim/faults", admin.remove_faults, methods=["DELETE"]),
                Route("/sim/faults/{name}", admin.remove_faults, methods=["DELETE"]),
                Route("/sim/limits", admin.limits, methods=["GET", "POST"]),
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
        return FrontDoor(rest, routed)

    def _account_id_of(self, api_key: str) -> int | None:
        account = self.exchange.account_by_key(api_key)
        return None if account is None else account.account_id


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


def _nothing() -> None:
    return


__all__ = ["CannotStart", "Simulator", "SimulatorConfig", "run"]
