"""One seed's world, from its first process to the judgement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from engine.accounts import PAPER_BALANCES
from engine.domain.order import Order
from engine.ports import Account, Credentials, EventBus, Role, Stream, User
from tests.virtual.accidents import ACCIDENTS, Accident, draw_accidents, draw_doom
from tests.virtual.actions import ACTIONS
from tests.virtual.crowd import Crowd, Stranger
from tests.virtual.inside import SharedBus
from tests.virtual.judge import AT_REST, faults_of_account, faults_of_screen, wrong_on_screen
from tests.virtual.life import VirtualClock
from tests.virtual.loop import Life, VirtualLoop
from tests.virtual.process import DeskProcess, Gone
from tests.virtual.surroundings import Make, Surroundings
from tests.virtual.trace import Trace
from tests.virtual.trader import Trader

OPEN_LOOKS = 200
OPEN_LOOK_EVERY_S = 0.2
CALM_S = 60.0
"""Within it everything has to be settled once nothing goes wrong any more: the settle window, and a sweep or two."""
LOOK_EVERY_S = 2.0
BACK_AFTER_S = (0.05, 0.5, 4.0)
AS_IT_IS = Make()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a seed came to; `faults` are broken invariants, each beginning with its number in issue 4's list."""

    seed: int
    faults: tuple[str, ...]
    trace: Trace
    orders: tuple[Order, ...]
    deaths: int
    lasted_s: float
    steps: int


def run_seed(seed: int, make: Make = AS_IT_IS, *, whole: bool = False) -> Verdict:
    """The verdict on one world. `whole` waits for all of the calm, even if everything was in order before."""
    loop = VirtualLoop(seed)
    try:
        world = World(seed, loop, make)
        faults = loop.run_until_complete(world.run(whole=whole))
        orders = tuple(world.around.store.orders.values())
        verdict = Verdict(seed, faults, world.around.trace, orders, world.deaths, loop.time(), loop.steps)
        loop.run_until_complete(world.bury())
        return verdict
    finally:
        loop.close()


class World:
    def __init__(self, seed: int, loop: VirtualLoop, make: Make) -> None:
        self.around = Surroundings(seed, loop, make)
        self.loop = loop
        self.deaths = 0
        self._of = self.around.random("world")
        self._lives: list[Life] = []
        self._processes: list[DeskProcess] = []
        self._accounts: list[tuple[Account, str]] = []
        """Each with its API key."""
        self._shared: tuple[Stream, EventBus] | None = None
        self.until_s = self._of.uniform(3, 14)
        self._pace_s = (0.1, 0.3, 0.8)[int(self._of.random() * 3)]
        self._errors: list[str] = []
        self.stranger = Stranger(self.around.exchange, self.around.trace, self.around.random("stranger"))
        self._over = False
        loop.set_exception_handler(self._unhandled)

    async def run(self, *, whole: bool) -> tuple[str, ...]:
        crowd = Crowd(self.around.exchange, self.around.random("crowd"))
        await self._open()
        start_s = self.loop.time()
        until_s = start_s + self.until_s
        for accident in draw_accidents(self.around.random("accidents"), self.until_s):
            self.loop.call_at(start_s + accident.at_s, self._befall, accident)
        traders = [Trader(user.id, self.around, self._ready, self.around.random(user.id)) for user in self._users]
        await asyncio.gather(
            crowd.trade(until_s, 0.3), *(trader.trade(ACTIONS, until_s, self._pace_s * 2) for trader in traders)
        )
        self.around.calm()
        self.around.trace.note("calm")
        faults = await self._settle(whole=whole)
        return (*faults, *self._lost_promises(traders), *self._errors)

    async def bury(self) -> None:
        """End what was left of all processes, so that nothing of them is found by the collector."""
        self._over = True
        await self.loop.bury(self._lives)

    # --- whom accidents befall ---

    def process(self, whom: float) -> DeskProcess:
        """One of those that run or are about to."""
        return self._processes[int(whom * len(self._processes))]

    def key(self, whom: float) -> str:
        return self._accounts[int(whom * len(self._accounts))][1]

    def holder(self, whom: float) -> int | None:
        """The exchange's number of an account."""
        account = self.around.exchange.exchange.account_by_key(self.key(whom))
        return None if account is None else account.account_id

    def later(self, seconds: float, what: Callable[[], None]) -> None:
        self.loop.call_later(seconds, what)

    def stop(self, process: DeskProcess) -> None:
        self.loop.create_task(self._stop(process))

    # --- inside ---

    async def _open(self) -> None:
        """Users with an account each, of the desk's own exchange or with a key of their own; then the processes."""
        of, around = self._of, self.around
        self._users = [
            User(f"user{number}", f"user{number}@example.org", Role.TRADER, around.machine.now())
            for number in range(1 + int(of.random() * 2.5))
        ]
        for user in self._users:
            await around.users.create(user, "no password")
            paper = of.random() < 0.7
            venue = list(around.venues)[0 if paper else 1]
            key = f"key-of-{user.id}"
            account = Account(f"account-{user.id}", user.id, venue, "Paper", key[-4:], user.created_at, paper=paper)
            await around.users.add_account(account, Credentials(key, "secret"))
            if not paper:
                around.exchange.exchange.create_account(key, "secret", PAPER_BALANCES)
            self._accounts.append((account, key))
        several = of.random() < 0.3
        if not several:
            around.disk.fails_after = 0.0  # its database is a file beside it: what it commits, it knows of
        else:
            bus = SharedBus(self.loop, around.exchange.outside, around.random("bus"), (0.0, 0.1)[int(of.random() * 2)])
            self._shared = (around.stream(around.machine), bus)
        for number in range(2 if several else 1):
            self._start(number, around.machine if number == 0 else VirtualClock(self.loop, of.uniform(-0.5, 0.5)))
        for _ in range(OPEN_LOOKS):
            if not self._ready():
                await asyncio.sleep(OPEN_LOOK_EVERY_S)

    def _start(self, number: int, clock: VirtualClock) -> None:
        name = f"desk{number}.{len(self._lives)}"
        process = DeskProcess(name, self.around, clock, draw_doom(self.around.random(f"doom of {name}")), self._shared)
        self._lives.append(process.life)
        if number < len(self._processes):
            self._processes[number] = process
        else:
            self._processes.append(process)
        process.on_end = lambda: self._ended(number, process)
        process.start()

    def _ended(self, number: int, process: DeskProcess) -> None:
        self.deaths += process.life.dead
        delay_s = BACK_AFTER_S[int(self._of.random() * len(BACK_AFTER_S))]
        self.loop.call_later(delay_s, self._start, number, process.clock, context=self.around.exchange.outside)

    async def _stop(self, process: DeskProcess) -> None:
        with suppress(Gone):  # it may die before it has stopped
            await process.stop()

    def _ready(self) -> list[DeskProcess]:
        return [process for process in self._processes if process.ready]

    def _befall(self, accident: Accident) -> None:
        self.around.trace.note("accident", accident.kind)
        ACCIDENTS[accident.kind](self, accident.whom)

    async def _settle(self, *, whole: bool) -> tuple[str, ...]:
        end_s = self.loop.time() + CALM_S
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            over = self.loop.time() >= end_s
            if over or (not whole and self._quiet()):
                faults = tuple(self._faults())
                if over or not faults:
                    return faults

    def _quiet(self) -> bool:
        orders = self.around.store.orders.values()
        return not self.around.exchange.under_way and all(order.status in AT_REST for order in orders)

    def _faults(self) -> Iterator[str]:
        for account, key in self._accounts:
            yield from faults_of_account(self.around.store, self.around.exchange, account, key)
        for process in self._processes:
            for screen in process.screens:
                yield from faults_of_screen(screen)
                yield from wrong_on_screen(screen, self.around.store)

    def _lost_promises(self, traders: list[Trader]) -> Iterator[str]:
        for trader in traders:
            for name, order_id in trader.promised.items():
                order = self.around.store.orders.get(order_id)
                if order is None or order.client_order_id != name:
                    yield f"0 {name} was promised as {order_id[-4:]}, which is not in the ledger"

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self._over:
            self._errors.append(f"0 {context['message']}: {context.get('exception')!r}")
