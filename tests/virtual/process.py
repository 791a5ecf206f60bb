"""One desk process of a world: the real chain of `numatix.chain` on what the world gives it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any, TypeVar

from data.bus import MemoryBus
from data.calls import Attempt
from engine.desk import Desk
from engine.domain.messages import OrderChanged
from engine.domain.order import Order
from engine.hub import Resync
from engine.ports import Credentials, EventBus, Stream
from engine.runtime import Supervisor
from numatix.chain import Chain
from tests.virtual.inside import VirtualDisk
from tests.virtual.ledger import MemoryLedger
from tests.virtual.life import Doom, Mortal, VirtualClock
from tests.virtual.loop import Life
from tests.virtual.road import VirtualRoad
from tests.virtual.surroundings import Surroundings
from tests.virtual.venue import VirtualOffice, VirtualVenue

T = TypeVar("T")


class Gone(Exception):
    """The process died before it answered."""


@dataclass(slots=True)
class Screen:
    """What one session of a user has been told, and what it therefore shows."""

    user_id: str
    told: list[OrderChanged] = field(default_factory=list[OrderChanged])
    shown: dict[str, Order] = field(default_factory=dict[str, Order])

    def show(self, order: Order) -> None:
        known = self.shown.get(order.id)
        if known is None or known.version < order.version:
            self.shown[order.id] = order


class DeskProcess:
    """From its start to its death or its stop."""

    def __init__(
        self,
        name: str,
        around: Surroundings,
        clock: VirtualClock,
        doom: Doom | None,
        shared: tuple[Stream, EventBus] | None,
    ) -> None:
        self.name = name
        self.around = around
        self.clock = clock
        self.life = Life(name)
        self.mortal = Mortal(self.life, doom, self._died)
        self.stopped = False
        self.on_end: Callable[[], None] = lambda: None
        """Called once, when it has died or was stopped."""
        self.screens: list[Screen] = []
        self.chain: Chain | None = None
        self._shared = shared
        self._waiting: list[asyncio.Future[Any]] = []
        self._of = Random(f"{around.seed} {name}")

    def start(self) -> None:
        self.around.trace.note("start", self.name)
        self.life.start(self.around.loop, self._run())

    @property
    def alive(self) -> bool:
        return not self.life.dead and not self.stopped

    @property
    def ready(self) -> bool:
        return self.alive and self.chain is not None and self.chain.desk.readiness().ready

    async def ask(self, work: Callable[[Desk], Awaitable[T]]) -> T:
        """What a request to this process answers; Gone when it dies meanwhile."""
        if not self.alive or self.chain is None:
            raise Gone
        answer: asyncio.Future[T] = self.around.loop.create_future()
        self._waiting.append(answer)
        self.life.start(self.around.loop, _serve(work(self.chain.desk), answer))
        return await answer

    async def stop(self) -> None:
        """As SIGTERM does it: what is in hand is finished."""
        if not self.alive or self.chain is None:
            return
        self.around.trace.note("stop", self.name)
        await self.ask(lambda _: self._close())
        self.stopped = True
        self._let_go()

    # --- inside ---

    async def _run(self) -> None:
        around = self.around
        supervisor = Supervisor(self.name, self.clock)
        disk = VirtualDisk(self.mortal, around.disk, self._of)
        ledger = MemoryLedger(around.store, around.ids, disk, around.committed)
        stream, bus = self._shared or (around.stream(self.clock), MemoryBus())
        venues = {
            name: VirtualVenue(name, features, around.exchange, self._road, supervisor, self.clock, around.make.account)
            for name, features in around.venues.items()
        }
        self.chain = around.make.chain(
            ledger=ledger,
            users=around.users,
            drifts=around.drifts,
            stream=stream,
            bus=bus,
            venues=venues,
            paper=VirtualOffice(around.exchange),
            supervisor=supervisor,
            clock=self.clock,
            ids=around.ids,
        )
        self.chain.start()
        for user in await around.users.all_users():
            screen = Screen(user.id)
            self.screens.append(screen)
            supervisor.run(f"session of {user.id}", self._watch(self.chain, screen))

    async def _watch(self, chain: Chain, screen: Screen) -> None:
        """What a session does (`pages.session`): shows what it is told, and reads again what it may have missed."""
        newest = len(self.around.store.events.get(screen.user_id, ()))
        updates = chain.desk.hub.subscribe(screen.user_id, newest)
        self._read_all(screen)
        try:
            async for update in updates:
                match update:
                    case OrderChanged():
                        screen.told.append(update)
                        screen.show(update.order)
                    case Resync():
                        self._read_all(screen)
                    case _:
                        continue
        finally:
            await updates.aclose()

    def _read_all(self, screen: Screen) -> None:
        for order in self.around.store.orders.values():
            if order.user_id == screen.user_id:
                screen.show(order)

    async def _close(self) -> None:
        assert self.chain is not None
        await self.chain.close()

    def _road(self, credentials: Credentials | None) -> VirtualRoad:
        around = self.around
        return VirtualRoad(around.exchange, around.weather, self.mortal, self.clock, credentials, self._of)

    def _died(self, why: str) -> None:
        self.around.trace.note("death", self.name, why)
        self._let_go()

    def _let_go(self) -> None:
        for answer in self._waiting:
            if not answer.done():
                answer.set_exception(Gone())
        self._waiting.clear()
        self.on_end()


async def _serve(work: Awaitable[T], answer: asyncio.Future[T]) -> None:
    attempt = Attempt()
    with attempt.keeping():  # whatever it is, it is whoever asked who has to hear of it
        result = await work
        if not answer.done():
            answer.set_result(result)
    if attempt.error is not None and not answer.done():
        answer.set_exception(attempt.error)
