"""What a client may ask of its socket, read strictly: every fault names its field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from engine.domain.values import Refusal
from numatix.api.reading import read_json

Id = str | int | None
LONGEST_ID = 64
LONGEST_NAME = 80
LONGEST_TOKEN = 4_096
MOST_CHANNELS = 20
HIGHEST_SEQUENCE = 2**53
"""Where the numbers of JavaScript cease to be whole."""


@dataclass(frozen=True, slots=True)
class Auth:
    """Who asks; on a socket that knows already: with a newer token."""

    token: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Subscribe:
    channels: tuple[str, ...]
    account_id: str | None
    venue: str | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    channels: tuple[str, ...]
    account_id: str | None
    venue: str | None


@dataclass(frozen=True, slots=True)
class Resume:
    """Subscribe to orders, beginning with what has changed since that event."""

    sequence: int


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life is wanted."""


Operation = Auth | Subscribe | Unsubscribe | Resume | Ping


class Misread(Exception):
    """A message that cannot be carried out: what is wrong with it, and its id where it has one."""

    def __init__(self, asked: Id, refusal: Refusal) -> None:
        super().__init__(refusal.message)
        self.id = asked
        self.refusal = refusal


def read_operation(text: str) -> tuple[Id, str, Operation]:
    """The client's id for it, its name, and what it asks. Raises Misread."""
    try:
        fields = _object(text)
        asked = _id(fields.pop("id", None))
    except Refusal as refusal:
        raise Misread(None, refusal) from refusal
    try:
        name, reader = _reader(fields.pop("op", None))
        operation = reader(fields)
        if fields:
            extra = next(iter(fields))[:LONGEST_NAME]
            raise Refusal("unknown_field", f"{extra!a} is no field of this operation: leave it out.", extra)
    except Refusal as refusal:
        raise Misread(asked, refusal) from refusal
    return asked, name, operation


def _auth(fields: dict[str, Any]) -> Auth:
    return Auth(_text(fields, "token", LONGEST_TOKEN))


def _subscribe(fields: dict[str, Any]) -> Subscribe:
    return Subscribe(_channels(fields), _optional(fields, "account_id"), _optional(fields, "venue"))


def _unsubscribe(fields: dict[str, Any]) -> Unsubscribe:
    return Unsubscribe(_channels(fields), _optional(fields, "account_id"), _optional(fields, "venue"))


def _resume(fields: dict[str, Any]) -> Resume:
    sequence = fields.pop("sequence", None)
    if type(sequence) is not int or not 0 <= sequence <= HIGHEST_SEQUENCE:
        raise Refusal("bad_sequence", "sequence takes the number of the last event that you have seen.", "sequence")
    return Resume(sequence)


def _ping(_: dict[str, Any]) -> Ping:
    return Ping()


Reader = Callable[[dict[str, Any]], Operation]
READERS: Mapping[str, Reader] = {
    "auth": _auth,
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "resume": _resume,
    "ping": _ping,
}


def _object(text: str) -> dict[str, Any]:
    try:
        message: object = read_json(text)
    except (ValueError, RecursionError) as error:
        raise Refusal("malformed_json", "The message is no well-formed JSON.") from error
    if not isinstance(message, dict):
        raise Refusal("bad_body", "A message is a JSON object.")
    return cast("dict[str, Any]", message)


def _id(value: object) -> Id:
    if value is None or (type(value) is int and abs(value) <= HIGHEST_SEQUENCE):
        return value
    if isinstance(value, str) and len(value) <= LONGEST_ID:
        return value
    raise Refusal("bad_id", f"id takes a whole number, or text of up to {LONGEST_ID} characters.", "id")


def _reader(op: object) -> tuple[str, Reader]:
    reader = READERS.get(op) if isinstance(op, str) else None
    if reader is None or not isinstance(op, str):
        raise Refusal("unknown_op", f"op takes {', '.join(READERS)}.", "op")
    return op, reader


def _text(fields: dict[str, Any], name: str, longest: int) -> str:
    value = fields.pop(name, None)
    if not isinstance(value, str) or not 1 <= len(value) <= longest:
        raise Refusal("bad_value", f"{name} takes text of 1 to {longest} characters.", name)
    return value


def _optional(fields: dict[str, Any], name: str) -> str | None:
    return _text(fields, name, LONGEST_NAME) if fields.get(name) is not None else fields.pop(name, None)


def _channels(fields: dict[str, Any]) -> tuple[str, ...]:
    """`channels`, each once, in their order."""
    given = fields.pop("channels", None)
    if not isinstance(given, list) or not 1 <= len(cast("list[object]", given)) <= MOST_CHANNELS:
        raise Refusal("bad_channels", f"channels takes a list of 1 to {MOST_CHANNELS} channels.", "channels")
    for number, channel in enumerate(cast("list[object]", given)):
        if not isinstance(channel, str) or not 1 <= len(channel) <= LONGEST_NAME:
            raise Refusal("bad_channel", "A channel is text, such as book:BTC/USDT.", f"channels.{number}")
    return tuple(dict.fromkeys(cast("list[str]", given)))
