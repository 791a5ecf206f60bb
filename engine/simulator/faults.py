"""What goes wrong on purpose: which requests, sockets and user events are struck, when, and by what.

A fault is a rule. Requests and events are held against every rule in the order in which the rules came; sockets
are struck by the clock. What a rule draws comes from the seed and its name, so a campaign can be repeated.
What a strike then does to a connection is in `fault_doors.py`; how rules are written, in `fault_script.py`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from engine.runtime import SeededRandomness
from engine.simulator.reading import NowMs

MOST_FAULTS: Final = 200
BEAT_S: Final = 0.05


class What(StrEnum):
    """What a fault does."""

    LATENCY = "latency"
    DROP_BEFORE = "drop_before"
    DROP_AFTER = "drop_after"
    TRUNCATED = "truncated"
    EMPTY = "empty"
    HTML = "html"
    HTTP_ERROR = "http_error"
    ERROR = "error"
    TOO_MANY = "too_many"
    BANNED = "banned"
    HALF_OPEN = "half_open"
    MAINTENANCE = "maintenance"
    CLOCK_SKEW = "clock_skew"
    LOSE = "lose"
    REPEAT = "repeat"
    REORDER = "reorder"
    DISCONNECT = "disconnect"
    SILENCE = "silence"
    RESTART = "restart"


EVENT_FAULTS: Final = frozenset({What.LOSE, What.REPEAT, What.REORDER})
TIMED_FAULTS: Final = frozenset({What.DISCONNECT, What.SILENCE, What.RESTART})
REQUEST_FAULTS: Final = frozenset(What) - EVENT_FAULTS - TIMED_FAULTS


class Door(StrEnum):
    """The ways in."""

    REST = "rest"
    WS_API = "ws-api"
    STREAMS = "streams"


@dataclass(frozen=True, slots=True)
class Fault:
    """One rule. What is None or left out matches everything.

    `request` is a pattern with `*` over `POST /api/v3/order` (REST) or `order.place` (WebSocket API), `event` one over
    the kinds of user events, `account` an API key. `every` 3 strikes each third match, `probability` a share of
    them, `count` at most so many; the rule holds from `after_ms` for `for_ms` after it was made. Rules of sockets
    strike once at `after_ms`, and again every `every_ms` until `count`.
    """

    name: str
    what: What
    door: Door | None = None
    request: str = "*"
    account: str | None = None
    event: str = "*"
    every: int = 1
    probability: float = 1.0
    count: int | None = None
    after_ms: int = 0
    for_ms: int | None = None
    every_ms: int | None = None
    latency_ms: tuple[int, int] = (0, 0)
    """Least and most; what is drawn lies between."""
    accepted: bool = False
    """Whether the request is carried out before its answer goes wrong."""
    status: int | None = None
    code: int = -1000
    message: str | None = None
    skew_ms: int = 0
    """How far the clock of the exchange runs ahead; negative behind."""
    retry_after_s: int | None = None
    down_ms: int = 0
    """How long a restart takes."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the rules see it."""

    door: Door
    name: str
    api_key: str | None


@dataclass(frozen=True, slots=True)
class Strike:
    """One fault that befalls one request, with what was drawn for it."""

    fault: Fault
    latency_ms: int


@dataclass(slots=True)
class Rule:
    """A fault at work."""

    fault: Fault
    since_ms: int
    rng: SeededRandomness
    seen: int = 0
    struck: int = 0

    def holds(self, now_ms: int) -> bool:
        """Whether it can strike at this time."""
        fault, age_ms = self.fault, now_ms - self.since_ms
        in_time = age_ms >= fault.after_ms and (fault.for_ms is None or age_ms < fault.after_ms + fault.for_ms)
        return in_time and (fault.count is None or self.struck < fault.count)

    def falls(self) -> bool:
        """Count one match; whether it is struck."""
        self.seen += 1
        fault = self.fault
        if self.seen % fault.every or (fault.probability < 1 and self.rng.random() >= fault.probability):
            return False
        self.struck += 1
        return True

    def due(self, now_ms: int) -> bool:
        """Whether a rule of sockets strikes now; counts it."""
        fault = self.fault
        times = self.struck if fault.every_ms is None else self.struck * fault.every_ms
        if not self.holds(now_ms) or (fault.every_ms is None and self.struck):
            return False
        if fault.every_ms is not None and now_ms - self.since_ms < fault.after_ms + times:
            return False
        self.struck += 1
        return True


@dataclass(frozen=True, slots=True)
class SocketFaults:
    """What a rule of sockets can do."""

    cut: Callable[[Door | None, int | None], None]
    """Cut the sockets of a door and of an account."""
    silence: Callable[[Door | None, int | None], None]
    """Leave them open and say nothing any more."""
    restart: Callable[[int], None]
    """End everything and come back after so many milliseconds."""


@dataclass(slots=True)
class Faults:
    """The rules that hold."""

    seed: int
    now_ms: NowMs
    account_id_of: Callable[[str], int | None]
    """The account of an API key."""
    rules: dict[str, Rule] = field(default_factory=dict[str, Rule])
    made: int = 0

    def add(self, fault: Fault) -> None:
        """Let a rule hold from now on; ValueError when its name is taken or there are too many."""
        if fault.name in self.rules:
            raise ValueError(f"there is a fault named {fault.name!r} already: remove it first or choose another name")
        if len(self.rules) >= MOST_FAULTS:
            raise ValueError(f"{MOST_FAULTS} faults hold already: remove some first")
        self.made += 1
        self.rules[fault.name] = Rule(fault, self.now_ms(), SeededRandomness(f"{self.seed}/fault/{fault.name}"))

    def remove(self, name: str | None = None) -> int:
        """End a rule, or all of them; returns how many ended."""
        if name is None:
            ended = len(self.rules)
            self.rules.clear()
            return ended
        return 0 if self.rules.pop(name, None) is None else 1

    def strike(self, asked: Asked) -> list[Strike]:
        """The faults that befall a request, in the order of the rules."""
        now_ms = self.now_ms()
        return [
            Strike(rule.fault, rule.rng.randint(*rule.fault.latency_ms))
            for rule in self.rules.values()
            if rule.fault.what in REQUEST_FAULTS and _names(rule.fault, asked) and rule.holds(now_ms) and rule.falls()
        ]

    def strike_event(self, account_id: int, kind: str) -> What | None:
        """What befalls one user event: the first rule that strikes."""
        now_ms = self.now_ms()
        for rule in self.rules.values():
            fault = rule.fault
            if (
                fault.what in EVENT_FAULTS
                and fnmatchcase(kind, fault.event)
                and (fault.account is None or self.account_id_of(fault.account) == account_id)
                and rule.holds(now_ms)
                and rule.falls()
            ):
                return fault.what
        return None

    @property
    def maintenance(self) -> bool:
        """Whether the exchange says that it is being maintained."""
        now_ms = self.now_ms()
        return any(rule.fault.what is What.MAINTENANCE and rule.holds(now_ms) for rule in self.rules.values())

    async def run(self, sockets: SocketFaults) -> None:
        """Strike sockets as their rules fall due."""
        while True:
            await asyncio.sleep(BEAT_S)
            self.beat(sockets)

    def beat(self, sockets: SocketFaults) -> None:
        """Strike those that are due now."""
        now_ms = self.now_ms()
        for rule in tuple(self.rules.values()):
            fault = rule.fault
            if fault.what not in TIMED_FAULTS or not rule.due(now_ms):
                continue
            account_id = None if fault.account is None else self.account_id_of(fault.account)
            if fault.what is What.RESTART:
                sockets.restart(fault.down_ms)
            elif fault.account is None or account_id is not None:
                act = sockets.cut if fault.what is What.DISCONNECT else sockets.silence
                act(fault.door, account_id)


def _names(fault: Fault, asked: Asked) -> bool:
    return (
        (fault.door is None or fault.door is asked.door)
        and (fault.account is None or fault.account == asked.api_key)
        and fnmatchcase(asked.name, fault.request)
    )
