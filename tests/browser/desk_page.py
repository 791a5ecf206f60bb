"""The desk as a person at a browser uses it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httpx
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.serving import COOKIE, DeskServer

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NOTE_FIRST_PAINT = """new PerformanceObserver(() => {
  window.paintedAs ??= document.documentElement.dataset.theme;
}).observe({type: "paint", buffered: true});"""
PASSWORD = "a password of this test"
PATIENCE_MS = 30_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass(frozen=True)
class Person:
    email: str
    cookie: str


def register(server: DeskServer, email: str) -> Person:
    """A user of the shared desk."""
    answer = httpx.post(f"{server.url}/api/v1/auth/register", json={"email": email, "password": PASSWORD}, timeout=30)
    assert answer.status_code == 201, answer.text
    return Person(email, server.login(email, PASSWORD))


@dataclass
class DeskPage:
    """One tab. `complaints` are what the browser's console and its scripts had to say against the page."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list[str])

    # --- parts

    @property
    def price(self) -> Locator:
        return self.page.get_by_test_id("ticket-price")

    @property
    def quantity(self) -> Locator:
        return self.page.get_by_test_id("ticket-quantity")

    @property
    def total(self) -> Locator:
        return self.page.get_by_test_id("ticket-total")

    @property
    def send(self) -> Locator:
        return self.page.get_by_test_id("ticket-send")

    @property
    def reason(self) -> Locator:
        return self.page.get_by_test_id("ticket-reason")

    @property
    def open_rows(self) -> Locator:
        return self.page.locator("[data-table=open] tbody tr")

    @property
    def history_rows(self) -> Locator:
        return self.page.locator("[data-table=history] tbody tr")

    @property
    def own_dots(self) -> Locator:
        return self.page.locator(".book .own")

    def side(self, side: str) -> Locator:
        return self.page.locator(f".ticket .seg [data-side={side}]")

    def type(self, words: str) -> Locator:
        return self.page.locator(".ticket .tab", has_text=words)

    def free(self, asset: str) -> str:
        return self.page.locator(f".summary [data-asset={asset}] + b").first.inner_text()

    def last_price(self) -> float:
        return number(self.page.get_by_test_id("last-price").inner_text())

    # --- doings

    def wait_live(self) -> DeskPage:
        """Until the market is heard, drawn and judged by, and the account is known."""
        expect(self.page.locator(".link")).to_have_attribute("data-link", "live")
        expect(self.page.get_by_test_id("last-price")).to_have_text(re.compile(r"\d"))
        expect(self.price).to_have_value(re.compile(r"\d"))
        expect(self.page.locator(".chart.drawn")).to_have_count(1)
        expect(self.page.locator(".summary [data-asset] + b").first).to_have_text(re.compile(r"\d"))
        return self

    def empty_ticket(self) -> None:
        """Buy, limit, the market's price, no quantity."""
        self.side("buy").click()
        self.type("Limit").click()
        if self.page.locator(".field.manual").count():
            self.page.get_by_role("button", name="reset to market").click()
        self.quantity.fill("")
        self.quantity.blur()
        expect(self.page.locator(".field.manual")).to_have_count(0)

    def timeframe(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=name, exact=True)

    def click_in_chart(self) -> None:
        box = self.page.locator(".chart iframe").bounding_box()
        assert box is not None
        self.page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)

    def tab(self, words: str) -> None:
        self.page.locator(".blotter .tab", has_text=words).click()

    def fill_limit(self, side: str, price: str, quantity: str) -> None:
        self.side(side).click()
        self.type("Limit").click()
        self.price.fill(price)
        self.quantity.fill(quantity)
        expect(self.send).to_be_enabled()

    def mark(self) -> None:
        """Leave a mark in the page that a reload would wipe away."""
        self.page.evaluate("window.neverReloaded = true")

    def was_reloaded(self) -> bool:
        return not self.page.evaluate("Boolean(window.neverReloaded)")

    def javascript(self, script: str) -> Any:
        return self.page.evaluate(script)

    def close(self) -> None:
        self.context.close()


def open_desk(browser: Browser, server: DeskServer, person: Person, path: str, **options: int | str) -> DeskPage:
    """A browser of its own, logged in as the person, on that page."""
    width, height = int(options.get("width", 1440)), int(options.get("height", 900))
    scheme = "light" if options.get("scheme") == "light" else "dark"
    context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    host = urlsplit(server.url).hostname or ""
    context.add_cookies([{"name": COOKIE, "value": person.cookie, "domain": host, "path": "/"}])
    context.add_init_script(NOTE_FIRST_PAINT)
    desk = DeskPage(context, context.new_page())
    listen(desk)
    desk.page.goto(server.url + path)
    if path.startswith("/trade/") and options.get("live") != "no":
        desk.wait_live()
    return desk


def listen(desk: DeskPage) -> None:
    """Keep every error that the page makes. The login page asks whether one is logged in: no error of ours."""

    def hear(message: ConsoleMessage) -> None:
        if message.type == "error" and not message.location["url"].endswith("/session"):
            desk.complaints.append(message.text)

    desk.page.on("console", hear)
    desk.page.on("pageerror", lambda error: desk.complaints.append(str(error)))


def number(text: str) -> float:
    return float(text.replace(",", "").split()[0])
