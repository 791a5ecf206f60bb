"""How the things of the trade stand in rows: one codec a table, used by the statements of the ledger.

Decimals are plain text, instants are microseconds since 1970 in UTC (integers sort), maps are JSON. This module knows
no SQLAlchemy, so that the desk starts without importing it; `data.tables` declares the same columns for migrations
and pages, and a test holds the two against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from engine.domain.fills import Fill
from engine.domain.messages import Command, CommandKind, TimelineEntry
from engine.domain.order import Leg, Order, OrderStatus, Origin
from engine.domain.order_list import LegPolicy, ListKind, ListStatus, OrderList
from engine.domain.values import Liquidity, OrderType, Price, Quantity, Side, TimeInForce, decimal_text
from engine.ports import Account, Login, RefreshToken, Role, User

SqlValue = str | int | None
Values = tuple[SqlValue, ...]
"""A row to be written: its columns in the codec's order."""
Row = Sequence[Any]
"""A row as the driver gives it: its columns in the codec's order."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


# --- orders --------------------------------------------------------------------------------------------

ORDER_COLUMNS = (
    "id",
    "user_id",
    "account_id",
    "client_order_id",
    "symbol",
    "side",
    "type",
    "time_in_force",
    "quote_quantity",
    "created_at",
    "trailing_delta",
    "held",
    "origin",
    "list_id",
    "leg",
    "replaces",
    "draft_digest",
    "quantity",
    "price",
    "stop_price",
    "status",
    "finished",
    "updated_at",
    "venue_order_id",
    "reason",
    "submitted_at",
    "cancel_requested_at",
    "filled_quantity",
    "average_price",
    "fees",
    "version",
    "replaced_by",
    "amend_quantity",
    "amend_price",
    "amend_requested_at",
    "trail_price",
    "triggered_at",
    "chain",
)
ORDER_CHANGING = ORDER_COLUMNS[ORDER_COLUMNS.index("quantity") :]
"""The columns that `advance` may change; those before them never change."""


def order_values(order: Order) -> Values:
    """The order as `ORDER_COLUMNS`."""
    return (
        order.id,
        order.user_id,
        order.account_id,
        order.client_order_id,
        order.symbol,
        order.side.value,
        order.type.value,
        order.time_in_force.value if order.time_in_force else None,
        optional_text(order.quote_quantity),
        to_micros(order.created_at),
        order.trailing_delta,
        order.held,
        order.origin.value,
        order.list_id,
        order.leg.value if order.leg else None,
        order.replaces,
        order.draft_digest,
        *order_changing_values(order),
    )


def order_changing_values(order: Order) -> Values:
    """The order as `ORDER_CHANGING`."""
    return (
        optional_text(order.quantity),
        optional_text(order.price),
        optional_text(order.stop_price),
        order.status.value,
        order.finished,
        to_micros(order.updated_at),
        order.venue_order_id,
        optional_words(order.reason),
        optional_micros(order.submitted_at),
        optional_micros(order.cancel_requested_at),
        to_text(order.filled_quantity),
        optional_text(order.average_price),
        to_json({asset: to_text(fee) for asset, fee in order.fees.items()}),
        order.version,
        order.replaced_by,
        optional_text(order.amend_quantity),
        optional_text(order.amend_price),
        optional_micros(order.amend_requested_at),
        optional_text(order.trail_price),
        optional_micros(order.triggered_at),
        order.chain,
    )


def order_of(row: Row) -> Order:
    """The order in a row of `ORDER_COLUMNS`."""
    return Order(
        id=row[0],
        user_id=row[1],
        account_id=row[2],
        client_order_id=row[3],
        symbol=row[4],
        side=Side(row[5]),
        type=OrderType(row[6]),
        time_in_force=TimeInForce(row[7]) if row[7] else None,
        quote_quantity=_quantity(row[8]),
        created_at=from_micros(row[9]),
        trailing_delta=row[10],
        held=bool(row[11]),
        origin=Origin(row[12]),
        list_id=row[13],
        leg=Leg(row[14]) if row[14] else None,
        replaces=row[15],
        draft_digest=row[16],
        quantity=_quantity(row[17]),
        price=_price(row[18]),
        stop_price=_price(row[19]),
        status=OrderStatus(row[20]),
        updated_at=from_micros(row[22]),
        venue_order_id=row[23],
        reason=row[24],
        submitted_at=optional_instant(row[25]),
        cancel_requested_at=optional_instant(row[26]),
        filled_quantity=Quantity(Decimal(row[27])),
        average_price=_price(row[28]),
        fees={asset: Decimal(fee) for asset, fee in from_json(row[29]).items()} if row[29] != "{}" else {},
        version=row[30],
        replaced_by=row[31],
        amend_quantity=_quantity(row[32]),
        amend_price=_price(row[33]),
        amend_requested_at=optional_instant(row[34]),
        trail_price=_price(row[35]),
        triggered_at=optional_instant(row[36]),
        chain=row[37],
    )


def _quantity(text: str | None) -> Quantity | None:
    return None if text is None else Quantity(Decimal(text))


def _price(text: str | None) -> Price | None:
    return None if text is None else Price(Decimal(text))


# --- fills ---------------------------------------------------------------------------------------------

FILL_COLUMNS = (
    "id",
    "order_id",
    "account_id",
    "symbol",
    "side",
    "venue_trade_id",
    "price",
    "quantity",
    "fee",
    "fee_asset",
    "liquidity",
    "time",
)
FILL_OWNER_COLUMNS = ("user_id",)
"""What a fill's row takes over from its order."""


def fill_values(fill: Fill) -> Values:
    """The fill as `FILL_COLUMNS`."""
    return (
        fill.id,
        fill.order_id,
        fill.account_id,
        fill.symbol,
        fill.side.value,
        fill.venue_trade_id,
        to_text(fill.price),
        to_text(fill.quantity),
        to_text(fill.fee),
        fill.fee_asset,
        fill.liquidity.value,
        to_micros(fill.time),
    )


def fill_of(row: Row) -> Fill:
    """The fill in a row of `FILL_COLUMNS`."""
    return Fill(
        id=row[0],
        order_id=row[1],
        account_id=row[2],
        symbol=row[3],
        side=Side(row[4]),
        venue_trade_id=row[5],
        price=Price(Decimal(row[6])),
        quantity=Quantity(Decimal(row[7])),
        fee=Decimal(row[8]),
        fee_asset=row[9],
        liquidity=Liquidity(row[10]),
        time=from_micros(row[11]),
    )


# --- order lists ---------------------------------------------------------------------------------------

LIST_COLUMNS = (
    "id",
    "user_id",
    "account_id",
    "symbol",
    "kind",
    "held",
    "policy",
    "created_at",
    "status",
    "updated_at",
    "venue_list_id",
    "note",
)
LIST_CHANGING = LIST_COLUMNS[LIST_COLUMNS.index("status") :]


def list_values(one: OrderList) -> Values:
    """The list as `LIST_COLUMNS`."""
    return (
        one.id,
        one.user_id,
        one.account_id,
        one.symbol,
        one.kind.value,
        one.held,
        one.policy.value,
        to_micros(one.created_at),
        *list_changing_values(one),
    )


def list_changing_values(one: OrderList) -> Values:
    """The list as `LIST_CHANGING`."""
    return (one.status.value, to_micros(one.updated_at), one.venue_list_id, one.note)


def list_of(row: Row) -> OrderList:
    """The list in a row of `LIST_COLUMNS`."""
    return OrderList(
        id=row[0],
        user_id=row[1],
        account_id=row[2],
        symbol=row[3],
        kind=ListKind(row[4]),
        held=bool(row[5]),
        policy=LegPolicy(row[6]),
        created_at=from_micros(row[7]),
        status=ListStatus(row[8]),
        updated_at=from_micros(row[9]),
        venue_list_id=row[10],
        note=row[11],
    )


# --- outbox and audit ----------------------------------------------------------------------------------

COMMAND_COLUMNS = ("id", "kind", "order_id", "account_id", "created_at")


def command_values(command: Command) -> Values:
    """The command as `COMMAND_COLUMNS`."""
    return (command.id, command.kind.value, command.order_id, command.account_id, to_micros(command.created_at))


def command_of(row: Row) -> Command:
    """The command in a row of `COMMAND_COLUMNS`."""
    return Command(row[0], CommandKind(row[1]), row[2], row[3], from_micros(row[4]))


AUDIT_COLUMNS = (
    "at",
    "source",
    "user_id",
    "order_id",
    "event",
    "status_before",
    "status_after",
    "detail",
    "order_hash",
    "writer",
    "writer_number",
    "writer_hash",
)
TIMELINE_COLUMNS = ("at", "event", "status_after", "source", "detail", "order_hash")


def timeline_entry_of(row: Row) -> TimelineEntry:
    """The line in a row of `TIMELINE_COLUMNS`; its source is part of its detail."""
    return TimelineEntry(from_micros(row[0]), row[1], row[2], {"source": row[3], **from_json(row[4])}, row[5])


# --- users and what belongs to them ----------------------------------------------------------------------

USER_COLUMNS = ("id", "email", "role", "created_at", "active")
LOGIN_COLUMNS = ("id", "user_id", "created_at", "seen_at", "expires_at")
TOKEN_COLUMNS = ("id", "family", "user_id", "expires_at", "used")
ACCOUNT_COLUMNS = ("id", "user_id", "venue", "label", "key_fingerprint", "created_at", "paper")
SEALED_COLUMNS = ("sealed_api_key", "sealed_secret")


def user_values(user: User) -> Values:
    """The user as `USER_COLUMNS`."""
    return (user.id, user.email, user.role.value, to_micros(user.created_at), user.active)


def user_of(row: Row) -> User:
    """The user in a row of `USER_COLUMNS`."""
    return User(row[0], row[1], Role(row[2]), from_micros(row[3]), bool(row[4]))


def login_values(login: Login) -> Values:
    """The session as `LOGIN_COLUMNS`."""
    return (
        login.id,
        login.user_id,
        to_micros(login.created_at),
        to_micros(login.seen_at),
        to_micros(login.expires_at),
    )


def login_of(row: Row) -> Login:
    """The session in a row of `LOGIN_COLUMNS`."""
    return Login(row[0], row[1], from_micros(row[2]), from_micros(row[3]), from_micros(row[4]))


def token_values(token: RefreshToken) -> Values:
    """The token as `TOKEN_COLUMNS`."""
    return (token.id, token.family, token.user_id, to_micros(token.expires_at), token.used)


def token_of(row: Row) -> RefreshToken:
    """The token in a row of `TOKEN_COLUMNS`."""
    return RefreshToken(row[0], row[1], row[2], from_micros(row[3]), bool(row[4]))


def account_values(account: Account) -> Values:
    """The account as `ACCOUNT_COLUMNS`."""
    return (
        account.id,
        account.user_id,
        account.venue,
        account.label,
        account.key_fingerprint,
        to_micros(account.created_at),
        account.paper,
    )


def account_of(row: Row) -> Account:
    """The account in a row of `ACCOUNT_COLUMNS`."""
    return Account(row[0], row[1], row[2], row[3], row[4], from_micros(row[5]), bool(row[6]))


# --- figures -------------------------------------------------------------------------------------------


def to_text(value: Decimal) -> str:
    """Plain notation, exact. ValueError for NaN and infinities."""
    if not value.is_finite():
        raise ValueError(f"{value} is not a figure that can be stored")
    return decimal_text(value)


def optional_text(value: Decimal | None) -> str | None:
    return None if value is None else to_text(value)


def to_micros(at: datetime) -> int:
    """Microseconds since 1970 in UTC. TypeError for an instant without a time zone."""
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def optional_micros(at: datetime | None) -> int | None:
    return None if at is None else to_micros(at)


def optional_instant(micros: int | None) -> datetime | None:
    return None if micros is None else from_micros(micros)


def optional_words(words: str | None) -> str | None:
    """What somebody else has said, as every database can keep it: no NUL, no half of a surrogate pair."""
    if words is None or words.isprintable():
        return words
    return words.encode(errors="replace").decode().replace("\0", " ")


def to_json(words: dict[str, str]) -> str:
    try:
        return orjson.dumps(words).decode()
    except TypeError:
        return orjson.dumps({name: optional_words(text) for name, text in words.items()}).decode()


def from_json(text: str) -> dict[str, str]:
    return orjson.loads(text)
