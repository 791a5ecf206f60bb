"""Every table of the database, declared once: migrations are checked against these, pages may read by them.

The order path writes the same columns with plain statements (`data.rows`, `data.ledger`); a test holds them together.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from sqlalchemy import BigInteger, Index, Integer, MetaData, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from data.columns import DecimalText, Instant

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
"""A migration can only change what has a name."""
BIG_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""A number given by the database; SQLite counts up only in a column that is declared INTEGER."""


class Table(SQLModel):
    """What all tables share. SQLModel names a table as its class, in lower case."""

    metadata = MetaData(naming_convention=NAMING)


def index_of_some(name: str, *columns: str, where: str, unique: bool = False) -> Index:
    """An index of the rows that `where` holds for. A statement must say the condition in the same words to use it."""
    return Index(name, *columns, unique=unique, sqlite_where=text(where), postgresql_where=text(where))


# --- orders: the ledger ----------------------------------------------------------------------------------


class Orders(Table, table=True):
    """One order. `account_id` and `user_id` are no foreign keys: an order outlives the key that signed it."""

    __table_args__ = (
        UniqueConstraint("account_id", "client_order_id"),
        Index(None, "user_id", "created_at", "id"),
        index_of_some("ix_orders_unfinished", "account_id", "created_at", "id", where="finished = FALSE"),
        index_of_some("ix_orders_open", "user_id", "created_at", "id", where="finished = FALSE"),
        Index(None, "list_id"),
        Index(None, "account_id", "venue_order_id"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    user_id: str = Field(sa_type=Text)
    account_id: str = Field(sa_type=Text)
    client_order_id: str = Field(sa_type=Text)
    symbol: str = Field(sa_type=Text)
    side: str = Field(sa_type=Text)
    type: str = Field(sa_type=Text)
    time_in_force: str | None = Field(default=None, sa_type=Text)
    quantity: Decimal | None = Field(default=None, sa_type=DecimalText)
    quote_quantity: Decimal | None = Field(default=None, sa_type=DecimalText)
    price: Decimal | None = Field(default=None, sa_type=DecimalText)
    created_at: datetime = Field(sa_type=Instant)
    status: str = Field(sa_type=Text)
    finished: bool
    updated_at: datetime = Field(sa_type=Instant)
    venue_order_id: str | None = Field(default=None, sa_type=Text)
    reason: str | None = Field(default=None, sa_type=Text)
    submitted_at: datetime | None = Field(default=None, sa_type=Instant)
    cancel_requested_at: datetime | None = Field(default=None, sa_type=Instant)
    filled_quantity: Decimal = Field(sa_type=DecimalText)
    average_price: Decimal | None = Field(default=None, sa_type=DecimalText)
    fees: str = Field(sa_type=Text)
    """JSON: fee by asset, as text."""
    version: int
    stop_price: Decimal | None = Field(default=None, sa_type=DecimalText)
    trailing_delta: int | None = Field(default=None)
    held: bool = Field(default=False)
    origin: str = Field(default="desk", sa_type=Text)
    list_id: str | None = Field(default=None, sa_type=Text)
    leg: str | None = Field(default=None, sa_type=Text)
    replaces: str | None = Field(default=None, sa_type=Text)
    replaced_by: str | None = Field(default=None, sa_type=Text)
    amend_quantity: Decimal | None = Field(default=None, sa_type=DecimalText)
    amend_price: Decimal | None = Field(default=None, sa_type=DecimalText)
    amend_requested_at: datetime | None = Field(default=None, sa_type=Instant)
    trail_price: Decimal | None = Field(default=None, sa_type=DecimalText)
    triggered_at: datetime | None = Field(default=None, sa_type=Instant)
    draft_digest: str = Field(default="", sa_type=Text)
    chain: str = Field(default="", sa_type=Text)
    """The hash of the newest line of the order's timeline."""


class OrderLists(Table, table=True):
    """Orders that belong together: one cancels the other, or the exits of an entry."""

    __table_args__ = (Index(None, "user_id", "created_at", "id"),)

    id: str = Field(primary_key=True, sa_type=Text)
    user_id: str = Field(sa_type=Text)
    account_id: str = Field(sa_type=Text)
    symbol: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    held: bool
    policy: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    venue_list_id: str | None = Field(default=None, sa_type=Text)
    note: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class Fills(Table, table=True):
    """One execution. A venue counts its trades by symbol, and we may stand on both sides of one."""

    __table_args__ = (
        UniqueConstraint("account_id", "symbol", "venue_trade_id", "side"),
        Index(None, "user_id", "time", "id"),
        Index(None, "order_id", "time"),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    order_id: str = Field(foreign_key="orders.id", sa_type=Text)
    account_id: str = Field(sa_type=Text)
    symbol: str = Field(sa_type=Text)
    venue_trade_id: str = Field(sa_type=Text)
    price: Decimal = Field(sa_type=DecimalText)
    quantity: Decimal = Field(sa_type=DecimalText)
    fee: Decimal = Field(sa_type=DecimalText)
    fee_asset: str = Field(sa_type=Text)
    liquidity: str = Field(sa_type=Text)
    time: datetime = Field(sa_type=Instant)
    user_id: str = Field(sa_type=Text)
    side: str = Field(sa_type=Text)


class Outbox(Table, table=True):
    """A command that must reach the worker; `number` is the order in which they were given."""

    __table_args__ = (
        UniqueConstraint("id"),
        index_of_some("ix_outbox_unpublished", "number", where="published_at IS NULL"),
        {"sqlite_autoincrement": True},
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=BIG_NUMBER)
    id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    order_id: str = Field(foreign_key="orders.id", sa_type=Text)
    account_id: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    published_at: datetime | None = Field(default=None, sa_type=Instant)
    taken_until: datetime | None = Field(default=None, sa_type=Instant)
    """A relay has it in hand until then; another one may take it afterwards."""


class Audit(Table, table=True):
    """What happened, to what, by whom. Rows are only ever added: triggers refuse anything else."""

    __table_args__ = (
        Index(None, "order_id", "number"),
        Index(None, "writer", "writer_number"),
        {"sqlite_autoincrement": True},
    )

    number: int | None = Field(default=None, primary_key=True, sa_type=BIG_NUMBER)
    at: datetime = Field(sa_type=Instant)
    source: str = Field(sa_type=Text)
    user_id: str = Field(sa_type=Text)
    order_id: str | None = Field(default=None, sa_type=Text)
    event: str = Field(sa_type=Text)
    status_before: str | None = Field(default=None, sa_type=Text)
    status_after: str | None = Field(default=None, sa_type=Text)
    detail: str = Field(sa_type=Text)
    """JSON: text by name."""
    order_hash: str = Field(default="", sa_type=Text)
    """Of this line and the order's line before it."""
    writer: str = Field(default="", sa_type=Text)
    writer_number: int = Field(default=0, sa_type=BigInteger)
    writer_hash: str = Field(default="", sa_type=Text)
    """Of this line and the line that the same writer wrote before it."""


class Writers(Table, table=True):
    """A process that wrote to the audit log: how many lines, and the hash of its newest."""

    id: str = Field(primary_key=True, sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    number: int = Field(sa_type=BigInteger)
    hash: str = Field(sa_type=Text)


class Receipts(Table, table=True):
    """The number of the newest commit of each process that writes to PostgreSQL: when a connection is lost while it
    commits, the receipt tells whether it did."""

    writer: str = Field(primary_key=True, sa_type=Text)
    number: int = Field(sa_type=BigInteger)


class Drifts(Table, table=True):
    """A difference between the desk and a venue, and what was done about it."""

    __table_args__ = (
        Index(None, "user_id", "found_at", "id"),
        index_of_some("uq_drifts_open", "account_id", "kind", "subject", where="resolved_at IS NULL", unique=True),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    user_id: str = Field(sa_type=Text)
    account_id: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    symbol: str | None = Field(default=None, sa_type=Text)
    desk_says: str = Field(sa_type=Text)
    venue_says: str = Field(sa_type=Text)
    detail: str = Field(sa_type=Text)
    """JSON: text by name."""
    found_at: datetime = Field(sa_type=Instant)
    resolved_at: datetime | None = Field(default=None, sa_type=Instant)
    resolution: str | None = Field(default=None, sa_type=Text)
    resolved_by: str | None = Field(default=None, sa_type=Text)


class Leases(Table, table=True):
    """Who does something that only one process may do, and until when."""

    name: str = Field(primary_key=True, sa_type=Text)
    holder: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=Instant)


class Processes(Table, table=True):
    """A process of the desk: what it is, when it was last seen, and what it says of itself."""

    id: str = Field(primary_key=True, sa_type=Text)
    role: str = Field(sa_type=Text)
    started_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    ready: bool
    detail: str = Field(sa_type=Text)
    """JSON: text by name."""


class Sequences(Table, table=True):
    """The number of a user's newest event."""

    user_id: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(sa_type=BigInteger)


class Events(Table, table=True):
    """Which order each of a user's events was about."""

    __table_args__ = ({"sqlite_with_rowid": False},)

    user_id: str = Field(primary_key=True, sa_type=Text)
    sequence: int = Field(primary_key=True, sa_type=BigInteger)
    order_id: str = Field(sa_type=Text)


# --- users and what belongs to them -----------------------------------------------------------------------


class Users(Table, table=True):
    """`email` as it was typed, `email_key` as it is compared."""

    __table_args__ = (UniqueConstraint("email_key"),)

    id: str = Field(primary_key=True, sa_type=Text)
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    password_hash: str = Field(sa_type=Text)
    active: bool
    created_at: datetime = Field(sa_type=Instant)


class Logins(Table, table=True):
    """A browser's session; of its token only the SHA-256."""

    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "user_id"), Index(None, "expires_at"))

    id: str = Field(primary_key=True, sa_type=Text)
    user_id: str = Field(foreign_key="users.id", sa_type=Text)
    token_hash: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Instant)
    seen_at: datetime = Field(sa_type=Instant)
    expires_at: datetime = Field(sa_type=Instant)


class Tokens(Table, table=True):
    """One link in a family of refresh tokens; of the token only the SHA-256."""

    __table_args__ = (UniqueConstraint("token_hash"), Index(None, "family"), Index(None, "expires_at"))

    id: str = Field(primary_key=True, sa_type=Text)
    family: str = Field(sa_type=Text)
    user_id: str = Field(foreign_key="users.id", sa_type=Text)
    token_hash: str = Field(sa_type=Text)
    expires_at: datetime = Field(sa_type=Instant)
    used: bool
    revoked: bool


class Accounts(Table, table=True):
    """A user's account at a venue; the key is sealed (`data.vault`), and gone once the account is removed."""

    __table_args__ = (
        index_of_some(
            "uq_accounts_user_id_venue_label", "user_id", "venue", "label", where="removed_at IS NULL", unique=True
        ),
    )

    id: str = Field(primary_key=True, sa_type=Text)
    user_id: str = Field(foreign_key="users.id", sa_type=Text)
    venue: str = Field(sa_type=Text)
    label: str = Field(sa_type=Text)
    key_fingerprint: str = Field(sa_type=Text)
    paper: bool
    created_at: datetime = Field(sa_type=Instant)
    sealed_api_key: str | None = Field(default=None, sa_type=Text)
    sealed_secret: str | None = Field(default=None, sa_type=Text)
    removed_at: datetime | None = Field(default=None, sa_type=Instant)


class Preferences(Table, table=True):
    """What a user chose for the desk: one value a name."""

    user_id: str = Field(foreign_key="users.id", primary_key=True, sa_type=Text)
    name: str = Field(primary_key=True, sa_type=Text)
    value: str = Field(sa_type=Text)
