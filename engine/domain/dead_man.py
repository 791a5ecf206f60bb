"""The dead-man's switch: what happens to open orders when nobody looks any more."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from engine.domain.order import AT_THE_DESK, Leg, Order
from engine.domain.values import Refusal

PREFERENCE = "dead_man"
SHORTEST_S, LONGEST_S = 10, 86_400


class DeadManPolicy(StrEnum):
    ENTRIES = "entries"
    """Orders that would open something; stops, take profits and the exits of lists stay: they protect."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class DeadMan:
    """Off unless `enabled`; `after_s` seconds without any of the user's desks, orders are cancelled by the policy."""

    enabled: bool = False
    after_s: int = 60
    policy: DeadManPolicy = DeadManPolicy.ENTRIES

    def __post_init__(self) -> None:
        if not SHORTEST_S <= self.after_s <= LONGEST_S:
            raise Refusal("bad_after_s", f"after_s must be from {SHORTEST_S} to {LONGEST_S} seconds.", "after_s")

    def text(self) -> str:
        """As it is kept among the user's preferences."""
        return json.dumps({"enabled": self.enabled, "after_s": self.after_s, "policy": self.policy.value})

    @classmethod
    def of(cls, text: str | None) -> DeadMan:
        """What was kept; off when nothing was."""
        if text is None:
            return cls()
        kept = json.loads(text)
        return cls(bool(kept["enabled"]), int(kept["after_s"]), DeadManPolicy(kept["policy"]))

    def takes(self, order: Order) -> bool:
        """Whether the switch cancels this open order."""
        if order.finished or order.cancel_requested_at is not None:
            return False
        if self.policy is DeadManPolicy.ALL:
            return True
        return order.leg is Leg.ENTRY or (order.leg is None and not order.type.conditional)


def words(after_s: int, order: Order) -> str:
    """For the order's timeline."""
    where = "kept here" if order.status in AT_THE_DESK else "at the venue"
    return f"no desk of its owner was open for {after_s} s; it was {where}"
