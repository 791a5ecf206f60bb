"""A PostgreSQL of the tests' own: real, in a folder that goes away with it, reached by a socket in that folder."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier

OWNER = "numatix"
PATIENCE_S = 30.0
UNSAFE = ("fsync=off", "full_page_writes=off")
"""What a test that kills nothing but its own process may do without: the disk."""
ACCESS = """\
local all locked scram-sha-256
local all all trust
"""
"""Role `locked` has to give its password."""


TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version'"


@dataclass
class PostgresServer:
    """A server that is running; `kill`, `stop` and `start` as a test needs it."""

    folder: Path
    settings: tuple[str, ...]
    process: subprocess.Popen[bytes] | None = None
    databases: int = 0

    @classmethod
    def launch(cls, *settings: str) -> PostgresServer:
        """Make a cluster and start its server with these settings, such as `fsync=off`."""
        folder = Path(tempfile.mkdtemp(prefix="numatix-pg-"))
        server = cls(folder, settings)
        if os.getuid() == 0:
            shutil.chown(folder, "postgres")
        server._run("initdb", "--no-sync", f"--username={OWNER}", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8")
        (server.data / "pg_hba.conf").write_text(ACCESS)
        server.start()
        return server

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def log(self) -> str:
        return (self.folder / "log").read_text()

    def url(self, database: str = "postgres", user: str = OWNER, password: str = "") -> str:
        """The address of one of its databases."""
        secret = f":{password}" if password else ""
        return f"postgresql://{user}{secret}@/{database}?host={self.folder}"

    def start(self) -> None:
        """It takes connections when this returns."""
        who = runner()
        told = ("listen_addresses=", f"unix_socket_directories={self.folder}", *self.settings)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [binary("postgres"), "-D", str(self.data), *(part for one in told for part in ("-c", one))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                user=who[0] if who else None,
                group=who[1] if who else None,
                extra_groups=[] if who else None,
            )
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            assert self.process.poll() is None, f"PostgreSQL ended: {self.log[-2000:]}"
            assert time.monotonic() < deadline, f"PostgreSQL does not answer: {self.log[-2000:]}"
            time.sleep(0.02)

    def stop(self) -> None:
        """In order, whoever is connected."""
        self._end(signal.SIGINT)

    def crash(self) -> None:
        """At once, without a checkpoint: the next start recovers from the log."""
        self._end(signal.SIGQUIT)

    def remove(self) -> None:
        """End it and take everything away."""
        self.crash()
        shutil.rmtree(self.folder)

    def execute(self, statement: str, database: str = "postgres") -> list[tuple[object, ...]]:
        """Run one statement as the owner; its rows, if it has any."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def new_database(self) -> str:
        """A fresh database with nothing in it; its name."""
        self.databases += 1
        name = f"test_{self.databases}"
        self.execute(f"CREATE DATABASE {name}")
        return name

    def empty(self, database: str) -> None:
        """Take all rows out of a migrated database: twenty times as fast as a new one, and it needs no room."""
        with psycopg.connect(self.url(database), autocommit=True) as connection:
            # Neither the audit log's own guard nor the references between tables are asked.
            connection.execute("SET session_replication_role = replica")
            for (table,) in connection.execute(TABLES).fetchall():
                connection.execute(SQL("DELETE FROM {}").format(Identifier(table)))
            connection.execute("SELECT setval(seqrelid::regclass, 1, false) FROM pg_sequence")

    def _end(self, how: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(how)
            self.process.wait(PATIENCE_S)
            self.process = None

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _run(self, program: str, *arguments: str) -> None:
        who = runner()
        done = subprocess.run(
            [binary(program), "-D", str(self.data), *arguments],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=who[0] if who else None,
            group=who[1] if who else None,
            extra_groups=[] if who else None,
        )
        assert done.returncode == 0, f"{program} failed: {done.stderr[-2000:]}"


def binary(program: str) -> str:
    """A program of the newest PostgreSQL that Debian has installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: int(folder.parent.name))
    assert folders, "PostgreSQL is missing; this mends it: apt-get install postgresql"
    return str(folders[-1] / program)


def runner() -> tuple[int, int] | None:
    """User and group that it runs as: it refuses root, for whom the user `postgres` does it."""
    if os.getuid() != 0:
        return None
    known = pwd.getpwnam("postgres")
    return known.pw_uid, known.pw_gid
