"""Reading a recorded day: one line an event, `<receive time in ns> <JSON>`, plain or gzipped.

Streams are wrapped as Binance's combined streams send them (`{"stream": …, "data": …}`); the book's snapshot is
bare (`lastUpdateId`, `bids`, `asks`), as its REST endpoint answers. A capture holds one symbol.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import orjson

Levels = tuple[tuple[str, str], ...]
"""`(price, quantity)` as recorded, in decimal notation."""


class CaptureError(ValueError):
    """A line that is not what a capture holds; the message names file and line."""


@dataclass(frozen=True, slots=True)
class RecordedSnapshot:
    last_update_id: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class RecordedDiff:
    symbol: str
    first_update_id: int
    last_update_id: int
    bids: Levels
    asks: Levels


@dataclass(frozen=True, slots=True)
class RecordedTrade:
    symbol: str
    trade_id: int
    price: str
    quantity: str
    buyer_is_maker: bool


@dataclass(frozen=True, slots=True)
class RecordedTop:
    symbol: str
    update_id: int
    bid: tuple[str, str]
    ask: tuple[str, str]


Event = RecordedSnapshot | RecordedDiff | RecordedTrade | RecordedTop


@dataclass(frozen=True, slots=True)
class Recorded:
    """One line of a capture."""

    line: int
    received_ns: int
    event: Event


def read_capture(path: Path) -> Iterator[Recorded]:
    """The events in the order in which they were received, read as they are asked for.

    Raises CaptureError at a line that cannot be read, OSError when the file cannot.
    """
    number = 0
    with _open(path) as lines:
        try:
            for number, line in enumerate(lines, 1):
                yield _recorded(number, line)
        except (KeyError, TypeError, ValueError) as error:
            raise CaptureError(f"{path}, line {number}: {_fault(error)}") from error
        except (EOFError, gzip.BadGzipFile) as error:
            raise CaptureError(f"{path}, after line {number}: the file is cut off or damaged ({error})") from error


def _open(path: Path) -> IO[bytes]:
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    return cast("IO[bytes]", gzip.open(path, "rb")) if packed else path.open("rb")


def _recorded(number: int, line: bytes) -> Recorded:
    received, _, text = line.partition(b" ")
    content: object = orjson.loads(text)
    if not isinstance(content, dict):
        raise TypeError("its JSON is not an object")
    return Recorded(number, int(received), _event(cast("Mapping[str, object]", content)))


def _event(content: Mapping[str, object]) -> Event:
    if "stream" not in content:
        return RecordedSnapshot(_whole(content, "lastUpdateId"), _levels(content, "bids"), _levels(content, "asks"))
    stream, data = _text(content, "stream"), content["data"]
    if not isinstance(data, dict):
        raise TypeError("its data is not an object")
    return _streamed(stream.partition("@")[2], cast("Mapping[str, object]", data))


def _streamed(kind: str, data: Mapping[str, object]) -> Event:
    symbol = _text(data, "s")
    match kind:
        case "depth" | "depth@100ms":
            return RecordedDiff(symbol, _whole(data, "U"), _whole(data, "u"), _levels(data, "b"), _levels(data, "a"))
        case "trade":
            return RecordedTrade(symbol, _whole(data, "t"), _text(data, "p"), _text(data, "q"), data["m"] is True)
        case "bookTicker":
            bid, ask = (_text(data, "b"), _text(data, "B")), (_text(data, "a"), _text(data, "A"))
            return RecordedTop(symbol, _whole(data, "u"), bid, ask)
        case _:
            raise ValueError(f"stream {kind!r} is none of depth, trade and bookTicker")


def _levels(data: Mapping[str, object], field: str) -> Levels:
    rows = cast("list[list[str]]", data[field])
    return tuple((price, quantity) for price, quantity in rows)


def _text(data: Mapping[str, object], field: str) -> str:
    value = data[field]
    if not isinstance(value, str):
        raise TypeError(f"field {field!r} is {value!r}, not a string")
    return value


def _whole(data: Mapping[str, object], field: str) -> int:
    value = data[field]
    if not isinstance(value, int):
        raise TypeError(f"field {field!r} is {value!r}, not a whole number")
    return value


def _fault(error: Exception) -> str:
    return f"field {error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
