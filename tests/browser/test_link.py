"""When the link is lost: it shows, actions lock, and everything is right again afterwards."""

from __future__ import annotations

import re
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.browser.desk_page import DeskPage, Person, open_desk
from tests.serving import OWNER_EMAIL, OWNER_PASSWORD, DeskServer

pytestmark = pytest.mark.browser
Open = Callable[..., DeskPage]


def lost_after_ms(desk: DeskPage, cut: str) -> float:
    """How long after the cut the page shows that the link is lost, by the page's own clock."""
    return desk.javascript(
        f"""() => new Promise((done) => {{
          const [link, began] = [document.querySelector(".link"), performance.now()];
          const look = () => link.dataset.link === "lost" && done(performance.now() - began);
          new MutationObserver(look).observe(link, {{ attributes: true }});
          {cut};
        }})"""
    )


def test_a_lost_socket_shows_within_two_seconds_and_locks_what_acts(open_page: Open) -> None:
    desk = open_page()
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.mark()
    assert lost_after_ms(desk, "window.socket.disconnect()") < 2_000
    expect(desk.page.locator(".link")).to_have_text(re.compile("Reconnecting"))
    expect(desk.send).to_be_disabled()
    expect(desk.reason).to_contain_text("Reconnecting")
    desk.javascript("() => window.socket.connect()")
    expect(desk.page.locator(".link")).to_have_attribute("data-link", "live")
    expect(desk.quantity).to_have_value("0.01")
    expect(desk.send).to_be_enabled()
    assert not desk.was_reloaded()
    desk.send.click()
    expect(desk.open_rows).to_have_count(1)


def test_a_silent_link_shows_within_two_seconds(open_page: Open) -> None:
    """The socket stays open, but nothing comes through it any more."""
    desk = open_page()
    assert lost_after_ms(desk, "window.socket.io.engine.transport.ws.onmessage = () => {}") < 2_500
    expect(desk.send).to_be_disabled()


def test_what_happened_meanwhile_is_there_after_a_reconnect(open_page: Open, person: Person) -> None:
    here, there = open_page(), open_page()
    here.javascript("() => window.socket.disconnect()")
    there.fill_limit("buy", f"{there.last_price() * 0.9:.2f}", "0.01")
    there.send.click()
    expect(there.open_rows).to_have_count(1)
    here.javascript("() => window.socket.connect()")
    expect(here.open_rows).to_have_count(1)
    expect(here.page.locator(".link")).to_have_attribute("data-link", "live")


def test_a_hidden_tab_hears_nothing_and_is_up_to_date_when_it_is_seen_again(open_page: Open) -> None:
    desk = open_page()
    desk.javascript(
        """() => {
          window.heard = 0;
          window.socket.on("numatix:market", () => window.heard++);
          Object.defineProperty(document, "hidden", {get: () => window.away, configurable: true});
          window.away = true;
          document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    desk.page.wait_for_function(
        "() => { const n = window.heard; return new Promise(r => setTimeout(() => r(n === window.heard), 700)); }"
    )
    desk.javascript("() => { window.away = false; document.dispatchEvent(new Event('visibilitychange')); }")
    before = desk.javascript("() => window.heard")
    desk.page.wait_for_function(f"() => window.heard > {before}")
    expect(desk.page.locator(".link")).to_have_attribute("data-link", "live")


def test_nobody_joins_a_market_in_the_name_of_another_page(open_page: Open) -> None:
    here, there = open_page(), open_page()
    ask = """(client) => window.socket.timeout(3000).emitWithAck("numatix:market", {client_id: client, watch: true})"""
    own, other = (desk.javascript("() => window.clientId") for desk in (here, there))
    assert here.page.evaluate(ask, own)["k"] == "simulator BTC/USDT"
    assert here.page.evaluate(ask, other) is None
    assert here.page.evaluate(ask, 5) is None


def test_a_logout_elsewhere_ends_this_desk(open_page: Open, desk_server: DeskServer, person: Person) -> None:
    desk = open_page()
    answer = httpx.delete(f"{desk_server.url}/session", cookies={"numatix": person.cookie})
    assert answer.status_code < 300
    desk.page.wait_for_url("**/login**")


@pytest.fixture
def own_server(start_desk: Callable[..., DeskServer]) -> DeskServer:
    return start_desk(owner_email=OWNER_EMAIL, owner_password=OWNER_PASSWORD).wait_ready()


def test_a_restart_of_the_desk_brings_the_page_back_by_itself(browser: Browser, own_server: DeskServer) -> None:
    desk = open_desk(browser, own_server, Person(OWNER_EMAIL, own_server.login()), "/trade/BTC-USDT")
    desk.fill_limit("buy", f"{desk.last_price() * 0.9:.2f}", "0.01")
    desk.send.click()
    expect(desk.open_rows.first).to_contain_text("Open")
    own_server.stop()
    expect(desk.page.locator(".link")).to_have_attribute("data-link", "lost")
    own_server.start().wait_ready()
    desk.wait_live()
    expect(desk.open_rows.first).to_contain_text("Open")
    expect(desk.own_dots).to_have_count(0)
    desk.close()
