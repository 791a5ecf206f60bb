"""A user of the desk, who does one thing after another. What they can do is the table `ACTIONS`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from random import Random
from typing import Final, TypeVar

from data.errors import DatabaseError
from engine.domain.draft import OrderDraft
from engine.domain.order import FINISHED, Order
from engine.domain.values import OrderType, Price, Quantity, Refusal, Side, TimeInForce
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
    wishes: set[str] = field(default_factory=set[str])
    """Orders whose cancel a desk has taken."""

    async def trade(self, until_s: float, every_s: float) -> None:
        """Do one thing after another; what is refused or fails is not done again unless chance has it so."""
        loop = self.around.loop
        while loop.time() < until_s:
            await asyncio.sleep(self.of.uniform(0, 2 * every_s))
            process = self.pick(self.processes())
            if process is None:
                continue
            action = self._drawn()
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
        self.around.trace.note("asks", self.user_id, process.name, "submit", draft.client_order_id, _words(draft))
        submitted = await process.ask(lambda desk: desk.submit_order(self.user_id, draft))
        self.around.trace.note("promised", self.user_id, draft.client_order_id, submitted.order.id[-4:])
        self.promised[submitted.order.client_order_id] = submitted.order.id

    async def cancel(self, process: DeskProcess, order_id: str) -> None:
        self.around.trace.note("asks", self.user_id, process.name, "cancel", order_id[-4:])
        await process.ask(lambda desk: desk.cancel_order(self.user_id, order_id))
        self.wishes.add(order_id)

    def draft(self, kind: OrderType, side: Side | None = None) -> OrderDraft:
        """A small order near the last price."""
        listing = LISTINGS[0] if self.of.random() < 0.75 else LISTINGS[1]
        last = self.around.exchange.exchange.last_price(listing.symbol)
        if side is None:
            side = Side.BUY if self.of.random() < 0.5 else Side.SELL
        away = int(self.of.uniform(-4, 12)) * (-1 if side is Side.BUY else 1)
        lots = int(self.of.uniform(10, 60) / float(last * listing.tick * listing.lot)) + 1
        if self.of.random() < 0.03:
            lots *= 1000
        priced = kind is not OrderType.MARKET
        draft = OrderDraft(
            SYMBOLS[listing.symbol],
            side,
            kind,
            quantity=Quantity(lots * listing.lot),
            price=Price((last + away) * listing.tick) if priced else None,
            client_order_id=f"{self.user_id}-{len(self.drafts):03}",
        )
        self.drafts.append(draft)
        return draft

    def _drawn(self) -> Action:
        drawn = self.of.random() * sum(weight for weight, _ in ACTIONS)
        for weight, action in ACTIONS:
            drawn -= weight
            if drawn < 0:
                return action
        return ACTIONS[-1][1]


# --- what a trader does -------------------------------------------------------------------------------------


async def limit(trader: Trader, process: DeskProcess) -> None:
    await trader.submit(process, trader.draft(OrderType.LIMIT))


async def limit_maker(trader: Trader, process: DeskProcess) -> None:
    await trader.submit(process, trader.draft(OrderType.LIMIT_MAKER))


async def at_once_or_never(trader: Trader, process: DeskProcess) -> None:
    force = TimeInForce.IOC if trader.of.random() < 0.5 else TimeInForce.FOK
    draft = replace(trader.draft(OrderType.LIMIT), time_in_force=force)
    trader.drafts[-1] = draft
    await trader.submit(process, draft)


async def market(trader: Trader, process: DeskProcess) -> None:
    await trader.submit(process, trader.draft(OrderType.MARKET))


async def market_by_quote(trader: Trader, process: DeskProcess) -> None:
    draft = replace(trader.draft(OrderType.MARKET, Side.BUY), quantity=None, quote_quantity=Quantity(Decimal(37)))
    trader.drafts[-1] = draft
    await trader.submit(process, draft)


async def again(trader: Trader, process: DeskProcess) -> None:
    """The same order under the same client order id, as a client does that got no answer."""
    draft = trader.pick(trader.drafts)
    if draft is not None:
        await trader.submit(process, draft)


async def at_both_desks(trader: Trader, process: DeskProcess) -> None:
    """The same order through all processes at once."""
    draft = trader.draft(OrderType.LIMIT)
    work = [trader.submit(one, draft) for one in trader.processes()]
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def cancel(trader: Trader, process: DeskProcess) -> None:
    order = trader.pick(trader.open_orders())
    if order is not None:
        await trader.cancel(process, order.id)


async def cancel_what_was_just_placed(trader: Trader, process: DeskProcess) -> None:
    draft = trader.draft(OrderType.LIMIT)
    await trader.submit(process, draft)
    await asyncio.sleep(trader.of.uniform(0, 0.15))
    await trader.cancel(process, trader.promised[draft.client_order_id or ""])


async def cancel_all(trader: Trader, process: DeskProcess) -> None:
    trader.around.trace.note("asks", trader.user_id, process.name, "cancel all")
    orders = await process.ask(lambda desk: desk.cancel_all(trader.user_id))
    trader.wishes.update(order.id for order in orders)


Action = Callable[[Trader, DeskProcess], Awaitable[None]]
ACTIONS: Final[Sequence[tuple[int, Action]]] = (
    (30, limit),
    (5, limit_maker),
    (8, at_once_or_never),
    (12, market),
    (4, market_by_quote),
    (8, again),
    (4, at_both_desks),
    (14, cancel),
    (10, cancel_what_was_just_placed),
    (5, cancel_all),
)
"""How likely each is, in parts of the whole. A new kind of order or wish joins here."""


def _words(draft: OrderDraft) -> str:
    return f"{draft.side} {draft.quantity or draft.quote_quantity} {draft.symbol} {draft.type} {draft.price}"
