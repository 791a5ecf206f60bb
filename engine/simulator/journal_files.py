"""What lies in a journal's directory: headers, the snapshot, the lock."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

import orjson

FORMAT = "numatix simulator 5"
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
    crc_before: int
    """The CRC with which the file before ended."""

    def record(self) -> Record:
        """As it is written."""
        return [FORMAT, *self]

    def following(self, crc: int) -> Header:
        """The header of the next file, after one that ended with this CRC."""
        return self._replace(generation=self.generation + 1, crc_before=crc)


def read_header(record: Record, path: Path) -> Header:
    """What `Header.record` gave; JournalError when it is of another form."""
    if record[0] != FORMAT:
        raise JournalError(f"{path} is not in the format {FORMAT!r}: start with another directory")
    return Header(*record[1:])


def journal_seed(directory: Path) -> int | None:
    """The seed of the market in this directory, None when there is none yet; JournalError when it is damaged."""
    found, _ = read_snapshot(directory)
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
    return read_header(orjson.loads(payload), path).seed


def read_snapshot(directory: Path) -> tuple[Header | None, dict[str, Any] | None]:
    """The snapshot and the header of the file that follows it; two Nones when there is none."""
    path = directory / "snapshot"
    if not path.exists():
        return None, None
    crc, _, payload = path.read_bytes().partition(b"\n")
    if crc != b"%08x" % crc32(payload):
        raise JournalError(f"{path} is damaged: restore it from a backup, or move the directory away to begin anew")
    head, _, state = payload.partition(b"\n")
    return read_header(orjson.loads(head), path), orjson.loads(state)


@dataclass(frozen=True, slots=True)
class Cut:
    """A moment in the journal between two files, of which a snapshot is to be written."""

    directory: Path
    following: Header
    """The header of the file that goes on from it."""

    def write(self, state: Mapping[str, Any]) -> None:
        """Put the snapshot in the place of the one before, whole or not at all; JournalError when that cannot be."""
        payload = orjson.dumps(self.following.record()) + b"\n" + orjson.dumps(state)
        temporary, path = self.directory / "snapshot.new", self.directory / "snapshot"
        try:
            _write_durably(temporary, b"%08x\n" % crc32(payload), payload)
            temporary.replace(path)
            sync_directory(self.directory)
        except OSError as error:
            raise JournalError(f"{path} cannot be written: {error.strerror}") from error


def lock_directory(directory: Path) -> int:
    """Make the directory ours; the descriptor that holds it. JournalError when it is another's or cannot be."""
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


def sync_directory(directory: Path) -> None:
    """Put the names in a directory on the disk."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def _write_durably(path: Path, *content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as file:
        file.writelines(content)
        file.flush()
        os.fsync(file.fileno())
