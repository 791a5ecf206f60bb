"""What is looked up at a scrape: how things stand now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Protocol, runtime_checkable

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from data.counts import open_orders_by_status
from data.database import Database
from data.errors import DatabaseError
from engine.domain.order import FINISHED, OrderStatus
from engine.domain.values import Unavailable
from engine.ports import Stream, Venue
from engine.runtime import Clock

COUNTS = {
    "numatix_ledger_batches": "Commits of the ledger's writer.",
    "numatix_ledger_calls": "Writes that were answered; as many share a commit as there are calls to a batch.",
    "numatix_ledger_wait_seconds": "Time that writes waited until they were durable, in all.",
    "numatix_simulator_restarts": "How often the built-in exchange was started again.",
}
Reading = Callable[[], float]


@runtime_checkable
class TellsWeight(Protocol):
    """A venue that knows how much of its request limit is used."""

    def used_weight(self) -> int | None: ...


class Readings:
    """`look` before each scrape: some of it has to be asked for."""

    def __init__(
        self, registry: CollectorRegistry, database: Database, stream: Stream, venues: Mapping[str, Venue], clock: Clock
    ) -> None:
        self._database, self._stream, self._venues, self._clock = database, stream, venues, clock
        self._counts = _Counts()
        registry.register(self._counts)
        self._registry = registry
        self._open = Gauge("numatix_orders_open", "Orders that are not finished.", ["status"], registry=registry)
        self._backlog = Gauge(
            "numatix_commands",
            "Commands in the stream: waiting, in a worker's hands, set aside.",
            ["state"],
            registry=registry,
        )
        self._oldest = Gauge("numatix_commands_oldest_seconds", "Age of the oldest command.", registry=registry)
        self._up = Gauge("numatix_up", "Whether a part that the desk stands on answers.", ["part"], registry=registry)
        self._age = Gauge(
            "numatix_venue_stream_age_seconds",
            "Since the venue's market streams were last heard; absent while nobody follows them.",
            ["venue"],
            registry=registry,
        )
        self._weight = Gauge(
            "numatix_venue_request_weight",
            "Of the venue's request limit, used in the last minute as it last said.",
            ["venue"],
            registry=registry,
        )
        self._count_ledger()

    def gauge(self, name: str, words: str, reading: Reading) -> None:
        """A figure that some part of the process knows."""
        Gauge(name, words, registry=self._registry).set_function(reading)

    def count(self, name: str, reading: Reading) -> None:
        """One of `COUNTS`."""
        self._counts.readings[name] = reading

    async def look(self) -> None:
        await self._look_at_orders()
        await self._look_at_stream()
        self._look_at_venues()

    async def _look_at_orders(self) -> None:
        try:
            counts = await open_orders_by_status(self._database)
        except (DatabaseError, Unavailable):
            self._up.labels("database").set(0)
            self._open.clear()
            return
        self._up.labels("database").set(1)
        for status in OrderStatus:
            if status not in FINISHED:
                self._open.labels(status).set(counts.get(status, 0))

    async def _look_at_stream(self) -> None:
        try:
            backlog = await self._stream.pending()
        except Unavailable:
            self._up.labels("stream").set(0)
            self._backlog.clear()
            return
        self._up.labels("stream").set(1)
        for state, count in (("waiting", backlog.waiting), ("in_hand", backlog.in_hand), ("dead", backlog.dead)):
            self._backlog.labels(state).set(count)
        self._oldest.set(backlog.oldest_s or 0.0)

    def _look_at_venues(self) -> None:
        for name, venue in self._venues.items():
            heard_at = venue.heard_at()
            if heard_at is None:
                with suppress(KeyError):
                    self._age.remove(name)
            else:
                self._age.labels(name).set(self._clock.monotonic() - heard_at)
            weight = venue.used_weight() if isinstance(venue, TellsWeight) else None
            if weight is not None:
                self._weight.labels(name).set(weight)

    def _count_ledger(self) -> None:
        writer = self._database.writer
        self.count("numatix_ledger_batches", lambda: writer.batches)
        self.count("numatix_ledger_calls", lambda: writer.calls)
        self.count("numatix_ledger_wait_seconds", lambda: writer.waited_s)


class _Counts(Collector):
    """Counters that other parts keep."""

    def __init__(self) -> None:
        self.readings: dict[str, Reading] = {}

    def collect(self) -> list[CounterMetricFamily]:
        return [CounterMetricFamily(name, COUNTS[name], read()) for name, read in self.readings.items()]
