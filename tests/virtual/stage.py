"""A world in which only that happens which a test asks for: one user, and a market that stands still."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any, Final, TypeVar

from engine.desk import Desk
from engine.domain.draft import OrderDraft
from engine.domain.order import Order
from engine.domain.values import OrderType, Price, Quantity, Side
from engine.ports import Features
from tests.virtual.exchange import LISTINGS
from tests.virtual.loop import VirtualLoop
from tests.virtual.network import Fate
from tests.virtual.plan import Plan
from tests.virtual.process import DeskProcess
from tests.virtual.surroundings import Make, Surroundings
from tests.virtual.world import AS_IT_IS, Verdict, World, judged

T = TypeVar("T")

SYMBOL: Final = "BTC/USDT"
PAST: Final = Price(Decimal("49000.00"))
"""A buyer's price at which nobody sells."""
MIDDLE: Final = 5_000_000
"""Ticks half way between the best bid and the best ask."""
LOT: Final = Quantity(Decimal("0.001"))

ABLE: Final = Features()
Scene = Callable[["Stage"], Awaitable[None]]


def play(
    scene: Scene, *, processes: int = 1, features: Features = ABLE, seed: int = 1, make: Make = AS_IT_IS
) -> Verdict:
    """Play the scene, and judge the world when everything has had its minute of calm."""
    loop = VirtualLoop(seed)
    around = Surroundings(seed, loop, make)
    around.be_fair(features)
    world = World(around, Plan((True,), (0.0,) * processes))

    async def story() -> None:
        await asyncio.sleep(1)  # every process is ready, every stream is up
        await scene(Stage(world))

    return judged(world, story())


class Stage:
    def __init__(self, world: World) -> None:
        self.world = world
        self.around = world.around
        self.user_id = world.users[0].id
        self.print_trade(MIDDLE)

    def process(self, number: int = 0) -> DeskProcess:
        return self.world.ready()[number]

    async def ask(self, work: Callable[[Desk], Awaitable[T]], process: int = 0) -> T:
        return await self.process(process).ask(work)

    async def buy(self, price: Price | None = PAST, **more: Any) -> Order:
        """Place a small buy order: one that rests, unless it has another price or none."""
        kind = more.pop("kind", OrderType.MARKET if price is None else OrderType.LIMIT)
        draft = OrderDraft(SYMBOL, Side.BUY, kind, more.pop("quantity", LOT), price=price, **more)
        return (await self.ask(lambda desk: desk.submit_order(self.user_id, draft))).order

    def spoil(self, endpoint: str, *fates: Fate) -> None:
        """What becomes of the next calls of this name."""
        self.around.weather.spoil(endpoint, *fates)

    def print_trade(self, ticks: int) -> None:
        """A trade between others at so many ticks; between bid and ask it touches nothing that rests."""
        listing = LISTINGS[0]
        self.around.exchange.exchange.print_external_trade(listing.symbol, ticks, 1, buyer_is_maker=False)

    def row(self, order: Order) -> Order:
        """The order as the ledger has it now."""
        return self.around.store.orders[order.id]

    def lines(self, order: Order) -> list[str]:
        """What happened to it, in the words of its timeline."""
        return [step.event for step in self.around.store.steps[order.id]]
