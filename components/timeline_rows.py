"""A timeline as people read it: events in words, durations in the unit that fits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from components.format import STATUS_PILLS, epoch_ms
from engine.domain.order import OrderStatus
from engine.domain.timeline import TimelineLine

EVENT_WORDS: Mapping[str, str] = {
    "Denied": "Refused by the desk",
    "TakenUp": "Taken up by the worker",
    "Submitting": "Being sent",
    "Answered": "The venue answered",
    "Accepted": "Open at the venue",
    "Executed": "Filled",
    "Completed": "Filled entirely",
    "CancelRequested": "Cancel asked for",
    "Canceled": "Cancelled",
    "Rejected": "Refused by the venue",
    "GivenUp": "Given up before it was sent",
    "AnswerLost": "The answer was lost",
    "NotAccepted": "Not accepted",
    "Adopted": "Found at the venue",
    "AmendRequested": "Change asked for",
    "AmendRefused": "Change refused",
    "Amended": "Changed",
    "Rewritten": "Changed by the desk",
    "Triggered": "Its price came",
}
SOURCE_WORDS: Mapping[str, str] = {"stream": "venue's stream", "poll": "look at the venue"}
CAPITAL = re.compile(r"(?<=[a-z])([A-Z])")
LONGEST_FACT = 400


def timeline_row(line: TimelineLine) -> dict[str, Any]:
    """The line as `order_drawer.js` draws it."""
    status = OrderStatus(line.status) if line.status in set(OrderStatus) else None
    words, kind = STATUS_PILLS[status] if status is not None else (line.status, "")
    return {
        "at": epoch_ms(line.at),
        "after": "" if line.after_ms is None else duration_words(line.after_ms),
        "event": event_words(line.event),
        "source": SOURCE_WORDS.get(line.source, line.source),
        "status": words,
        "kind": kind,
        "facts": [[fact_name(name), text[:LONGEST_FACT]] for name, text in line.detail.items()],
        "hash": line.hash,
    }


def event_words(event: str) -> str:
    """CancelRefused is "Cancel refused" unless better words are known."""
    known = EVENT_WORDS.get(event)
    return known or CAPITAL.sub(lambda found: f" {found[1].lower()}", event)


def fact_name(name: str) -> str:
    """duration_ms is "duration, ms"."""
    bare, unit = (name[:-3], ", ms") if name.endswith("_ms") else (name, "")
    return f"{bare.replace('_', ' ')}{unit}"


def duration_words(ms: float) -> str:
    """+3.4 ms, +120 ms, +1.52 s, +2 min 5 s, +3 h 20 min."""
    sign, ms = ("−" if ms < 0 else "+"), abs(ms)
    if ms < 10:
        return f"{sign}{ms:.1f} ms"
    if ms < 1_000:
        return f"{sign}{ms:.0f} ms"
    if ms < 60_000:
        return f"{sign}{ms / 1_000:.2f} s"
    minutes, seconds = divmod(round(ms / 1_000), 60)
    if minutes < 60:
        return f"{sign}{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    return f"{sign}{hours} h {minutes} min"
