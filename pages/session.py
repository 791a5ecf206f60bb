"""Session: one browser tab, and the owner of everything that runs for it."""

# pyright: reportUnknownMemberType=false
# NiceGUI's life-cycle handlers are untyped.

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, Literal

from nicegui import ui
from nicegui.client import Client

from engine.domain.values import Refusal
from engine.identity import Asker
from engine.runtime import Supervisor
from pages.guard import PageContext

MOST_NOTICE = 300
FIRST_VENUE = "simulator"
"""Where everybody has an account: the built-in exchange."""


class Session:
    """Ends with its page: when the browser has been gone for longer than a reconnect may take.

    A logout elsewhere cuts the page's socket (the doors see to it), so that nothing it does counts any more and
    nothing reaches it; its tasks end when NiceGUI gives the page up.
    """

    def __init__(self, client: Client, asker: Asker, context: PageContext) -> None:
        self.client = client
        self.asker = asker
        self.user_id = asker.user.id
        self._supervisor = Supervisor(f"session {client.id[:8]}", context.clock)
        self._runs = 0
        client.on_delete(self._supervisor.close)

    @property
    def connected(self) -> bool:
        """Whether a browser is looking right now."""
        return self.client.has_socket_connection

    def keep(self, name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run `work` for as long as the tab lives, again whenever it ends."""
        self._supervisor.keep(name, work)

    def run(self, name: str, work: Coroutine[Any, Any, None]) -> str:
        """Run it once; the name by which it can be stopped."""
        self._runs += 1
        task = f"{name} {self._runs}"
        self._supervisor.run(task, work)
        return task

    def stop(self, task: str) -> None:
        self._supervisor.stop(task)

    def on_reconnect(self, handler: Callable[[], None]) -> None:
        """Call it at every connection but the first: events may have been missed."""
        seen: list[bool] = []

        def connected() -> None:
            if seen:
                handler()
            seen[:] = [True]

        self.client.on_connect(connected)

    def say(self, words: str, kind: Literal["positive", "negative", "warning", "info"] = "info") -> None:
        """A short notice in the corner."""
        with self.client:
            ui.notify(words[:MOST_NOTICE], type=kind, position="bottom-left", timeout=5_000)

    def say_refusal(self, refusal: Refusal) -> None:
        self.say(refusal.message[:1].upper() + refusal.message[1:], "negative")
