"""What travels between processes arrives as it was sent, or is refused."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, is_dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.encoding import Undecodable, decode, encode
from engine.domain.messages import Command, OrderChanged
from engine.ports import BalancesUpdate
from tests.data.makers import NOON, a_command, a_fill, an_order

KINDS = (Command, OrderChanged, BalancesUpdate)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(timedelta(hours=-3))])


def a_time(microseconds: int, zone: timezone) -> datetime:
    return (NOON + timedelta(microseconds=microseconds)).astimezone(zone)


MICROSECONDS = st.integers(0, 4 * 10**15)
decimals = st.decimals(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [Decimal("1E-8"), Decimal("0E-18"), Decimal("-0"), Decimal("1E+30"), Decimal("99999999999.99999999")]
)
LEAVES: Mapping[Any, st.SearchStrategy[Any]] = {
    str: st.text(st.characters(exclude_categories=("Cs",))),
    int: st.integers(-(2**63), 2**63 - 1),
    bool: st.booleans(),
    Decimal: decimals,
    datetime: st.builds(a_time, MICROSECONDS, ZONES),
}


def any_of(shape: Any) -> st.SearchStrategy[Any]:
    """Arbitrary values of a declared type, every field of every part included."""
    if isinstance(shape, typing.NewType):
        return any_of(shape.__supertype__)
    origin, arguments = typing.get_origin(shape), typing.get_args(shape)
    if origin in {types.UnionType, typing.Union}:
        return st.one_of(*(st.none() if one is type(None) else any_of(one) for one in arguments))
    if origin is tuple:
        return st.lists(any_of(arguments[0]), max_size=2).map(tuple)
    if origin in {dict, Mapping}:
        return st.dictionaries(any_of(arguments[0]), any_of(arguments[1]), max_size=2)
    if is_dataclass(shape) and isinstance(shape, type):
        hints = typing.get_type_hints(shape)
        return st.builds(shape, **{field.name: any_of(hints[field.name]) for field in fields(shape)})
    if isinstance(shape, type) and issubclass(shape, Enum):
        return st.sampled_from(list(shape))
    return LEAVES[shape]


@given(st.one_of(*(any_of(kind) for kind in KINDS)))
def test_nothing_is_lost_on_the_way(value: Command | OrderChanged | BalancesUpdate) -> None:
    arrived = decode(type(value), encode(value))
    assert arrived == value
    # Fields that do not count for equality travel, too, and 1.10 does not become 1.1.
    assert as_texts(asdict(arrived)) == as_texts(asdict(value))


def as_texts(value: Any) -> Any:
    """Decimals by their digits, times by their instant."""
    match value:
        case Decimal():
            return str(value)
        case datetime():
            return value.astimezone(UTC)
        case dict():
            return {key: as_texts(item) for key, item in typing.cast("dict[str, Any]", value).items()}
        case list() | tuple():
            return [as_texts(item) for item in typing.cast("list[Any]", value)]
        case _:
            return value


def test_a_mapping_of_any_kind_travels() -> None:
    order = an_order()
    object.__setattr__(order, "fees", types.MappingProxyType({"BNB": Decimal("0.10")}))
    assert decode(OrderChanged, encode(OrderChanged(1, "ann", order, ()))).order.fees == {"BNB": Decimal("0.10")}


SOUND: Mapping[str, Any] = orjson.loads(
    encode(OrderChanged(7, "ann", an_order(), (a_fill(an_order(), "t1"),))),
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("sequence",), "7"),
        (("sequence",), True),
        (("sequence",), 7.0),
        (("user_id",), None),
        (("user_id",), 5),
        (("order",), []),
        (("order", "price"), 50000.1),
        (("order", "price"), "NaN"),
        (("order", "price"), "1_000"),
        (("order", "price"), " 1"),
        (("order", "price"), "１"),
        (("order", "status"), "LOST"),
        (("order", "created_at"), "2026-07-01T12:00:00"),
        (("order", "created_at"), 1),
        (("order", "fees"), []),
        (("order", "more"), 1),
        (("new_fills",), {}),
        (("new_fills", 0, "fee"), None),
    ],
)
def test_what_is_not_as_declared_is_refused(path: tuple[str | int, ...], value: object) -> None:
    message = orjson.loads(orjson.dumps(SOUND))
    place = message
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(Undecodable):
        decode(OrderChanged, orjson.dumps(message))


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b"[" * 2_000, b'{"sequence":1}', b"null"])
def test_bytes_that_are_no_message_are_refused(data: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(OrderChanged, data)


def test_a_missing_field_is_refused_even_where_it_has_a_default() -> None:
    message = orjson.loads(orjson.dumps(SOUND))
    del message["order"]["version"]
    with pytest.raises(Undecodable, match="version"):
        decode(OrderChanged, orjson.dumps(message))


def test_a_command_of_a_kind_that_this_version_does_not_know_is_refused() -> None:
    message = orjson.loads(encode(a_command("c1", "o1"))) | {"kind": "commands:order:teleport"}
    with pytest.raises(Undecodable, match="teleport"):
        decode(Command, orjson.dumps(message))


@dataclass(frozen=True)
class Odd:
    """Has a field that could be read in two ways."""

    value: int | str


def test_a_type_that_cannot_be_told_apart_on_the_wire_is_a_defect() -> None:
    with pytest.raises(TypeError):
        encode(object())
    with pytest.raises(TypeError):
        decode(Odd, encode(Odd(1)))
