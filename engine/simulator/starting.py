"""What a simulator is started with, and what can stand in the way of a start."""

from __future__ import annotations

import logging
import secrets
import socket
import sys
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Final

import structlog

from engine.runtime import Clock
from engine.simulator.exchange import Exchange, NowMs
from engine.simulator.flow import Flow, build_flow
from engine.simulator.journal import JournalError, journal_seed
from engine.simulator.keys import Keys, open_account
from engine.simulator.limits import Limits
from engine.simulator.listings import default_listings
from engine.simulator.model import ApiError
from engine.simulator.symbol_files import read_listings

SEEDS: Final = 2**31
STARTING_BALANCE: Final = {"USDT": Decimal(100_000), "BTC": Decimal(1)}


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
    faults: Path | None = None
    symbols: Path | None = None
    limits: Limits = field(default_factory=Limits)


class CannotStart(Exception):
    """Why the simulator cannot start, in a sentence for whoever started it."""


def listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise CannotStart(
            f"cannot listen on {host}:{port} ({_reason(error)}): free it or choose another with --port"
        ) from None
    listener.setblocking(False)
    return listener


def open_exchange(config: SimulatorConfig, now_ms: NowMs) -> Exchange:
    seed = config.seed
    try:
        if seed is None and config.journal_dir is not None:
            seed = journal_seed(config.journal_dir)
        if seed is None:
            seed = secrets.randbelow(SEEDS)
        listings = default_listings() if config.symbols is None else read_listings(config.symbols)
        return Exchange(listings, seed, now_ms, config.journal_dir)
    except OSError as error:
        raise CannotStart(
            f"cannot keep a journal in {config.journal_dir} ({_reason(error)}): choose a folder that can be written"
        ) from None
    except (JournalError, ValueError) as error:
        raise CannotStart(str(error)) from None


def open_flow(config: SimulatorConfig, exchange: Exchange, clock: Clock) -> Flow:
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


def log_to_stderr() -> None:
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
