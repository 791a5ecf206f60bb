"""How long a venue's silence is not believed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from engine.reconcile.window import SettleTimes, SettleWindow
from tests.data.makers import HandClock

TIMES = SettleTimes(settle_s=20.0)


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def window(clock: HandClock) -> SettleWindow:
    return SettleWindow(clock, TIMES)


def test_it_is_over_when_the_silence_has_lasted_long_enough(window: SettleWindow, clock: HandClock):
    window.begin("order")
    clock.forward(19.9)
    assert not window.over("order")
    clock.forward(0.1)
    assert window.over("order")


def test_it_begins_with_the_first_question_when_nobody_said_so(window: SettleWindow, clock: HandClock):
    assert not window.over("order")
    clock.forward(20)
    assert window.over("order")
    assert not window.over("another")


@pytest.mark.parametrize("hours", [1, -1])
def test_a_wall_clock_that_is_set_makes_it_neither_shorter_nor_longer(
    window: SettleWindow, clock: HandClock, hours: int
):
    window.begin("order")
    clock.at += timedelta(hours=hours)
    assert not window.over("order")
    clock.forward(20)
    assert window.over("order")


def test_once_the_venue_has_spoken_another_silence_is_counted_anew(window: SettleWindow, clock: HandClock):
    window.begin("order")
    clock.forward(20)
    window.close("order")
    assert not window.over("order")
