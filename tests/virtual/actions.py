"""What traders do, and how often. A new kind of order or wish joins `ACTIONS`."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Final

from engine.desk.amendments import Amendment
from engine.domain.list_draft import EntryTerms, ExitTerms, ListDraft
from engine.domain.order import OrderStatus
from engine.domain.order_list import LegPolicy, ListKind
from engine.domain.values import OrderType, Price, Quantity, Side, TimeInForce
from engine.simulator.model import Listing
from tests.virtual.exchange import LISTINGS, SYMBOLS
from tests.virtual.process import DeskProcess
from tests.virtual.trader import Actions, Trader

# --- orders ---------------------------------------------------------------------------------------------


async def limit(trader: Trader, process: DeskProcess) -> None:
    await trader.submit(process, trader.draft(OrderType.LIMIT))


async def limit_maker(trader: Trader, process: DeskProcess) -> None:
    await trader.submit(process, trader.draft(OrderType.LIMIT_MAKER))


async def at_once_or_never(trader: Trader, process: DeskProcess) -> None:
    force = TimeInForce.IOC if trader.chance(0.5) else TimeInForce.FOK
    await trader.submit(process, trader.draft(OrderType.LIMIT, time_in_force=force))


async def market(trader: Trader, process: DeskProcess) -> None:
    await trader.submit(process, trader.draft(OrderType.MARKET))


async def market_by_quote(trader: Trader, process: DeskProcess) -> None:
    paid = Quantity(Decimal(37))
    await trader.submit(process, trader.draft(OrderType.MARKET, Side.BUY, quantity=None, quote_quantity=paid))


async def conditional(trader: Trader, process: DeskProcess) -> None:
    """A stop or a take-profit, at the venue or kept by the desk."""
    kinds = (OrderType.STOP_LOSS, OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT, OrderType.TAKE_PROFIT_LIMIT)
    await trader.submit(process, trader.draft(kinds[trader.ticks(0, 3)]))


async def again(trader: Trader, process: DeskProcess) -> None:
    """The same order under the same client order id, as a client does that got no answer."""
    draft = trader.pick(trader.drafts)
    if draft is not None:
        await trader.submit(process, draft)


async def at_all_desks(trader: Trader, process: DeskProcess) -> None:
    """The same order through all processes at once."""
    draft = trader.draft(OrderType.LIMIT)
    work = [trader.submit(one, draft) for one in trader.processes()]
    for outcome in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


# --- what is open -----------------------------------------------------------------------------------------


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
    await process.ask(lambda desk: desk.cancel_all(trader.user_id))


async def amend(trader: Trader, process: DeskProcess) -> None:
    """Another quantity, another price, or both."""
    open_now = {OrderStatus.ACCEPTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.HELD}
    order = trader.pick([one for one in trader.open_orders() if one.status in open_now and one.quantity is not None])
    if order is None or order.quantity is None:
        return
    listing = _listing_of(order.symbol)
    quantity, price = None, None
    if trader.chance(0.7):
        quantity = Quantity(max(1, int(order.quantity / listing.lot * trader.ticks(4, 12) / 10)) * listing.lot)
    if order.price is not None and (quantity is None or trader.chance(0.3)):
        price = Price(order.price + trader.ticks(-5, 5) * listing.tick)
    wanted = Amendment(quantity, price)
    trader.around.trace.note("asks", trader.user_id, process.name, "amend", order.id[-4:], quantity, price)
    await process.ask(lambda desk: desk.amend_order(trader.user_id, order.id, wanted))


# --- lists --------------------------------------------------------------------------------------------------


async def oco(trader: Trader, process: DeskProcess) -> None:
    listing, side = trader.listing(), trader.side()
    profit, stop = _exits(trader, listing, side)
    draft = ListDraft(ListKind.OCO, SYMBOLS[listing.symbol], side, trader.quantity(listing), profit, stop)
    await _submit_list(trader, process, draft)


async def bracket(trader: Trader, process: DeskProcess) -> None:
    """An entry near the market, with one exit or both."""
    listing, side = trader.listing(), trader.side()
    profit, stop = _exits(trader, listing, side.opposite)
    kind = (OrderType.LIMIT, OrderType.MARKET, OrderType.LIMIT_MAKER)[trader.ticks(0, 2)]
    price = None if kind.at_market else trader.near(listing, trader.ticks(-2, 3) * (1 if side is Side.BUY else -1))
    which = trader.ticks(0, 2)
    draft = ListDraft(
        ListKind.BRACKET,
        SYMBOLS[listing.symbol],
        side,
        trader.quantity(listing),
        take_profit=profit if which != 1 else None,
        stop_loss=stop if which != 2 else None,
        entry=EntryTerms(kind, price),
        policy=LegPolicy.UNWIND if trader.chance(0.4) else LegPolicy.REPAIR,
    )
    await _submit_list(trader, process, draft)


async def _submit_list(trader: Trader, process: DeskProcess, draft: ListDraft) -> None:
    draft = replace(draft, client_order_id=trader.new_name())
    asked = (draft.client_order_id, draft.kind, draft.side, draft.quantity, draft.symbol)
    trader.around.trace.note("asks", trader.user_id, process.name, "list", *asked)
    submitted = await process.ask(lambda desk: desk.submit_list(trader.user_id, draft))
    trader.promised.update({order.client_order_id: order.id for order in submitted.orders})


def _exits(trader: Trader, listing: Listing, side: Side) -> tuple[ExitTerms, ExitTerms]:
    """A take profit and a stop loss of this side around the last price."""
    sign = 1 if side is Side.SELL else -1
    profit = trader.near(listing, sign * trader.ticks(3, 12))
    trigger = trader.near(listing, -sign * trader.ticks(3, 12))
    limit_price = trader.near(listing, -sign * trader.ticks(8, 20)) if trader.chance(0.3) else None
    if trader.chance(0.2):
        return ExitTerms(stop_price=profit), ExitTerms(limit_price, trigger)
    return ExitTerms(profit), ExitTerms(limit_price, trigger)


def _listing_of(symbol: str) -> Listing:
    return next(listing for listing in LISTINGS if SYMBOLS[listing.symbol] == symbol)


ACTIONS: Final[Actions] = (
    (28, limit),
    (5, limit_maker),
    (7, at_once_or_never),
    (10, market),
    (3, market_by_quote),
    (8, conditional),
    (7, again),
    (4, at_all_desks),
    (14, cancel),
    (9, cancel_what_was_just_placed),
    (4, cancel_all),
    (12, amend),
    (4, oco),
    (6, bracket),
)
