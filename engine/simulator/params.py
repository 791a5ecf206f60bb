"""Request parameters as Binance takes them: text in, checked values out, refusals in its words.

Source: Binance Spot API, "Errors" (-11xx), 2026-07.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeVar
from urllib.parse import unquote_to_bytes

from engine.simulator.filters import parse_atoms
from engine.simulator.model import ApiError

Choice = TypeVar("Choice", bound=str)

WHOLE: Final = re.compile(r"[0-9]{1,20}")
CLIENT_ORDER_ID: Final = re.compile(r"[a-zA-Z0-9-_.:/]{1,36}")
CLIENT_ORDER_ID_RANGE: Final = r"^[a-zA-Z0-9-_.:/]{1,36}$"
SYMBOL: Final = re.compile(r"[A-Z0-9-_.]{1,20}")
SYMBOL_RANGE: Final = "^[A-Z0-9-_.]{1,20}$"
LONGEST_FORM: Final = 64
LARGEST_WHOLE: Final = 2**63 - 1
FIRST_MICROSECOND_STAMP: Final = 10**15
"""A time stamp from here on counts microseconds: as milliseconds it would be the year 33658."""


class Params:
    """The parameters of one request. Every reader raises ApiError when the value will not do."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def refuse_all_but(self, known: frozenset[str]) -> None:
        """-1104 when something was sent that the request does not read."""
        unread = [name for name in self._values if name not in known]
        if unread:
            sent = len(self._values)
            raise ApiError(
                -1104,
                f"Not all sent parameters were read; read '{sent - len(unread)}' parameter(s) but was sent '{sent}'.",
            )

    def optional(self, name: str) -> str | None:
        """The text, or None when it was not sent; -1105 when it is empty."""
        value = self._values.get(name)
        if value == "":
            raise ApiError(-1105, f"Parameter '{name}' was empty.")
        return value

    def text(self, name: str) -> str:
        """The text; -1102 when it was not sent."""
        value = self.optional(name)
        if value is None:
            raise missing(name)
        return value

    def whole(self, name: str) -> int | None:
        """A whole number from 0, or None; -1100 for anything but ASCII digits, -1108 when 64 bits do not hold it."""
        value = self.optional(name)
        if value is None:
            return None
        if WHOLE.fullmatch(value) is None:
            raise illegal(name, "^[0-9]{1,20}$")
        number = int(value)
        if number > LARGEST_WHOLE:
            raise ApiError(-1108, f"Parameter '{name}' overflowed.")
        return number

    def limit(self, default: int, most: int) -> int:
        """The `limit` of a list: `default` when it was not sent, cut to `most`; -1130 when it is 0."""
        value = self.whole("limit")
        if value is None:
            return default
        if value == 0:
            raise ApiError(-1130, "Data sent for parameter 'limit' is not valid.")
        return min(value, most)

    def moment(self, name: str) -> int | None:
        """A time in milliseconds, sent in milliseconds or microseconds, or None."""
        value = self.whole(name)
        return value // 1000 if value is not None and value >= FIRST_MICROSECOND_STAMP else value

    def span(self) -> tuple[int | None, int | None]:
        """`startTime` and `endTime` in milliseconds; -1100 when they are the wrong way round."""
        start, end = self.moment("startTime"), self.moment("endTime")
        if start is not None and end is not None and start > end:
            raise ApiError(-1100, "Illegal characters found in a parameter: startTime is after endTime.")
        return start, end

    def atoms(self, name: str) -> int | None:
        """A decimal figure in atoms (1e-8), or None; -1100 when it is no plain decimal, -1111 when it is finer."""
        value = self.optional(name)
        if value is None:
            return None
        return parse_atoms(value, name)

    def symbol(self) -> str:
        """The mandatory `symbol` by its letters alone; whether it is listed, the exchange knows."""
        return checked_symbol(self.text("symbol"))

    def client_order_id(self, name: str) -> str | None:
        """A client order id, or None; -1100 when it has other letters or is longer than 36."""
        value = self.optional(name)
        if value is not None and CLIENT_ORDER_ID.fullmatch(value) is None:
            raise illegal(name, CLIENT_ORDER_ID_RANGE)
        return value

    def choice(self, name: str, choices: type[Choice], code: int, message: str) -> Choice | None:
        """One of an enumeration's values, or None; ApiError `code` when it is none of them."""
        value = self.optional(name)
        if value is None:
            return None
        try:
            return choices(value)
        except ValueError:
            raise ApiError(code, message) from None

    def flag(self, name: str, *, default: bool = False) -> bool:
        """`true` or `false` (any case), `default` when it was not sent."""
        value = self.optional(name)
        if value is None:
            return default
        if value.lower() not in {"true", "false"}:
            raise ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '^(true|false)$'.")
        return value.lower() == "true"


def checked_symbol(symbol: str) -> str:
    """The symbol itself; -1100 when its letters are not a symbol's."""
    if SYMBOL.fullmatch(symbol) is None:
        raise illegal("symbol", SYMBOL_RANGE)
    return symbol


def missing(name: str) -> ApiError:
    """-1102: a mandatory parameter is not there."""
    return ApiError(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def not_required(name: str) -> ApiError:
    """-1106: a parameter that this kind of request does not take."""
    return ApiError(-1106, f"Parameter '{name}' sent when not required.")


def illegal(name: str, legal_range: str) -> ApiError:
    """-1100: letters that do not belong there."""
    return ApiError(-1100, f"Illegal characters found in parameter '{name}'; legal range is '{legal_range}'.")


def parse_form(query: bytes, body: bytes) -> dict[str, str]:
    """The parameters of a query string and a form body, decoded; where both have one, the query's counts.

    ApiError -1101 for a name that comes twice in one of them or for too many, -1100 for bytes that are no UTF-8.
    """
    values = _pairs(body)
    values.update(_pairs(query))
    return values


def _pairs(raw: bytes) -> dict[str, str]:
    values: dict[str, str] = {}
    if not raw:
        return values
    parts = raw.split(b"&")
    if len(parts) > LONGEST_FORM:
        raise ApiError(-1101, f"Too many parameters; expected at most '{LONGEST_FORM}' and received '{len(parts)}'.")
    if raw.isascii() and b"%" not in raw and b"+" not in raw:
        for part in raw.decode().split("&"):
            name, _, value = part.partition("=")
            values[name] = value
        if len(values) == len(parts) and "" not in values:
            return values
        values = {}
    for part in parts:
        if not part:
            continue
        raw_name, _, raw_value = part.partition(b"=")
        try:
            key = _decoded(raw_name)
            if key in values:
                raise ApiError(-1101, f"Duplicate values for parameter '{key}'.")
            values[key] = _decoded(raw_value)
        except UnicodeDecodeError:
            raise ApiError(-1100, "Illegal characters found in a parameter.") from None
    return values


def _decoded(raw: bytes) -> str:
    if b"%" not in raw and b"+" not in raw:
        return raw.decode()
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode()
