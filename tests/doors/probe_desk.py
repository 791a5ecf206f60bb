"""A real desk with one page more: what its button hears, and from whom, goes to `heard.jsonl` in the var dir.

Run by `python -m tests.doors.probe_desk [SECONDS]`; it is `python -m numatix` otherwise, and with a number its
logins end after so many seconds without use instead of eight hours.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# python-socketio carries no types.

from __future__ import annotations

import json
import sys
from datetime import timedelta

from nicegui import core, events, ui
from starlette.requests import Request

from engine.identity import core as core_of_identity
from numatix import doors, web
from numatix.serve import serve
from numatix.settings import load_settings
from pages.guard import PageContext, asker_of


def main() -> int:
    if sys.argv[1:]:
        core_of_identity.LOGIN_LIFE = timedelta(seconds=float(sys.argv[1]))
        doors.SWEEP_S = 0.1
    add_page = web.register_pages

    def register_pages(context: PageContext) -> None:
        add_page(context)
        register_probe(context, Notebook())

    web.register_pages = register_pages
    return serve()


class Notebook:
    """Writes down what was heard."""

    def __init__(self) -> None:
        self._path = load_settings().var_dir / "heard.jsonl"

    def note(self, what: str, **more: object) -> None:
        with self._path.open("a") as file:
            file.write(json.dumps({"what": what, **more}) + "\n")


def register_probe(context: PageContext, notebook: Notebook) -> None:
    def probe(request: Request) -> None:
        email = asker_of(request).user.email

        def pressed(press: events.GenericEventArguments) -> None:
            notebook.note("pressed", email=email, args=press.args)

        ui.button("Buy").on("press", pressed)
        ui.button("Ask").on("ask", lambda: ask(notebook))
        ui.upload(on_upload=lambda _: notebook.note("uploaded", email=email))

    ui.page("/probe")(probe)

    def broken() -> None:
        raise RuntimeError("a secret detail of the inside")

    ui.page("/broken")(broken)

    def market(sid: str, message: dict[str, str]) -> str | None:
        asker = context.doors.verified(sid, message["client_id"])
        return asker.user.email if asker else None

    core.sio.on("market", market)


async def ask(notebook: Notebook) -> None:
    notebook.note("answered", answer=await ui.run_javascript("return 1", timeout=5))


if __name__ == "__main__":
    sys.exit(main())
