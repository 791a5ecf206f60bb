"""Starting is recovery: the snapshot, then every record since, through the same matching engine."""

from __future__ import annotations

import gc
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import astuple

from engine.simulator.inputs import World, apply
from engine.simulator.journal import Journal
from engine.simulator.model import Listing
from engine.simulator.state import restore


def recover(journal: Journal, world: World) -> bool:
    """Bring an empty world to where the journal ends; whether there was anything to bring back."""
    reports = world.matcher.reports
    reports.silent = True
    found = journal.snapshot is not None
    with no_collecting():
        if journal.snapshot is not None:
            restore(world, journal.snapshot)
            journal.snapshot = None
        for record in journal.records():
            apply(world, record)
            found = True
    reports.silent = False
    for market in world.matcher.markets.values():
        market.shown_top = market.book.best()
    return found


@contextmanager
def no_collecting() -> Generator[None]:
    """Millions of objects are made and none of them is garbage: who looked for it would look at all of them."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def identity(listings: Sequence[Listing]) -> list[list[str]]:
    """What a journal's listings must be the same in."""
    return [[str(value) for value in astuple(listing)] for listing in listings]
