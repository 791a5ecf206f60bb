"""A user's orders and balances on one socket: everything once, then each change, and after a gap what changed since.

A client that applies every message in turn has each order as it is, whatever was lost on the way: what cannot be told
change by change is told as the orders are now.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from engine.desk import Desk
from engine.domain.messages import OrderChanged
from engine.domain.values import Refusal
from engine.hub import BalancesUpdate, Resync, UserUpdate
from engine.ports import Account, OrderFilter
from engine.runtime import Clock
from numatix.api.stream import words
from numatix.api.stream.channels import BALANCES
from numatix.api.stream.outbox import Outbox

PAGE = 100
"""Orders in one message."""
READ = 500
"""Orders read at once."""


class Following:
    """`follow` runs beside the calls; one of them speaks at a time, so that messages keep their order."""

    def __init__(self, desk: Desk, user_id: str, outbox: Outbox, clock: Clock) -> None:
        self._desk = desk
        self._user_id = user_id
        self._outbox = outbox
        self._clock = clock
        self._turn = asyncio.Lock()
        self._accounts: dict[str, Account] = {}
        self._newer: dict[str, OrderChanged] = {}
        self._newer_until = 0
        self.sequence: int | None = None
        """The last event that the client was told of; None while it does not want orders."""

    @property
    def channels(self) -> int:
        return (self.sequence is not None) + bool(self._accounts)

    async def show_orders(self) -> None:
        """All open orders, and from there on every change."""
        async with self._turn:
            await self._show("snapshot", None)

    async def resume(self, after: int) -> None:
        """What changed after that event, and from there on every change."""
        async with self._turn:
            await self._catch_up("resume", after)

    async def show_balances(self, accounts: Sequence[Account]) -> None:
        """What these accounts hold, and from there on every change."""
        async with self._turn:
            self._accounts |= {account.id: account for account in accounts}
            for account in accounts:
                await self._read_balances(account)

    async def leave_orders(self) -> None:
        async with self._turn:
            self.sequence = None

    async def leave_balances(self, accounts: Sequence[Account]) -> None:
        async with self._turn:
            for account in accounts:
                self._accounts.pop(account.id, None)

    async def follow(self, updates: AsyncGenerator[UserUpdate]) -> None:
        async for update in updates:
            async with self._turn:
                match update:
                    case OrderChanged():
                        await self._tell(update)
                    case BalancesUpdate(account_id=account_id, balances=held):
                        if account_id in self._accounts:
                            await self._outbox.say(words.balances(account_id, held, self._clock.now()))
                    case Resync():
                        await self._again()

    # --- parts, each inside its turn

    async def _tell(self, change: OrderChanged) -> None:
        if self.sequence is None or change.sequence <= self.sequence:
            return
        if change.sequence > self.sequence + 1:
            await self._catch_up("gap", self.sequence)
            return
        self.sequence = change.sequence
        await self._outbox.say(words.order_event(self._as_new(change)))

    def _as_new(self, change: OrderChanged) -> OrderChanged:
        """The change, or the order as the client has it already where a list showed it newer than this event."""
        if change.sequence > self._newer_until:
            self._newer.clear()
        known = self._newer.get(change.order.id)
        if known is None or known.order.version <= change.order.version:
            return change
        return replace(known, sequence=change.sequence)

    async def _again(self) -> None:
        """Something was missed, nobody knows what."""
        if self.sequence is not None:
            await self._catch_up("gap", self.sequence)
        for account in tuple(self._accounts.values()):
            await self._read_balances(account)

    async def _catch_up(self, reason: str, after: int) -> None:
        since = await self._desk.changed_since(self._user_id, after)
        if since is None:
            await self._show("resync", after)
        else:
            await self._list(reason, after, since.sequence, since.changes)

    async def _show(self, reason: str, after: int | None) -> None:
        """Every open order. The number is read first: what changes meanwhile comes again as an event."""
        sequence = await self._desk.sequence(self._user_id)
        await self._list(reason, after, sequence, await self._open_orders(sequence))

    async def _list(self, reason: str, after: int | None, sequence: int, changes: Sequence[OrderChanged]) -> None:
        pages = [changes[i : i + PAGE] for i in range(0, len(changes), PAGE)] or [()]
        self.sequence = sequence
        for page in pages:
            line = words.orders(reason, after, sequence, page, last=page is pages[-1])
            await self._outbox.say(line)
        self.remember_newer(changes, until=await self._desk.sequence(self._user_id))

    def remember_newer(self, changes: Sequence[OrderChanged], *, until: int) -> None:
        """Events up to that number may be about orders that these changes show as newer."""
        self._newer_until = until
        self._newer = {change.order.id: change for change in changes} if until > (self.sequence or 0) else {}

    async def _open_orders(self, sequence: int) -> list[OrderChanged]:
        orders: list[OrderChanged] = []
        cursor = None
        while True:
            page = await self._desk.orders(self._user_id, OrderFilter(open_only=True), cursor=cursor, limit=READ)
            for order in page.items:
                fills = await self._desk.fills_of(self._user_id, order.id) if order.filled_quantity else ()
                orders.append(OrderChanged(sequence, self._user_id, order, fills))
            cursor = page.next_cursor
            if cursor is None:
                return orders

    async def _read_balances(self, account: Account) -> None:
        try:
            held = await self._desk.balances(self._user_id, account.id)
        except Refusal as refusal:
            await self._outbox.say(words.error(None, refusal, channel=BALANCES, account_id=account.id))
        else:
            await self._outbox.say(words.balances(account.id, held.balances, self._clock.now()))
