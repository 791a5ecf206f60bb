"""A Chromium for each module of browser tests, and users of their own at the shared desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from engine.runtime import SystemIds
from tests.browser.desk_page import CHROMIUM, FLAGS, DeskPage, Person, open_desk, register
from tests.serving import DeskServer


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One headless Chromium; each test opens its own contexts in it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def shared_page(browser: Browser, desk_server: DeskServer) -> Iterator[DeskPage]:
    """One desk of one user for all tests of a module that send nothing: opening a page costs seconds."""
    desk = open_desk(browser, desk_server, register(desk_server, f"{SystemIds().new()}@example.org"), "/trade/BTC-USDT")
    yield desk
    complaints = desk.complaints
    desk.close()
    assert complaints == []


@pytest.fixture
def shared_desk(shared_page: DeskPage) -> DeskPage:
    """The module's desk with an empty ticket: buy, limit, the market's price."""
    shared_page.empty_ticket()
    return shared_page


@pytest.fixture
def person(desk_server: DeskServer) -> Person:
    """A new user with a paper account of 10,000 USDT, 0.1 BTC and 1 ETH."""
    return register(desk_server, f"{SystemIds().new()}@example.org")


@pytest.fixture
def open_page(browser: Browser, desk_server: DeskServer, person: Person) -> Iterator[Callable[..., DeskPage]]:
    """`open_page(path="/trade/BTC-USDT", width=…, height=…, who=…)` opens a browser of its own on the desk, logged
    in and live. At the end neither a page nor the desk's log may have complained."""
    opened: list[DeskPage] = []
    logged = len(desk_server.log())

    def open_one(path: str = "/trade/BTC-USDT", *, who: Person | None = None, **options: int | str) -> DeskPage:
        page = open_desk(browser, desk_server, who or person, path, **options)
        opened.append(page)
        return page

    yield open_one
    complaints = [complaint for page in opened for complaint in page.complaints]
    for page in opened:
        page.close()
    assert complaints == []
    assert "Traceback" not in desk_server.log()[logged:]
