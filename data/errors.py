"""What can go wrong with the store as a whole."""

from __future__ import annotations


class DatabaseError(Exception):
    """The database cannot be opened, read or written; the message is one line that names the fault and the mend."""


class RedisFault(Exception):
    """Redis cannot be used; the message is one line that names the setting, the fault and the mend."""
