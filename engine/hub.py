"""Hands what changed to the sessions of the user it belongs to (skeleton: agreed signatures)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

from engine.domain.messages import OrderChanged
from engine.domain.position import Balance


@dataclass(frozen=True, slots=True)
class BalancesUpdate:
    """An account's balances as the venue just reported them."""

    user_id: str
    account_id: str
    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class Resync:
    """Something may have been missed (a gap, an overflow, a restart): read the ledger again."""

    user_id: str


UserUpdate = OrderChanged | BalancesUpdate | Resync


class Hub:
    def subscribe(self, user_id: str) -> AsyncIterator[UserUpdate]:
        """One session's updates until it is closed (`aclose`); a bounded queue, whose overflow becomes one Resync."""
        raise NotImplementedError

    def subscribers(self, user_id: str) -> int: ...
