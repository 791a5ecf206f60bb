"""The chart: history there, the forming candle alive, and its frame well-behaved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.desk_page import DeskPage
from tests.serving import wait_until

pytestmark = pytest.mark.browser
Open = Callable[..., DeskPage]


def bars(desk: DeskPage) -> int:
    return int(desk.page.locator(".chart").get_attribute("data-bars") or 0)


def inside(desk: DeskPage, expression: str) -> object:
    """Evaluated in the frame, where `desk` is the package's handler."""
    return desk.javascript(
        f"() => {{ const {{ desk }} = document.querySelector('.chart iframe').contentWindow; return {expression}; }}"
    )


def test_history_is_there_and_the_forming_candle_moves(shared_desk: DeskPage) -> None:
    desk = shared_desk
    assert bars(desk) >= 1000
    assert inside(desk, "desk.series.data().length >= 1000")
    assert inside(desk, "desk.volumeSeries.data().length >= 1000")
    close = inside(desk, "desk.series.data().at(-1).close")
    wait_until(lambda: inside(desk, "desk.series.data().at(-1).close") != close, "the candle to move")
    expect(desk.page.locator(".chart .legend")).to_contain_text("O ")


def test_the_last_candle_is_the_markets_price(shared_desk: DeskPage) -> None:
    desk = shared_desk
    wait_until(
        lambda: abs(float(str(inside(desk, "desk.series.data().at(-1).close"))) - desk.last_price()) < 1e-9,
        "chart and header to agree",
    )


def test_every_timeframe_can_be_chosen_and_the_last_is_kept(open_page: Open) -> None:
    desk = open_page()
    steps = {"1m": 60, "15m": 900, "1h": 3600, "4h": 14400, "1d": 86400, "5m": 300}
    for name, seconds in steps.items():
        desk.timeframe(name).click()
        times = "(t => t.length < 2 ? 0 : t.at(-1).time - t.at(-2).time)(desk.series.data())"
        wait_until(lambda seconds=seconds, times=times: inside(desk, times) == seconds, f"bars of {name}")
    desk.timeframe("1h").click()
    expect(desk.timeframe("1h")).to_have_attribute("aria-selected", "true")
    times = "(t => t.at(-1).time - t.at(-2).time)(desk.series.data())"
    wait_until(lambda: inside(desk, times) == 3600, "hours")
    desk.page.reload()
    desk.wait_live()
    expect(desk.timeframe("1h")).to_have_attribute("aria-selected", "true")


def test_older_bars_come_when_they_are_looked_for_and_the_view_stays(shared_desk: DeskPage) -> None:
    desk = shared_desk
    before, first = bars(desk), inside(desk, "desk.series.data()[0].time")
    inside(desk, "desk.chart.timeScale().setVisibleLogicalRange({from: 5, to: 85})")
    wait_until(lambda: bars(desk) > before, "older bars")
    # Told by the bar that was the first: at the other end new ones may form meanwhile.
    assert inside(desk, f"desk.series.data().findIndex((bar) => bar.time === {first})") == 1000
    view = inside(desk, "Math.round(desk.chart.timeScale().getVisibleLogicalRange().from)")
    assert view == 1005


def test_the_chart_is_built_again_from_the_model_when_its_frame_loads_again(shared_desk: DeskPage) -> None:
    desk = shared_desk
    desk.javascript("() => document.querySelector('.chart iframe').contentWindow.location.reload()")
    wait_until(lambda: inside(desk, "desk && desk.series.data().length >= 1000"), "the chart to come back")


def test_own_orders_stand_on_the_chart_as_lines(open_page: Open) -> None:
    desk = open_page()
    desk.fill_limit("buy", f"{desk.last_price() * 0.995:.2f}", "0.01")
    desk.send.click()
    expect(desk.open_rows).to_have_count(1)
    lines = "document.querySelector('.chart').dataset.orders"
    wait_until(lambda: desk.javascript(f"() => {lines}") == "1", "the line")
    desk.open_rows.first.get_by_role("button").click()
    wait_until(lambda: desk.javascript(f"() => {lines}") == "0", "the line to go")


def test_two_desks_do_not_disturb_each_other(open_page: Open) -> None:
    """The package kept its handlers for all windows of the process."""
    here, there = open_page(), open_page("/trade/ETH-USDT")
    here.timeframe("1h").click()
    wait_until(lambda: inside(here, "desk.series.data().at(-1).time - desk.series.data().at(-2).time") == 3600, "hours")
    assert inside(there, "desk.series.data().at(-1).time - desk.series.data().at(-2).time") == 300


def test_tradingview_is_named(shared_desk: DeskPage) -> None:
    credit = shared_desk.page.locator(".chart .credit")
    expect(credit).to_be_visible()
    expect(credit).to_have_attribute("href", "https://www.tradingview.com/")


def test_a_click_in_the_chart_closes_an_open_menu(shared_desk: DeskPage) -> None:
    desk = shared_desk
    desk.page.get_by_test_id("markets").click()
    expect(desk.page.locator(".q-menu")).to_be_visible()
    desk.click_in_chart()
    expect(desk.page.locator(".q-menu")).to_have_count(0)
