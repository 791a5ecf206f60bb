"""Which schema this program knows, and what it says of any other."""

from __future__ import annotations

from data.errors import DatabaseError

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""The schema revisions this program knows, oldest first; the last is its own. A test holds them to the migrations."""
VERSION_TABLE = "alembic_version"
VERSION = "SELECT version_num FROM alembic_version"


def must_migrate(revision: str | None, what: str, elsewhere: str) -> bool:
    """Whether a database (`what`) of this revision, None for an empty one, is older than this program.

    Raises DatabaseError for a newer one; `elsewhere` ends the line with how to choose another database.
    """
    if revision is not None and revision not in REVISIONS:
        raise DatabaseError(
            f"{what} was written by a newer Numatix (schema {revision}, this one knows {REVISIONS[-1]}): "
            f"run that version, or {elsewhere}."
        )
    return revision != REVISIONS[-1]
