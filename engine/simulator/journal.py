"""The simulator's write-ahead journal: every input is on disk before anyone sees its effect.

A directory holds `lock`, `snapshot` (the whole state at one moment) and `journal.N` (what was done since).
A record is one line: eight hex digits of a CRC-32, a space, a JSON array. The CRC runs on from record to
record, so that a missing or repeated record shows as well as a damaged one. A last record that was cut
off by a crash is dropped; damage before it stops the start. The files hold API secrets: only their owner
may read them.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import orjson

FORMAT = "numatix simulator 4"
MOST_RECORDS = 50_000
MOST_BYTES = 32 * 1024 * 1024
LOCK_TRIES, LOCK_AGAIN_S = 100, 0.05
"""A simulator whose parent was killed may still be ending when the next one starts."""

Record = list[Any]


class JournalError(Exception):
    """The journal cannot be used; the message names the file, what is wrong and the mend."""


class Header(NamedTuple):
    """The first record of each file: what market this is, and where the file stands in the sequence."""

    seed: int
    listings: list[list[str]]
    generation: int

    def record(self) -> Record:
        """As it is written."""
        return [FORMAT, self.seed, self.listings, self.generation]


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
        self._lock = _lock(directory)
        self._fd = -1
        try:
            found, self.snapshot = _read_snapshot(directory)
            self._header = Header(seed, listings, found.generation if found is not None else 0)
            if found is not None:
                self._check(found, directory / "snapshot")
            self._remove_others()
        except BaseException:
            os.close(self._lock)
            raise
        self._size = 0
        self._crc = 0
        self._count = 0

    @property
    def size(self) -> int:
        """Bytes written since the last snapshot."""
        return self._size

    @property
    def closed(self) -> bool:
        """Whether the directory was given free."""
        return self._lock < 0

    @property
    def full(self) -> bool:
        """Whether it is time for a snapshot."""
        return not self.closed and (self._count >= self._most_records or self._size >= MOST_BYTES)

    def records(self) -> Iterator[Record]:
        """What was done since the snapshot, oldest first; then the journal is ready to be written."""
        path = self._path(self._header.generation)
        if path.exists():
            yield from self._read(path)
        elif self._header.generation:
            raise JournalError(f"{path} is missing though the snapshot beside it needs it: restore it from a backup")
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        os.ftruncate(self._fd, self._size)
        os.lseek(self._fd, self._size, os.SEEK_SET)
        if self._size == 0:
            self._write(self._header.record(), sync=True)
            _sync_directory(self._directory)

    def append(self, record: Record, *, sync: bool) -> None:
        """Write one record; with `sync` it is on the disk afterwards, not only with the system.

        JournalError when it cannot be written, and then it is as if it had not been tried.
        """
        if self.closed:
            raise JournalError(f"{self._directory} was closed: nothing more can be done with this exchange")
        self._write(record, sync=sync)
        self._count += 1

    def cut(self, state: Mapping[str, Any]) -> None:
        """Replace all records by the state that they led to. A crash in between leaves the old pair or the new.

        JournalError when it cannot be written; the old pair then stays in use.
        """
        try:
            self._cut(state)
        except OSError as error:
            raise JournalError(f"{self._directory / 'snapshot'} cannot be written: {error.strerror}") from error

    def _cut(self, state: Mapping[str, Any]) -> None:
        following = self._header._replace(generation=self._header.generation + 1)
        payload = orjson.dumps(following.record()) + b"\n" + orjson.dumps(state)
        temporary = self._directory / "snapshot.new"
        _write_durably(temporary, b"%08x\n" % crc32(payload) + payload)
        old, new = self._path(self._header.generation), self._path(following.generation)
        first = orjson.dumps(following.record())
        line = b"%08x %s\n" % (crc32(first), first)
        _write_durably(new, line)
        temporary.replace(self._directory / "snapshot")
        _sync_directory(self._directory)
        os.close(self._fd)
        self._fd = os.open(new, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        self._header, self._crc, self._size, self._count = following, crc32(first), len(line), 0
        old.unlink(missing_ok=True)

    def close(self) -> None:
        """Give the directory free."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _write(self, record: Record, *, sync: bool) -> None:
        payload = orjson.dumps(record)
        crc = crc32(payload, self._crc)
        line = b"%08x %s\n" % (crc, payload)
        try:
            written = os.write(self._fd, line)
            while written < len(line):
                written += os.write(self._fd, line[written:])
            if sync:
                os.fdatasync(self._fd)
        except OSError as error:
            os.ftruncate(self._fd, self._size)
            os.lseek(self._fd, self._size, os.SEEK_SET)
            raise JournalError(f"{self._path(self._header.generation)} cannot be written: {error.strerror}") from error
        self._crc = crc
        self._size += len(line)

    def _read(self, path: Path) -> Iterator[Record]:
        total = path.stat().st_size
        with path.open("rb") as lines:
            for number, line in enumerate(lines):
                payload = line[9:-1]
                crc = crc32(payload, self._crc)
                if not line.endswith(b"\n") or line[:9] != b"%08x " % crc:
                    if self._size + len(line) < total:
                        raise JournalError(
                            f"{path} is damaged at record {number} (byte {self._size}): "
                            "restore it from a backup, or move the directory away to begin anew"
                        )
                    return
                self._crc = crc
                self._size += len(line)
                record: Record = orjson.loads(payload)
                if number == 0:
                    self._check(_header(record, path), path)
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
        if found.generation != expected.generation:
            raise JournalError(f"{path} does not continue the snapshot beside it: restore both from one backup")

    def _path(self, generation: int) -> Path:
        return self._directory / f"journal.{generation}"

    def _remove_others(self) -> None:
        """Remove what a crash in the middle of `cut` has left."""
        for path in self._directory.glob("journal.*"):
            if path != self._path(self._header.generation):
                path.unlink()
        (self._directory / "snapshot.new").unlink(missing_ok=True)


def journal_seed(directory: Path) -> int | None:
    """The seed of the market in this directory, None when there is none yet; JournalError when it is damaged."""
    found, _ = _read_snapshot(directory)
    if found is not None:
        return found.seed
    path = directory / "journal.0"
    if not path.exists():
        return None
    with path.open("rb") as lines:
        line = lines.readline()
    payload = line[9:-1]
    if line[:9] != b"%08x " % crc32(payload):
        return None
    return _header(orjson.loads(payload), path).seed


def _read_snapshot(directory: Path) -> tuple[Header | None, dict[str, Any] | None]:
    path = directory / "snapshot"
    if not path.exists():
        return None, None
    crc, _, payload = path.read_bytes().partition(b"\n")
    if crc != b"%08x" % crc32(payload):
        raise JournalError(f"{path} is damaged: restore it from a backup, or move the directory away to begin anew")
    head, _, state = payload.partition(b"\n")
    return _header(orjson.loads(head), path), orjson.loads(state)


def _header(record: Record, path: Path) -> Header:
    if record[0] != FORMAT:
        raise JournalError(f"{path} is not in the format {FORMAT!r}: start with another directory")
    return Header(*record[1:])


def _lock(directory: Path) -> int:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise JournalError(f"{directory} cannot hold a journal: {error.strerror}; name a writable directory") from error
    for _ in range(LOCK_TRIES):
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(LOCK_AGAIN_S)
        else:
            return lock
    os.close(lock)
    raise JournalError(f"{directory} is in use by another simulator: end that one, or name another directory")


def _write_durably(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
