"""Which symbols a question is about: one, some or all of them, by name and by the state that they are in.

Source: Binance Spot API, Market data endpoints and "Error codes" (-1100, -1122, -1128, -1151, -1220), 2026-07.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, cast

import orjson

from engine.simulator.model import ApiError
from engine.simulator.operations import Call
from engine.simulator.params import Params, illegal
from engine.simulator.wire import Json, Notation

ONE: Final = r'"[A-Z0-9-_.]{1,20}"'
SYMBOL_LIST: Final = re.compile(rf"\[{ONE}(,{ONE})*\]")
SYMBOL_LIST_RANGE: Final = rf"^\[({ONE}(,{ONE}){{0,}}){{0,1}}\]$"
BAD_COMBINATION: Final = "Combination of optional parameters invalid."


class SymbolStatus(StrEnum):
    """`symbolStatus`; everything that is listed here trades."""

    TRADING = "TRADING"
    HALT = "HALT"
    BREAK = "BREAK"


def chosen_one(call: Call) -> Notation:
    """The symbol that must be named; -1220 when it is in another state than `symbolStatus` says."""
    call.params.symbol()
    return chosen(call)[0]


def one_or_many(call: Call, row: Callable[[Notation], Json]) -> object:
    """One row for `symbol`, a list of them for `symbols` or for neither."""
    found = chosen(call)
    if "symbol" in call.params:
        return row(found[0])
    return [row(notation) for notation in found]


def chosen(call: Call) -> list[Notation]:
    """The symbols that are asked for, all of them without a name; those in another state are left out."""
    if "symbol" in call.params and "symbols" in call.params:
        raise ApiError(-1128, BAD_COMBINATION)
    if "symbol" in call.params:
        found = [call.listed(call.params.symbol())]
    elif "symbols" in call.params:
        found = [call.listed(symbol) for symbol in symbol_list(call.params)]
    else:
        found = list(call.notations.values())
    if trades(call.params):
        return found
    if "symbol" in call.params:
        raise ApiError(-1220, "The symbol's status does not match the requested symbolStatus.")
    return []


def trades(params: Params) -> bool:
    """Whether symbols that trade are among those that are asked for; -1122 for no state at all."""
    status = params.choice("symbolStatus", SymbolStatus, -1122, "Invalid symbolStatus.")
    return status is None or status is SymbolStatus.TRADING


def symbol_list(params: Params) -> list[str]:
    """`symbols`: a JSON list without blanks; -1151 when it names one twice."""
    text = params.text("symbols")
    if SYMBOL_LIST.fullmatch(text) is None:
        raise illegal("symbols", SYMBOL_LIST_RANGE)
    symbols = cast("list[str]", orjson.loads(text))
    if len(set(symbols)) < len(symbols):
        raise ApiError(-1151, "Symbol is present multiple times in the list.")
    return symbols


def count(params: Params) -> int:
    """How many symbols are asked for by name; what is no list at all is refused later."""
    return params.text("symbols").count(",") + 1 if "symbols" in params else int("symbol" in params)


@dataclass(frozen=True, slots=True)
class ByCount:
    """A weight that depends on how many symbols are asked for: `steps` are (most symbols, weight)."""

    steps: tuple[tuple[int, int], ...]
    without: int
    """When none is named."""

    def __call__(self, params: Params) -> int:
        named = count(params)
        if not named:
            return self.without
        return next((weight for most, weight in self.steps if named <= most), self.without)
