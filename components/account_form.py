"""The form for a venue's key: three texts in, an answer in words out."""

# pyright: reportUnknownMemberType=false
# NiceGUI's event arguments are untyped.

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import cast

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from components.chart import LIBRARY

LONGEST = 200
MISSING = "Fill in all three: a name of your own, the API key and its secret."


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """What was typed; never shown again."""

    label: str
    api_key: str = field(repr=False)
    secret: str = field(repr=False)


class AccountForm(Element, component="account_form.js", esm={"numatix": str(LIBRARY)}):
    """`on_add(entry)` tests and keeps the key: what is wrong in words, or None."""

    def __init__(self, on_add: Callable[[KeyEntry], Awaitable[str | None]]) -> None:
        super().__init__()
        self._on_add = on_add
        self.on("add", self._add)

    async def _add(self, event: GenericEventArguments) -> None:
        told: object = event.args
        given = cast("Mapping[str, object]", told) if isinstance(told, Mapping) else dict[str, object]()
        texts = [given.get(name) for name in ("label", "api_key", "secret")]
        if all(isinstance(text, str) and 0 < len(text) <= LONGEST for text in texts):
            label, api_key, secret = cast("list[str]", texts)
            self.run_method("answer", await self._on_add(KeyEntry(label, api_key, secret)))
        else:
            self.run_method("answer", MISSING)
