"""Text and links as plain elements: always text, never markup."""

from __future__ import annotations

from nicegui.elements.mixins.text_element import TextElement


class Text(TextElement):
    """Words in an element of any tag."""

    def __init__(self, words: str, classes: str = "", tag: str = "span") -> None:
        super().__init__(tag=tag, text=words)
        self.classes(classes)


class PlainLink(Text):
    """A link to a page of ours."""

    def __init__(self, href: str, words: str, classes: str = "") -> None:
        super().__init__(words, classes, tag="a")
        self._props["href"] = href
