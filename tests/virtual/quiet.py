"""What thousands of worlds leave out: log lines, and the collector's work in the middle of one."""

from __future__ import annotations

import gc
import logging
from collections.abc import Generator
from contextlib import contextmanager

import structlog

SWEEP_EVERY = 50


@contextmanager
def without_logs() -> Generator[None]:
    """Nothing is logged inside, and garbage is collected by `sweep` alone: the same seed then costs the same."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        structlog.configure(**before)


def sweep(number: int) -> None:
    """Collect between worlds, now and then: they leave cycles behind."""
    if number % SWEEP_EVERY == 0:
        gc.collect()
