"""An order's timeline as a file to keep: JSON, or CSV for a table."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from engine.domain.order import Order
from engine.domain.timeline import TimelineLine

COLUMNS = ("number", "at", "after_ms", "source", "event", "status", "detail", "hash")


class TimelineFormat(StrEnum):
    JSON = "json"
    CSV = "csv"


MEDIA = {TimelineFormat.JSON: "application/json", TimelineFormat.CSV: "text/csv; charset=utf-8"}


def timeline_file(order: Order, lines: Sequence[TimelineLine], form: TimelineFormat) -> str:
    """Times in UTC to the microsecond. A line's hash can be worked out from the file: see `docs/order-timeline.md`."""
    if form is TimelineFormat.CSV:
        return _csv(lines)
    head = {
        "order_id": order.id,
        "user_id": order.user_id,
        "client_order_id": order.client_order_id,
        "venue_order_id": order.venue_order_id,
        "symbol": order.symbol,
        "status": order.status,
    }
    return json.dumps({**head, "items": [_line(line) for line in lines]}, indent=1)


def timeline_headers(order: Order, form: TimelineFormat) -> dict[str, str]:
    """For a browser to save it under the order's id."""
    return {
        "Content-Disposition": f'attachment; filename="order-{order.id}.{form}"',
        "Cache-Control": "no-store",
    }


def _csv(lines: Sequence[TimelineLine]) -> str:
    """The detail is JSON in one cell, and begins with a brace: no table takes it for a formula."""
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for line in lines:
        cells = {**_line(line), "detail": json.dumps(dict(line.detail))}
        table.writerow(["" if cells[column] is None else cells[column] for column in COLUMNS])
    return text.getvalue()


def _line(line: TimelineLine) -> dict[str, Any]:
    return {
        "number": line.number,
        "at": _time(line.at),
        "after_ms": None if line.after_ms is None else round(line.after_ms, 3),
        "source": line.source,
        "event": line.event,
        "status": line.status,
        "detail": dict(line.detail),
        "hash": line.hash,
    }


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"
