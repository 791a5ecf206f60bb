"""A timeline in words, and as a file whose hashes can be worked out from the file alone."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.order_drawer import MOST_LINES, drawer_view
from components.timeline_file import TimelineFormat, timeline_file, timeline_headers
from components.timeline_rows import EVENT_WORDS, duration_words, event_words, fact_name
from data.database import Database
from data.ledger import SqlLedger
from engine.domain.messages import Note, TimelineEntry
from engine.domain.order import Accepted, CancelRequested, Order, Submitting
from engine.domain.timeline import TimelineLine, timeline_lines
from tests.components.makers import order
from tests.data.makers import NOON, CountedIds, a_fill, an_order

LATER = NOON + timedelta(milliseconds=7.5)


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0.04, "+0.0 ms"),
        (3.44, "+3.4 ms"),
        (62.4, "+62 ms"),
        (1_520, "+1.52 s"),
        (125_000, "+2 min 5 s"),
        (12_000_000, "+3 h 20 min"),
        (-2_000, "−2.00 s"),
    ],
)
def test_durations_take_the_unit_that_fits(ms: float, words: str) -> None:
    assert duration_words(ms) == words


def test_events_without_words_of_their_own_are_still_words() -> None:
    assert event_words("CancelRefused") == "Cancel refused"
    assert event_words("Submitting") == EVENT_WORDS["Submitting"]
    assert fact_name("duration_ms") == "duration, ms"
    assert fact_name("venue_order_id") == "venue order id"


def test_a_line_knows_the_time_since_the_one_before_and_who_learned_it() -> None:
    entries = [
        TimelineEntry(NOON, "Recorded", "PENDING", {"source": "desk"}, "a"),
        TimelineEntry(
            NOON + timedelta(milliseconds=7.5), "Submitting", "SUBMITTED", {"source": "worker", "x": "y"}, "b"
        ),
    ]
    first, second = timeline_lines(entries)
    assert (first.number, first.after_ms, first.source, first.detail) == (1, None, "desk", {})
    assert (second.number, second.after_ms, second.source, second.detail) == (2, 7.5, "worker", {"x": "y"})


def test_the_drawer_shows_the_newest_lines_of_a_long_timeline_and_says_so() -> None:
    entries = [TimelineEntry(NOON, "Executed", "PARTIALLY_FILLED", {"source": "stream"})] * (MOST_LINES + 3)
    view = drawer_view(order(), timeline_lines(entries), "Paper", [])
    assert len(view["lines"]) == MOST_LINES
    assert view["note"] == "3 earlier lines are in the file"


async def an_exported_order(path: Path) -> tuple[Order, tuple[TimelineLine, ...]]:
    with Database.open(path) as database:
        ledger = SqlLedger(database, CountedIds())
        mine = an_order()
        await ledger.record_order(mine)
        note = Note(NOON, "Answered", {"answer": '=cmd|"/c calc"!A1, größer'})
        await ledger.advance(mine.id, [Submitting(), Accepted("v-1")], NOON, source="worker", notes=[note])
        await ledger.advance(mine.id, [], NOON, new_fills=[a_fill(mine, "1")], source="stream")
        await ledger.advance(mine.id, [CancelRequested()], NOON + timedelta(microseconds=1), source="desk")
        stored = await ledger.order(mine.id)
        assert stored is not None
        return stored, timeline_lines(await ledger.timeline(mine.id))


def hashed(previous: str, file: dict[str, Any], before: str | None, line: dict[str, Any]) -> str:
    """As `docs/order-timeline.md` says it."""
    micros = (datetime.fromisoformat(line["at"]) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    detail = json.dumps(line["detail"], separators=(",", ":"), ensure_ascii=False)
    values = [micros, line["source"], file["user_id"], file["order_id"], line["event"], before, line["status"], detail]
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256((previous + text).encode()).hexdigest()


async def test_an_exported_timeline_proves_itself(tmp_path: Path) -> None:
    stored, lines = await an_exported_order(tmp_path / "numatix.db")
    file = json.loads(timeline_file(stored, lines, TimelineFormat.JSON))
    previous, before = "", None
    for line in file["items"]:
        assert line["hash"] == hashed(previous, file, before, line)
        previous, before = line["hash"], line["status"]
    assert previous == stored.chain
    assert len(file["items"]) == 6
    forged = {**file["items"][2], "status": "CANCELED"}
    assert forged["hash"] != hashed(file["items"][1]["hash"], file, file["items"][1]["status"], forged)


async def test_as_a_table_it_says_the_same_and_no_cell_is_a_formula(tmp_path: Path) -> None:
    stored, lines = await an_exported_order(tmp_path / "numatix.db")
    file = json.loads(timeline_file(stored, lines, TimelineFormat.JSON))
    rows = list(csv.DictReader(io.StringIO(timeline_file(stored, lines, TimelineFormat.CSV))))
    assert [row["hash"] for row in rows] == [line["hash"] for line in file["items"]]
    assert [json.loads(row["detail"]) for row in rows] == [line["detail"] for line in file["items"]]
    assert rows[0]["after_ms"] == ""
    assert rows[-1]["after_ms"] == "0.001"
    assert not [cell for row in rows for cell in row.values() if cell[:1] in "=+-@" and cell]
    assert timeline_headers(stored, TimelineFormat.CSV)["Content-Disposition"] == (
        f'attachment; filename="order-{stored.id}.csv"'
    )
