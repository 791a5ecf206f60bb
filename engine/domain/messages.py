"""What travels: commands to the execution worker, events to the desks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engine.domain.fills import Fill
from engine.domain.order import Order


class CommandKind(StrEnum):
    """Also the name of the stream that carries it."""

    SUBMIT = "commands:order:submit"
    CANCEL = "commands:order:cancel"
    AMEND = "commands:order:amend"


@dataclass(frozen=True, slots=True)
class Command:
    """An instruction about one order. `id` is that of its outbox row: a redelivery has the same."""

    id: str
    kind: CommandKind
    order_id: str
    account_id: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OrderChanged:
    """An order as it is after a change, with the fills that the change brought.

    `sequence` counts a user's events from 1 without a gap: who sees a gap re-reads the ledger.
    """

    sequence: int
    user_id: str
    order: Order
    new_fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth a line in an order's timeline that does not change its status: it was sent, asked after, …"""

    at: datetime
    event: str
    detail: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A line of an order's history: what happened, when, and what is known of it."""

    at: datetime
    event: str
    status: str
    detail: Mapping[str, str]
    hash: str = ""
    """Of this line and the one before it; empty on lines from before there were chains."""
