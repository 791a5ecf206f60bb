"""Where the desk and a venue differ, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class DriftKind(StrEnum):
    ORDER_ELSEWHERE = "order_elsewhere"
    """The venue has an order that was not placed here."""
    FILLS_MISSED = "fills_missed"
    """The venue counts fills that its stream never told of."""
    ENDED_UNSEEN = "ended_unseen"
    """An order that the desk took for open has ended at the venue."""
    GONE = "gone"
    """The venue no longer knows an order that it had open."""
    BALANCE = "balance"
    """A balance changed by more than fills explain: a deposit, a withdrawal, a fill in a market nobody watched."""


class DriftEnd(StrEnum):
    ADOPTED = "adopted"
    """What the venue says is taken over."""
    HEALED = "healed"
    """The desk asked again and both agree now."""
    IGNORED = "ignored"
    """A person said that it is all right."""


@dataclass(frozen=True, slots=True)
class Drift:
    """`subject` names what differs (an order's client id, an asset); the two sides are told in words."""

    id: str
    user_id: str
    account_id: str
    kind: DriftKind
    subject: str
    symbol: str | None
    desk_says: str
    venue_says: str
    found_at: datetime
    order_id: str | None = None
    resolved_at: datetime | None = None
    resolution: DriftEnd | None = None
    resolved_by: str | None = None
    """A user's id, or `desk` for what it did by itself."""
