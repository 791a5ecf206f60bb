"""Exact figures and the words of the trade."""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum
from typing import NewType

Price = NewType("Price", Decimal)
"""Quote units for one base unit."""
Quantity = NewType("Quantity", Decimal)
"""Base units."""
Money = NewType("Money", Decimal)
"""Units of one asset, usually the quote."""
NOTHING = Quantity(Decimal(0))

DECIMAL_TEXT = re.compile(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,18})?", re.ASCII)
CLIENT_ORDER_ID = re.compile(r"[A-Za-z0-9._:/-]{1,36}", re.ASCII)
LONGEST_ECHO = 40


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    LIMIT_MAKER = "limit_maker"
    STOP_LOSS = "stop_loss"
    """At market once the price has moved against its side by as much as the stop price says."""
    STOP_LOSS_LIMIT = "stop_loss_limit"
    TAKE_PROFIT = "take_profit"
    """At market once the price has moved in favour of its side."""
    TAKE_PROFIT_LIMIT = "take_profit_limit"

    @property
    def conditional(self) -> bool:
        """Whether it waits for a price before it trades."""
        return self not in {OrderType.MARKET, OrderType.LIMIT, OrderType.LIMIT_MAKER}

    @property
    def at_market(self) -> bool:
        """Whether it trades at whatever price there is."""
        return self in {OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT}

    @property
    def triggered(self) -> OrderType:
        """What is left of it once its price has come."""
        return OrderType.MARKET if self.at_market else OrderType.LIMIT if self.conditional else self


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Liquidity(StrEnum):
    """Whether our order was resting (maker) or took (taker)."""

    MAKER = "maker"
    TAKER = "taker"


class Refusal(Exception):
    """A request that cannot be done: what is wrong, in which field, and the mend.

    `code` is stable and machine-readable; `message` is for people and names the mend.
    """

    def __init__(self, code: str, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.field = field


class NotFound(Refusal):
    """There is no such thing, or it is not the asker's: the answer is the same."""


class Conflict(Refusal):
    """It contradicts what is stored."""


class Forbidden(Refusal):
    """The asker may not."""


class Unauthenticated(Refusal):
    """Nobody is asking: a login is missing, wrong or over."""


class TooMany(Refusal):
    """Asked too often; may be asked again after `retry_after_s` seconds."""

    def __init__(self, code: str, message: str, retry_after_s: float) -> None:
        super().__init__(code, message)
        self.retry_after_s = retry_after_s


class Unavailable(Refusal):
    """It cannot be answered now: the venue is out of reach, or the desk is not ready yet."""


class Denied(Refusal):
    """Our own check refused an order; it is stored as DENIED under `order_id`."""

    def __init__(self, refusal: Refusal, order_id: str) -> None:
        super().__init__(refusal.code, refusal.message, refusal.field)
        self.order_id = order_id


def parse_decimal(text: object, field: str) -> Decimal:
    """A non-negative exact decimal from a strict string, at most 16 digits before and 18 after the point.

    Only ASCII digits and one point: no sign, exponent, spaces, separators or words. Raises Refusal.
    """
    if not isinstance(text, str):
        raise Refusal("not_a_decimal_string", f'{field} must be a string that holds a decimal, such as "0.5".', field)
    if DECIMAL_TEXT.fullmatch(text) is None:
        shown = text if len(text) <= LONGEST_ECHO else f"{text[:LONGEST_ECHO]}…"
        raise Refusal(
            "not_a_decimal",
            f"{field} {shown!a} is not a plain decimal: use ASCII digits and one point, such as 0.5.",
            field,
        )
    return Decimal(text)


def decimal_text(value: Decimal) -> str:
    """The shortest plain notation: no exponent, no trailing zeros; "0" for any zero."""
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def decimals_of(step: Decimal) -> int:
    """How many decimals a figure on this step needs: 2 for 0.01, 0 for 1 or 10."""
    exponent = step.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    """The greatest multiple of `step` that is not above `value`."""
    return value // step * step if step else value


def valid_client_order_id(text: str) -> str:
    """The id itself; Refusal when it is not 1 to 36 of letters, digits and . _ : / -."""
    if CLIENT_ORDER_ID.fullmatch(text) is None:
        raise Refusal(
            "bad_client_order_id",
            "client_order_id takes 1 to 36 of the characters A-Z a-z 0-9 . _ : / -.",
            "client_order_id",
        )
    return text
