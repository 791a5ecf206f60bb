"""A user of the desk, who does one thing after another; what that can be is in `actions.py`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, TypeVar

from data.errors import DatabaseError
from engine.domain.draft import OrderDraft, rises
from engine.domain.order import FINISHED, Order
from engine.domain.values import OrderType, Price, Quantity, Refusal, Side
from engine.simulator.model import Listing
from tests.virtual.exchange import LISTINGS, SYMBOLS
from tests.virtual.process import DeskProcess, Gone
from tests.virtual.surroundings import Surroundings

T = TypeVar("T")

Processes = Callable[[], Sequence[DeskProcess]]
"""Those that can be asked now."""


@dataclass(slots=True)
class Trader:
    user_id: str
    around: Surroundings
    processes: Processes
    of: Random
    drafts: list[OrderDraft] = field(default_factory=list[OrderDraft])
    """What was asked for, each with its client order id, whatever became of it."""
    promised: dict[str, str] = field(default_factory=dict[str, str])
    """Client order id to order id, of what a desk has answered that it has."""
    _named: int = 0

    async def trade(self, actions: Actions, until_s: float, every_s: float) -> None:
        """Do one thing after another; what is refused or fails is not done again unless chance has it so."""
        loop = self.around.loop
        while loop.time() < until_s:
            await asyncio.sleep(self.of.uniform(0, 2 * every_s))
            process = self.pick(self.processes())
            if process is None:
                continue
            action = self._drawn(actions)
            try:
                await action(self, process)
            except (Gone, Refusal, DatabaseError) as failure:
                self.around.trace.note("failed", self.user_id, action.__name__, repr(failure))

    def pick(self, of: Sequence[T]) -> T | None:
        """One of them."""
        return of[int(self.of.random() * len(of))] if of else None

    def open_orders(self) -> list[Order]:
        """Those of the user that are not finished, as a page would show them."""
        orders = self.around.store.orders.values()
        return [order for order in orders if order.user_id == self.user_id and order.status not in FINISHED]

    async def submit(self, process: DeskProcess, draft: OrderDraft) -> None:
        self.around.trace.note("asks", self.user_id, process.name, "submit", draft.client_order_id, words(draft))
        submitted = await process.ask(lambda desk: desk.submit_order(self.user_id, draft))
        self.around.trace.note("promised", self.user_id, draft.client_order_id, submitted.order.id[-4:])
        self.promised[submitted.order.client_order_id] = submitted.order.id

    async def cancel(self, process: DeskProcess, order_id: str) -> None:
        self.around.trace.note("asks", self.user_id, process.name, "cancel", order_id[-4:])
        await process.ask(lambda desk: desk.cancel_order(self.user_id, order_id))

    def listing(self) -> Listing:
        return LISTINGS[0] if self.chance(0.75) else LISTINGS[1]

    def side(self) -> Side:
        return Side.BUY if self.chance(0.5) else Side.SELL

    def quantity(self, listing: Listing) -> Quantity:
        """Worth some ten dollars; now and then more than anybody has."""
        last = self.around.exchange.exchange.last_price(listing.symbol)
        lots = int(self.of.uniform(10, 60) / float(last * listing.tick * listing.lot)) + 1
        return Quantity((lots * 1000 if self.chance(0.03) else lots) * listing.lot)

    def draft(self, kind: OrderType, side: Side | None = None, **more: Any) -> OrderDraft:
        """A small order near the last price, where it has one."""
        listing, side = self.listing(), side or self.side()
        away = self.ticks(-4, 11) * (-1 if side is Side.BUY else 1)
        price = None if kind.at_market else self.near(listing, away)
        draft = OrderDraft(SYMBOLS[listing.symbol], side, kind, self.quantity(listing), price=price)
        if kind.conditional:
            with_the_market = rises(kind, side)
            distance = self.ticks(2, 10) * (1 if with_the_market else -1)
            draft = replace(draft, stop_price=self.near(listing, distance), held=self.chance(0.5))
        draft = replace(draft, client_order_id=self.new_name(), **more)
        self.drafts.append(draft)
        return draft

    def new_name(self) -> str:
        self._named += 1
        return f"{self.user_id}-{self._named:03}"

    def near(self, listing: Listing, ticks: int) -> Price:
        """The last price, and so many ticks away from it."""
        return Price((self.around.exchange.exchange.last_price(listing.symbol) + ticks) * listing.tick)

    def chance(self, part: float) -> bool:
        return self.of.random() < part

    def ticks(self, least: int, most: int) -> int:
        return int(self.of.uniform(least, most + 1))

    def _drawn(self, actions: Actions) -> Action:
        drawn = self.of.random() * sum(weight for weight, _ in actions)
        for weight, action in actions:
            drawn -= weight
            if drawn < 0:
                return action
        return actions[-1][1]


Action = Callable[[Trader, DeskProcess], Awaitable[None]]
Actions = Sequence[tuple[int, Action]]
"""How likely each is, in parts of the whole."""


def words(draft: OrderDraft) -> str:
    """The draft in a line."""
    stop = "" if draft.stop_price is None else f" stop {draft.stop_price}{' held' if draft.held else ''}"
    return f"{draft.side} {draft.quantity or draft.quote_quantity} {draft.symbol} {draft.type} {draft.price}{stop}"
