"""A capture is read line by line, and a bad line is named."""

from __future__ import annotations

import gzip
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from engine.simulator.capture import CaptureError, RecordedDiff, RecordedSnapshot, RecordedTrade, read_capture

TRADE = (
    b'{"stream":"btcusdt@trade","data":{"e":"trade","E":1,"s":"BTCUSDT","t":7,"p":"61837.63000000",'
    b'"q":"0.02000000","T":1,"m":true,"M":true}}'
)
SNAPSHOT = b'{"lastUpdateId":5,"bids":[["1.00","2.0"]],"asks":[]}'


def test_the_recorded_day_holds_what_its_description_says(recorded_day: Path) -> None:
    counts = Counter(type(recorded.event).__name__ for recorded in read_capture(recorded_day))
    assert counts == {"RecordedSnapshot": 1, "RecordedDiff": 3451, "RecordedTrade": 9757, "RecordedTop": 28040}


def test_the_diffs_of_the_recorded_day_chain_without_a_gap(recorded_day: Path) -> None:
    diffs = [recorded.event for recorded in read_capture(recorded_day) if isinstance(recorded.event, RecordedDiff)]
    assert all(b.first_update_id == a.last_update_id + 1 for a, b in pairwise(diffs))


def test_plain_and_packed_captures_read_the_same(tmp_path: Path) -> None:
    lines = b"10 " + SNAPSHOT + b"\n20 " + TRADE + b"\n"
    (tmp_path / "plain").write_bytes(lines)
    (tmp_path / "packed").write_bytes(gzip.compress(lines))
    plain, packed = list(read_capture(tmp_path / "plain")), list(read_capture(tmp_path / "packed"))
    assert plain == packed
    assert [recorded.received_ns for recorded in plain] == [10, 20]
    assert plain[0].event == RecordedSnapshot(5, (("1.00", "2.0"),), ())
    assert plain[1].event == RecordedTrade("BTCUSDT", 7, "61837.63000000", "0.02000000", buyer_is_maker=True)


def test_a_capture_is_read_no_further_than_it_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "day"
    path.write_bytes(b"10 " + SNAPSHOT + b"\nnonsense\n")
    assert next(read_capture(path)).line == 1


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"", "empty document"),
        (b"10", "empty document"),
        (b"ten " + SNAPSHOT, "invalid literal"),
        (b"10 {", "unexpected end"),
        (b"10 [1]", "not an object"),
        (b'10 {"bids":[],"asks":[]}', "'lastUpdateId' is missing"),
        (b'10 {"lastUpdateId":"5","bids":[],"asks":[]}', "not a whole number"),
        (b'10 {"stream":"btcusdt@kline_1m","data":{"s":"BTCUSDT"}}', "none of depth"),
        (TRADE.replace(b"{", b"10 {", 1).replace(b'"t":7,', b""), "'t' is missing"),
        (TRADE.replace(b"{", b"10 {", 1).replace(b'"61837.63000000"', b"61837.63"), "not a string"),
        (b'10 {"lastUpdateId":5,"bids":[["1.00"]],"asks":[]}', "not enough values"),
    ],
)
def test_a_bad_line_is_named_with_its_fault(tmp_path: Path, line: bytes, fault: str) -> None:
    path = tmp_path / "day"
    path.write_bytes(b"10 " + SNAPSHOT + b"\n" + line + b"\n")
    with pytest.raises(CaptureError, match=rf"day, line 2: .*({fault})"):
        list(read_capture(path))


def test_a_capture_that_was_cut_off_says_where(tmp_path: Path) -> None:
    path = tmp_path / "day.gz"
    path.write_bytes(gzip.compress((b"10 " + SNAPSHOT + b"\n") * 1000)[:-20])
    with pytest.raises(CaptureError, match=r"day.gz, after line \d+: the file is cut off or damaged"):
        list(read_capture(path))
