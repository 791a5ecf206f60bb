"""Matching: what an order, a cancel or an outsider's trade does to book, balances and tape.

Price-time priority; a trade happens at the maker's price. Everything here is deterministic and refuses
nothing: whether an order is allowed was checked before (`admission.py`) and then journalled, so that the
same inputs give the same market again.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.simulator.accounts import Account, Accounts
from engine.simulator.book import BookSide, Entry
from engine.simulator.marketplace import Market
from engine.simulator.model import (
    Execution,
    Listing,
    NewOrder,
    OrderType,
    Side,
    SimFill,
    SimOrder,
    Status,
    TimeInForce,
)
from engine.simulator.reports import Reports


class Taker:
    """Who takes from the book in the operation under way; without an order it is an outsider."""

    __slots__ = ("account", "fills", "order", "target")

    def __init__(self, order: SimOrder | None, account: Account, target: int) -> None:
        self.order = order
        self.account = account
        self.target = target
        """Lots after which the order is filled."""
        self.fills: list[SimFill] = []


class Matcher:
    """Applies operations to markets and accounts."""

    def __init__(self, listings: Iterable[Listing]) -> None:
        self.markets = {listing.symbol: Market(listing) for listing in listings}
        self.accounts = Accounts()
        self.reports = Reports(self.accounts)
        self.last_order_id = 0

    def place(self, account: Account, request: NewOrder, at_ms: int) -> tuple[SimOrder, list[SimFill]]:
        """Match an order that was admitted, and rest what is left of it if it may rest."""
        market = self.markets[request.symbol]
        self.last_order_id += 1
        order = SimOrder(self.last_order_id, account.account_id, request, Status.NEW, at_ms, at_ms, request.lots)
        if account.history is not None:
            account.history.add(order)
        self.reports.order(order, Execution.NEW, at_ms)
        taker = Taker(order, account, request.lots)
        self._take(market, order, taker, at_ms)
        if order.status is Status.FILLED:
            if account.history is not None:
                account.history.finish(order)
        elif may_rest(request):
            self._rest(market, order, account)
        else:
            self._finish(order, account, Status.EXPIRED, Execution.EXPIRED, at_ms)
        self.reports.complete(market, at_ms)
        return order, taker.fills

    def cancel(self, market: Market, entries: Iterable[Entry], at_ms: int, cancel_id: str) -> list[SimOrder]:
        """Take resting orders out of the book: one operation, however many they are."""
        canceled: list[SimOrder] = []
        for entry in entries:
            order = entry.order
            if order is None:
                raise RuntimeError("only orders can be canceled")
            account = self.accounts.by_id[order.account_id]
            self._withdraw(market, entry, order, account)
            self._finish(order, account, Status.CANCELED, Execution.CANCELED, at_ms, cancel_id)
            canceled.append(order)
        self.reports.complete(market, at_ms)
        return canceled

    def trade(
        self, market: Market, facing: BookSide, entry: Entry, lots: int, taker: Taker, at_ms: int, trade_id: int = 0
    ) -> None:
        """One trade with one maker, at the maker's price. Its id is `trade_id` where that continues the tape."""
        maker = entry.order
        price = 0 if entry.level is None else entry.level.price
        quote_atoms = market.rules.quote_atoms(price, lots)
        trade_id = max(trade_id, market.tape.last_trade_id + 1)
        maker_account = self.accounts.outsiders if maker is None else self.accounts.by_id[maker.account_id]
        self._print(market, facing, trade_id, price, lots, quote_atoms, maker, taker.order, at_ms)
        if maker is not None:
            self._unlock(market, maker, maker_account, lots)
        market.touched[facing.side][price] = None
        facing.reduce(entry, lots)
        buyer_is_maker = facing.side is Side.BUY
        buyer, seller = (maker_account, taker.account) if buyer_is_maker else (taker.account, maker_account)
        base_atoms = lots * market.rules.lot_atoms
        buyer.free[market.quote] -= quote_atoms
        seller.free[market.base] -= base_atoms
        bought = self._receive(buyer, market.base, base_atoms, buyer_is_maker)
        sold = self._receive(seller, market.quote, quote_atoms, not buyer_is_maker)
        of_taker, of_maker = (sold, bought) if buyer_is_maker else (bought, sold)
        if taker.order is not None:
            own = (trade_id, price, lots, quote_atoms, of_taker)
            self._fill(market, taker.order, taker.account, own, at_ms, target=taker.target, fills=taker.fills)
        if maker is not None:
            theirs = (trade_id, price, lots, quote_atoms, of_maker)
            self._fill(market, maker, maker_account, theirs, at_ms, target=maker.lots)

    # --- one operation's parts -------------------------------------------------------------------

    def _take(self, market: Market, order: SimOrder, taker: Taker, at_ms: int) -> None:
        """Trade with what stands on the other side, best first, until limit, quantity or money ends it."""
        request = order.request
        limit = None if request.type is OrderType.MARKET else request.price_ticks
        if request.time_in_force is TimeInForce.FOK and not market.can_fill(request, limit):
            return
        if request.quote_atoms:
            lots, enough = market.lots_for_quote(request.side, request.quote_atoms)
            taker.target = lots if enough else lots + 1
        facing = market.book.facing(request.side)
        while order.filled_lots < taker.target:
            level = facing.best
            if level is None or (limit is not None and (level.price - limit) * facing.sign > 0):
                return
            entry = level.head
            self.trade(market, facing, entry, min(taker.target - order.filled_lots, entry.lots), taker, at_ms)

    def _fill(
        self,
        market: Market,
        order: SimOrder,
        account: Account,
        trade: tuple[int, int, int, int, int],
        at_ms: int,
        target: int,
        fills: list[SimFill] | None = None,
    ) -> None:
        """One order's side of a trade `(id, price, lots, quote atoms, commission)`; `fills` are the taker's."""
        trade_id, price, lots, quote_atoms, commission = trade
        request = order.request
        order.filled_lots += lots
        order.filled_quote_atoms += quote_atoms
        order.updated_ms = at_ms
        if request.quote_atoms:
            order.lots = order.filled_lots
        order.status = Status.FILLED if order.filled_lots == target else Status.PARTIALLY_FILLED
        if order.working and order.status is Status.FILLED:
            self._leave(order, account)
        if account.history is None and self.reports.silent:
            return
        asset = market.base if request.side is Side.BUY else market.quote
        fill = SimFill(
            trade_id,
            order.order_id,
            order.account_id,
            market.symbol,
            request.side,
            price,
            lots,
            quote_atoms,
            commission,
            asset,
            fills is None,
            at_ms,
        )
        if account.history is not None:
            account.history.add_fill(fill)
        if fills is not None:
            fills.append(fill)
        self.reports.order(order, Execution.TRADE, at_ms, fill)

    def _print(
        self,
        market: Market,
        facing: BookSide,
        trade_id: int,
        price: int,
        lots: int,
        quote_atoms: int,
        maker: SimOrder | None,
        taker: SimOrder | None,
        at_ms: int,
    ) -> None:
        maker_id = 0 if maker is None else maker.order_id
        taker_id = 0 if taker is None else taker.order_id
        buyer_is_maker = facing.side is Side.BUY
        buyer_id, seller_id = (maker_id, taker_id) if buyer_is_maker else (taker_id, maker_id)
        market.tape.record(trade_id, price, lots, quote_atoms, buyer_id, seller_id, buyer_is_maker, at_ms)
        self.reports.trade(market, trade_id, price, lots, buyer_id, seller_id, buyer_is_maker, at_ms)

    def _receive(self, account: Account, asset: str, atoms: int, maker: bool) -> int:
        """Credit what a trade brought, less the commission, which the fee account gets; returns that."""
        numerator, denominator = account.maker_rate if maker else account.taker_rate
        commission = atoms * numerator // denominator
        account.free[asset] += atoms - commission
        self.accounts.fees.free[asset] += commission
        return commission

    def _rest(self, market: Market, order: SimOrder, account: Account) -> None:
        request = order.request
        remaining = order.remaining_lots
        entry = Entry(order, remaining)
        market.book.own(request.side).add(request.price_ticks, entry)
        market.touched[request.side][request.price_ticks] = None
        order.working = True
        account.open[order.order_id] = entry
        account.open_ids[request.client_order_id] = order.order_id
        if request.side is Side.BUY:
            account.lock(market.quote, market.rules.quote_atoms(request.price_ticks, remaining))
        else:
            account.lock(market.base, remaining * market.rules.lot_atoms)

    def _unlock(self, market: Market, order: SimOrder, account: Account, lots: int) -> None:
        """Free what a resting order has put aside for these lots."""
        if order.request.side is Side.SELL:
            account.lock(market.base, -lots * market.rules.lot_atoms)
            return
        price, remaining, rules = order.request.price_ticks, order.remaining_lots, market.rules
        account.lock(market.quote, rules.quote_atoms(price, remaining - lots) - rules.quote_atoms(price, remaining))

    def _withdraw(self, market: Market, entry: Entry, order: SimOrder, account: Account) -> None:
        side = order.request.side
        market.touched[side][order.request.price_ticks] = None
        self._unlock(market, order, account, entry.lots)
        market.book.own(side).reduce(entry, entry.lots)

    def _leave(self, order: SimOrder, account: Account) -> None:
        """A resting order is finished: it is no longer open."""
        order.working = False
        del account.open[order.order_id]
        del account.open_ids[order.request.client_order_id]
        if account.history is not None:
            account.history.finish(order)

    def _finish(
        self,
        order: SimOrder,
        account: Account,
        status: Status,
        execution: Execution,
        at_ms: int,
        cancel_id: str = "",
    ) -> None:
        order.status = status
        order.updated_ms = at_ms
        if order.working:
            self._leave(order, account)
        elif account.history is not None:
            account.history.finish(order)
        self.reports.order(order, execution, at_ms, cancel_id=cancel_id)


def may_rest(request: NewOrder) -> bool:
    """Whether what does not trade at once stands in the book."""
    return request.type is not OrderType.MARKET and request.time_in_force is TimeInForce.GTC
