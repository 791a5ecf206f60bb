"""The floor under the matching engine: orders enter, wait, rest, move their money, and end.

Nothing here trades. What an order's end or first fill means for the others of its list is noted in `moved`
and done when the operation under way has traded.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from engine.simulator.accounts import Account, Accounts
from engine.simulator.book import Entry
from engine.simulator.marketplace import Market
from engine.simulator.model import BUY, SELL, Execution, Listing, NewOrder, SimOrder, Status
from engine.simulator.reports import Reports

NEW, PENDING_NEW, NEW_REPORT = Status.NEW, Status.PENDING_NEW, Execution.NEW


class Floor:
    """Markets, accounts, and the steps in an order's life between its trades."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self.markets = {listing.symbol: Market(listing) for listing in listings}
        self.accounts = Accounts()
        self.reports = Reports(self.accounts)
        self.last_order_id = 0
        self.last_list_id = 0
        self.last_amendment_id = 0
        self.moved: deque[SimOrder] = deque()
        """Orders of lists that have traded or ended in the operation under way."""

    def enter(
        self, account: Account, request: NewOrder, at_ms: int, list_id: int = -1, *, pending: bool = False
    ) -> SimOrder:
        """A new order, known and reported; it does nothing yet."""
        self.last_order_id += 1
        status = PENDING_NEW if pending else NEW
        order = SimOrder(self.last_order_id, account.account_id, request, status, at_ms, at_ms, request.lots)
        order.list_id = list_id
        terms = request.terms
        if not (pending or terms.stop_ticks or terms.trailing_bips):
            order.working_ms = at_ms
        if account.history is not None:
            account.history.add(order)
        self.reports.order(order, NEW_REPORT, at_ms)
        return order

    def keep(self, order: SimOrder, account: Account) -> None:
        """Count an order as open before it stands in the book."""
        account.hold(order, Entry(order, order.remaining_lots))

    def wait(self, market: Market, order: SimOrder, account: Account, at_ms: int, *, reserve: bool = True) -> None:
        """Let an order wait for its price; a trailing stop without a stop price follows the market at once."""
        terms = order.request.terms
        if terms.trailing_bips and not terms.stop_ticks and market.tape.last_price:
            order.trail_ticks, order.trailing_ms = market.tape.last_price, at_ms
        self.keep(order, account)
        if reserve:
            self.reserve(market, order, account)
        market.triggers.add(order)

    def rest(self, market: Market, order: SimOrder, account: Account, *, reserve: bool = True) -> None:
        """Put what is left of an order into the book; an iceberg shows a part of it."""
        request = order.request
        remaining, part = order.remaining_lots, request.terms.iceberg_lots
        entry = Entry(order, part, remaining - part) if 0 < part < remaining else Entry(order, remaining)
        side, price = market.book.own(request.side), request.price_ticks
        side.add(price, entry)
        side.touched[price] = None
        account.hold(order, entry)
        if reserve:
            self.reserve(market, order, account)

    def withdraw(self, market: Market, order: SimOrder, account: Account) -> None:
        """Take an open order out of the book or the queue of those that wait, and give back its money."""
        entry = account.open[order.order_id]
        if entry.level is not None:
            side = market.book.own(order.request.side)
            side.touched[order.request.price_ticks] = None
            side.reduce(entry, entry.lots)
        elif order.waiting:
            market.triggers.remove(order)
        self.unlock(market, order, account, order.remaining_lots)

    def leave(self, order: SimOrder, account: Account) -> None:
        """A finished order is no longer open."""
        account.let_go(order)
        if account.history is not None:
            account.history.finish(order)

    def finish(
        self,
        order: SimOrder,
        account: Account,
        status: Status,
        execution: Execution,
        at_ms: int,
        cancel_id: str = "",
        reason: str = "NONE",
        *,
        alone: bool = True,
    ) -> None:
        """End an order that will not trade any more, and report it; `alone` lets the others of its list know."""
        order.status = status
        order.updated_ms = at_ms
        self.leave(order, account)
        if alone and order.list_id >= 0:
            self.moved.append(order)
        self.reports.order(order, execution, at_ms, cancel_id=cancel_id, reason=reason)

    # --- money -----------------------------------------------------------------------------------

    def reserve(self, market: Market, order: SimOrder, account: Account) -> None:
        """Put aside what the rest of an order may cost, at the price that it was made for."""
        request = order.request
        price = order.reserve_ticks = request.price_ticks or reserve_price(market, request)
        if request.side is BUY:
            account.lock(market.quote, market.rules.quote_atoms(price, order.remaining_lots))
        else:
            account.lock(market.base, order.remaining_lots * market.rules.lot_atoms)

    def unlock(self, market: Market, order: SimOrder, account: Account, lots: int) -> None:
        """Free what an order has put aside for these lots."""
        price = order.reserve_ticks
        if not price:
            return
        if order.request.side is SELL:
            account.lock(market.base, -lots * market.rules.lot_atoms)
            return
        remaining, rules = order.remaining_lots, market.rules
        account.lock(market.quote, rules.quote_atoms(price, remaining - lots) - rules.quote_atoms(price, remaining))


def reserve_price(market: Market, request: NewOrder) -> int:
    """The price at which money is put aside for an order that rests or waits: its limit, else where it triggers."""
    return request.price_ticks or request.terms.stop_ticks or market.tape.last_price or 1
