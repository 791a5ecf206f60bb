"""What was done is kept before anyone outside is told of it.

Called one by one, each operation is written, synced and told before it returns. While `keep_together` runs, as it does
in a server, operations go on during a sync: what they did is written and synced together after it, and only then do
answers go out and events show (group commit). Whoever only acts here hears at once, such as the synthetic traders:
what they do stands behind its cause in the same journal.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from engine.simulator.forks import fork, wait_for
from engine.simulator.inputs import World
from engine.simulator.journal import Journal, JournalError, Record
from engine.simulator.model import Listener, Listing, SimEvent
from engine.simulator.reading import NowMs, Reader
from engine.simulator.state import digest, dump

log = structlog.get_logger(__name__)

AGAIN_S: Final = 1.0
"""After so long it is tried again whether the disk takes what it did not take."""


class Keeper(Reader):
    """A market whose inputs are journalled, and those who are told what comes of them."""

    def __init__(self, world: World, listings: Mapping[str, Listing], now_ms: NowMs, journal: Journal | None) -> None:
        """`journal` None keeps everything in memory."""
        super().__init__(world, listings, now_ms)
        self._journal = journal
        self._inside: tuple[Listener, ...] = ()
        self._outside: tuple[Listener, ...] = ()
        self._waiting: deque[list[SimEvent]] = deque()
        self._telling = False
        self._together = False
        self._more = asyncio.Event()
        self._held: list[Callable[[], None]] = []
        """What may happen only when all that was done so far is kept, in order."""
        self._group: list[Callable[[], None]] = []
        """The part of it that waits for the sync under way."""
        self._keeping = False
        """Whether there is anything that is not kept yet."""
        self._awaited = False
        """Whether anyone waits for it, so that it is worth a sync."""
        self._refusal: JournalError | None = None
        self._snapshot: int | None = None
        """The process that writes one."""

    # --- who is told -----------------------------------------------------------------------------

    def listen(self, listener: Listener, *, kept: bool = False) -> Callable[[], None]:
        """Call `listener` for every event from now on; returns the call that ends it.

        With `kept` it hears only of what is on the disk: so must everyone who tells the world.
        """
        if kept:
            self._outside = (*self._outside, listener)
        else:
            self._inside = (*self._inside, listener)

        def end() -> None:
            self._inside = tuple(each for each in self._inside if each is not listener)
            self._outside = tuple(each for each in self._outside if each is not listener)

        return end

    def when_kept(self, act: Callable[[], None]) -> None:
        """Call `act` as soon as all that was done so far is kept: now, if it is."""
        if self._keeping:
            self._held.append(act)
        else:
            act()

    async def kept(self) -> None:
        """Wait until all that was done so far is kept."""
        if self._keeping:
            done = asyncio.get_running_loop().create_future()
            self._held.append(lambda: None if done.done() else done.set_result(None))
            await done

    # --- keeping ---------------------------------------------------------------------------------

    async def keep_together(self) -> None:
        """Write and sync together what is done meanwhile, and cut the journal when it is full, until cancelled."""
        if self._journal is None:
            await asyncio.Event().wait()
            return
        disk = ThreadPoolExecutor(2, "journal")
        self._together = True
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                await self._keep(self._journal, disk)
                if self._journal.full and self._snapshot is None:
                    self._cut(self._journal, disk)
        finally:
            self._together = False
            self._end_snapshot()
            disk.shutdown()
            self._keep_now(self._journal)

    def close(self) -> None:
        """Keep the state for a quick start and give the journal free; nothing may be done afterwards."""
        if self._journal is not None and not self._journal.closed:
            try:
                self._journal.cut(dump(self._world))
            finally:
                self._journal.close()

    def state_digest(self) -> str:
        """The same for two exchanges that hold the same and will do the same."""
        return digest(self._world)

    @property
    def journal_bytes(self) -> int:
        """Bytes in the journal since its last snapshot; 0 without one."""
        return 0 if self._journal is None else self._journal.size

    def _write(self, record: Record, at_ms: int = 0, *, sync: bool = False) -> None:
        """Put an input into the journal before it takes effect; JournalError when it is not taken.

        `sync` says that someone waits for it, who must not be told before it is on the disk.
        """
        journal = self._journal
        if journal is not None:
            if self._together:
                self._add(journal, record, sync=sync)
            else:
                self._write_now(journal, record, sync=sync)
        self._world.last_ms = max(self._world.last_ms, at_ms)

    def _add(self, journal: Journal, record: Record, *, sync: bool) -> None:
        if self._refusal is not None:
            raise self._refusal
        journal.append(record)
        self._awaited = self._awaited or sync
        if not self._keeping:
            self._keeping = True
            self._more.set()

    def _write_now(self, journal: Journal, record: Record, *, sync: bool) -> None:
        if journal.full:
            journal.cut(dump(self._world))
        journal.append(record)
        try:
            journal.write()
            if sync:
                journal.sync()
        except JournalError:
            journal.take_back()
            raise

    def _tell(self) -> None:
        """Hand the events of the finished operation to all listeners, in the order in which they happened.

        An operation that a listener starts is told after the one it was started by.
        """
        reports = self._matcher.reports
        events, reports.events = reports.events, []
        self._waiting.append(events)
        if self._telling:
            return
        self._telling = True
        try:
            while self._waiting:
                events = self._waiting.popleft()
                for event in events:
                    for listener in self._inside:
                        listener(event)
                if self._outside:
                    self.when_kept(partial(self._show, events))
        finally:
            self._telling = False

    def _show(self, events: list[SimEvent]) -> None:
        for event in events:
            for listener in self._outside:
                listener(event)

    # --- together --------------------------------------------------------------------------------

    async def _keep(self, journal: Journal, disk: Executor) -> None:
        """Keep what waits, and what comes to wait meanwhile."""
        loop = asyncio.get_running_loop()
        while self._keeping:
            self._group += self._held
            self._held = []
            awaited, self._awaited = self._awaited or journal.overdue, False
            try:
                journal.write()
                if awaited:
                    await loop.run_in_executor(disk, journal.sync)
            except JournalError as error:
                log.warning("the journal is not taken, trying again", reason=str(error))
                self._awaited, self._refusal = True, error
                await asyncio.sleep(AGAIN_S)
                continue
            self._refusal = None
            self._keeping = bool(self._held) or journal.waiting
            self._let_out()

    def _keep_now(self, journal: Journal) -> None:
        """Keep what waits."""
        journal.write()
        journal.sync()
        self._group += self._held
        self._held, self._keeping = [], False
        self._let_out()

    def _let_out(self) -> None:
        group, self._group = self._group, []
        for act in group:
            try:
                act()
            except Exception:
                log.exception("what was kept could not be told")

    # --- snapshots -------------------------------------------------------------------------------

    def _cut(self, journal: Journal, disk: Executor) -> None:
        """Let a fork write a snapshot of this moment, and go on in a new file."""
        try:
            cut = journal.begin_cut()
        except JournalError as error:
            log.warning("the journal cannot be cut", reason=str(error))
            return
        self._snapshot = fork(lambda: cut.write(dump(self._world)), journal.lock)
        written = asyncio.get_running_loop().run_in_executor(disk, wait_for, self._snapshot)
        written.add_done_callback(partial(self._end_cut, journal))

    def _end_cut(self, journal: Journal, written: asyncio.Future[bool]) -> None:
        if self._snapshot is None:
            return
        self._snapshot = None
        if written.cancelled() or not written.result():
            log.warning("the snapshot was not written; the journal goes on without")
        else:
            journal.end_cut()

    def _end_snapshot(self) -> None:
        if self._snapshot is not None:
            with suppress(ProcessLookupError):  # it may have ended by itself, and been waited for, a moment ago
                os.kill(self._snapshot, signal.SIGKILL)
            self._snapshot = None
