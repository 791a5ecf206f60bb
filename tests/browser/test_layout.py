"""How the desk stands: panels that remember their place, themes, a phone, and addresses that are wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.desk_page import DeskPage, Person
from tests.serving import wait_until

pytestmark = pytest.mark.browser
Open = Callable[..., DeskPage]
SPLITS = [("book-width", ".panel-market", "width"), ("blotter-height", ".panel-blotter", "height")]


def length(panel: Locator, which: str) -> int:
    box = panel.bounding_box()
    assert box is not None
    return round(box["width"] if which == "width" else box["height"])


@pytest.mark.parametrize(("name", "panel", "which"), SPLITS)
def test_a_panel_keeps_the_size_that_it_was_dragged_to(
    open_page: Open, person: Person, name: str, panel: str, which: str
) -> None:
    desk = open_page()
    card, handle = desk.page.locator(panel), desk.page.locator(f"[data-splitter={name}]")
    before = length(card, which)
    box = handle.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    desk.page.mouse.move(x, y)
    desk.page.mouse.down()
    # The way leads over the chart's frame, which must not swallow it.
    desk.page.mouse.move(x - 30, y - 30, steps=4)
    desk.page.mouse.move(x - 60, y - 60, steps=4)
    desk.page.mouse.up()
    assert length(card, which) == pytest.approx(before + 60, abs=2)
    again = open_page(who=person)
    if length(again.page.locator(panel), which) != pytest.approx(before + 60, abs=2):
        again.page.reload()  # the first was built while the size was still on its way to the ledger
        again.wait_live()
    assert length(again.page.locator(panel), which) == pytest.approx(before + 60, abs=2)
    again.page.locator(f"[data-splitter={name}]").dblclick()
    wait_until(lambda: abs(length(again.page.locator(panel), which) - before) <= 2, "the panel to spring back")


def test_the_theme_is_kept_and_right_at_the_first_paint(open_page: Open, person: Person) -> None:
    desk = open_page()
    root = desk.page.locator("html")
    expect(root).to_have_attribute("data-theme", "dark")
    desk.page.get_by_role("button", name="Dark or light").click()
    expect(root).to_have_attribute("data-theme", "light")
    frame = desk.page.frame_locator(".chart iframe").locator("#container")
    expect(frame).to_have_css("background-color", "rgb(255, 255, 255)")
    again = open_page(who=person, live="no")
    expect(again.page.locator("html")).to_have_attribute("data-theme", "light")
    again.wait_live()
    assert again.javascript("() => window.paintedAs") == "light"
    expect(again.page.frame_locator(".chart iframe").locator("#container")).to_have_css(
        "background-color", "rgb(255, 255, 255)"
    )


def test_without_a_choice_the_system_decides(open_page: Open) -> None:
    desk = open_page(scheme="light")
    expect(desk.page.locator("html")).to_have_attribute("data-theme", "light")
    expect(desk.page.frame_locator(".chart iframe").locator("#container")).to_have_css(
        "background-color", "rgb(255, 255, 255)"
    )


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1920, 1080), (1100, 700), (390, 844)])
def test_nothing_sticks_out_of_the_screen(shared_desk: DeskPage, width: int, height: int) -> None:
    page = shared_desk.page
    page.set_viewport_size({"width": width, "height": height})
    # The page is laid out anew a moment after the window has its size.
    page.wait_for_function(
        """([width, height]) => innerWidth === width && innerHeight === height
            && document.documentElement.scrollWidth === width && document.documentElement.scrollHeight === height""",
        arg=[width, height],
    )
    expect(shared_desk.send).to_be_in_viewport()
    expect(shared_desk.page.locator(".panel-ticket .summary")).to_be_in_viewport(ratio=1)


def test_a_phone_shows_one_panel_and_tabs_at_the_foot(open_page: Open) -> None:
    desk = open_page(width=390, height=844)
    panels = {
        "Chart": ".panel-chart",
        "Book": ".book-card",
        "Trade": ".panel-ticket",
        "Orders": ".panel-blotter",
        "Account": ".panel-account",
    }
    for words, panel in panels.items():
        desk.page.locator(".phone-tabs button", has_text=words).click()
        for other in panels.values():
            expect(desk.page.locator(other)).to_be_visible(visible=other == panel)
    desk.page.locator(".phone-tabs button", has_text="Trade").click()
    box = desk.send.bounding_box()
    assert box is not None
    assert box["y"] > 844 / 2
    assert box["height"] >= 44


def test_a_symbol_without_its_dash_is_sent_to_the_address_with_it(open_page: Open) -> None:
    assert open_page("/trade/ethusdt".upper().replace("/TRADE", "/trade")).page.url.endswith("/trade/ETH-USDT")


def test_the_start_page_is_the_last_market(open_page: Open, person: Person) -> None:
    open_page("/trade/SOL-USDT").close()
    assert open_page("/", who=person).page.url.endswith("/trade/SOL-USDT")


def test_an_unknown_market_says_so(open_page: Open) -> None:
    desk = open_page("/trade/NOPE-USDT", live="no")
    expect(desk.page.get_by_role("heading", name="No such market")).to_be_visible()
    assert [complaint for complaint in desk.complaints if "404" not in complaint] == []
    desk.complaints.clear()  # the browser tells its console of every 404
    desk.page.get_by_role("link", name="BTC-USDT").click()
    desk.page.wait_for_url("**/trade/BTC-USDT")
    desk.wait_live()


def test_the_menu_of_markets_leads_to_another(open_page: Open) -> None:
    desk = open_page()
    desk.page.get_by_test_id("markets").click()
    desk.page.locator(".menu-row", has_text="ETH/USDT").click()
    desk.page.wait_for_url("**/trade/ETH-USDT")
    desk.wait_live()
    assert 500 < desk.last_price() < 50_000
    wait_until(lambda: "ETH/USDT" in desk.page.title() and desk.page.title()[0].isdigit(), "the price in the title")


def test_the_history_of_a_phone_needs_no_sideways_scrolling(open_page: Open) -> None:
    desk = open_page(width=390, height=844)
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.send.click()
    expect(desk.reason).to_contain_text("Sent")
    desk.page.goto(desk.page.url.replace("/trade/BTC-USDT", "/history"))
    expect(desk.page.locator(".table tbody tr")).to_have_count(1)
    assert desk.javascript("() => document.documentElement.scrollWidth") == 390
    assert (
        desk.javascript("() => { const s = document.querySelector('.scroll'); return s.scrollWidth - s.clientWidth; }")
        == 0
    )
