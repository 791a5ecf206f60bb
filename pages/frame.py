"""What all pages share: the theme of the user, the menu, and the bar of the pages that are read."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager

from nicegui import ui

from components.controls import ThemeToggle
from components.text import PlainLink, Text
from components.theme import Theme, dress, read_theme
from engine.identity import Asker
from pages.guard import PageContext

THEME = "theme"
LINKS = (("/", "Desk"), ("/history", "History"), ("/account", "Account"))
LOG_OUT = """() => fetch("/session", {method: "DELETE", credentials: "same-origin"})
  .finally(() => location.assign("/login"))"""
ICON_MENU = "M4 7h16M4 12h16M4 17h16"


async def dress_for(context: PageContext, asker: Asker) -> Theme:
    """Dress the page that is being built as its user likes it; dark when they never said."""
    kept = read_theme(await context.desk.preference(asker.user.id, THEME))
    dress(kept)
    return kept or Theme.DARK


def theme_toggle(context: PageContext, asker: Asker, on_chosen: Callable[[Theme], None] | None = None) -> None:
    """The switch; what it chose is kept for the user."""

    async def chosen(theme: Theme) -> None:
        if on_chosen is not None:
            on_chosen(theme)
        await context.desk.set_preference(asker.user.id, THEME, theme)

    ThemeToggle(chosen)


def logo() -> None:
    with ui.element("a").classes("logo").props('href="/" aria-label="Numatix, to the desk"'):
        ui.html("numat<i>ix</i>", tag="span")


def main_menu(asker: Asker) -> None:
    """History, account and the way out."""
    with ui.element("button").classes("icon").props('type="button" aria-label="Menu" title="Menu"'):
        ui.html(f'<svg viewBox="0 0 24 24"><path d="{ICON_MENU}"/></svg>', tag="span")
        with ui.menu().props('anchor="bottom right" self="top right" :offset="[0, 8]"'):
            Text(asker.user.email, "menu-row dim")
            for href, words in LINKS[1:]:
                PlainLink(href, words, "menu-row")
            Text("Log out", "menu-row", tag="button").on("click", js_handler=LOG_OUT)


@contextmanager
def reading_page(context: PageContext, asker: Asker, title: str, here: str) -> Generator[None]:
    """A page with the bar on top; what is built inside goes into its column."""
    ui.page_title(f"{title} · Numatix")
    with ui.element("div").classes("page"):
        with ui.element("header").classes("card bar"):
            logo()
            for href, words in LINKS:
                PlainLink(href, words, "nav").props(f'aria-current="{"page" if href == here else "false"}"')
            ui.element("span").classes("spring")
            theme_toggle(context, asker)
            main_menu(asker)
        with ui.element("main").classes("sheet"):
            yield
