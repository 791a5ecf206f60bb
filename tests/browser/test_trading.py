"""Trading at the browser: what is sent, what comes back by push, and that every browser of the user sees it."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.desk_page import DeskPage, number
from tests.serving import wait_until

pytestmark = pytest.mark.browser
Open = Callable[..., DeskPage]


def test_a_market_buy_turns_filled_and_changes_the_balance_in_every_browser(open_page: Open) -> None:
    here, there = open_page(), open_page()
    for desk in (here, there):
        desk.mark()
        desk.tab("History")
    assert (here.free("USDT"), here.free("BTC")) == ("10,000.00", "0.10000")
    here.type("Market").click()
    here.quantity.fill("0.01")
    expect(here.send).to_have_text(re.compile("Buy 0.01 BTC"))
    here.send.click()
    for desk in (here, there):
        expect(desk.history_rows.first).to_contain_text("Filled")
        expect(desk.history_rows.first).to_contain_text("Buy market")
        expect(desk.page.locator(".summary [data-asset=USDT] + b").first).not_to_have_text("10,000.00")
        wait_until(lambda desk=desk: number(desk.free("BTC")) > 0.109, "the bought coins")
        assert number(desk.free("USDT")) < 9_999
        assert not desk.was_reloaded()
    here.tab("Fills")
    expect(here.page.locator("[data-table=fills] tbody tr").first).to_contain_text("taker")


def test_a_limit_away_from_the_market_stands_in_book_and_table_until_it_is_cancelled(open_page: Open) -> None:
    # A book of fifty rows: a price in their middle is neither reached nor lost from sight while the test looks.
    here, there = open_page(height=2600), open_page(height=2600)
    price = here.page.locator(".book .bids .book-row span:first-of-type").nth(24).inner_text().replace(",", "")
    here.fill_limit("buy", price, "0.01")
    here.send.click()
    for desk in (here, there):
        expect(desk.open_rows).to_have_count(1)
        expect(desk.open_rows.first).to_contain_text("Open")
        expect(desk.page.locator(".blotter .tab").first).to_have_text("Open orders1")
    expect(here.page.locator(".summary [data-asset=USDT] + b + b").first).not_to_have_text("0.00")
    expect(here.own_dots).to_have_count(1)
    expect(there.own_dots).to_have_count(1)
    there.open_rows.first.get_by_role("button").click()
    for desk in (here, there):
        expect(desk.page.locator(".blotter .tab").first).to_have_text("Open orders0")
        expect(desk.own_dots).to_have_count(0)
    here.tab("History")
    expect(here.history_rows.first).to_contain_text("Cancelled")
    expect(here.page.locator(".summary [data-asset=USDT] + b").first).to_have_text("10,000.00")


def test_cancel_all_asks_first(open_page: Open) -> None:
    desk = open_page()
    low = desk.last_price() * 0.9
    for step in range(2):
        desk.fill_limit("buy", f"{low - step:.2f}", "0.01")
        desk.send.click()
        expect(desk.open_rows).to_have_count(step + 1)
    desk.page.get_by_role("button", name="Cancel all").click()
    desk.page.get_by_role("button", name="Keep them").click()
    expect(desk.page.locator(".confirm")).to_have_count(0)
    expect(desk.open_rows).to_have_count(2)
    desk.page.get_by_role("button", name="Cancel all").click()
    desk.page.locator(".confirm .danger").click()
    expect(desk.open_rows).to_have_count(0)


def test_an_order_that_the_venue_refuses_says_why(open_page: Open) -> None:
    """Post only at a price that would take: the exchange knows, the desk does not."""
    desk = open_page()
    desk.tab("History")
    desk.fill_limit("buy", f"{desk.last_price() * 1.01:.2f}", "0.01")
    desk.page.locator(".ticket .chip", has_text="Post only").click()
    desk.send.click()
    pill = desk.history_rows.first.locator(".pill")
    expect(pill).to_have_text("Rejected")
    expect(pill).to_have_attribute("title", re.compile("immediately match"))


def test_history_keeps_orders_and_fills_and_filters_them(open_page: Open) -> None:
    desk = open_page()
    desk.type("Market").click()
    desk.quantity.fill("0.01")
    desk.send.click()
    expect(desk.reason).to_have_text(re.compile("Sent"))
    desk.page.locator("[data-table=balances]").wait_for(state="attached")
    wait_until(lambda: number(desk.free("BTC")) > 0.109, "the fill")
    desk.page.goto(desk.page.url.replace("/trade/BTC-USDT", "/history"))
    expect(desk.page.locator(".table tbody tr")).to_have_count(1)
    desk.page.locator(".chip", has_text="Rejected").click()
    expect(desk.page.locator(".empty")).to_contain_text("Nothing matches")
    desk.page.locator(".tab", has_text="Fills").click()
    expect(desk.page.locator(".table tbody tr").first).to_contain_text("BTC/USDT")
