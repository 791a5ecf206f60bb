"""Faults as they are written down: JSON or TOML in a file, JSON at the operator's door."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, cast

import orjson

from engine.simulator.faults import EVENT_FAULTS, TIMED_FAULTS, Door, Fault, Rule, What

LONGEST_MS: Final = 7 * 86_400_000
LARGEST_SCRIPT: Final = 1024 * 1024
STATUSES: Final = frozenset({400, 401, 403, 404, 408, 409, 429, 500, 502, 503, 504})


class BadFault(ValueError):
    """Why a fault cannot be used, in a sentence for who wrote it."""


def read_script(path: Path) -> list[Fault]:
    """The faults of a file: `{"faults": […]}` in JSON, `[[faults]]` in TOML. BadFault says what is wrong with it."""
    try:
        raw = path.read_bytes()[: LARGEST_SCRIPT + 1]
        if len(raw) > LARGEST_SCRIPT:
            raise BadFault("it is larger than a script of faults can be")
        parsed: object = tomllib.loads(raw.decode()) if path.suffix == ".toml" else orjson.loads(raw)
        if not isinstance(parsed, dict):
            raise BadFault("it must hold a list named faults")
        rows = cast("dict[str, object]", parsed).get("faults")
        if not isinstance(rows, list):
            raise BadFault("it must hold a list named faults")
        return [parse_fault(row, f"fault-{at}") for at, row in enumerate(cast("list[object]", rows), 1)]
    except OSError as error:
        raise BadFault(f"the faults in {path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise BadFault(f"the faults in {path} cannot be used: {error}") from None


def parse_fault(given: object, name: str) -> Fault:
    """One fault from plain values; `name` is for one that brings none. BadFault names the field that will not do."""
    if not isinstance(given, dict):
        raise BadFault("a fault must be an object")
    fields = cast("dict[str, object]", given)
    try:
        what = What(str(fields.get("what")))
    except ValueError:
        raise BadFault(f"what must be one of {', '.join(What)}") from None
    known = BOUNDS | OF_WHAT[what]
    unknown = [key for key in fields if key not in known and key not in {"name", "what"}]
    if unknown:
        raise BadFault(f"{what} does not read {', '.join(sorted(unknown))}")
    lacking = NEEDED.get(what, frozenset()) - fields.keys()
    if lacking:
        raise BadFault(f"{what} needs {', '.join(sorted(lacking))}")
    values: dict[str, Any] = {}
    for key, value in fields.items():
        if key in READERS:
            target, read = READERS[key]
            values[target] = read(key, value)
    if "name" in fields:
        name = _text("name", fields["name"])
    return replace(Fault(name, what), **values)


def fault_json(rule: Rule, now_ms: int) -> dict[str, object]:
    """A fault at work, with how often it matched and struck."""
    fault = rule.fault
    return {
        "name": fault.name,
        "what": fault.what.value,
        "door": fault.door.value if fault.door else None,
        "request": fault.request,
        "event": fault.event,
        "account": fault.account,
        "holds": rule.holds(now_ms),
        "seen": rule.seen,
        "struck": rule.struck,
        "count": fault.count,
    }


# --- one field --------------------------------------------------------------------------------------


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 200:
        raise BadFault(f"{name} must be text of 1 to 200 characters")
    return value


def _door(name: str, value: object) -> Door:
    try:
        return Door(str(value))
    except ValueError:
        raise BadFault(f"{name} must be one of {', '.join(Door)}") from None


def _flag(name: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise BadFault(f"{name} must be true or false")
    return value


def _number(name: str, value: object, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadFault(f"{name} must be a number")
    if not least <= value <= most:
        raise BadFault(f"{name} must be from {least:g} to {most:g}")
    return value


def _whole(least: int, most: int) -> Callable[[str, object], int]:
    def read(name: str, value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise BadFault(f"{name} must be a whole number from {least} to {most}")
        return value

    return read


def _seconds(name: str, value: object) -> int:
    """Seconds, as milliseconds."""
    return round(_number(name, value, 0, LONGEST_MS / 1000) * 1000)


def _share(name: str, value: object) -> float:
    return _number(name, value, 0, 1)


def _latency(name: str, value: object) -> tuple[int, int]:
    """Milliseconds, or the least and the most of them."""
    ends = cast("list[object]", value) if isinstance(value, list) else [value, value]
    read = _whole(0, 600_000)
    if len(ends) != 2:
        raise BadFault(f"{name} must be milliseconds or a pair of them")
    low, high = read(name, ends[0]), read(name, ends[1])
    if low > high:
        raise BadFault(f"{name} must begin with the smaller figure")
    return low, high


def _status(name: str, value: object) -> int:
    if not isinstance(value, int) or value not in STATUSES:
        raise BadFault(f"{name} must be one of {', '.join(map(str, sorted(STATUSES)))}")
    return value


READERS: Final[Mapping[str, tuple[str, Callable[[str, object], object]]]] = {
    "door": ("door", _door),
    "request": ("request", _text),
    "account": ("account", _text),
    "event": ("event", _text),
    "every": ("every", _whole(1, 10**6)),
    "probability": ("probability", _share),
    "count": ("count", _whole(1, 10**9)),
    "after_s": ("after_ms", _seconds),
    "for_s": ("for_ms", _seconds),
    "every_s": ("every_ms", _seconds),
    "latency_ms": ("latency_ms", _latency),
    "accepted": ("accepted", _flag),
    "status": ("status", _status),
    "code": ("code", _whole(-9999, 0)),
    "message": ("message", _text),
    "skew_ms": ("skew_ms", _whole(-LONGEST_MS, LONGEST_MS)),
    "retry_after_s": ("retry_after_s", _whole(0, 3 * 86_400)),
    "down_s": ("down_ms", _seconds),
}
BOUNDS: Final = frozenset({"account", "count", "after_s", "for_s"})
OF_REQUESTS: Final = frozenset({"door", "request", "every", "probability"})
OF_EVENTS: Final = frozenset({"event", "every", "probability"})
OF_SOCKETS: Final = frozenset({"door", "every_s"})
DETAILS: Final[Mapping[What, frozenset[str]]] = {
    What.LATENCY: frozenset({"latency_ms"}),
    What.HTTP_ERROR: frozenset({"status", "accepted"}),
    What.ERROR: frozenset({"code", "message", "status", "accepted"}),
    What.TOO_MANY: frozenset({"retry_after_s"}),
    What.BANNED: frozenset({"retry_after_s"}),
    What.HALF_OPEN: frozenset({"accepted"}),
    What.CLOCK_SKEW: frozenset({"skew_ms"}),
    What.RESTART: frozenset({"down_s"}),
}
NEEDED: Final[Mapping[What, frozenset[str]]] = {
    What.LATENCY: frozenset({"latency_ms"}),
    What.HTTP_ERROR: frozenset({"status"}),
    What.ERROR: frozenset({"code"}),
    What.CLOCK_SKEW: frozenset({"skew_ms"}),
}


def _fields_of(what: What) -> frozenset[str]:
    family = OF_EVENTS if what in EVENT_FAULTS else OF_SOCKETS if what in TIMED_FAULTS else OF_REQUESTS
    return family | DETAILS.get(what, frozenset())


OF_WHAT: Final[Mapping[What, frozenset[str]]] = {what: _fields_of(what) for what in What}
