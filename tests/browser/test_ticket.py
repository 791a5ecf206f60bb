"""The order ticket: what follows from what, the keys, and presses that must not count."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.desk_page import DeskPage, number
from tests.serving import DeskServer, wait_until

pytestmark = pytest.mark.browser
Open = Callable[..., DeskPage]


def test_keys_set_side_and_type_but_never_while_typing(shared_desk: DeskPage) -> None:
    desk = shared_desk
    desk.page.keyboard.press("s")
    expect(desk.side("sell")).to_have_attribute("aria-pressed", "true")
    desk.page.keyboard.press("m")
    expect(desk.type("Market")).to_have_attribute("aria-selected", "true")
    desk.page.keyboard.press("l")
    expect(desk.type("Limit")).to_have_attribute("aria-selected", "true")
    desk.quantity.focus()
    desk.page.keyboard.press("b")
    expect(desk.quantity).to_have_value("b")
    expect(desk.side("sell")).to_have_attribute("aria-pressed", "true")


def test_keys_pressed_in_the_chart_count_too(shared_desk: DeskPage) -> None:
    desk = shared_desk
    desk.click_in_chart()
    desk.page.keyboard.press("s")
    expect(desk.side("sell")).to_have_attribute("aria-pressed", "true")


def test_the_price_follows_the_market_until_edited_and_again_after_reset(shared_desk: DeskPage) -> None:
    desk = shared_desk
    first = desk.price.input_value()
    wait_until(lambda: desk.price.input_value() != first, "the price to follow")
    desk.price.fill("90000")
    expect(desk.page.locator(".field.manual")).to_have_count(1)
    expect(desk.page.locator(".manual-note")).to_be_visible()
    desk.quantity.focus()
    moved = desk.last_price()
    wait_until(lambda: desk.last_price() != moved, "the market to move")
    expect(desk.price).to_have_value("90,000")
    desk.page.get_by_role("button", name="reset to market").click()
    expect(desk.page.locator(".field.manual")).to_have_count(0)
    wait_until(lambda: abs(number(desk.price.input_value()) - desk.last_price()) < 200, "the market's price")


def test_chips_and_the_book_pick_a_price(shared_desk: DeskPage) -> None:
    desk = shared_desk
    desk.page.locator(".ticket .chip", has_text="Bid").click()
    wait_until(lambda: desk.price.input_value() != "", "a price")
    expect(desk.page.locator(".field.manual")).to_have_count(1)
    row = desk.page.locator(".book .asks .book-row").first
    row.click()
    wait_until(lambda: number(desk.price.input_value()) > desk.last_price(), "the clicked ask")


def test_percent_quantity_and_total_follow_each_other(shared_desk: DeskPage) -> None:
    desk = shared_desk
    desk.price.fill("100000")
    desk.page.locator(".steps button", has_text="50%").click()
    expect(desk.quantity).to_have_value("0.05000")
    expect(desk.total).to_have_value("5,000.00")
    expect(desk.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "50")
    desk.total.fill("2500")
    expect(desk.quantity).to_have_value("0.02500")
    expect(desk.page.get_by_role("slider")).to_have_attribute("aria-valuenow", "0")
    desk.quantity.fill("0.03")
    expect(desk.total).to_have_value("3,000.00")


@pytest.mark.parametrize(
    ("quantity", "words"),
    [
        ("NaN", "not a plain decimal"),
        ("1e309", "not a plain decimal"),
        ("-1", "not a plain decimal"),
        ("１２", "not a plain decimal"),
        ("0", "greater than 0"),
        ("0.000001", "multiple of 0.00001"),
        ("0.00001", "takes orders from 5 USDT"),
        ("5", "are free"),
    ],
)
def test_what_cannot_be_sent_says_why(shared_desk: DeskPage, quantity: str, words: str) -> None:
    desk = shared_desk
    desk.price.fill("100000")
    desk.quantity.fill(quantity)
    expect(desk.reason).to_contain_text(words)
    expect(desk.send).to_be_disabled()


def test_a_double_click_sends_once(open_page: Open) -> None:
    desk = open_page()
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.send.dblclick()
    expect(desk.open_rows).to_have_count(1)
    expect(desk.reason).to_contain_text("Sent")
    desk.quantity.fill("0.02")
    expect(desk.send).to_be_enabled()
    desk.quantity.press("Enter")
    expect(desk.open_rows).to_have_count(2)


def test_the_side_that_was_seen_at_the_press_is_sent(open_page: Open) -> None:
    """A key that changes the side right after the press does not change what was pressed."""
    desk = open_page()
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.javascript(
        """() => {
          document.querySelector("[data-testid=ticket-send]").click();
          document.querySelector(".ticket [data-side=sell]").click();
        }"""
    )
    expect(desk.open_rows.first).to_contain_text("Buy limit")


def test_a_press_that_comes_late_is_refused(open_page: Open) -> None:
    """As after a dead link: the page believes that it is three seconds ago."""
    desk = open_page()
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.javascript("() => { const now = performance.now.bind(performance); performance.now = () => now() - 3000; }")
    desk.javascript("() => document.querySelector('[data-testid=ticket-send]').click()")
    expect(desk.reason).to_contain_text("too late")
    expect(desk.open_rows).to_have_count(0)


PRESS_TWICE = """() => {
  const ticket = getElement(document.querySelector(".ticket"));
  const { draft, side, type, force, master } = ticket.view;
  const press = { stamp: Date.now(), draft, side, type, force, master, price: "50000", quantity: "0.01", total: "500" };
  ticket.$emit("press", press);
  ticket.$emit("press", press);
}"""
NONSENSE = """() => {
  const ticket = getElement(document.querySelector(".ticket"));
  const { draft } = ticket.view;
  for (const press of [5, null, "x", [], {}, {draft}, {draft, stamp: "now", side: "buy"}, {draft, stamp: NaN},
    {draft, stamp: Date.now(), side: "both", type: "limit", force: "GTC", price: "1", quantity: "1", total: "1"}])
    ticket.$emit("press", press);
  for (const edit of [[], [1, 2, 3], ["price", null, 1], ["versions", "x", 1], ["quantity", "9".repeat(50000), 1]])
    ticket.$emit("edit", ...edit);
  ticket.$emit("percent", "all");
  ticket.$emit("choose", "account", "another's");
}"""


def test_the_same_draft_sent_twice_by_a_script_is_one_order(open_page: Open) -> None:
    desk = open_page()
    desk.javascript(PRESS_TWICE)
    expect(desk.open_rows).to_have_count(1)
    desk.tab("History")
    expect(desk.history_rows).to_have_count(1)


def test_nonsense_from_a_script_is_passed_over(open_page: Open) -> None:
    desk = open_page()
    desk.javascript(NONSENSE)
    desk.page.reload()
    desk.wait_live()
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.send.click()
    expect(desk.open_rows).to_have_count(1)


def test_typing_is_never_overwritten_by_the_market(shared_desk: DeskPage) -> None:
    desk = shared_desk
    desk.quantity.click()
    desk.page.keyboard.type("0.0123", delay=120)
    assert desk.quantity.input_value() == "0.0123"
    expect(desk.send).to_contain_text("Buy 0.0123 BTC")


def test_what_was_typed_since_wins_over_what_the_server_sends(shared_desk: DeskPage) -> None:
    """An answer to older typing, which would put another figure into the field, comes late."""
    desk = shared_desk
    desk.quantity.fill("0.0123")
    expect(desk.send).to_contain_text("Buy 0.0123 BTC")
    late = """() => {
      const ticket = getElement(document.querySelector(".ticket"));
      const versions = { ...ticket.view.versions, quantity: ticket.view.versions.quantity + 1 };
      ticket.show({ ...ticket.view, seq: ticket.view.seq - 1, quantity: "9", versions });
    }"""
    desk.javascript(late)
    assert desk.quantity.input_value() == "0.0123"
    desk.javascript(late.replace("ticket.view.seq - 1", "ticket.view.seq + 1"))
    assert desk.quantity.input_value() == "9"


def test_an_answer_that_takes_its_time_is_waited_for_in_sight(open_page: Open, desk_server: DeskServer) -> None:
    desk = open_page()
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    assert desk_server.process is not None
    desk_server.process.send_signal(signal.SIGSTOP)
    try:
        desk.javascript("() => document.querySelector('[data-testid=ticket-send]').click()")
        expect(desk.reason).to_have_text("Recording the order…")
        expect(desk.send).to_be_disabled()
    finally:
        desk_server.process.send_signal(signal.SIGCONT)
    expect(desk.reason).to_contain_text("Sent")
    expect(desk.open_rows).to_have_count(1)
