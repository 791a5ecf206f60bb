"""Opening PostgreSQL, and one clear line for every way in which that fails."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import psycopg
import pytest

from data.database import Database
from data.errors import DatabaseError
from data.schema import REVISIONS
from tests.data.looking import rows_in
from tests.postgres import PostgresServer


def fault_of(url: str) -> str:
    """The message of the refusal: one line that names the setting, shows no password and leads to the mend."""
    with pytest.raises(DatabaseError) as caught:
        Database.open(url)
    message = str(caught.value)
    assert "\n" not in message
    assert "NUMATIX_DATABASE_URL" in message
    assert "pa55" not in message
    assert message.endswith(".")
    return message


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg"])
def test_it_opens_whatever_driver_the_address_names(postgres_url: str, scheme: str):
    with Database.open(postgres_url.replace("postgresql", scheme, 1)) as database:
        assert database.path is None


def test_a_server_that_is_not_there_is_named(tmp_path: Path):
    message = fault_of(f"postgresql://ann:pa55@/numatix?host={tmp_path}")
    assert str(tmp_path) in message
    assert "does not listen there: start it" in message


def test_a_host_that_does_not_exist_is_named():
    message = fault_of("postgresql+asyncpg://ann:pa55@nowhere.invalid:5433/numatix")
    assert "nowhere.invalid:5433, which cannot be found under that name" in message


@pytest.mark.parametrize(
    ("user", "password", "database", "words"),
    [
        ("locked", "pa55", "postgres", "refuses the password of user locked: mend the user or the password"),
        ("locked", "", "postgres", "asks for a password: give one"),
        ("nobody", "", "postgres", "knows no user nobody: mend the user, or make it with CREATE USER"),
        ("numatix", "", "nothing", "has no database nothing: mend the name, or make it with CREATE DATABASE"),
        ("guest", "", "closed", "keeps user guest out of closed: GRANT CONNECT"),
        ("guest", "", "postgres", "make that user the owner of the database"),
    ],
)
def test_whoever_may_not_in_is_told_what_is_wrong(
    doorkeeper: PostgresServer, user: str, password: str, database: str, words: str
):
    assert words in fault_of(doorkeeper.url(database, user, password))


@pytest.fixture(scope="module")
def doorkeeper(postgres: PostgresServer) -> PostgresServer:
    """The server with a user who needs a password, one who may do nothing, and a database that is closed to them."""
    for statement in (
        "CREATE ROLE locked LOGIN PASSWORD 'the right one'",
        "CREATE ROLE guest LOGIN",
        "CREATE DATABASE closed",
        "REVOKE CONNECT ON DATABASE closed FROM PUBLIC",
    ):
        postgres.execute(statement)
    return postgres


@pytest.mark.parametrize("url", ["postgresql://ann:pa55@db/numatix?nonsense=1", "postgresql://ann:pa55@[::1/numatix"])
def test_what_is_no_address_is_refused_with_an_example(url: str):
    assert "give postgresql://USER:PASSWORD@HOST:PORT/DATABASE" in fault_of(url)


def test_a_database_of_another_program_is_named_and_left_alone(postgres: PostgresServer):
    name = postgres.new_database()
    postgres.execute("CREATE TABLE recipes (name text)", name)
    assert "belongs to another program" in fault_of(postgres.url(name))
    assert postgres.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name) == [("recipes",)]


def test_a_newer_schema_is_named_and_left_alone(postgres: PostgresServer):
    name = postgres.new_database()
    Database.open(postgres.url(name)).close()
    with psycopg.connect(postgres.url(name)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    message = fault_of(postgres.url(name))
    assert "newer Numatix (schema 9999" in message
    assert REVISIONS[-1] in message


def test_a_database_that_does_not_keep_unicode_is_refused(postgres: PostgresServer):
    postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    assert "keeps its text as LATIN1: make one with ENCODING 'UTF8'" in fault_of(postgres.url("latin"))


async def test_an_old_server_is_refused(tmp_path: Path):
    """None that old can be had here: what it says of itself when someone connects is played by hand."""
    async with a_server_that_says(tmp_path, server_version="12.17", server_encoding="UTF8"):
        message = await asyncio.to_thread(fault_of, f"postgresql://ann:pa55@/numatix?host={tmp_path}")
    assert "is PostgreSQL 12: Numatix needs 13 or later" in message


async def test_a_standby_is_refused(tmp_path: Path):
    async with a_server_that_says(tmp_path, server_version="15.4", server_encoding="UTF8", in_hot_standby="on"):
        message = await asyncio.to_thread(fault_of, f"postgresql://ann:pa55@/numatix?host={tmp_path}")
    assert "is a standby that only reads: name the primary" in message


@asynccontextmanager
async def a_server_that_says(folder: Path, **status: str) -> AsyncGenerator[None]:
    """Lets anyone in, tells its parameters, and answers every statement with that it was done."""
    told = {"client_encoding": "UTF8", "in_hot_standby": "off", "default_transaction_read_only": "off", **status}
    parameters = [message(b"S", f"{name}\0{value}\0".encode()) for name, value in told.items()]
    welcome = b"".join([message(b"R", bytes(4)), *parameters, message(b"K", bytes(8)), message(b"Z", b"I")])
    done = message(b"C", b"SET\0") + message(b"Z", b"I")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        length = int.from_bytes(await reader.readexactly(4))
        await reader.readexactly(length - 4)
        writer.write(welcome)
        while kind := await reader.read(1):
            await reader.readexactly(int.from_bytes(await reader.readexactly(4)) - 4)
            if kind == b"X":
                break
            writer.write(done)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_unix_server(serve, folder / ".s.PGSQL.5432")
    try:
        yield
    finally:
        server.close()
        await server.wait_closed()


def message(kind: bytes, body: bytes) -> bytes:
    """As PostgreSQL frames it: a letter, the length with itself, the body."""
    return kind + (len(body) + 4).to_bytes(4) + body


def test_commits_reach_the_disk_before_they_are_answered_even_where_the_server_would_not_wait(postgres: PostgresServer):
    name = postgres.new_database()
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    with Database.open(postgres.url(name)) as database:
        shown = asyncio.run(database.write(lambda c: c.execute("SHOW synchronous_commit").fetchone()))
    assert shown == ("on",)


def test_several_processes_may_have_it_open_and_leave_nothing_behind(postgres_url: str):
    with Database.open(postgres_url), Database.open(postgres_url):
        assert len(rows_in(postgres_url, "SELECT * FROM receipts")) == 2
    assert rows_in(postgres_url, "SELECT * FROM receipts") == []


def test_starting_on_an_up_to_date_database_imports_no_sqlalchemy(postgres_url: str):
    """What a desk imports at start: SQLModel costs a third of a second, alembic more."""
    script = (
        "import sys\n"
        "import data.ledger, data.users, data.vault, data.streams, data.bus\n"
        "from data.database import Database\n"
        "Database.open(sys.argv[1]).close()\n"
        "print(sorted({'sqlalchemy', 'sqlmodel', 'alembic'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script, postgres_url], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
