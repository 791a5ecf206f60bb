"""How long a socket waits, and how much it may."""

from __future__ import annotations

from dataclasses import dataclass

MOST_SOCKETS = 10
"""Of one user."""
MOST_UNPROVEN = 20
"""Sockets of one network address that have not said yet who they are."""
MOST_SUBSCRIPTIONS = 50
"""Of one socket."""
LARGEST_MESSAGE = 8 * 1024
"""Characters of one message from a client."""


@dataclass(frozen=True, slots=True)
class StreamTimes:
    """Seconds, and messages a second."""

    auth_s: float = 5.0
    """To say who it is, for a socket that came without a token."""
    heartbeat_s: float = 10.0
    """Of silence, until a heartbeat is sent."""
    unread_s: float = 30.0
    """For a client to take what is sent."""
    proof_s: float = 15.0
    """Between looks whether the user may still log in."""
    messages_a_second: float = 20.0
    messages_at_once: int = 40
