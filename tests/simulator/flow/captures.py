"""A small recorded market, made up: what it holds at every second can be worked out by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

BEGAN_NS = 1_700_000_000_000_000_000
SNAPSHOT_ID = 1_000
BID, ASK = 6_000_000, 6_000_010
"""Ticks of the best prices in the snapshot."""
EVERY_MS = 100


def write_capture(path: Path, diffs: int = 200, bad_after: int | None = None) -> Path:
    """A snapshot, then every 100 ms a diff, 40 ms after it a trade, 10 ms after that a bookTicker.

    Diff n (from 1) has the ids 10n+991 to 10n+1000, raises the best bid's lots to 500+n, and puts n lots at a level
    of its own below it; trade n has the id 70+n. After `bad_after` diffs comes a line that is no event.
    """
    lines = [_line(0, {"lastUpdateId": SNAPSHOT_ID, "bids": [_level(BID, 500)], "asks": [_level(ASK, 900)]})]
    for number in range(1, diffs + 1):
        at_ms = number * EVERY_MS
        last = SNAPSHOT_ID + 10 * number
        bids = [_level(BID, 500 + number), _level(BID - number, number)]
        lines.append(_line(at_ms, _wrapped("depth@100ms", {"U": last - 9, "u": last, "b": bids, "a": []})))
        price, lots = _level(ASK, 1)
        lines.append(_line(at_ms + 40, _wrapped("trade", {"t": 70 + number, "p": price, "q": lots, "m": False})))
        top = {"u": last, "b": bids[0][0], "B": bids[0][1], "a": _level(ASK, 900)[0], "A": _level(ASK, 900)[1]}
        lines.append(_line(at_ms + 50, _wrapped("bookTicker", top)))
        if number == bad_after:
            lines.append(f"{BEGAN_NS + (at_ms + 60) * 1_000_000} nonsense\n")
    path.write_text("".join(lines))
    return path


def bids_after(diffs: int) -> dict[int, int]:
    """The bids that outsiders show after so many diffs: lots by price."""
    return {BID: 500 + diffs, **{BID - number: number for number in range(1, diffs + 1)}}


def _line(at_ms: int, content: Any) -> str:
    return f"{BEGAN_NS + at_ms * 1_000_000} {json.dumps(content)}\n"


def _wrapped(kind: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"stream": f"btcusdt@{kind}", "data": {"e": kind, "s": "BTCUSDT", **data}}


def _level(ticks: int, lots: int) -> tuple[str, str]:
    return f"{ticks // 100}.{ticks % 100:02d}", f"{lots // 100_000}.{lots % 100_000:05d}"
