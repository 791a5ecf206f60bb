"""Opening the database, and one clear line for every way in which that fails."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from data.database import Database, sqlite_path
from data.errors import DatabaseError
from data.schema import REVISIONS


def fault_of(path: Path) -> str:
    """The message of the refusal, which is one line and leads to the mend."""
    with pytest.raises(DatabaseError) as caught:
        Database.open(path)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_a_new_database_is_made_with_its_folder_for_its_owner_alone(tmp_path: Path):
    path = tmp_path / "var" / "numatix.db"
    Database.open(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_a_url_and_a_path_open_the_same_database(tmp_path: Path):
    path = tmp_path / "numatix.db"
    Database.open(path).close()
    with Database.open(f"sqlite:///{path}") as database:
        assert database.path == path


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("sqlite:////var/lib/numatix.db", "/var/lib/numatix.db"),
        ("sqlite+aiosqlite:////var/lib/numatix.db", "/var/lib/numatix.db"),
        ("sqlite:///numatix.db", "numatix.db"),
    ],
)
def test_sqlite_urls_name_their_file(url: str, path: str):
    assert sqlite_path(url) == Path(path)


@pytest.mark.parametrize("url", ["mysql://u:pa55@db/x", "numatix.db", "sqlite://", "sqlite:///", "sqlite://host/x", ""])
def test_other_urls_are_refused_with_an_example(url: str):
    with pytest.raises(DatabaseError, match=r"NUMATIX_DATABASE_URL.*sqlite:////absolute") as caught:
        Database.open(url)
    assert "pa55" not in str(caught.value)


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("in the way")
    message = fault_of(tmp_path / "file" / "numatix.db")
    assert str(tmp_path / "file") in message
    assert "NUMATIX_VAR_DIR" in message


def test_a_folder_without_write_permission_is_named():
    message = fault_of(Path("/proc/numatix/numatix.db"))
    assert "cannot be written" in message
    assert "NUMATIX_VAR_DIR" in message


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path):
    path = tmp_path / "numatix.db"
    path.write_bytes(b"Dear diary, today I traded. " * 100)
    assert "is not a database" in fault_of(path)
    assert path.read_bytes().startswith(b"Dear diary")


def test_a_database_of_another_program_is_named_and_left_alone(tmp_path: Path):
    path = tmp_path / "numatix.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    assert "another program" in fault_of(path)
    with closing(sqlite3.connect(path)) as connection:
        assert [row[0] for row in connection.execute("SELECT name FROM sqlite_master")] == ["recipes"]


def test_a_newer_schema_is_named_and_left_alone(tmp_path: Path):
    path = tmp_path / "numatix.db"
    Database.open(path).close()
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    message = fault_of(path)
    assert "newer Numatix (schema 9999" in message
    assert REVISIONS[-1] in message


def test_a_second_opening_is_refused_until_the_first_is_closed(tmp_path: Path):
    path = tmp_path / "numatix.db"
    with Database.open(path):
        message = fault_of(path)
    assert f"in use by another Numatix process (pid {os.getpid()})" in message
    Database.open(path).close()


def test_a_failed_opening_does_not_keep_the_lock(tmp_path: Path):
    path = tmp_path / "numatix.db"
    path.write_bytes(b"no database" * 500)
    fault_of(path)
    path.unlink()
    Database.open(path).close()


def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path):
    path = tmp_path / "numatix.db"
    script = (
        "import sys; from pathlib import Path; from data.database import Database\n"
        "database = Database.open(Path(sys.argv[1])); print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        assert f"(pid {holder.pid})" in fault_of(path)
        holder.send_signal(signal.SIGKILL)
        holder.wait(10)
    Database.open(path).close()


def test_starting_on_an_up_to_date_database_imports_no_sqlalchemy(tmp_path: Path):
    """What the desk imports at start: SQLModel costs a third of a second, alembic more."""
    path = tmp_path / "numatix.db"
    Database.open(path).close()
    script = (
        "import sys; from pathlib import Path\n"
        "import data.ledger, data.users, data.vault, data.streams, data.bus\n"
        "from data.database import Database\n"
        "Database.open(Path(sys.argv[1])).close()\n"
        "print(sorted({'sqlalchemy', 'sqlmodel', 'alembic', 'aiosqlite'} & set(sys.modules)))"
    )
    answer = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert answer.stdout == "[]\n"
