"""A click on an order shows what happened to it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.desk_page import DeskPage
from tests.serving import wait_until

pytestmark = pytest.mark.browser
Open = Callable[..., DeskPage]


def test_a_click_on_an_order_opens_its_timeline_which_goes_on_as_the_order_does(
    open_page: Open, tmp_path: Path
) -> None:
    desk, other = open_page(), open_page()
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.send.click()
    expect(desk.open_rows.first).to_contain_text("Open")
    desk.open_rows.first.locator("td").nth(1).click()
    drawer = desk.page.locator(".order-drawer")
    expect(drawer.locator("h2")).to_have_text(re.compile(r"Buy 0.01 BTC\s*Open"))
    expect(drawer.locator(".line b").first).to_have_text("Recorded")
    expect(drawer.locator(".line b").last).to_have_text("Open at the venue")
    expect(drawer.locator(".line .after").last).to_have_text(re.compile(r"^\+[\d.]+ m?s$"))
    other.open_rows.first.get_by_role("button").click()
    expect(drawer.locator(".line b").last).to_have_text("Cancelled")
    expect(drawer.locator("h2 .pill")).to_have_text("Cancelled")
    lines = drawer.locator(".line").count()
    with desk.page.expect_download() as download:
        drawer.get_by_role("link", name="JSON").click()
    download.value.save_as(tmp_path / "file.json")
    file = json.loads((tmp_path / "file.json").read_text())
    assert (file["status"], len(file["items"])) == ("CANCELED", lines)
    drawer.get_by_role("button", name="Close").click()
    expect(drawer).to_have_count(0)


def test_the_drawer_fits_a_phone_and_opens_from_the_history_by_keyboard(open_page: Open) -> None:
    desk = open_page()
    desk.type("Market").click()
    desk.quantity.fill("0.01")
    desk.send.click()
    desk.tab("History")
    expect(desk.history_rows.first).to_contain_text("Filled")
    phone = open_page("/history", width=390, height=844)
    row = phone.page.locator(".table tbody tr").first
    row.focus()
    phone.page.keyboard.press("Enter")
    drawer = phone.page.locator(".order-drawer")
    expect(drawer.locator(".line b").last).to_have_text("Filled")
    whole = {"x": 0, "y": 0, "width": 390, "height": 844}
    wait_until(lambda: phone.page.locator(".drawer").bounding_box() == whole, "the drawer to fill the screen")
    assert phone.javascript("document.documentElement.scrollWidth") == 390
    phone.page.keyboard.press("Escape")
    expect(drawer).to_have_count(0)
