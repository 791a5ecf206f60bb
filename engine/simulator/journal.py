"""The simulator's write-ahead journal: every input is on disk before anyone outside sees its effect.

A directory holds `lock`, `snapshot` (the whole state at one moment) and `journal.N` (what was done since; while a
snapshot is being written, `journal.N` and `journal.N+1`). A record is one line: eight hex digits of a CRC-32, a space,
a JSON array. The CRC runs on from record to record and each file's header tells where the one before it ended, so that
a missing or repeated record shows as well as a damaged one. A last record that was cut off by a crash is dropped;
damage before it stops the start. The files hold API secrets: only their owner may read them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

import orjson

from engine.simulator.journal_files import (
    Cut,
    Header,
    JournalError,
    Record,
    journal_seed,
    lock_directory,
    read_header,
    read_snapshot,
    sync_directory,
)

MOST_RECORDS = 50_000
MOST_BYTES = 32 * 1024 * 1024
MOST_UNSYNCED = 1024 * 1024
"""Bytes that may wait for a sync though nobody waits for them."""


class Journal:
    """One open journal. `records` must be read to its end before the first `append`."""

    def __init__(
        self,
        directory: Path,
        seed: int,
        listings: list[list[str]],
        *,
        most_records: int = MOST_RECORDS,
    ) -> None:
        """Open or begin the journal in this directory; JournalError when it is taken, damaged or another market's."""
        self._directory = directory
        self._most_records = most_records
        self._lock = lock_directory(directory)
        self._fd = -1
        try:
            found, self.snapshot = read_snapshot(directory)
            self._header = Header(seed, listings, found.generation if found else 0, found.crc_before if found else 0)
            if found is not None:
                self._check(found, directory / "snapshot")
            self._oldest = self._header.generation
        except BaseException:
            os.close(self._lock)
            raise
        self._lines: list[bytes] = []
        """Not written yet."""
        self._unsynced: list[bytes] = []
        """Written, but maybe not on the disk: kept, since a disk that fails to sync forgets them."""
        self._unsynced_bytes = 0
        self._new = False
        self._behind = 0
        """Bytes in the files before this one."""
        self._size = self._crc = self._crc_before = self._count = 0

    @property
    def size(self) -> int:
        """Bytes written since the last snapshot."""
        return self._behind + self._size

    @property
    def closed(self) -> bool:
        """Whether the directory was given free."""
        return self._lock < 0

    @property
    def full(self) -> bool:
        """Whether it is time for a snapshot."""
        return not self.closed and (self._count >= self._most_records or self._size >= MOST_BYTES)

    @property
    def waiting(self) -> bool:
        """Whether something was added that is not written."""
        return bool(self._lines)

    @property
    def overdue(self) -> bool:
        """Whether it should be synced though nobody waits for it."""
        return self._unsynced_bytes >= MOST_UNSYNCED

    def records(self) -> Iterator[Record]:
        """What was done since the snapshot, oldest first; then the journal is ready to be written."""
        files = self._files()
        for path in files:
            if path is not files[0]:
                self._turn()
            yield from self._read(path, last=path is files[-1])
        self._fd = self._opened(self._path(self._header.generation))
        self._shorten(self._size)
        if self._size == 0:
            self._begin()
            self.write()
            self.sync()
        if self._oldest < self._header.generation:
            self._count = self._most_records  # a cut was not finished: the next one is due

    def append(self, record: Record) -> None:
        """Add one record, to be written by the next `write`. JournalError when the journal was closed."""
        if self.closed:
            raise JournalError(f"{self._directory} was closed: nothing more can be done with this exchange")
        self._add(record)
        self._count += 1

    def take_back(self) -> None:
        """Forget the newest record, which could not be written."""
        self._lines.pop()
        self._crc = self._crc_before
        self._count -= 1

    def write(self) -> None:
        """Hand what was added to the system: it survives this process. JournalError when that cannot be."""
        if not self._lines:
            return
        content = b"".join(self._lines)
        try:
            written = os.write(self._fd, content)
            while written < len(content):
                written += os.write(self._fd, content[written:])
        except OSError as error:
            self._shorten(self._size)
            raise self._unwritable(error) from error
        self._size += len(content)
        self._unsynced += self._lines
        self._unsynced_bytes += len(content)
        self._lines = []

    def sync(self) -> None:
        """Wait until what was written is on the disk; JournalError when it is not, and then it waits to be written."""
        if not self._unsynced:
            return
        try:
            os.fdatasync(self._fd)
            if self._new:
                sync_directory(self._directory)
                self._new = False
        except OSError as error:
            self._size -= self._unsynced_bytes
            self._shorten(self._size)
            self._lines[:0] = self._unsynced
            self._unsynced, self._unsynced_bytes = [], 0
            raise self._unwritable(error) from error
        self._unsynced, self._unsynced_bytes = [], 0

    # --- snapshots -------------------------------------------------------------------------------

    def cut(self, state: Mapping[str, Any]) -> None:
        """Replace all records by the state that they led to. A crash in between leaves the old form or the new.

        JournalError when it cannot be written; the old form then stays in use.
        """
        self.begin_cut().write(state)
        self.end_cut()

    def begin_cut(self) -> Cut:
        """Go on in a new file. What was added so far must have had its effect in the state that the cut is of.

        JournalError when that cannot be; the file then stays in use.
        """
        self.write()
        self.sync()
        following = self._header.following(self._crc)
        try:
            fd = self._opened(self._path(following.generation))
            os.ftruncate(fd, 0)
        except OSError as error:
            raise self._unwritable(error) from error
        os.close(self._fd)
        self._fd = fd
        self._turn()
        self._begin()
        return Cut(self._directory, following)

    def end_cut(self) -> None:
        """The snapshot is written: the files that it replaces are not needed any more."""
        for generation in range(self._oldest, self._header.generation):
            self._path(generation).unlink(missing_ok=True)
        self._oldest, self._behind = self._header.generation, 0

    @property
    def lock(self) -> int:
        """The descriptor that keeps the directory ours, in a fork of this process too."""
        return self._lock

    def close(self) -> None:
        """Give the directory free."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    # --- inside ----------------------------------------------------------------------------------

    def _turn(self) -> None:
        """The next file follows this one."""
        self._header = self._header.following(self._crc)
        self._behind += self._size
        self._size = self._crc = self._count = 0

    def _opened(self, path: Path) -> int:
        self._new = True
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)

    def _begin(self) -> None:
        """The header is a file's first record."""
        self._add(self._header.record())

    def _add(self, record: Record) -> None:
        payload = orjson.dumps(record)
        self._crc_before = self._crc
        self._crc = crc = crc32(payload, self._crc)
        self._lines.append(b"%08x %b\n" % (crc, payload))

    def _shorten(self, size: int) -> None:
        os.ftruncate(self._fd, size)
        os.lseek(self._fd, size, os.SEEK_SET)

    def _unwritable(self, error: OSError) -> JournalError:
        return JournalError(f"{self._path(self._header.generation)} cannot be written: {error.strerror}")

    def _read(self, path: Path, *, last: bool) -> Iterator[Record]:
        total = path.stat().st_size
        with path.open("rb") as lines:
            for number, line in enumerate(lines):
                payload = line[9:-1]
                crc = crc32(payload, self._crc)
                if not line.endswith(b"\n") or line[:9] != b"%08x " % crc:
                    if self._size + len(line) < total or not last:
                        raise JournalError(
                            f"{path} is damaged at record {number} (byte {self._size}): "
                            "restore it from a backup, or move the directory away to begin anew"
                        )
                    return
                self._crc = crc
                self._size += len(line)
                record: Record = orjson.loads(payload)
                if number == 0:
                    self._check(read_header(record, path), path)
                    continue
                self._count += 1
                yield record

    def _check(self, found: Header, path: Path) -> None:
        expected = self._header
        if found.seed != expected.seed:
            raise JournalError(
                f"{path} belongs to seed {found.seed}, not {expected.seed}: "
                f"start with seed {found.seed}, or with another directory"
            )
        if found.listings != expected.listings:
            raise JournalError(f"{path} belongs to other listings: start with another directory")
        if found != expected:
            raise JournalError(f"{path} does not continue what is beside it: restore the directory from one backup")

    def _path(self, generation: int) -> Path:
        return self._directory / f"journal.{generation}"

    def _files(self) -> list[Path]:
        """The files since the snapshot, in order; JournalError when one is missing.

        What a crash in the middle of a cut has left is removed: files that the snapshot replaces, half a snapshot.
        """
        found = {int(path.suffix[1:]): path for path in self._directory.glob("journal.*") if path.suffix[1:].isdigit()}
        for generation in [generation for generation in found if generation < self._oldest]:
            found.pop(generation).unlink()
        (self._directory / "snapshot.new").unlink(missing_ok=True)
        wanted = range(self._oldest, max(found, default=self._oldest) + 1) if found or self._oldest else range(0)
        for generation in wanted:
            if generation not in found:
                path = self._path(generation)
                raise JournalError(f"{path} is missing though what is beside it needs it: restore it from a backup")
        return [found[generation] for generation in wanted]


__all__ = ["MOST_RECORDS", "Journal", "JournalError", "Record", "journal_seed"]
