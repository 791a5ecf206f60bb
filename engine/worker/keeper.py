"""Follows accounts: their user streams, a poll beside each, and at the start whatever a crash left behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

import structlog

from engine.accounts import Accounts
from engine.domain.messages import Command, CommandKind
from engine.domain.order import IN_DOUBT, OPEN_AT_VENUE, Order, OrderStatus
from engine.ports import Account, Ledger, OrderReport, StreamReady, Venue, VenueBalances, VenueError, VenueOrder
from engine.reconcile import Reconciler, Resolution
from engine.relay import Relay
from engine.runtime import Clock, Supervisor
from engine.worker.sweeping import Sweeping

log = structlog.get_logger(__name__)

UNTOUCHED_FOR = timedelta(seconds=5)
"""A command whose order has not moved for this long is given again: its first copy may have died with a stream."""
ON_ITS_WAY = timedelta(seconds=1)
FIRST_CONTACT_S = (0.1, 0.1, 0.2, 0.2, 0.5, 0.5, 1.0, 2.0, 5.0)


@dataclass(frozen=True, slots=True)
class KeeperTimes:
    """Seconds between looks: at who is to be followed, and at an account with an order in doubt, with orders, idle."""

    look_every_s: float = 0.5
    doubt_s: float = 1.0
    open_s: float = 10.0
    idle_s: float = 30.0
    compare_s: float = 60.0
    """Between looks at what was placed elsewhere, at fills that no stream told of, and at balances."""
    again_s: float = 2.0
    """After the venue could not be reached."""


@dataclass(slots=True)
class _Followed:
    """An account whose stream and poll are running."""

    account: Account
    tasks: tuple[str, ...]
    stream_up: bool = False
    first_sync_done: bool = False
    error: str | None = None
    swept_at: float = float("-inf")
    compared_at: float = float("-inf")
    looks: int = 0
    in_doubt: bool = False
    wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def settled(self) -> bool:
        """Reconciled once, or its venue is out of reach: nothing more to wait for now."""
        return self.error is not None or (self.stream_up and self.first_sync_done)


class Keeper:
    """Keeps every account that matters in step with its venue: those with unfinished orders, those in use, and those
    of users who look at the desk now."""

    def __init__(
        self,
        ledger: Ledger,
        accounts: Accounts,
        venues: Mapping[str, Venue],
        reconciler: Reconciler,
        sweeping: Sweeping,
        relay: Relay,
        listening: Callable[[], frozenset[str]],
        clock: Clock,
        times: KeeperTimes | None = None,
    ) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._venues = venues
        self._reconciler = reconciler
        self._sweeping = sweeping
        self._relay = relay
        self._listening = listening
        self._clock = clock
        self._times = times or KeeperTimes()
        self._started_at = clock.now()
        self._numbers = count(1)
        self._followed: dict[str, _Followed] = {}
        self._left_behind: frozenset[str] | None = None
        self._answered = False
        reconciler.on_doubt = self._look_again

    def start(self, supervisor: Supervisor) -> None:
        supervisor.keep("keeper", lambda: self._keep(supervisor))
        first = self._first_venue()
        if first is not None:
            supervisor.run(f"first contact with {first.name}", self._contact(first))

    def waiting_for(self) -> tuple[str, ...]:
        """What is missing before orders can be taken, in words. A venue that is away holds up nobody but its own
        orders, unless it is the desk's own exchange, the first of the venues."""
        waiting: list[str] = []
        first = self._first_venue()
        if first is not None and not self._answered:
            waiting.append(f"the first answer of {first.title}")
        if self._left_behind is None:
            waiting.append("the look at unfinished orders")
        for account_id in sorted(self._left_behind or ()):
            followed = self._followed.get(account_id)
            if followed is None or not followed.settled:
                waiting.append(f"the first reconciliation of account {account_id}")
        return tuple(waiting)

    def unreachable(self) -> Mapping[str, str]:
        """Followed accounts whose venue could not be reached last, and why."""
        return {account_id: one.error for account_id, one in self._followed.items() if one.error is not None}

    def looks(self, account_id: str) -> int:
        """How often the account was held against its venue in all: listed orders, recent fills, balances."""
        followed = self._followed.get(account_id)
        return 0 if followed is None else followed.looks

    # --- whom to follow ---

    async def _keep(self, supervisor: Supervisor) -> None:
        left_behind = frozenset(order.account_id for order in await self._ledger.unfinished())
        for account_id in left_behind:
            self._accounts.touch(account_id)
        self._left_behind = left_behind
        while True:
            await self._look(supervisor)
            await asyncio.sleep(self._times.look_every_s)

    async def _look(self, supervisor: Supervisor) -> None:
        wanted = set(self._accounts.in_use())
        for user_id in self._listening():
            wanted |= {account.id for account in await self._accounts.of_user(user_id)}
        for account_id in sorted(self._followed.keys() - wanted):
            for task in self._followed.pop(account_id).tasks:
                supervisor.stop(task)
        for account_id in sorted(wanted - self._followed.keys()):
            number = next(self._numbers)
            tasks = (f"stream {number} of {account_id}", f"poll {number} of {account_id}")
            followed = _Followed(await self._accounts.by_id(account_id), tasks)
            self._followed[account_id] = followed
            supervisor.keep(tasks[0], lambda one=followed: self._stream(one))
            supervisor.keep(tasks[1], lambda one=followed: self._poll(one))

    def _first_venue(self) -> Venue | None:
        return next(iter(self._venues.values()), None)

    async def _contact(self, venue: Venue) -> None:
        """Until the desk's own exchange answers; it starts beside the desk, and others are called when needed."""
        failures = 0
        while True:
            try:
                await venue.instruments()
            except VenueError as error:
                log.info("venue does not answer yet", venue=venue.name, error=str(error))
                await asyncio.sleep(FIRST_CONTACT_S[min(failures, len(FIRST_CONTACT_S) - 1)])
                failures += 1
            else:
                self._answered = True
                return

    # --- one account ---

    async def _stream(self, followed: _Followed) -> None:
        account_id = followed.account.id
        try:
            road = await self._accounts.road(account_id)
        except VenueError as error:
            followed.error = str(error)
            await asyncio.sleep(self._times.again_s)
            return
        async for event in road.user_events():
            match event:
                case StreamReady():
                    followed.stream_up = True
                    followed.swept_at = float("-inf")
                    followed.wake.set()
                case OrderReport():
                    await self._reconciler.report(account_id, event)
                case VenueBalances(balances):
                    await self._accounts.learn(account_id, balances)

    def _look_again(self, account_id: str) -> None:
        """An order of this account is in doubt: it is not left until the next look is due."""
        followed = self._followed.get(account_id)
        if followed is not None:
            followed.in_doubt = True
            followed.wake.set()

    async def _poll(self, followed: _Followed) -> None:
        while True:
            if followed.in_doubt:  # the worker has asked just now
                followed.in_doubt = False
                await asyncio.sleep(self._times.doubt_s)
            followed.wake.clear()
            delay_s = await self._sync(followed)
            try:
                async with asyncio.timeout(delay_s):
                    await followed.wake.wait()
            except TimeoutError:
                continue

    async def _sync(self, followed: _Followed) -> float:
        """Bring the account in step; how long to wait before the next time."""
        account = followed.account
        orders = await self._ledger.unfinished(account.id)
        if orders:
            self._accounts.touch(account.id)
        try:
            doubtful = await self._look_after_all(followed, orders)
        except VenueError as error:
            followed.error = str(error)
            if error.auth and account.paper:
                await self._reopen(followed)
            return self._times.again_s
        followed.error = None
        followed.first_sync_done = True
        if doubtful:
            return self._times.doubt_s
        return self._times.open_s if orders else self._times.idle_s

    async def _look_after_all(self, followed: _Followed, orders: tuple[Order, ...]) -> bool:
        """Whether any order is still in doubt. Orders were read before the venue is asked: what the ledger had open
        then and the venue no longer lists has ended."""
        account, now = followed.account, self._clock.monotonic()
        sweep = now - followed.swept_at >= self._times.open_s
        compare = now - followed.compared_at >= self._times.compare_s or followed.swept_at == float("-inf")
        listed: Mapping[str, VenueOrder] = {}
        if sweep:
            await self._accounts.read_balances(account.id)
            if compare or any(order.status in OPEN_AT_VENUE for order in orders):
                road = await self._accounts.road(account.id)
                listed = {one.client_order_id: one for one in await road.open_orders()}
                await self._sweeping.adopt_listed(account, listed.values())
            followed.swept_at = self._clock.monotonic()
        doubtful = [await self._look_after(order, listed.get(order.client_order_id), sweep=sweep) for order in orders]
        if sweep and compare:
            await self._sweeping.look_for_fills(account)
            if not orders:
                await self._sweeping.compare_balances(account)
            followed.compared_at = self._clock.monotonic()
            followed.looks += 1
        return any(doubtful)

    async def _look_after(self, order: Order, listed: VenueOrder | None, *, sweep: bool) -> bool:
        """Whether the order is still in doubt afterwards."""
        if order.status in {OrderStatus.HELD, OrderStatus.AWAITING_APPROVAL}:
            return False  # the venue knows nothing of it
        if order.status is OrderStatus.PENDING:
            await self._give_again(order, CommandKind.SUBMIT)
            return True
        if order.status in IN_DOUBT:
            return await self._resolve(order)
        if order.status is OrderStatus.PENDING_AMEND:
            return await self._resolve_amendment(order)
        if not sweep:
            return False
        if listed is None:
            return await self._reconciler.resolve(order, source="poll") is not Resolution.SETTLED
        if order.status is OrderStatus.PENDING_CANCEL:
            await self._give_again(order, CommandKind.CANCEL)
        if _differs(order, listed):
            resolution = await self._reconciler.settle(order, listed, (), source="poll", asked=True)
            return resolution is not Resolution.SETTLED
        return False

    async def _resolve(self, order: Order) -> bool:
        since = order.submitted_at or order.created_at
        if order.status is OrderStatus.SUBMITTED and self._younger(since, ON_ITS_WAY):
            return True  # the worker has it in hand
        source = "recovery" if since < self._started_at else "poll"
        return await self._reconciler.resolve(order, source=source) is not Resolution.SETTLED

    async def _resolve_amendment(self, order: Order) -> bool:
        """Whether what became of it is still open: the venue is asked, and the command may have died with a stream."""
        if self._younger(order.amend_requested_at or order.updated_at, ON_ITS_WAY):
            return True  # the worker has it in hand
        await self._reconciler.resolve(order, source="poll")
        now = await self._ledger.order(order.id)
        if now is None or now.status is not OrderStatus.PENDING_AMEND:
            return False
        await self._give_again(now, CommandKind.AMEND)
        return True

    async def _give_again(self, order: Order, kind: CommandKind) -> None:
        of_an_earlier_life = order.updated_at < self._started_at
        if not of_an_earlier_life and self._younger(order.updated_at, UNTOUCHED_FOR):
            return
        name = kind.rpartition(":")[2]
        await self._relay.send(Command(f"{order.id}:{name}", kind, order.id, order.account_id, self._clock.now()))

    def _younger(self, since: datetime, age: timedelta) -> bool:
        """A moment that is still to come tells of a clock that was set back, and nothing of an age."""
        return timedelta(0) <= self._clock.now() - since < age

    async def _reopen(self, followed: _Followed) -> None:
        try:
            await self._accounts.reopen_lost(followed.account)
        except VenueError as error:
            log.warning("paper account cannot be opened again", account=followed.account.id, error=str(error))


def _differs(order: Order, listed: VenueOrder) -> bool:
    """Whether it has traded, or is over another quantity: it, or the other order of its list, was amended."""
    amended = listed.terms is not None and order.quantity is not None and listed.terms.quantity != order.quantity
    return amended or listed.filled_quantity != order.filled_quantity
