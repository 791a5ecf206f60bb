"""An order, the statuses it can have, and everything that can happen to it.

What happens arrives as an `OrderEvent`; `engine.domain.transitions` says what each does to each status.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from operator import attrgetter

from engine.domain.fills import Fill
from engine.domain.values import NOTHING, OrderType, Price, Quantity, Side, TimeInForce


class OrderStatus(StrEnum):
    PENDING = "PENDING"
    """Recorded, not sent."""
    AWAITING_APPROVAL = "AWAITING_APPROVAL"
    """Recorded; a second person has to approve it before it is sent."""
    DENIED = "DENIED"
    """Our own check refused it; never sent."""
    HELD = "HELD"
    """A stop or trailing order that the desk itself keeps until its price comes: the venue knows nothing of it."""
    SUBMITTED = "SUBMITTED"
    """On its way: from here on the venue is asked, the order is never sent again."""
    UNKNOWN = "UNKNOWN"
    """Sent, the answer was lost; being resolved."""
    ACCEPTED = "ACCEPTED"
    """Open at the venue."""
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    PENDING_CANCEL = "PENDING_CANCEL"
    """Open at the venue, its cancel is on the way."""
    PENDING_AMEND = "PENDING_AMEND"
    """Open at the venue, a change of its price or quantity is on the way."""
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    """The venue refused it, or had no such order when the settle window ended (reason NOT_ACCEPTED)."""
    EXPIRED = "EXPIRED"


FINISHED = frozenset(
    {OrderStatus.DENIED, OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED}
)
OPEN_AT_VENUE = frozenset(
    {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_AMEND}
)
IN_DOUBT = frozenset({OrderStatus.SUBMITTED, OrderStatus.UNKNOWN})
AT_THE_DESK = frozenset({OrderStatus.PENDING, OrderStatus.AWAITING_APPROVAL, OrderStatus.HELD})
"""Recorded and never sent: the venue cannot know it."""

NOT_ACCEPTED = "NOT_ACCEPTED"
"""The reason of an order that the venue does not know after the settle window."""
GONE = "GONE"
"""The reason of an order that the venue had open and no longer knows."""
OWN_CONCLUSIONS = (NOT_ACCEPTED, GONE)
"""Reasons that we concluded from a venue's silence: its word, should it come after all, is worth more."""


class Origin(StrEnum):
    """Who placed an order."""

    DESK = "desk"
    EXTERNAL = "external"
    """Somebody else with the same key; found at the venue and adopted."""


class Leg(StrEnum):
    """What an order is in its list."""

    ENTRY = "entry"
    TAKE_PROFIT = "take_profit"
    STOP_LOSS = "stop_loss"
    UNWIND = "unwind"
    """Closes what an entry filled when its exits cannot be placed."""


@dataclass(frozen=True, slots=True)
class Order:
    """One order of one user on one account, as the ledger holds it."""

    id: str
    user_id: str
    account_id: str
    client_order_id: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce | None
    quantity: Quantity | None
    quote_quantity: Quantity | None
    price: Price | None
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    venue_order_id: str | None = None
    reason: str | None = None
    """Why it was denied, rejected, cancelled or expired: a stable code, then words after a colon."""
    submitted_at: datetime | None = None
    cancel_requested_at: datetime | None = None
    filled_quantity: Quantity = NOTHING
    average_price: Price | None = None
    fees: Mapping[str, Decimal] = field(default_factory=dict[str, Decimal])
    version: int = 1
    stop_price: Price | None = None
    trailing_delta: int | None = None
    """How far a trailing order stays behind the best price, in hundredths of a percent."""
    held: bool = False
    """The desk keeps it until it triggers, instead of the venue."""
    origin: Origin = Origin.DESK
    list_id: str | None = None
    leg: Leg | None = None
    replaces: str | None = None
    """The order that this one takes the place of, when an amendment needs a new order."""
    replaced_by: str | None = None
    amend_quantity: Quantity | None = None
    amend_price: Price | None = None
    amend_requested_at: datetime | None = None
    trail_price: Price | None = None
    """The best price that a trailing order has seen."""
    triggered_at: datetime | None = None
    draft_digest: str = ""
    """Tells whether a repeated `client_order_id` comes with the same body."""
    chain: str = field(default="", compare=False)
    """The hash of the newest line of its timeline; where it stands there, not what it is."""

    @property
    def finished(self) -> bool:
        return self.status in FINISHED

    @property
    def remaining(self) -> Quantity | None:
        """What is still to be filled, in base units; None for a market order by quote quantity."""
        return None if self.quantity is None else Quantity(self.quantity - self.filled_quantity)


def altered(order: Order, **facts: object) -> Order:
    """The order with other facts: what `dataclasses.replace` gives, in a third of the time that it takes for so many.

    TypeError for a fact that no order has.
    """
    copy = object.__new__(Order)
    for write, value in zip(WRITE_ALL, READ_ALL(order), strict=True):
        write(copy, value)
    for name, value in facts.items():
        if name not in WRITE:
            raise TypeError(f"an order has no {name}")
        WRITE[name](copy, value)
    return copy


WRITE: Mapping[str, Callable[[Order, object], None]] = {
    one.name: getattr(Order, one.name).__set__ for one in fields(Order)
}
"""By name: writes into an order's slot, past the lock that a frozen one has. For `altered` alone."""
WRITE_ALL = tuple(WRITE.values())
READ_ALL = attrgetter(*WRITE)


# --- what can happen to an order -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Submitting:
    """It is about to be sent: committed before the network is touched."""


@dataclass(frozen=True, slots=True)
class AnswerLost:
    """The request may or may not have reached the venue."""

    detail: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """The venue has it open."""

    venue_order_id: str


@dataclass(frozen=True, slots=True)
class Executed:
    """It has these fills: all unique fills known so far, not only the new ones."""

    fills: tuple[Fill, ...]


@dataclass(frozen=True, slots=True)
class Completed:
    """The venue says that it is filled entirely; given once all its fills are in."""


@dataclass(frozen=True, slots=True)
class CancelRequested:
    """The user wants it gone."""


@dataclass(frozen=True, slots=True)
class CancelRefused:
    """The venue would not cancel it although it is still open."""

    detail: str


@dataclass(frozen=True, slots=True)
class Canceled:
    """The venue took it out of the book."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Expired:
    """The venue ended it by its own rules (IOC, FOK, no liquidity)."""

    detail: str = ""


@dataclass(frozen=True, slots=True)
class Rejected:
    """The venue refused it; `code` is stable, `detail` the venue's words."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """The desk does not send it any more; `code` is stable."""

    code: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class NotAccepted:
    """The settle window has passed and the venue knows no such order."""


@dataclass(frozen=True, slots=True)
class Approved:
    """A second person has approved it."""

    by: str


@dataclass(frozen=True, slots=True)
class Declined:
    """A second person has refused it."""

    by: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Trailed:
    """The market has moved in favour of an order that the desk keeps: its stop follows."""

    price: Price


@dataclass(frozen=True, slots=True)
class Triggered:
    """The price of an order that the desk keeps has come."""

    price: Price


@dataclass(frozen=True, slots=True)
class Rewritten:
    """The desk changes an order that it has not sent; None stays as it is."""

    quantity: Quantity | None = None
    price: Price | None = None
    stop_price: Price | None = None


@dataclass(frozen=True, slots=True)
class Released:
    """What an order that the desk keeps was waiting for has happened (its entry is filled): it is sent as it is."""


@dataclass(frozen=True, slots=True)
class AmendRequested:
    """The user wants another price or quantity (in all, what is filled included); None stays as it is."""

    quantity: Quantity | None = None
    price: Price | None = None
    replaced_by: str | None = None
    """The new order that takes its place, where the venue cannot change this one."""


@dataclass(frozen=True, slots=True)
class Amended:
    """The order has this price and quantity now."""

    quantity: Quantity | None = None
    price: Price | None = None
    stop_price: Price | None = None


@dataclass(frozen=True, slots=True)
class AmendRefused:
    """The venue would not change it; it is open as it was."""

    detail: str


OrderEvent = (
    Submitting
    | AnswerLost
    | Accepted
    | Executed
    | Completed
    | CancelRequested
    | CancelRefused
    | Canceled
    | Expired
    | Rejected
    | GivenUp
    | NotAccepted
    | Approved
    | Declined
    | Trailed
    | Triggered
    | Released
    | Rewritten
    | AmendRequested
    | Amended
    | AmendRefused
)
