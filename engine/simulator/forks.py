"""A copy of this process that writes something down while the process itself goes on.

Fork copies nothing at once: both share their memory until one of them changes it. So a snapshot of a large market
costs the exchange the time of a fork and not the time of the writing (Redis keeps its data so, too).
"""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable

from engine.simulator.parent import die_with_parent

FIRST_FD = 3


def fork(work: Callable[[], None], keep: int) -> int:
    """Do `work` in a copy of this process; its process id, whose exit code is 0 when the work is done.

    The copy lets go of all files and sockets but the descriptor `keep`, and ends when this process does.
    """
    parent = os.getpid()
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        die_with_parent(signal.SIGKILL)
        os.closerange(FIRST_FD, keep)
        os.closerange(keep + 1, os.sysconf("SC_OPEN_MAX"))
        gc.disable()  # it would touch, and so copy, every object there is
        if os.getppid() == parent:
            work()
            code = 0
    finally:
        os._exit(code)  # nothing that the process itself does may go on here


def wait_for(child: int) -> bool:
    """Wait for the end of a copy; whether its work is done."""
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0
