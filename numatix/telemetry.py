"""Logs: JSON lines, or coloured ones on a terminal; what must stay secret is struck out on the way."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Mapping
from typing import Any, Final, cast

import structlog
from structlog.types import EventDict, WrappedLogger

SECRET_NAMES: Final = re.compile(
    r"(?i)(password|passwd|secret|token|signature|authorization|cookie|api[_-]?key|apikey|x-mbx-apikey|credential)"
)
SECRET_IN_TEXT: Final = re.compile(
    r"""(?ix)
    (?P<name>(?:password|secret|token|signature|authorization|cookie|code|api[_-]?key|x-mbx-apikey|listenkey)
    ["']?\s*[=:]\s*["']?(?:bearer\s+)?)
    (?P<value>[^\s&"',;}\]]+)"""
)
STRUCK: Final = "[redacted]"
DEEPEST: Final = 4
QUIET: Final = {
    "alembic": logging.WARNING,
    "ccxt": logging.WARNING,
    "uvicorn": logging.WARNING,
    "socketio": logging.ERROR,
    "engineio": logging.ERROR,
}


def configure_logs(*, terminal: bool) -> None:
    """Send structlog's and the standard library's records the same way, to stderr. Once, at start."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.types.Processor] = [redact, structlog.dev.ConsoleRenderer()]
    if not terminal:
        last = [structlog.processors.format_exc_info, redact, structlog.processors.JSONRenderer()]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *last]
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    for name, level in QUIET.items():
        logging.getLogger(name).setLevel(level)


def redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Strike out what a name or the text itself tells to be a key, token, password or signature."""
    return {name: _clean(name, value, DEEPEST) for name, value in event.items()}


def _clean(name: str, value: object, depth: int) -> Any:
    if SECRET_NAMES.search(name) and value is not None:
        return STRUCK
    if isinstance(value, str):
        return SECRET_IN_TEXT.sub(rf"\g<name>{STRUCK}", value)
    if isinstance(value, Mapping):
        if not depth:
            return STRUCK
        items = cast("Mapping[object, object]", value).items()
        return {str(key): _clean(str(key), item, depth - 1) for key, item in items}
    if isinstance(value, list | tuple):
        if not depth:
            return STRUCK
        return [_clean("", item, depth - 1) for item in cast("list[object]", value)]
    return value
