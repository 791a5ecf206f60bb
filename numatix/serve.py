"""`python -m numatix`: the life of the desk's process, from the first check to the last clean-up."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from engine.runtime import SystemClock, SystemIds
from numatix.child import ChildConfig, SimulatorProcess
from numatix.settings import (
    PREFIX,
    Settings,
    SettingsError,
    load_settings,
    prepare_var_dir,
    public_address,
    secret_key,
)

if TYPE_CHECKING:
    from numatix.wiring import Makers

CANNOT_START = 2
PORT_PATIENCE_S = 5.0
"""How long a port may still belong to the desk before this one, which is ending."""
BACKLOG = 2048


class CannotServe(Exception):
    """Why the desk cannot start, in one line."""


def serve(makers: Makers | None = None) -> int:
    """Serve until SIGINT or SIGTERM; the exit code. What stands in the way is one line on stderr and code 2.

    `makers` stand in for the usual parts behind ports."""
    # Until the event loop listens to signals itself, both end the desk by unwinding the stack.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        return _serve(load_settings(), makers)
    except KeyboardInterrupt:
        return 0
    except (SettingsError, CannotServe) as error:
        sys.stderr.write(f"numatix: {error}\n")
        return CANNOT_START


def _serve(settings: Settings, makers: Makers | None) -> int:
    var_dir = prepare_var_dir(settings)
    with contextlib.ExitStack() as stack:
        stack.enter_context(_only_desk(var_dir))
        key = secret_key(settings, var_dir)
        listener = stack.enter_context(listen(settings.host, settings.port, f"{PREFIX}PORT"))
        simulator = start_simulator(settings, var_dir)
        if simulator is not None:
            stack.callback(simulator.kill)
        # Only now what takes long to import: the simulator starts on the other core meanwhile.
        from numatix.process import DeskProcess

        address = public_address(settings, listener.getsockname()[1])
        return DeskProcess(settings, address, var_dir, key, listener, simulator, makers).run()


def start_simulator(settings: Settings, var_dir: Path) -> SimulatorProcess | None:
    """Start the built-in exchange, unless one that runs elsewhere is named."""
    if settings.simulator_url is not None:
        return None
    # Bound for a moment to see that it is free, and to draw a number when any will do.
    with listen(settings.simulator_host, settings.simulator_port, f"{PREFIX}SIMULATOR_PORT") as probe:
        port = probe.getsockname()[1]
    config = ChildConfig(
        settings.simulator_host,
        port,
        settings.simulator_seed,
        settings.simulator_flow,
        var_dir / "simulator",
        SystemIds().secret(),
    )
    simulator = SimulatorProcess(config, SystemClock())
    simulator.start()
    return simulator


def listen(host: str, port: int, setting: str) -> socket.socket:
    """A listening socket. A port in use is given some seconds to come free. Raises CannotServe."""
    clock = SystemClock()
    deadline = clock.monotonic() + PORT_PATIENCE_S
    while True:
        try:
            return _bound(host, port)
        except (OSError, OverflowError) as error:
            if getattr(error, "errno", None) != errno.EADDRINUSE:
                words = error.strerror if isinstance(error, OSError) else str(error)
                name = setting.replace("PORT", "HOST")
                raise CannotServe(f"cannot listen on {host}:{port} ({words}): mend {name} or {setting}.") from error
            if clock.monotonic() > deadline:
                raise CannotServe(
                    f"port {port} on {host} is in use: stop what listens there, or set {setting} to a free one."
                ) from error
        time.sleep(0.05)


def _bound(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(where)
        listener.listen(BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener


@contextlib.contextmanager
def _only_desk(var_dir: Path) -> Generator[None]:
    """Hold the var dir: two desks on one journal and one database would spoil both."""
    with _lock_file(var_dir / "desk.lock") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            lock.seek(0)
            raise CannotServe(
                f"another desk (process {lock.read().strip() or 'unknown'}) uses {str(var_dir)!r}:"
                f" stop it, or give this one its own {PREFIX}VAR_DIR."
            ) from error
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _lock_file(path: Path) -> TextIO:
    try:
        return path.open("a+")
    except OSError as error:
        raise CannotServe(
            f"{str(path)!r} cannot be written ({error.strerror}): give the folder to the user who runs the desk,"
            f" or name another in {PREFIX}VAR_DIR."
        ) from error
