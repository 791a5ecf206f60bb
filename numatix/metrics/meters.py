"""What is counted on the way. Labels are venues, statuses, sides and stages: their number does not grow with use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from datetime import timedelta

from prometheus_client import CollectorRegistry, Counter, GCCollector, Histogram, Info, ProcessCollector
from prometheus_client.platform_collector import PlatformCollector

from engine.domain.messages import Note, OrderChanged
from engine.domain.order import Order, OrderStatus
from engine.runtime import Clock, Failure, Supervisor
from numatix import VERSION

LAG_EVERY_S = 0.25
FAST = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
SLOW = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
RECORDED_TO_SENT, SENT_TO_ANSWERED, ANSWERED_TO_COMMITTED = (
    "recorded_to_sent",
    "sent_to_answered",
    "answered_to_committed",
)
ANSWERED = "Answered"


class Meters:
    """Implements `engine.ports.Watch`. `venue_of` names the venue of an account."""

    def __init__(self, registry: CollectorRegistry, clock: Clock) -> None:
        self.registry = registry
        self._clock = clock
        self._venue_of: Callable[[str], str] = lambda _: "unknown"
        self._changes = Counter(
            "numatix_order_changes",
            "Changes of orders by what they led to.",
            ["venue", "status", "side"],
            registry=registry,
        )
        self._fills = Counter("numatix_fills", "Own executions.", ["venue", "side", "liquidity"], registry=registry)
        self._stages = Histogram(
            "numatix_order_stage_seconds",
            "Stages on an order's way: recorded to sent, sent to answered (cancels and amendments, too), answered to "
            "committed.",
            ["venue", "stage"],
            buckets=FAST,
            registry=registry,
        )
        self._filled = Histogram(
            "numatix_order_submit_to_filled_seconds",
            "From the record of an order to its last fill.",
            ["venue", "type"],
            buckets=SLOW,
            registry=registry,
        )
        self._lag = Histogram(
            "numatix_loop_lag_seconds",
            "How much later than asked the event loop comes back to a task.",
            buckets=FAST,
            registry=registry,
        )
        self._failures = Counter("numatix_task_failures", "Tasks that ended by an exception.", registry=registry)
        Info("numatix_build", "The version that runs.", registry=registry).info({"version": VERSION})
        for collector in (ProcessCollector, GCCollector, PlatformCollector):
            collector(registry=registry)

    def know_venues(self, venue_of: Callable[[str], str]) -> None:
        self._venue_of = venue_of

    # --- engine.ports.Watch

    def changed(self, change: OrderChanged) -> None:
        order, venue = change.order, self._venue_of(change.order.account_id)
        self._changes.labels(venue, order.status, order.side).inc()
        for fill in change.new_fills:
            self._fills.labels(venue, fill.side, fill.liquidity).inc()
        if order.status is OrderStatus.SUBMITTED and order.submitted_at is not None:
            began = order.triggered_at or order.created_at
            self._stages.labels(venue, RECORDED_TO_SENT).observe(_seconds(order.submitted_at - began))
        if order.status is OrderStatus.FILLED and change.new_fills:
            took = change.order.updated_at - order.created_at
            self._filled.labels(venue, order.type).observe(_seconds(took))

    def noted(self, order: Order, notes: Sequence[Note]) -> None:
        venue, now = self._venue_of(order.account_id), self._clock.now()
        for note in notes:
            if note.event == ANSWERED and "duration_ms" in note.detail:
                self._stages.labels(venue, SENT_TO_ANSWERED).observe(float(note.detail["duration_ms"]) / 1000)
                self._stages.labels(venue, ANSWERED_TO_COMMITTED).observe(_seconds(now - note.at))

    # --- the process

    def failed(self, _: Failure) -> None:
        """For a supervisor."""
        self._failures.inc()

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("loop lag", self._measure_lag)

    async def _measure_lag(self) -> None:
        while True:
            began = self._clock.monotonic()
            await asyncio.sleep(LAG_EVERY_S)
            self._lag.observe(max(0.0, self._clock.monotonic() - began - LAG_EVERY_S))


def _seconds(took: timedelta) -> float:
    """Clocks may be set back."""
    return max(0.0, took.total_seconds())
