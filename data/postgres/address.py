"""Where PostgreSQL is, and one line for every way in which it cannot be had."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Self

import psycopg
from psycopg import conninfo

from data.errors import DatabaseError

SETTING = "NUMATIX_DATABASE_URL"
OLDEST = 13
PARAMETERS = {
    "application_name": "numatix",
    "client_encoding": "UTF8",
    "connect_timeout": "5",
    # A server that is gone without a word is noticed, and after a switch-over the one that takes writes is found.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "target_session_attrs": "primary",
}
"""What the address may say otherwise."""
FAULTS = (
    ("password authentication failed", "refuses the password of user {user}", "mend the user or the password"),
    ("no password supplied", "asks for a password", "give one, as in postgresql://USER:PASSWORD@HOST/DATABASE"),
    ("no pg_hba.conf entry", "lets user {user} in from nowhere near here", "allow this machine in its pg_hba.conf"),
    ('role ".*" does not exist', "knows no user {user}", "mend the user, or make it with CREATE USER"),
    ('database ".*" does not exist', "has no database {database}", "mend the name, or make it with CREATE DATABASE"),
    ("permission denied for database", "keeps user {user} out of {database}", "GRANT CONNECT to that user"),
    ("could not translate host name|failed to resolve host", "cannot be found under that name", "mend the host"),
    ("Connection refused|No such file", "does not listen there", "start it, or mend host and port"),
    ("timeout expired", "does not answer", "mend host and port, or let this machine through its firewall"),
    ("hot standby mode", "is a standby that only reads", "name the primary"),
    ("too many", "has no connection left", "raise its max_connections"),
    ("SSL", "does not agree with this machine on TLS", "give the sslmode that the server wants"),
)
"""What libpq's or the server's words match, what it means, and the mend."""
SESSION = "SET statement_timeout = '30s'; SET default_transaction_isolation = 'read committed'; "
READING = f"{SESSION} SET default_transaction_read_only = on"
WRITING = f"""{SESSION}
SET lock_timeout = '10s';
-- A process that stopped in the middle of a transaction holds the others up no longer than this.
SET idle_in_transaction_session_timeout = '5s';
-- What was answered is on the disk, even where the server's own default would not wait.
SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off';
-- Every statement of the writer goes by a key: a plan made while a table was small must not scan it later.
SET enable_seqscan = off;
SET plan_cache_mode = force_generic_plan
"""


@dataclass(frozen=True, slots=True)
class Address:
    """A PostgreSQL database as libpq is told of it."""

    conninfo: str = field(repr=False)
    place: str
    """Host and port, or the folder of the socket."""
    user: str
    database: str

    @classmethod
    def of(cls, url: str) -> Self:
        """Any `postgresql…://` URL. Raises DatabaseError for one that libpq does not understand."""
        _, _, rest = url.partition("://")
        try:
            given = conninfo.conninfo_to_dict(f"postgresql://{rest}")
        except psycopg.ProgrammingError as error:
            # libpq's own words may show the password.
            unknown = re.match(r'invalid URI query parameter: "\w*"', str(error))
            raise DatabaseError(
                f"{SETTING} is no address of a PostgreSQL database{f' ({unknown[0]})' if unknown else ''}: "
                "give postgresql://USER:PASSWORD@HOST:PORT/DATABASE."
            ) from None
        told = {**PARAMETERS, **given}
        host, port = str(told.get("host") or "the local socket"), str(told.get("port") or 5432)
        user = str(told.get("user") or "of this process")
        return cls(conninfo.make_conninfo("", **told), f"{host}:{port}", user, str(told.get("dbname") or user))

    def connect(self, *, read_only: bool = False) -> psycopg.Connection:
        """A connection in autocommit mode. Raises psycopg.OperationalError."""
        connection = psycopg.connect(self.conninfo, autocommit=True)
        try:
            connection.execute(READING if read_only else WRITING)
        except BaseException:
            connection.close()
            raise
        return connection

    def fault(self, error: psycopg.Error) -> str:
        """Why there is no connection, in one line that never shows the password."""
        words = " ".join(str(error).split())
        known = (row for row in FAULTS if re.search(row[0], words))
        _, what, mend = next(known, ("", f"cannot be used ({words})", "mend the server or the address"))
        what = what.replace("{user}", self.user).replace("{database}", self.database)
        return f"{SETTING} names PostgreSQL at {self.place}, which {what}: {mend}."
