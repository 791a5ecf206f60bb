"""Where the desk's panels stand."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from nicegui import ui

from components.controls import SPLITS, Hotkeys, PhoneTabs, Splitter
from components.format import grouped, percent
from components.market_widgets import MarketHeader, Tape
from components.text import PlainLink, Text
from engine.domain.market import Ticker
from engine.domain.values import Refusal
from pages.frame import LINKS, LOG_OUT, logo, main_menu, theme_toggle
from pages.guard import PageContext
from pages.session import Session
from pages.trading import Setup, Trading


def lay_out(context: PageContext, session: Session, setup: Setup, trading: Trading) -> None:
    """Build the page. Sizes that the user set are there from the first paint."""
    instrument = setup.market.instrument
    ui.page_title(instrument.symbol)
    desk = ui.element("div").classes("desk").props('data-tab="trade"')
    desk.style(
        "; ".join(
            f"--{split.name}: {setup.splits[split.name]}px" for split in SPLITS.values() if split.name in setup.splits
        )
    )
    with desk:
        _bar(context, session, setup, trading)
        with ui.element("section").classes("card wide panel-chart"):
            trading.place_chart()
        with ui.element("div").classes("panel-market").props('data-sized-by="book-width"'):
            with ui.element("section").classes("card book-card"):
                _heading("Book")
                trading.place_book()
            Splitter(SPLITS["tape"], on_moved=trading.keep_split)
            with ui.element("section").classes("card tape-card").props('data-sized-by="tape-height"'):
                _heading("Trades")
                Tape(instrument)
        with ui.element("section").classes("card panel-ticket").props('data-sized-by="ticket-width"'):
            trading.place_ticket()
            trading.place_summary()
        with ui.element("section").classes("card wide panel-blotter").props('data-sized-by="blotter-height"'):
            trading.place_blotter()
        _phone_account(session, trading)
        for name in ("book", "ticket", "blotter"):
            Splitter(SPLITS[name], on_moved=trading.keep_split)
        PhoneTabs()
        Hotkeys(trading.take_key)


def _bar(context: PageContext, session: Session, setup: Setup, trading: Trading) -> None:
    with ui.element("header").classes("card wide bar"):
        logo()
        with ui.element("div").classes("market"):
            with ui.element("button").classes("symbol").props('type="button" title="Markets" data-testid="markets"'):
                Text(setup.market.instrument.symbol)
                Text("▾", "arrow")
                with ui.menu().props(':offset="[0, 8]"') as menu:
                    rows = ui.element("div")
            Text(setup.venue_title, "tag")
        menu.on("before-show", lambda: _list_markets(context, setup, rows))
        MarketHeader(setup.market.instrument)
        theme_toggle(context, session.asker, trading.set_theme)
        main_menu(session.asker)


async def _list_markets(context: PageContext, setup: Setup, rows: ui.element) -> None:
    """The venue's markets with their prices as they are now."""
    tickers: Mapping[str, Ticker] = {}
    with suppress(Refusal):  # Without prices the list is still a list of markets.
        tickers = await context.desk.tickers(setup.market.venue)
    rows.clear()
    with rows:
        for symbol, instrument in setup.instruments.items():
            with ui.element("a").classes("menu-row").props(f'href="/trade/{instrument.slug}"'):
                Text(symbol)
                ticker = tickers.get(symbol)
                if ticker is not None:
                    Text(grouped(ticker.last, instrument.price_decimals), "figure")
                    Text(percent(ticker.change), "buy" if ticker.change >= 0 else "sell")


def _heading(words: str) -> None:
    with ui.element("div").classes("head"):
        Text(words, "tab").props('aria-selected="true"')


def _phone_account(session: Session, trading: Trading) -> None:
    """The phone's last tab: the account at a glance, and the ways out."""
    with ui.element("section").classes("card panel-account"):
        _heading("Account")
        with ui.element("div").classes("scroll"):
            trading.place_summary()
            for href, words in LINKS[1:]:
                PlainLink(href, words, "menu-row")
            Text("Log out", "menu-row", tag="button").on("click", js_handler=LOG_OUT)
            Text(session.asker.user.email, "menu-row dim")
