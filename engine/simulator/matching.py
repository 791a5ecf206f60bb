"""Matching: what an order, a cancel or an outsider's trade does to book, balances and tape.

Price-time priority; a trade happens at the maker's price. Everything here is deterministic and refuses
nothing: whether an order is allowed was checked before (`admission.py`) and then journalled, so that the
same inputs give the same market again.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.simulator.accounts import INSUFFICIENT_REASON, Account
from engine.simulator.admission import activation_refusal, own_orders
from engine.simulator.book import BookSide, Entry
from engine.simulator.floor import Floor
from engine.simulator.lists import alone, close_when_done, end, enter_list, list_of, start_pair
from engine.simulator.marketplace import Market
from engine.simulator.model import (
    BUY,
    OPEN,
    Execution,
    ListKind,
    NewList,
    NewOrder,
    OrderList,
    PublicTrade,
    Side,
    SimFill,
    SimOrder,
    Status,
    Stp,
    TimeInForce,
    made,
)
from engine.simulator.selftrade import prevent

FILLED, PARTIALLY_FILLED, EXPIRED_IN_MATCH = Status.FILLED, Status.PARTIALLY_FILLED, Status.EXPIRED_IN_MATCH
GTC, FOK, NO_STP, TRADE_REPORT = TimeInForce.GTC, TimeInForce.FOK, Stp.NONE, Execution.TRADE


class Taker:
    """Who takes from the book in the operation under way; without an order it is an outsider."""

    __slots__ = ("account", "fills", "order", "target")

    def __init__(
        self, order: SimOrder | None, account: Account, target: int, fills: list[SimFill] | None = None
    ) -> None:
        self.order = order
        self.account = account
        self.target = target
        """Lots after which the order is filled."""
        self.fills = [] if fills is None else fills


class Matcher(Floor):
    """Applies operations to markets and accounts."""

    def place(self, account: Account, request: NewOrder, at_ms: int) -> tuple[SimOrder, list[SimFill]]:
        """Match an order that was admitted and rest what is left of it if it may rest, or let it wait for its price."""
        market = self.markets[request.symbol]
        order = self.enter(account, request, at_ms)
        fills: list[SimFill] = []
        if order.working_ms < 0:
            self.wait(market, order, account, at_ms)
        else:
            self._work(market, order, account, at_ms, fills)
        self.complete(market, at_ms)
        return order, fills

    def place_list(self, account: Account, asked: NewList, at_ms: int) -> OrderList:
        """Place an order list that was admitted: both legs of a pair, or a working order with what waits behind it."""
        market = self.markets[asked.orders[0].symbol]
        order_list = enter_list(self, account, asked, at_ms)
        if asked.kind is ListKind.OCO:
            start_pair(self, market, account, order_list.orders, at_ms)
        else:
            working = order_list.orders[0]
            self._work(market, working, account, at_ms)
        answer = order_list.copy()
        self.complete(market, at_ms)
        return answer

    def cancel(self, market: Market, orders: Iterable[SimOrder], at_ms: int, cancel_id: str) -> list[SimOrder]:
        """Cancel open orders, and what shares a list with them: one operation, however many they are."""
        canceled: list[SimOrder] = []
        for order in orders:
            together = (order,) if order.list_id < 0 else (order, *list_of(self, order).orders)
            for each in together:
                if each.status in OPEN:
                    account = self.accounts.by_id[each.account_id]
                    self.withdraw(market, each, account)
                    self.finish(each, account, Status.CANCELED, Execution.CANCELED, at_ms, cancel_id)
                    canceled.append(each)
        self.complete(market, at_ms)
        return canceled

    def complete(
        self, market: Market, at_ms: int, last_update_id: int = 0, *, always: bool = False, outside: bool = False
    ) -> None:
        """End an operation: what its trades have brought about, then its reports."""
        while self.moved or market.triggers.due:
            if self.moved:
                self._moved(market, self.moved.popleft(), at_ms)
            else:
                self._trigger(market, market.triggers.due.popleft(), at_ms)
        self.reports.complete(market, at_ms, last_update_id, always=always, outside=outside)

    def trade(
        self, market: Market, facing: BookSide, entry: Entry, lots: int, taker: Taker, at_ms: int, trade_id: int = 0
    ) -> None:
        """One trade with one maker, at the maker's price. Its id is `trade_id` where that continues the tape."""
        maker, ours, rules, level = entry.order, taker.order, market.rules, entry.level
        price = 0 if level is None else level.price
        quote_atoms, base_atoms = rules.quote_atoms(price, lots), lots * rules.lot_atoms
        maker_account = self.accounts.outsiders if maker is None else self.accounts.by_id[maker.account_id]
        maker_id, taker_id = 0 if maker is None else maker.order_id, 0 if ours is None else ours.order_id
        buyer_is_maker = facing.side is BUY
        if buyer_is_maker:
            buyer, seller, buyer_id, seller_id = maker_account, taker.account, maker_id, taker_id
        else:
            buyer, seller, buyer_id, seller_id = taker.account, maker_account, taker_id, maker_id
        tape = market.tape
        trade_id = max(trade_id, tape.last_trade_id + 1)
        trade = tape.record(trade_id, price, lots, quote_atoms, buyer_id, seller_id, buyer_is_maker, at_ms)
        self.reports.trade(trade)
        market.printed(price, at_ms)
        if maker is not None:
            self.unlock(market, maker, maker_account, lots)
        facing.touched[price] = None
        facing.reduce(entry, lots)
        buyer.free[market.quote] -= quote_atoms
        seller.free[market.base] -= base_atoms
        bought = self._receive(buyer, market.base, base_atoms, buyer_is_maker)
        sold = self._receive(seller, market.quote, quote_atoms, not buyer_is_maker)
        of_taker, of_maker = (sold, bought) if buyer_is_maker else (bought, sold)
        if ours is not None:
            self._fill(market, ours, taker.account, trade, quote_atoms, of_taker, taker.target, taker.fills)
        if maker is not None:
            self._fill(market, maker, maker_account, trade, quote_atoms, of_maker, maker.lots)
            if entry.hidden and not entry.lots:
                facing.reveal(price, entry, maker.request.terms.iceberg_lots)

    # --- one operation's parts -------------------------------------------------------------------

    def _work(
        self, market: Market, order: SimOrder, account: Account, at_ms: int, fills: list[SimFill] | None = None
    ) -> None:
        """Let an order take; what is left of it rests or expires."""
        request = order.request
        limit, facing = request.price_ticks, market.book.facing(request.side)
        level = facing.best
        if level is not None and (not limit or (level.price - limit) * facing.sign <= 0):
            self._take(market, facing, order, Taker(order, account, order.lots, fills), at_ms)
            if order.status is FILLED or order.status is EXPIRED_IN_MATCH:
                return
        if limit and request.time_in_force is GTC:
            self.rest(market, order, account)
        else:
            self.finish(order, account, Status.EXPIRED, Execution.EXPIRED, at_ms)

    def _take(self, market: Market, facing: BookSide, order: SimOrder, taker: Taker, at_ms: int) -> None:
        """Trade with what stands on the other side, best first, until limit, quantity or money ends it."""
        request, account = order.request, taker.account
        limit, sign = request.price_ticks or None, facing.sign
        if request.time_in_force is FOK and not market.can_fill(request, limit, own_orders(account, request)):
            return
        if request.quote_atoms:
            lots, enough = market.lots_for_quote(request.side, request.quote_atoms, own_orders(account, request))
            taker.target = lots if enough else lots + 1
        prevents = request.terms.stp is not NO_STP
        while (left := taker.target - order.filled_lots - order.prevented_lots) > 0:
            level = facing.best
            if level is None or (limit is not None and (level.price - limit) * sign > 0):
                return
            entry = level.head
            if prevents and entry.order is not None and entry.order.account_id == order.account_id:
                prevent(self, market, facing, entry, order, account, left, at_ms)
                if order.status is EXPIRED_IN_MATCH:
                    return
            else:
                self.trade(market, facing, entry, min(left, entry.lots), taker, at_ms)

    def _trigger(self, market: Market, order: SimOrder, at_ms: int) -> None:
        """The price of a waiting order has come: it goes to the book like any other."""
        if not order.waiting:
            return
        account = self.accounts.by_id[order.account_id]
        if order.list_id >= 0:
            alone(self, market, order, at_ms)
        self.unlock(market, order, account, order.remaining_lots)
        order.reserve_ticks = 0
        order.working_ms = order.updated_ms = at_ms
        request = order.request
        if request.side is Side.BUY and not request.price_ticks:
            cost = market.cost_of(order.remaining_lots, own_orders(account, request))
            if cost > account.free.get(market.quote, 0):
                self.finish(order, account, Status.EXPIRED, Execution.EXPIRED, at_ms, reason=INSUFFICIENT_REASON)
                return
        self.reports.order(order, Execution.NEW, at_ms)
        self._work(market, order, account, at_ms)

    def _moved(self, market: Market, order: SimOrder, at_ms: int) -> None:
        """An order of a list has traded or ended: what that means for the others."""
        order_list = list_of(self, order)
        if order in order_list.pair and (order.filled_lots or order.status not in OPEN):
            alone(self, market, order, at_ms)
        if order_list.kind is not ListKind.OCO and order is order_list.orders[0] and order.status not in OPEN:
            pending = [each for each in order_list.orders[1:] if each.status is Status.PENDING_NEW]
            account = self.accounts.by_id[order.account_id]
            if order.status is Status.FILLED and pending:
                self._activate(market, order_list, pending, account, at_ms)
            else:
                for each in pending:
                    end(self, market, each, account, at_ms)
        close_when_done(self, order_list, at_ms)

    def _activate(
        self, market: Market, order_list: OrderList, pending: list[SimOrder], account: Account, at_ms: int
    ) -> None:
        """The working order is filled: those behind it come to life, all or none."""
        reason = activation_refusal(market, account, [order.request for order in pending])
        for order in pending:
            order.updated_ms = at_ms
            if reason is not None:
                self.finish(order, account, Status.REJECTED, Execution.REJECTED, at_ms, reason=reason)
        if reason is not None:
            return
        if order_list.pair:
            start_pair(self, market, account, pending, at_ms)
            for order in pending:
                self.reports.order(order, Execution.NEW, at_ms)
            return
        (order,) = pending
        order.status = Status.NEW
        if order.request.conditional:
            self.wait(market, order, account, at_ms)
            self.reports.order(order, Execution.NEW, at_ms)
        else:
            order.working_ms = at_ms
            self.reports.order(order, Execution.NEW, at_ms)
            self._work(market, order, account, at_ms)

    def _fill(
        self,
        market: Market,
        order: SimOrder,
        account: Account,
        trade: PublicTrade,
        quote_atoms: int,
        commission: int,
        target: int,
        fills: list[SimFill] | None = None,
    ) -> None:
        """One order's side of a trade; `fills` are the taker's."""
        request, history, lots, at_ms = order.request, account.history, trade.lots, trade.time_ms
        order.filled_lots += lots
        order.filled_quote_atoms += quote_atoms
        order.updated_ms = at_ms
        if request.quote_atoms:
            order.lots = order.filled_lots + order.prevented_lots
        if order.list_id >= 0:
            self.moved.append(order)
        if order.filled_lots + order.prevented_lots == target:
            order.status = FILLED
            self.leave(order, account)
        else:
            order.status = PARTIALLY_FILLED
        if history is None and self.reports.silent:
            return
        side, maker = request.side, fills is None
        whose = (trade.trade_id, order.order_id, order.account_id, market.symbol, side, trade.price_ticks)
        asset = market.base if side is BUY else market.quote
        fill = made(SimFill, (*whose, lots, quote_atoms, commission, asset, maker, at_ms))
        if history is not None:
            history.add_fill(fill)
        if fills is not None:
            fills.append(fill)
        self.reports.order(order, TRADE_REPORT, at_ms, fill)

    def _receive(self, account: Account, asset: str, atoms: int, maker: bool) -> int:
        """Credit what a trade brought, less the commission, which the fee account gets; returns that."""
        numerator, denominator = account.maker_rate if maker else account.taker_rate
        commission = atoms * numerator // denominator
        account.free[asset] += atoms - commission
        self.accounts.fees.free[asset] += commission
        return commission
