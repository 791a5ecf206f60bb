"""What the exchange tells of an operation, in order: reports and trades as they happen, then balances and book."""

from __future__ import annotations

from engine.simulator.accounts import Account, Accounts
from engine.simulator.marketplace import Market
from engine.simulator.model import (
    BalancesChanged,
    Deposited,
    DepthChanged,
    Execution,
    ListReported,
    OrderList,
    OrderReported,
    PreventedMatch,
    PublicTrade,
    SimEvent,
    SimFill,
    SimOrder,
    TopChanged,
    TradePrinted,
    made,
)


class Reports:
    """Collects the events of the operation under way; silent while a journal is replayed."""

    __slots__ = ("_accounts", "_moved", "events", "silent")

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self.events: list[SimEvent] = []
        self.silent = False
        self._moved: dict[int, None] = {}

    def order(
        self,
        order: SimOrder,
        execution: Execution,
        at_ms: int,
        fill: SimFill | None = None,
        cancel_id: str = "",
        reason: str = "NONE",
        prevented: PreventedMatch | None = None,
    ) -> None:
        """What has become of an order."""
        if not self.silent:
            told = (order.copy(), execution, at_ms, fill, cancel_id, reason, prevented)
            self.events.append(made(OrderReported, told))
            self._moved[order.account_id] = None

    def order_list(self, order_list: OrderList, at_ms: int, *, updated: bool = False) -> None:
        """What has become of an order list."""
        if not self.silent:
            self.events.append(ListReported(order_list.copy(), at_ms, updated))

    def deposit(self, account: Account, asset: str, atoms: int, at_ms: int) -> None:
        """What was brought in, and what the account then holds of it."""
        self.events.append(Deposited(account.account_id, asset, atoms, at_ms))
        self.events.append(BalancesChanged(account.account_id, (account.balance(asset),), at_ms))

    def trade(self, trade: PublicTrade) -> None:
        """A trade as everyone sees it."""
        if not self.silent:
            self.events.append(made(TradePrinted, (trade,)))

    def complete(
        self, market: Market, at_ms: int, last_update_id: int = 0, *, always: bool = False, outside: bool = False
    ) -> None:
        """End an operation: count its changed levels as updates, then tell balances, depth and best prices.

        With `always` a change of depth is told even if no level changed. `last_update_id` is taken over
        when it is ahead of what the book has counted to.
        """
        bids, asks = market.book.bids, market.book.asks
        changed = len(bids.touched) + len(asks.touched)
        first = market.update_id + 1
        if changed or always:
            ahead = last_update_id > market.update_id
            market.update_id = last_update_id if ahead else market.update_id + max(changed, 1)
        if not self.silent:
            self._tell_balances(market, at_ms)
            if changed or always:
                levels = bids.changes() if bids.touched else (), asks.changes() if asks.touched else ()
                self.events.append(made(DepthChanged, (market.symbol, first, market.update_id, *levels, at_ms)))
                if not outside or market.update_id > market.outside_top_id:
                    self.top(market)
        bids.touched.clear()
        asks.touched.clear()

    def top(self, market: Market) -> None:
        """The best prices, if they are not what was told last."""
        top = market.book.best()
        if top != market.shown_top:
            market.shown_top = top
            self.events.append(made(TopChanged, (market.symbol, market.update_id, *top)))

    def _tell_balances(self, market: Market, at_ms: int) -> None:
        for account_id in self._moved:
            account = self._accounts.by_id[account_id]
            if account.history is not None:
                balances = account.balance(market.base), account.balance(market.quote)
                self.events.append(made(BalancesChanged, (account_id, balances, at_ms)))
        self._moved.clear()
