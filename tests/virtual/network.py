"""The way to the exchange and back: what becomes of a call is drawn before it is made."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Final

TIMEOUT_S = 10.0
"""How long a client waits for an answer (`engine.venues.config.VenueConfig.timeout_ms`)."""
RECV_WINDOW_S = 5.0
LONGEST_LAG_S = 10.0
"""Binance gives its engine ten seconds, then answers -1007; so nothing is carried out later than this."""


@dataclass(frozen=True, slots=True)
class Fate:
    """One call's: seconds until it arrives, is carried out and is answered; what of that does not happen."""

    name: str
    there_s: float = 0.02
    lag_s: float = 0.0
    back_s: float = 0.02
    held_s: float = 0.0
    """Our own rate limiter holds it back before it is signed."""
    leaves: bool = True
    arrives: bool = True
    carried_out: bool = True
    told: tuple[int, object] | None = None
    """Status and body of an answer that is not the exchange's own; it does not wait for the lag."""
    mangles: float | None = None
    """From 0 to 1: which of its parts the exchange's own answer lacks."""
    gives_up_s: float = TIMEOUT_S
    """When the client's connection breaks, or its patience ends."""


FINE: Final = "fine"
HTML: Final = "<html><body><h1>502 Bad Gateway</h1></body></html>"
UNCLEAR: Final = {"code": -1007, "msg": "Timeout waiting for response from backend server."}
GARBLED: Final[tuple[object, ...]] = (dict[str, object](), list[object](), "", '{"orderId": 12, "cli', None)
"""Answers with status 200: of another shape, none at all, cut off; None is the exchange's own without one of its
parts."""


def _fine(name: str, of: Random) -> Fate:
    return Fate(name, of.uniform(0.005, 0.05), 0.0, of.uniform(0.005, 0.05))


def _garbled(name: str, of: Random) -> Fate:
    body = GARBLED[int(of.random() * len(GARBLED))]
    return Fate(name, mangles=of.random()) if body is None else Fate(name, told=(200, body))


def _late(name: str, of: Random) -> Fate:
    return Fate(name, of.uniform(0.1, RECV_WINDOW_S + 1), 0.0, 0.02, gives_up_s=of.uniform(0.05, TIMEOUT_S))


def _slow(name: str, of: Random) -> Fate:
    return Fate(name, 0.02, of.uniform(0.1, LONGEST_LAG_S), 0.02, gives_up_s=of.uniform(0.05, TIMEOUT_S))


def _late_and_slow(name: str, of: Random) -> Fate:
    there_s, lag_s = of.uniform(3, RECV_WINDOW_S), of.uniform(5, LONGEST_LAG_S)
    return Fate(name, there_s, lag_s, 0.02, gives_up_s=of.uniform(0.05, TIMEOUT_S))


FATES: Final[Mapping[str, Callable[[str, Random], Fate]]] = {
    "unreachable": lambda name, of: Fate(name, leaves=False),
    "held back": lambda name, of: Fate(name, held_s=of.uniform(0.2, 6)),
    "dropped on its way": lambda name, of: Fate(name, arrives=False, gives_up_s=of.uniform(0.01, 1)),
    "swallowed": lambda name, of: Fate(name, arrives=False),
    "dropped on the way back": lambda name, of: Fate(name, of.uniform(0.005, 0.05), gives_up_s=0.051),
    "never answered": lambda name, of: Fate(name, back_s=2 * TIMEOUT_S),
    "late": _late,
    "carried out late": _slow,
    "late, and carried out late": _late_and_slow,
    "unclear, not done": lambda name, of: Fate(name, carried_out=False, told=(504, UNCLEAR)),
    "unclear, done later": lambda name, of: Fate(name, lag_s=of.uniform(0, LONGEST_LAG_S), told=(504, UNCLEAR)),
    "bad gateway, not done": lambda name, of: Fate(name, carried_out=False, told=(502, HTML)),
    "bad gateway, done": lambda name, of: Fate(name, lag_s=of.uniform(0, 1), told=(502, HTML)),
    "overloaded": lambda name, of: Fate(name, carried_out=False, told=(503, {"code": -1008, "msg": "overloaded"})),
    "garbled": _garbled,
    "too many requests": lambda name, of: Fate(
        name, carried_out=False, told=(429, {"code": -1003, "msg": "Too many requests."})
    ),
    "clock refused": lambda name, of: Fate(
        name, carried_out=False, told=(400, {"code": -1021, "msg": "Timestamp is outside of the recvWindow."})
    ),
}
"""Everything that can become of a call, by name."""


class Weather:
    """How a world's network is: how many calls are spoiled, by which of the fates."""

    def __init__(self, of: Random) -> None:
        self._of = of
        self.spoils = (0.0, 0.08, 0.2, 0.4, 0.7)[int(of.random() * 5)]
        names = list(FATES)
        self.kinds = [names.pop(int(of.random() * len(names))) for _ in range(2 + int(of.random() * 5))]
        self.loses_events = (0.0, 0.0, 0.05, 0.3)[int(of.random() * 4)]
        self.bends_events = (0.0, 0.1, 0.4)[int(of.random() * 3)]
        """How many events of user streams come out of their order, late or twice."""
        self._next: dict[str, deque[Fate]] = {}

    def clear(self) -> None:
        """From now on everything goes well."""
        self.spoils = self.loses_events = self.bends_events = 0.0

    def spoil(self, endpoint: str, *fates: Fate) -> None:
        """What becomes of the next calls of this name."""
        self._next.setdefault(endpoint, deque()).extend(fates)

    def fate(self, endpoint: str) -> Fate:
        """The next call's."""
        given = self._next.get(endpoint)
        if given:
            return given.popleft()
        if self._of.random() >= self.spoils:
            return _fine(FINE, self._of)
        name = self.kinds[int(self._of.random() * len(self.kinds))]
        return FATES[name](name, self._of)

    def event_delays(self) -> tuple[float | None, ...]:
        """When an event of a user stream comes: None in its order, else after so many seconds; nothing when lost."""
        if self._of.random() < self.loses_events:
            return ()
        if self._of.random() >= self.bends_events:
            return (None,)
        drawn = self._of.random()
        late_s = self._of.uniform(0.05, 3)
        return (None, late_s) if drawn < 0.5 else (late_s,) if drawn < 0.85 else (None, None)
