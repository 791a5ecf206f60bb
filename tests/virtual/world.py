"""One seed's world, from its first process to the judgement."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
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
from tests.virtual.loop import Life, Stuck, VirtualLoop
from tests.virtual.plan import Plan
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
    around = Surroundings(seed, loop, make)
    world = World(around, Plan.drawn(around.random("plan")))
    return judged(world, world.live(), whole=whole)


def judged(world: World, story: Coroutine[Any, Any, None], *, whole: bool = False) -> Verdict:
    """Open the world, let the story happen in it, then hold it to the invariants."""
    around, loop = world.around, world.around.loop

    async def run() -> tuple[str, ...]:
        await world.open()
        await story
        return await world.settle(whole=whole)

    try:
        faults = loop.run_until_complete(run())
        orders = tuple(around.store.orders.values())
        return Verdict(around.seed, faults, around.trace, orders, world.deaths, loop.time(), loop.steps)
    finally:
        with suppress(Stuck):
            loop.run_until_complete(world.bury())
        loop.close()


class World:
    def __init__(self, around: Surroundings, plan: Plan) -> None:
        self.around = around
        self.loop = around.loop
        self.plan = plan
        self.deaths = 0
        self.stranger = Stranger(around.exchange, around.trace, around.random("stranger"))
        self.crowd = Crowd(around.exchange, around.random("crowd"))
        self.users: list[User] = []
        self._of = around.random("world")
        self._lives: list[Life] = []
        self._processes: list[DeskProcess] = []
        self._accounts: list[tuple[Account, str]] = []
        """Each with its API key."""
        self._shared: tuple[Stream, EventBus] | None = None
        self._traders: list[Trader] = []
        self._errors: list[str] = []
        self._over = False
        self.loop.set_exception_handler(self._unhandled)

    async def live(self) -> None:
        """Everybody trades while things happen to them, as the seed has it."""
        start_s = self.loop.time()
        until_s = start_s + self.plan.until_s
        for accident in draw_accidents(self.around.random("accidents"), self.plan.until_s):
            self.loop.call_at(start_s + accident.at_s, self._befall, accident)
        self._traders = [Trader(user.id, self.around, self.ready, self.around.random(user.id)) for user in self.users]
        trading = [trader.trade(ACTIONS, until_s, self.plan.pace_s) for trader in self._traders]
        await asyncio.gather(self.crowd.trade(until_s, 0.3), *trading)

    async def settle(self, *, whole: bool) -> tuple[str, ...]:
        """Let nothing go wrong any more, wait until everything is in order, and say what never comes to be."""
        self.around.calm()
        self.around.trace.note("calm")
        faults = await self._calm_down(whole=whole)
        return (*faults, *self._lost_promises(), *self._errors)

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

    async def open(self) -> None:
        """Users with an account each, then the processes; returns when one of these is ready."""
        around = self.around
        for number, paper in enumerate(self.plan.papers):
            await self._open_account(f"user{number}", paper=paper)
        if self.plan.several:
            bus = SharedBus(self.loop, around.exchange.outside, around.random("bus"), self.plan.bus_loses)
            self._shared = (around.stream(around.machine), bus)
        else:
            around.disk.fails_after = 0.0  # its database is a file beside it: what it commits, it knows of
        for number, skew_s in enumerate(self.plan.skews_s):
            self._start(number, VirtualClock(self.loop, skew_s))
        for _ in range(OPEN_LOOKS):
            if self.ready():
                break
            await asyncio.sleep(OPEN_LOOK_EVERY_S)

    async def _open_account(self, user_id: str, *, paper: bool) -> None:
        around = self.around
        user = User(user_id, f"{user_id}@example.org", Role.TRADER, around.machine.now())
        await around.users.create(user, "no password")
        venue = list(around.venues)[0 if paper else 1]
        key = f"key-of-{user.id}"
        account = Account(f"account-{user.id}", user.id, venue, "Paper", key[-4:], user.created_at, paper=paper)
        await around.users.add_account(account, Credentials(key, "secret"))
        if not paper:
            around.exchange.exchange.create_account(key, "secret", PAPER_BALANCES)
        self.users.append(user)
        self._accounts.append((account, key))

    def _start(self, number: int, clock: VirtualClock) -> None:
        name = f"desk{number}.{len(self._lives)}"
        doom = draw_doom(self.around.random(f"doom of {name}")) if self.plan.mortal else None
        process = DeskProcess(name, self.around, clock, doom, self._shared)
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

    def ready(self) -> list[DeskProcess]:
        """The processes that take orders now."""
        return [process for process in self._processes if process.ready]

    def _befall(self, accident: Accident) -> None:
        self.around.trace.note("accident", accident.kind)
        ACCIDENTS[accident.kind](self, accident.whom)

    async def _calm_down(self, *, whole: bool) -> tuple[str, ...]:
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

    def _lost_promises(self) -> Iterator[str]:
        for trader in self._traders:
            for name, order_id in trader.promised.items():
                order = self.around.store.orders.get(order_id)
                if order is None or order.client_order_id != name:
                    yield f"0 {name} was promised as {order_id[-4:]}, which is not in the ledger"

    def _unhandled(self, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self._over:
            self._errors.append(f"0 {context['message']}: {context.get('exception')!r}")
