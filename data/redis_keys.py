"""Every name that the desk uses in Redis, in one place.

A key either has a time to live or stands in `PERMANENT`, where something else bounds it.
"""

from __future__ import annotations

from engine.domain.messages import CommandKind

PREFIX = "numatix:"

STREAMS = tuple(f"{PREFIX}{kind.value}" for kind in CommandKind)
"""One stream of commands per kind, such as `numatix:commands:order:submit`; an entry is deleted when it is done."""
PUBLISHED = f"{PREFIX}commands:published"
"""Counts the commands ever published: the order in which they are read."""
HEADS = f"{PREFIX}commands:heads"
"""A hash: by order, the stream and the entry of its command that stands in a stream."""
LINES = f"{PREFIX}commands:lines"
"""A sorted set of the commands that wait for an earlier one of their order."""
BELL = f"{PREFIX}commands:bell"
"""A stream of one entry that is rung whenever there is something to read."""
DEAD = f"{PREFIX}commands:dead"
"""A hash: dead letters by their id."""
DEAD_SINCE = f"{PREFIX}commands:dead:since"
"""A sorted set: the ids of dead letters by the time they were set aside."""

COMMAND_KEYS = (PUBLISHED, HEADS, LINES, BELL, DEAD, DEAD_SINCE, *STREAMS)
"""What the scripts of the command streams are given as KEYS, in this order."""
PERMANENT = frozenset(COMMAND_KEYS)

LIMITS = f"{PREFIX}limits:"
"""Begins the name of a list of recent hits, which lives as long as the window that it is counted in."""

ORDER_EVENTS = f"{PREFIX}events:order:status"
BALANCE_EVENTS = f"{PREFIX}events:balances"
MISSED_EVENTS = f"{PREFIX}events:missed"
"""Channels, not keys: nothing of them is stored."""
