"""An order's timeline, line by line, with the time from each line to the next."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from engine.domain.messages import TimelineEntry

SOURCE = "source"


@dataclass(frozen=True, slots=True)
class TimelineLine:
    """`after_ms` since the line before, None on the first; `source` is who learned it; `hash` covers this line and,
    through the hash before it, all that came before."""

    number: int
    at: datetime
    after_ms: float | None
    source: str
    event: str
    status: str
    detail: Mapping[str, str]
    hash: str


def timeline_lines(entries: Iterable[TimelineEntry]) -> tuple[TimelineLine, ...]:
    """Numbered from 1, in the order in which they were written."""
    lines: list[TimelineLine] = []
    before: datetime | None = None
    for number, entry in enumerate(entries, 1):
        after_ms = None if before is None else (entry.at - before).total_seconds() * 1000
        detail = {name: text for name, text in entry.detail.items() if name != SOURCE}
        source = entry.detail.get(SOURCE, "")
        lines.append(TimelineLine(number, entry.at, after_ms, source, entry.event, entry.status, detail, entry.hash))
        before = entry.at
    return tuple(lines)
