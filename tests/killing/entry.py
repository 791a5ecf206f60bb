"""The real desk, doomed: it kills itself (SIGKILL) before or after a named call that concerns one order.

`python -m tests.killing.entry JSON`, the JSON being a `Doom`. Everything is `numatix serve` itself, its parts wrapped
through `numatix.wiring.Makers`.
"""

from __future__ import annotations

import inspect
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from engine.ports import Ledger, Stream, Venue
from engine.reconcile import SettleTimes

MODULE = "tests.killing.entry"


@dataclass(frozen=True)
class Doom:
    """Where the process dies: at the `nth` call of a port (`ledger.advance`) that concerns the order of this client
    order id and, where said, carries an event of that name or comes from that source."""

    client_order_id: str
    call: str
    when: str
    event: str | None = None
    source: str | None = None
    nth: int = 1
    everything: bool = False
    """The exchange is killed first; else it is left to notice that its parent died."""
    settle_s: float | None = None
    """A shorter settle window than the desk's own; None for that."""

    def command(self) -> tuple[str, ...]:
        return ("-m", MODULE, json.dumps(asdict(self)))


class Fate:
    """Counts the calls that concern the doomed order, and ends the process at the right one."""

    def __init__(self, doom: Doom) -> None:
        assert doom.when in {"before", "after"}
        self._doom = doom
        self._order_id: str | None = None
        self._count = 0

    def meet(self, call: str, when: str, arguments: Sequence[Any], named: Mapping[str, Any]) -> None:
        self._learn(call, arguments)
        if (call, when) != (self._doom.call, self._doom.when) or not self._concerned(arguments, named):
            return
        self._count += 1
        if self._count == self._doom.nth:
            if self._doom.everything:
                kill_all(children_of(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)

    def _learn(self, call: str, arguments: Sequence[Any]) -> None:
        if call == "ledger.record_order" and arguments[0].client_order_id == self._doom.client_order_id:
            self._order_id = arguments[0].id

    def _concerned(self, arguments: Sequence[Any], named: Mapping[str, Any]) -> bool:
        first = arguments[0] if arguments else None
        command = getattr(first, "command", first)
        concerned = first if isinstance(first, str) else getattr(command, "order_id", getattr(first, "id", None))
        if self._order_id is None or concerned != self._order_id:
            return False
        events = {type(event).__name__ for event in arguments[1]} if self._doom.event is not None else set[str]()
        return (self._doom.event is None or self._doom.event in events) and (
            self._doom.source is None or self._doom.source == named.get("source")
        )


class Mortal:
    """Stands where a port's implementation does, passes everything on, and meets its fate before and after each call.

    The accounts that a venue opens are mortal, too.
    """

    def __init__(self, name: str, real: object, fate: Fate) -> None:
        self._name = name
        self._real = real
        self._fate = fate

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*arguments: Any, **named: Any) -> Any:
            self._fate.meet(f"{self._name}.{name}", "before", arguments, named)
            answer = await found(*arguments, **named)
            self._fate.meet(f"{self._name}.{name}", "after", arguments, named)
            return Mortal("account", answer, self._fate) if name == "open_account" else answer

        return call


def serve_until(doom: Doom) -> int:
    """Serve as `numatix` does, until the doom or a signal; the exit code."""
    from data.ledger import SqlLedger
    from engine.venues.ccxt_venue import CcxtVenue
    from numatix.serve import serve
    from numatix.wiring import Makers

    fate = Fate(doom)
    settle_s = doom.settle_s
    return serve(
        Makers(
            ledger=lambda database, ids: cast("Ledger", Mortal("ledger", SqlLedger(database, ids), fate)),
            stream=lambda stream: cast("Stream", Mortal("stream", stream, fate)),
            venue=lambda config, tasks, clock: cast("Venue", Mortal("venue", CcxtVenue(config, tasks, clock), fate)),
            settle_times=SettleTimes() if settle_s is None else SettleTimes(settle_s, send_within_s=settle_s / 3),
        )
    )


def children_of(pid: int) -> tuple[int, ...]:
    """The processes that it started and that have not been waited for; none when it is gone."""
    try:
        lists = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    except (FileNotFoundError, ProcessLookupError):
        return ()
    return tuple(int(child) for text in lists for child in text.split())


def kill_all(pids: Sequence[int]) -> None:
    for pid in pids:
        os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(serve_until(Doom(**json.loads(sys.argv[1]))))
