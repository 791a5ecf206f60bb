"""The desk's small parts: splitters, keys, the theme's switch and the phone's tabs."""

# pyright: reportUnknownMemberType=false
# NiceGUI's event arguments are untyped.

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from components.theme import Theme, read_theme

MEANINGS = frozenset({"buy", "sell", "limit", "market"})


@dataclass(frozen=True, slots=True)
class Split:
    """A length of the desk that the user sets: a CSS variable, the axis it runs along and its place in the grid."""

    name: str
    axis: str
    area: str


SPLITS = {
    "book": Split("book-width", "x", "split-book"),
    "ticket": Split("ticket-width", "x", "split-ticket"),
    "blotter": Split("blotter-height", "y", "split-blotter"),
    "tape": Split("tape-height", "y", "split-tape"),
}
LEAST_PX, MOST_PX = 60, 4_000


class Splitter(Element, component="splitter.js"):
    """A handle that resizes the panel marked `data-sized-by`; `on_moved(px)` at the end, None when put back."""

    def __init__(self, split: Split, *, on_moved: Callable[[str, int | None], Awaitable[None]]) -> None:
        super().__init__()
        self._split = split
        self._on_moved = on_moved
        self._props["name"] = split.name
        self._props["axis"] = split.axis
        self.classes(split.area)
        self.on("moved", self._moved)

    async def _moved(self, event: GenericEventArguments) -> None:
        size = event.args
        if size is None or (isinstance(size, int) and LEAST_PX <= size <= MOST_PX):
            await self._on_moved(self._split.name, size)


class Hotkeys(Element, component="hotkeys.js"):
    """B, S, L and M, never while typing: `on_pressed` hears buy, sell, limit or market."""

    def __init__(self, on_pressed: Callable[[str], None]) -> None:
        super().__init__()
        self._on_pressed = on_pressed
        self.on("pressed", self._pressed)

    def _pressed(self, event: GenericEventArguments) -> None:
        if isinstance(event.args, str) and event.args in MEANINGS:
            self._on_pressed(event.args)


class ThemeToggle(Element, component="theme_toggle.js"):
    """Flips the page between dark and light; `on_chosen` hears which."""

    def __init__(self, on_chosen: Callable[[Theme], Awaitable[None]]) -> None:
        super().__init__()
        self._on_chosen = on_chosen
        self.on("chosen", self._chosen)

    async def _chosen(self, event: GenericEventArguments) -> None:
        theme = read_theme(event.args if isinstance(event.args, str) else None)
        if theme is not None:
            await self._on_chosen(theme)


class PhoneTabs(Element, component="phone_tabs.js"):
    """Which one panel a phone shows."""
