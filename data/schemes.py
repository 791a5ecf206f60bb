"""How the address of a database begins."""

from __future__ import annotations

SQLITE_SCHEMES = ("sqlite", "sqlite+aiosqlite")
POSTGRES_SCHEMES = ("postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg")
"""A driver behind the plus is taken as other programs write it; ours is psycopg whatever it says."""


def scheme_of(url: str) -> str:
    """What stands before `://`; empty when there is no such sign."""
    scheme, separator, _ = url.partition("://")
    return scheme if separator else ""
