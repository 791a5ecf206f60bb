"""What the order chain needs of accounts."""

from __future__ import annotations

from typing import Protocol

from engine.domain.instrument import Instrument
from engine.domain.order import Order
from engine.ports import Account, VenueAccount


class Roads(Protocol):
    """Finds the way from an order to its venue."""

    async def road(self, account_id: str) -> VenueAccount:
        """The account's signed road, opened when it is not yet. VenueError; KeyError for an unknown account."""
        ...

    async def instrument_of(self, order: Order) -> Instrument:
        """VenueError while the venue cannot be reached, or when it does not list the symbol any more."""
        ...

    async def replaces_at_once(self, order: Order) -> bool:
        """Whether the order's venue cancels and places in one call."""
        ...

    async def account(self, account_id: str) -> Account:
        """KeyError for an unknown one."""
        ...

    async def instrument_named(self, account: Account, venue_symbol: str) -> Instrument:
        """By the venue's own name of it. VenueError when it is unknown or the venue cannot be reached."""
        ...
