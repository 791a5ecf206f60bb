"""Values of the domain as JSON bytes and back, by their declared types: what is declared travels, and nothing is lost.

Decimals and times are strings. Decoding is strict: a field that is missing, unknown or of another type is refused, so
that a process of another version is noticed and not half understood.
"""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Any, TypeVar, cast

import orjson

T = TypeVar("T")
Reader = Callable[[Any], Any]

DECIMAL = re.compile(r"-?[0-9]+(\.[0-9]+)?(E[+-][0-9]+)?", re.ASCII)
"""What `str` makes of a finite Decimal."""


class Undecodable(ValueError):
    """These bytes are no value of the type."""


def encode(value: object) -> bytes:
    """Dataclasses of strings, numbers, decimals, times, enums, tuples and mappings by string. TypeError for others,
    and for text that is no Unicode."""
    return orjson.dumps(value, default=_plain)


def decode(shape: type[T], data: bytes) -> T:
    """The value of this dataclass that `encode` made the bytes of. Raises Undecodable."""
    read = _reader(shape)
    try:
        return cast("T", read(orjson.loads(data)))
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise Undecodable(f"no {shape.__name__}: {error}") from error


def _plain(value: object) -> object:
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(cast("Mapping[str, object]", value))
    raise TypeError(f"{type(value).__name__} cannot be encoded")


@cache
def _reader(shape: Any) -> Reader:
    """What reads a value of this declared type out of parsed JSON."""
    if isinstance(shape, typing.NewType):
        return _reader(shape.__supertype__)
    origin, arguments = typing.get_origin(shape), typing.get_args(shape)
    if origin in {types.UnionType, typing.Union}:
        return _optional(arguments)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return _tuple_of(_reader(arguments[0]))
    if origin in {dict, Mapping} and arguments[0] is str:
        return _mapping_of(_reader(arguments[1]))
    if shape in LEAVES:
        return LEAVES[shape]
    if isinstance(shape, type) and is_dataclass(shape):
        return _record(shape)
    if isinstance(shape, type) and issubclass(shape, Enum):
        return shape
    raise TypeError(f"{shape} has no place on the wire")


def _record(shape: type[Any]) -> Reader:
    hints = typing.get_type_hints(shape)
    readers = {field.name: _reader(hints[field.name]) for field in fields(shape)}

    def read(value: Any) -> Any:
        given = _of(dict, value)
        if given.keys() != readers.keys():
            raise ValueError(f"fields {sorted(given.keys() ^ readers.keys())} are missing or unknown")
        return shape(**{name: read_field(given[name]) for name, read_field in readers.items()})

    return read


def _optional(alternatives: tuple[Any, ...]) -> Reader:
    shapes = [shape for shape in alternatives if shape is not type(None)]
    if len(shapes) != 1 or len(alternatives) != 2:
        raise TypeError(f"{alternatives} cannot be told apart on the wire")
    read_present = _reader(shapes[0])

    def read(value: Any) -> Any:
        return None if value is None else read_present(value)

    return read


def _tuple_of(read_item: Reader) -> Reader:
    def read(value: Any) -> Any:
        return tuple(read_item(item) for item in _of(list, value))

    return read


def _mapping_of(read_item: Reader) -> Reader:
    def read(value: Any) -> Any:
        return {key: read_item(item) for key, item in _of(dict, value).items()}

    return read


def _of(kind: type[Any], value: Any) -> Any:
    if type(value) is not kind:
        raise ValueError(f"{type(value).__name__} where {kind.__name__} belongs")
    return value


def _decimal(value: Any) -> Decimal:
    text = _of(str, value)
    if DECIMAL.fullmatch(text) is None:
        raise ValueError(f"{text[:40]!a} is no decimal")
    return Decimal(text)


def _time(value: Any) -> datetime:
    time = datetime.fromisoformat(_of(str, value))
    if time.tzinfo is None:
        raise ValueError("a time without a zone")
    return time


LEAVES: Mapping[Any, Reader] = {
    str: lambda value: _of(str, value),
    int: lambda value: _of(int, value),
    bool: lambda value: _of(bool, value),
    Decimal: _decimal,
    datetime: _time,
}
