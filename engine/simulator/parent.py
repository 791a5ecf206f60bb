"""The orphan rule: the simulator ends when its parent does, however that died."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable
from typing import Final

PR_SET_PDEATHSIG: Final = 1
LAST_BREATH_S: Final = 1.5


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask Linux for this signal when the thread that started this process ends; elsewhere the pipe alone watches.

    Source: prctl(2), PR_SET_PDEATHSIG.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, number, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))


def watch_parent(read_end: int, gone: Callable[[], None]) -> Callable[[], None]:
    """Call `gone` once the pipe whose write end the parent holds is closed; returns the call that stops watching.

    From then on a timer of the system's ends the process even if its event loop hangs: the journal is made
    for sudden ends, an orphan that holds the port is worse.
    """
    loop = asyncio.get_running_loop()

    def readable() -> None:
        if os.read(read_end, 4096):
            return
        loop.remove_reader(read_end)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, LAST_BREATH_S)
        gone()

    loop.add_reader(read_end, readable)
    return lambda: _stop_watching(loop, read_end)


def _stop_watching(loop: asyncio.AbstractEventLoop, read_end: int) -> None:
    loop.remove_reader(read_end)
