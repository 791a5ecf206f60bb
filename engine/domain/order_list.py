"""Orders that belong together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ListKind(StrEnum):
    OCO = "oco"
    """Two orders of one side around the market: one that fills or triggers ends the other."""
    BRACKET = "bracket"
    """An entry, and behind it the exits (take profit, stop loss, or both as an OCO) for what it fills."""


class LegPolicy(StrEnum):
    """What the desk does when an exit of a filled entry cannot be placed."""

    REPAIR = "repair"
    """Place it again, and say so; unwind when that keeps failing."""
    UNWIND = "unwind"
    """Sell (or buy back) at market what the entry filled."""


class ListStatus(StrEnum):
    PENDING = "PENDING"
    """Recorded, on its way."""
    ACTIVE = "ACTIVE"
    REPAIRING = "REPAIRING"
    """An exit is missing; the policy is at work."""
    CLOSING = "CLOSING"
    """A stop that the desk watches has come: the other leg is taken back first."""
    DONE = "DONE"
    UNWOUND = "UNWOUND"
    """An exit could not be placed: what the entry filled was closed at market."""
    BROKEN = "BROKEN"
    """An exit is missing and could not be made up for: a person has to look."""


LISTS_OVER = frozenset({ListStatus.DONE, ListStatus.UNWOUND, ListStatus.BROKEN})


@dataclass(frozen=True, slots=True)
class OrderList:
    """Its orders carry its id and what each is in it (`Leg`)."""

    id: str
    user_id: str
    account_id: str
    symbol: str
    kind: ListKind
    held: bool
    """The desk keeps it together, instead of the venue."""
    policy: LegPolicy
    status: ListStatus
    created_at: datetime
    updated_at: datetime
    venue_list_id: str | None = None
    note: str = ""
    """What a person should know, in a sentence."""
