"""The first minutes: the setup link from the console, the login, the desk."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.desk_page import PASSWORD, DeskPage, listen
from tests.serving import DeskServer

pytestmark = pytest.mark.browser


def test_set_up_log_out_log_in_and_trade(browser: Browser, start_desk: Callable[..., DeskServer]) -> None:
    server = start_desk().wait_ready()
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    desk = DeskPage(context, context.new_page())
    listen(desk)
    page = desk.page
    page.goto(server.setup_link())
    page.get_by_label("E-mail").fill("me@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button").click()
    page.wait_for_url("**/trade/BTC-USDT")
    desk.wait_live()
    page.get_by_role("button", name="Menu").click()
    page.locator(".q-menu").get_by_text("Log out").click()
    page.wait_for_url("**/login")
    page.get_by_label("E-mail").fill("me@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    page.wait_for_url("**/trade/BTC-USDT")
    desk.wait_live()
    desk.tab("History")
    page.keyboard.press("m")
    desk.quantity.fill("0.01")
    expect(desk.send).to_be_enabled()
    desk.quantity.press("Enter")
    expect(desk.history_rows.first).to_contain_text("Filled")
    page.get_by_role("button", name="Menu").click()
    page.locator(".q-menu a", has_text="Account").click()
    expect(page.locator("[data-account]")).to_contain_text("Paper")
    complaints = desk.complaints
    context.close()
    assert complaints == []
