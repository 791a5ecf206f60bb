"""Opens a PostgreSQL database: whether it is one that can be used, the schema, the lines."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import psycopg

from data.errors import DatabaseError
from data.postgres.address import OLDEST, SETTING, Address
from data.postgres.committer import OPEN_RECEIPT, PostgresCommitter
from data.postgres.line import Line, in_words
from data.postgres.session import Session
from data.readers import SIZE
from data.schema import VERSION, VERSION_TABLE, must_migrate

TABLES = "SELECT tablename FROM pg_catalog.pg_tables WHERE schemaname = current_schema()"
ELSEWHERE = f"name another database in {SETTING}"


@dataclass(frozen=True, slots=True)
class OpenedPostgres:
    """What an open database consists of. Lines connect when they are first used."""

    committer: PostgresCommitter
    lines: tuple[Line, ...]

    def hang_up(self) -> None:
        for line in (self.committer.line, *self.lines):
            line.hang_up()

    def cut(self) -> None:
        for line in (self.committer.line, *self.lines):
            line.cut()

    def release(self) -> None:
        """Other processes go on with the database."""


def open_postgres(url: str) -> OpenedPostgres:
    """Look at the database and bring its schema up to date. Raises DatabaseError, one line."""
    address = Address.of(url)
    writer = secrets.token_hex(8)
    line = Line(address, read_only=False, on_connect=lambda session: _open_receipt(session, writer))
    try:
        _bring_up_to_date(address)
        line.session()
    except psycopg.errors.InsufficientPrivilege as error:
        raise DatabaseError(
            f"{SETTING} names {address.database} at {address.place}, where user {address.user} may not do what is "
            f"needed ({in_words(error)}): make that user the owner of the database."
        ) from error
    except psycopg.Error as error:
        raise DatabaseError(address.fault(error)) from error
    return OpenedPostgres(PostgresCommitter(line, writer), tuple(Line(address, read_only=True) for _ in range(SIZE)))


def _bring_up_to_date(address: Address) -> None:
    """Migrate when the schema is older than this program; alembic is imported only then."""
    what = f"The database {address.database} at {address.place}"
    with address.connect(read_only=True) as connection:
        _refuse_unusable(connection, what)
        revision = _revision(Session(connection), what)
    if must_migrate(revision, what, ELSEWHERE):
        from data import migrations

        migrations.upgrade(address.conninfo)


def _refuse_unusable(connection: psycopg.Connection, what: str) -> None:
    version = connection.info.server_version // 10_000
    if version < OLDEST:
        raise DatabaseError(f"{what} is PostgreSQL {version}: Numatix needs {OLDEST} or later, so {ELSEWHERE}.")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        raise DatabaseError(f"{what} keeps its text as {encoding}: make one with ENCODING 'UTF8', and {ELSEWHERE}.")


def _revision(session: Session, what: str) -> str | None:
    """The schema's revision; None for an empty database. Raises DatabaseError for one that is not ours."""
    tables = {row[0] for row in session.execute(TABLES)}
    if VERSION_TABLE in tables:
        row = session.execute(VERSION).fetchone()
        return None if row is None else str(row[0])
    if tables:
        raise DatabaseError(f"{what} belongs to another program: {ELSEWHERE}.")
    return None


def _open_receipt(session: Session, writer: str) -> None:
    session.execute(OPEN_RECEIPT, (writer,))
