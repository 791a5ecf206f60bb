"""What requests may hold. Nothing is converted: a figure is a string, a flag a flag, and no field more."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainValidator, ValidationInfo, WithJsonSchema, field_validator

from components.timeline_file import TimelineFormat
from engine.accounts import KEY_TEXT, SECRET_TEXT
from engine.desk import Amendment
from engine.desk.markets import LATEST_MS
from engine.domain.draft import OrderDraft
from engine.domain.list_draft import EntryTerms, ExitTerms, ListDraft
from engine.domain.market import TIMEFRAMES_S
from engine.domain.order import OrderStatus
from engine.domain.order_list import LegPolicy, ListKind
from engine.domain.values import (
    CLIENT_ORDER_ID,
    DECIMAL_TEXT,
    OrderType,
    Price,
    Quantity,
    Refusal,
    Side,
    TimeInForce,
    parse_decimal,
    valid_client_order_id,
)
from engine.ports import OrderFilter
from numatix.api.reading import is_text

WHOLE = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
MOST_ITEMS = 500
DEFAULT_ITEMS = 100
OPEN = "OPEN"
LONGEST_STATUS = 400
STATUS_WORDS = "|".join(OrderStatus)


def _exact(value: object, info: ValidationInfo) -> Decimal | None:
    """By the engine's own rule; its Refusal passes through pydantic and names the field."""
    return None if value is None else parse_decimal(value, str(info.field_name))


def _whole(value: object, info: ValidationInfo) -> int | None:
    if value is None or isinstance(value, int):
        return value
    if not isinstance(value, str) or WHOLE.fullmatch(value) is None:
        raise Refusal("not_a_whole_number", f"{info.field_name} must be a whole number.", str(info.field_name))
    return int(value)


def _limit(value: object, info: ValidationInfo) -> int:
    limit = _whole(value, info)
    if limit is None or not 1 <= limit <= MOST_ITEMS:
        raise Refusal("bad_limit", f"limit must be from 1 to {MOST_ITEMS}.", "limit")
    return limit


def _instant(value: object, info: ValidationInfo) -> int | None:
    """Milliseconds since 1970 from such a number, or from ISO 8601 with its offset."""
    if value is None or isinstance(value, int):
        return value
    name = str(info.field_name)
    if isinstance(value, str) and WHOLE.fullmatch(value):
        return int(value)
    try:
        at = datetime.fromisoformat(str(value)[:40])
        if at.tzinfo is None:
            raise ValueError("no offset")
        return int(at.astimezone(UTC).timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        raise Refusal(
            "bad_time", f"{name} must be ISO 8601 with an offset, such as 2026-07-01T00:00:00Z, or milliseconds.", name
        ) from error


def _like(pattern: str, **more: object) -> WithJsonSchema:
    """What the description says of a text that the engine checks; the check itself stays there."""
    return WithJsonSchema({"type": "string", "pattern": f"^{pattern}$", **more})


def _or_null(schema: WithJsonSchema) -> WithJsonSchema:
    return WithJsonSchema({"anyOf": [schema.json_schema, {"type": "null"}]})


Exact = Annotated[Decimal | None, PlainValidator(_exact), _or_null(_like(DECIMAL_TEXT.pattern, examples=["0.5"]))]
Limit = Annotated[int, PlainValidator(_limit), WithJsonSchema({"type": "integer", "minimum": 1, "maximum": MOST_ITEMS})]
Instant = Annotated[
    int | None,
    PlainValidator(_instant),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "string", "format": "date-time", "examples": ["2026-07-01T00:00:00Z"]},
                {"type": "integer", "minimum": 0, "maximum": LATEST_MS},
            ]
        }
    ),
]
Timeframe = Annotated[str, WithJsonSchema({"type": "string", "enum": list(TIMEFRAMES_S)})]
Key = Annotated[str, _like(KEY_TEXT.pattern)]
Secret = Annotated[str, _like(SECRET_TEXT.pattern)]
ClientOrderId = Annotated[str | None, _or_null(_like(CLIENT_ORDER_ID.pattern))]
NewEmail = Annotated[str, WithJsonSchema({"type": "string", "format": "email", "maxLength": 254})]
NewPassword = Annotated[str, _like(r"[^\x00]*", minLength=10, maxLength=1024)]
Statuses = Annotated[str | None, _or_null(_like(f"({STATUS_WORDS})(,({STATUS_WORDS}))*", maxLength=LONGEST_STATUS))]


class Body(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str) and not is_text(value):
            name = str(info.field_name)
            raise Refusal("bad_text", f"{name} holds a character that is no text.", name)
        return value


class LoginBody(Body):
    email: str
    password: str


class RegisterBody(Body):
    email: NewEmail
    password: NewPassword


class RefreshBody(Body):
    refresh_token: str


class AccountBody(Body):
    venue: str
    label: str
    api_key: Key
    secret: Secret


OrderTypes = Literal[
    "market", "limit", "limit_maker", "stop_loss", "stop_loss_limit", "take_profit", "take_profit_limit"
]
TimesInForce = Literal["GTC", "IOC", "FOK"]
Trail = Annotated[int | None, Field(description="hundredths of a percent")]


class OrderBody(Body):
    """An order to place. A market order takes `quantity` or `quote_quantity`, the others `quantity`, and `price` unless
    they trade at market; conditional ones take `stop_price`, `trailing_delta` or both."""

    symbol: str = Field(max_length=40, examples=["BTC/USDT"])
    side: Literal["buy", "sell"]
    type: OrderTypes
    quantity: Exact = None
    quote_quantity: Exact = None
    price: Exact = None
    stop_price: Exact = None
    trailing_delta: Trail = None
    time_in_force: TimesInForce | None = None
    held: bool = Field(default=False, description="the desk keeps it until its price comes, instead of the venue")
    client_order_id: ClientOrderId = Field(default=None, description="1 to 36 of A-Z a-z 0-9 . _ : / -, yours for ever")
    account_id: str | None = None

    def draft(self) -> OrderDraft:
        """Raises Refusal for a bad client_order_id."""
        client_order_id = self.client_order_id
        return OrderDraft(
            self.symbol,
            Side(self.side),
            OrderType(self.type),
            _quantity(self.quantity),
            _quantity(self.quote_quantity),
            _price(self.price),
            None if self.time_in_force is None else TimeInForce(self.time_in_force),
            None if client_order_id is None else valid_client_order_id(client_order_id),
            self.account_id,
            _price(self.stop_price),
            self.trailing_delta,
            self.held,
        )


class AmendBody(Body):
    """What an open order is to become; what is left out stays. `quantity` is in all, what is filled included."""

    quantity: Exact = None
    price: Exact = None
    stop_price: Exact = None

    def wanted(self) -> Amendment:
        return Amendment(_quantity(self.quantity), _price(self.price), _price(self.stop_price))


class TurnBody(Body):
    """Whose position, and the client order id of the market order that closes or turns it."""

    account_id: str | None = None
    client_order_id: ClientOrderId = None


class EntryBody(Body):
    type: Literal["market", "limit", "limit_maker"]
    price: Exact = None
    time_in_force: TimesInForce | None = None

    def terms(self) -> EntryTerms:
        tif = None if self.time_in_force is None else TimeInForce(self.time_in_force)
        return EntryTerms(OrderType(self.type), _price(self.price), tif)


class ExitBody(Body):
    """A take profit rests at `price`, or trades from `stop_price` on; a stop loss trades from `stop_price` or
    `trailing_delta` on; at market, or no worse than `price`."""

    price: Exact = None
    stop_price: Exact = None
    trailing_delta: Trail = None

    def terms(self) -> ExitTerms:
        return ExitTerms(_price(self.price), _price(self.stop_price), self.trailing_delta)


class ListBody(Body):
    """An `oco` has both exits, `side` is theirs; a `bracket` has an entry, whose side it is, and one exit or both.
    `policy` says what happens when an exit of a filled entry cannot be placed."""

    kind: Literal["oco", "bracket"]
    symbol: str = Field(max_length=40, examples=["BTC/USDT"])
    side: Literal["buy", "sell"]
    quantity: Exact
    entry: EntryBody | None = None
    take_profit: ExitBody | None = None
    stop_loss: ExitBody | None = None
    policy: Literal["repair", "unwind"] = "repair"
    client_order_id: ClientOrderId = Field(default=None, description="up to 32 characters: its orders get endings")
    account_id: str | None = None

    def draft(self) -> ListDraft:
        """Raises Refusal for a missing quantity or a bad client_order_id."""
        quantity = _quantity(self.quantity)
        if quantity is None:
            raise Refusal("missing_field", "quantity is missing.", "quantity")
        client_order_id, entry = self.client_order_id, self.entry
        return ListDraft(
            ListKind(self.kind),
            self.symbol,
            Side(self.side),
            quantity,
            None if self.take_profit is None else self.take_profit.terms(),
            None if self.stop_loss is None else self.stop_loss.terms(),
            None if entry is None else entry.terms(),
            LegPolicy(self.policy),
            None if client_order_id is None else valid_client_order_id(client_order_id),
            self.account_id,
        )


def _quantity(value: Decimal | None) -> Quantity | None:
    return None if value is None else Quantity(value)


def _price(value: Decimal | None) -> Price | None:
    return None if value is None else Price(value)


class Query(BaseModel):
    """A misspelt parameter is refused: `DELETE orders?symbl=…` must not cancel everything."""

    model_config = ConfigDict(extra="forbid")


class ListQuery(Query):
    cursor: str | None = Field(default=None, max_length=400)
    limit: Limit = DEFAULT_ITEMS


class AccountQuery(Query):
    account_id: str | None = None


class CancelQuery(AccountQuery):
    symbol: str | None = None


class FillsQuery(ListQuery):
    symbol: str | None = None
    account_id: str | None = None


class OrdersQuery(FillsQuery):
    status: Statuses = Field(
        default=None,
        max_length=LONGEST_STATUS,
        description="one or more statuses, comma between; or OPEN for all unfinished",
    )

    def filter(self, symbol: str | None) -> OrderFilter:
        """Raises Refusal for an unknown status."""
        words = [word.strip().upper() for word in (self.status or "").split(",") if word.strip()]
        known = set(OrderStatus)
        if self.status is not None and not words:
            raise Refusal("unknown_status", f"status takes {OPEN} and {', '.join(sorted(known))}.", "status")
        for word in words:
            if word != OPEN and word not in known:
                raise Refusal("unknown_status", f"status takes {OPEN} and {', '.join(sorted(known))}.", "status")
        statuses = frozenset(OrderStatus(word) for word in words if word != OPEN)
        if OPEN in words and statuses:
            raise Refusal("unknown_status", f"status takes either {OPEN} or statuses.", "status")
        return OrderFilter(symbol, self.account_id, statuses, open_only=OPEN in words)


class TimelineQuery(Query):
    format: TimelineFormat = TimelineFormat.JSON


class MarketsQuery(Query):
    venue: str | None = None


class CandlesQuery(MarketsQuery):
    timeframe: Timeframe = "1m"
    start: Instant = None
    end: Instant = None
    limit: Limit = DEFAULT_ITEMS
