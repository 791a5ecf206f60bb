"""What is drawn of a world before it begins: who is in it and how long they trade."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Plan:
    papers: tuple[bool, ...]
    """A user each: whether the account is the desk's own exchange's, or has a key of its own."""
    skews_s: tuple[float, ...] = (0.0,)
    """A process each: how far its clock is off."""
    bus_loses: float = 0.0
    """Between several processes: how many events are lost."""
    until_s: float = 0.0
    pace_s: float = 1.0
    """How long traders wait between two things, on average."""
    mortal: bool = False
    """Whether processes may die where they come to a point of their own."""

    @classmethod
    def drawn(cls, of: Random) -> Plan:
        papers = tuple(of.random() < 0.7 for _ in range(1 + int(of.random() * 2.5)))
        several = of.random() < 0.3
        skews_s = (0.0, of.uniform(-0.5, 0.5)) if several else (0.0,)
        bus_loses = (0.0, 0.1)[int(of.random() * 2)]
        pace_s = (0.2, 0.6, 1.6)[int(of.random() * 3)]
        return cls(papers, skews_s, bus_loses, of.uniform(2, 11), pace_s, mortal=True)

    @property
    def several(self) -> bool:
        """Processes that share a stream, a bus and a database across a network."""
        return len(self.skews_s) > 1
