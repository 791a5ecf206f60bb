"""What every drift board does."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from engine.domain.drift import Drift, DriftEnd, DriftKind
from engine.ports import Drifts
from tests.data.makers import NOON

LATER = NOON + timedelta(seconds=5)
DRIFT = Drift(
    "d1", "ann", "ann-paper", DriftKind.ORDER_ELSEWHERE, "bot-1", "BTC/USDT", "nothing", "open as 7", NOON, "order-7"
)


async def test_of_one_subject_only_one_is_open_at_a_time(drifts: Drifts):
    assert await drifts.record(DRIFT)
    assert not await drifts.record(replace(DRIFT, id="d2", found_at=LATER))
    assert await drifts.record(replace(DRIFT, id="d3", subject="bot-2"))
    assert await drifts.resolve("d1", DriftEnd.ADOPTED, "desk", LATER)
    assert not await drifts.resolve("d1", DriftEnd.IGNORED, "ann", LATER)
    assert await drifts.record(replace(DRIFT, id="d4"))
    ended = replace(DRIFT, resolved_at=LATER, resolution=DriftEnd.ADOPTED, resolved_by="desk")
    assert await drifts.drift("d1") == ended
    assert await drifts.drift("d2") is None


async def test_they_are_listed_by_user_newest_first_and_page_by_page(drifts: Drifts):
    for number in range(5):
        at = NOON + timedelta(seconds=number)
        await drifts.record(replace(DRIFT, id=f"d{number}", subject=f"s{number}", found_at=at, order_id=None))
    await drifts.record(replace(DRIFT, id="other", user_id="bea", account_id="bea-paper"))
    await drifts.resolve("d4", DriftEnd.HEALED, "desk", LATER)
    first = await drifts.drifts("ann", open_only=False, cursor=None, limit=3)
    rest = await drifts.drifts("ann", open_only=False, cursor=first.next_cursor, limit=3)
    assert [one.id for one in (*first.items, *rest.items)] == ["d4", "d3", "d2", "d1", "d0"]
    assert rest.next_cursor is None
    open_ones = await drifts.drifts("ann", open_only=True, cursor=None, limit=10)
    assert [one.id for one in open_ones.items] == ["d3", "d2", "d1", "d0"]
    with pytest.raises(ValueError, match="cursor"):
        await drifts.drifts("ann", open_only=False, cursor="nonsense", limit=3)
