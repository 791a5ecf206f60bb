"""Who asks on a page, and what every page is given.

The gate in front of all pages lets nobody without a live login through, so a page only has to read who it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from fastapi import APIRouter
from starlette.requests import Request

from engine.desk import Desk
from engine.identity import Asker, Identity
from engine.runtime import Clock, Ids


class Doors(Protocol):
    """What the guard of the sockets tells the pages."""

    def verified(self, sid: str, client_id: str) -> Asker | None:
        """Who sends from this socket, when the page `client_id` is theirs, their login is alive and the socket
        has joined the page; else None. Every `core.sio.on(…)` handler of a page asks this first, at each event."""
        ...

    def is_alive(self, login_id: str) -> bool:
        """Whether this browser session still has a socket whose login was found alive."""
        ...


@dataclass(frozen=True, slots=True)
class PageContext:
    """What `pages.<name>.register(context)` may use.

    `router` takes plain routes (no NiceGUI page); those are open to everybody, a `ui.page` is not.
    """

    desk: Desk
    identity: Identity
    doors: Doors
    router: APIRouter
    clock: Clock
    ids: Ids


def asker_of(request: Request) -> Asker:
    """The logged-in user a page is built for (in a `ui.page` function, take `request: Request`).

    Raises LookupError where the gate did not stand in front: never serve such a page.
    """
    asker: Asker | None = getattr(request.state, "asker", None)
    if asker is None:
        raise LookupError("no login was proven for this request")
    return asker
