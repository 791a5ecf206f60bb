"""The desk's process once it may start: its house, its web server, the simulator it watches, and their end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Generator
from pathlib import Path

import structlog
import uvicorn
import uvloop
from starlette.types import ASGIApp

from data.errors import DatabaseError, RedisFault
from engine.domain.values import Refusal
from engine.identity.passwords import check_email, check_password
from engine.ports import User
from numatix.child import CannotStart, SimulatorProcess
from numatix.settings import MENDS, PREFIX, PublicAddress, Settings, SettingsError, keep_nicegui_in
from numatix.sockets import SocketProtocol
from numatix.telemetry import configure_logs
from numatix.wiring import ExchangeDoor, House, Makers, build_house

log = structlog.get_logger(__name__)

GRACE_S = 2
EXCHANGE_PATIENCE_S = 10.0
LARGEST_MESSAGE = 1024 * 1024
CANNOT_START = 2
ENDED_BY_FORCE = 130


class DeskProcess:
    """Built once the var dir, the key and the port are ours."""

    def __init__(
        self,
        settings: Settings,
        address: PublicAddress,
        var_dir: Path,
        key: bytes,
        listener: socket.socket,
        simulator: SimulatorProcess | None,
        makers: Makers | None = None,
    ) -> None:
        self._settings = settings
        self._address = address
        self._var_dir = var_dir
        self._key = key
        self._listener = listener
        self._simulator = simulator
        self._makers = makers
        self._exit_code = 0
        self._server: _Server | None = None
        self._house: House | None = None
        self._ending = False

    def run(self) -> int:
        """Until told to end; the exit code. Raises SettingsError."""
        check_owner(self._settings)
        configure_logs(terminal=sys.stderr.isatty())
        keep_nicegui_in(self._var_dir)
        try:
            house = build_house(self._settings, self._address, self._var_dir, self._key, self._exchange(), self._makers)
        except (DatabaseError, RedisFault) as error:
            sys.stderr.write(f"numatix: {error}\n")
            return CANNOT_START
        uvloop.run(self._live(house))
        return self._exit_code

    async def _live(self, house: House) -> None:
        with self._ending_on_signals():
            try:
                if self._simulator is not None:
                    self._look_after(self._simulator, house)
                self._server = self._build_server(house)
                await asyncio.sleep(0)  # hears a signal that came meanwhile
                if not self._ending:
                    self._house = house
                    await self._server.serve([self._listener])
            finally:
                await house.close()
                if self._simulator is not None:
                    await self._simulator.close()

    def _build_server(self, house: House) -> _Server:
        from numatix.web import build_app

        async def welcome(user: User) -> None:
            """A user was made: they get a paper account."""
            log.info("a user was made", user_id=user.id, role=user.role)
            await house.desk.open_paper_account(user.id)

        return _Server(build_app(house, welcome), lambda: self._open(house))

    def _look_after(self, simulator: SimulatorProcess, house: House) -> None:
        house.readings.count("numatix_simulator_restarts", lambda: simulator.restarts)
        house.supervisor.run("simulator", self._watch_simulator(simulator))

    async def _watch_simulator(self, simulator: SimulatorProcess) -> None:
        try:
            await simulator.watch()
        except CannotStart:
            self._exit_code = CANNOT_START
            self._end()

    def _open(self, house: House) -> None:
        """The server answers: only now what takes long, such as the import of ccxt."""
        if self._ending:
            return
        house.chain.start()
        house.supervisor.run("opening", self._welcome(house))

    async def _welcome(self, house: House) -> None:
        """Say where the desk is once its exchange is up: what keeps that from starting is said alone."""
        if self._simulator is not None:
            await self._simulator.first_service(EXCHANGE_PATIENCE_S)
        log.info("the desk is listening", url=self._address.url, port=self._listener.getsockname()[1])
        await self._look_after_users(house)

    async def _look_after_users(self, house: House) -> None:
        """Make the owner that the settings name, or print the link that makes one; see that all have an account."""
        settings, identity = self._settings, house.identity
        if await identity.needs_owner():
            if settings.owner_email is None or settings.owner_password is None:
                link = f"{self._address.url}/setup?code={await identity.setup_code()}"
                sys.stdout.write(f"\n  Set up your desk: {link}\n\n")
                sys.stdout.flush()
                return
            await identity.create_owner(None, settings.owner_email, settings.owner_password.get_secret_value())
        for user in await house.users.all_users():
            await house.desk.open_paper_account(user.id)

    def _exchange(self) -> ExchangeDoor:
        """The child's door, or that of the simulator that runs elsewhere."""
        if self._simulator is not None:
            return ExchangeDoor(self._simulator.url, self._simulator.admin_token)
        token = self._settings.simulator_token
        return ExchangeDoor(self._settings.simulator_url or "", token.get_secret_value() if token else "")

    def _end(self) -> None:
        """Finish what is in hand while the server still answers, so that everybody sees what comes of it; then end."""
        if self._ending:
            return
        self._ending = True
        if self._house is not None:
            self._house.supervisor.run("ending", self._drain(self._house))

    async def _drain(self, house: House) -> None:
        try:
            house.bots.warn()
            await house.chain.drain()
            await house.bots.shut()
        finally:
            if self._server is not None:
                self._server.should_exit = True

    @contextlib.contextmanager
    def _ending_on_signals(self) -> Generator[None]:
        """The first signal ends the desk in order, the second at once."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._hear_signal)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    def _hear_signal(self) -> None:
        if self._ending:
            if self._simulator is not None:
                self._simulator.kill()
            os._exit(ENDED_BY_FORCE)
        log.info("the desk is ending")
        self._end()


def check_owner(settings: Settings) -> None:
    """The owner's e-mail and password by the rules for everybody's. Here and not with the other settings, whose check
    must not wait for the import of the password library. Raises SettingsError."""
    if settings.owner_email is None or settings.owner_password is None:
        return
    try:
        check_email(settings.owner_email)
        check_password(settings.owner_password.get_secret_value())
    except Refusal as refusal:
        name = f"owner_{refusal.field}"
        raise SettingsError(f"{PREFIX}{name.upper()} will not do: {refusal.message} Mend: {MENDS[name]}.") from refusal


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own, saying when it answers."""

    def __init__(self, app: ASGIApp, ready: Callable[[], None]) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                http="httptools",
                ws=SocketProtocol,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                # The gate decides whom to believe.
                proxy_headers=False,
                ws_max_size=LARGEST_MESSAGE,
                timeout_graceful_shutdown=GRACE_S,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield
