"""The table of statuses and events as a page: `python -m engine.domain.states_page > docs/order-states.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from engine.domain.order import OrderStatus
from engine.domain.transitions import EVENTS, TRANSITIONS, Cell, Ignore, Move

INTRODUCTION = """# Every status, every event

Printed from `engine/domain/transitions.py`; a test holds this page to it. An order's status changes by this table and
by nothing else. **Bold** is what happens, under its name, with the status that follows; *same* is what changes nothing,
and why; what is struck through cannot be: it is a defect, or a venue that contradicts itself, and nothing is written.
"""


def page() -> str:
    """The whole page, as Markdown."""
    return INTRODUCTION + "\n".join(_sections())


def _sections() -> Iterator[str]:
    for event in EVENTS:
        yield f"\n## {event.__name__}\n\n{event.__doc__}\n\n| in status | |\n|---|---|"
        for status in OrderStatus:
            yield f"| {status} | {_words(TRANSITIONS[status, event])} |"
    yield ""


def _words(cell: Cell) -> str:
    match cell:
        case Move(to, name):
            return f"**{name}** → {to}"
        case Ignore(why):
            return f"*same*: {why}"
        case _:
            return f"~~refused~~: {cell.why}"


if __name__ == "__main__":
    sys.stdout.write(page())
