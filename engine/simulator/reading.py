"""What can be asked of the exchange; nothing here changes anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.simulator.accounts import Account
from engine.simulator.inputs import World
from engine.simulator.marketplace import Market, find_market
from engine.simulator.model import (
    Amendment,
    ApiError,
    Balance,
    DepthSnapshot,
    Kline,
    Listing,
    OrderList,
    PreventedMatch,
    PublicTrade,
    SimAccount,
    SimFill,
    SimOrder,
    Ticker24h,
)
from engine.simulator.seconds import SECOND, second_klines

NowMs = Callable[[], int]


class Reader:
    """The queries of the exchange, over its state. Answers are copies: the engine does not change them."""

    def __init__(self, world: World, listings: Mapping[str, Listing], now_ms: NowMs) -> None:
        self._world = world
        self._matcher = world.matcher
        self._listings = listings
        self._now_ms = now_ms

    @property
    def listings(self) -> Mapping[str, Listing]:
        """What is traded, by symbol."""
        return self._listings

    def noted(self, name: str) -> Mapping[str, object] | None:
        """What `note` kept last under this name, across restarts."""
        return self._world.notes.get(name)

    # --- accounts --------------------------------------------------------------------------------

    def account_by_key(self, api_key: str) -> SimAccount | None:
        """The account that trades with this key."""
        account = self._matcher.accounts.by_key(api_key)
        return None if account is None else account.profile

    def balances(self, account_id: int) -> tuple[Balance, ...]:
        """All assets the account has ever held, by name."""
        return self._account(account_id).balances()

    def order(
        self, account_id: int, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """The newest order that answers; ApiError -2013 when there is none."""
        self._market(symbol)
        account = self._account(account_id)
        found = open_order(account, symbol, order_id, client_order_id)
        if found is None and account.history is not None:
            if order_id is not None:
                found = account.history.orders.get(order_id)
            elif client_order_id is not None:
                found = account.history.by_client_id(symbol, client_order_id)
        if found is None or not _answers(found, symbol, client_order_id):
            raise ApiError(-2013, "Order does not exist.")
        return found.copy()

    def open_orders(self, account_id: int, symbol: str | None = None) -> tuple[SimOrder, ...]:
        """Oldest first."""
        if symbol is not None:
            self._market(symbol)
        return tuple(order.copy() for order in open_in(self._account(account_id), symbol))

    def orders(
        self,
        account_id: int,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> tuple[SimOrder, ...]:
        """Oldest first: from an id or a time on, else the newest `limit`; an account without a key has no past."""
        self._market(symbol)
        account = self._account(account_id)
        if account.history is None:
            return self.open_orders(account_id, symbol)
        return tuple(order.copy() for order in account.history.orders_of(symbol, from_id, start_ms, end_ms, limit))

    def fills(
        self,
        account_id: int,
        symbol: str,
        *,
        order_id: int | None = None,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> tuple[SimFill, ...]:
        """Oldest first: of one order, from a trade id or a time on, else the newest `limit`."""
        self._market(symbol)
        history = self._account(account_id).history
        if history is None:
            return ()
        return tuple(history.fills_of(symbol, order_id, from_id, start_ms, end_ms, limit))

    def fills_of(self, order_id: int) -> tuple[SimFill, ...]:
        """All fills of an order of an account with a key, oldest first; empty when it has none."""
        for account in self._matcher.accounts.by_id.values():
            if account.history is not None and order_id in account.history.fills_by_order:
                return tuple(account.history.fills_by_order[order_id])
        return ()

    def order_list(self, account_id: int, list_id: int | None, client_id: str | None) -> OrderList:
        """The order list of this id, or the newest of this client id; ApiError -2018 when there is none."""
        history = self._account(account_id).history
        known = {} if history is None else history.lists
        if list_id is not None:
            found = known.get(list_id)
        else:
            found = next((each for each in reversed(known.values()) if each.client_id == client_id), None)
        if found is None:
            raise ApiError(-2018, "Order list does not exist.")
        return found.copy()

    def order_lists(self, account_id: int) -> tuple[OrderList, ...]:
        """All order lists that are known still, oldest first."""
        history = self._account(account_id).history
        return () if history is None else tuple(found.copy() for found in history.lists.values())

    def list_id_of(self, account_id: int, order_id: int) -> int:
        """The list that an order of this account belongs to; -1 when to none."""
        history = self._account(account_id).history
        order = None if history is None else history.orders.get(order_id)
        return -1 if order is None else order.list_id

    def prevented(self, account_id: int, symbol: str) -> tuple[PreventedMatch, ...]:
        """The newest trades with itself that this account was kept from, oldest first."""
        history = self._account(account_id).history
        return () if history is None else tuple(match for match in history.prevented if match.symbol == symbol)

    def amendments(self, account_id: int, order_id: int) -> tuple[Amendment, ...]:
        """What was amended in an order, oldest first."""
        history = self._account(account_id).history
        return () if history is None else tuple(made for made in history.amendments if made.order_id == order_id)

    # --- the market ----------------------------------------------------------------------------

    def depth(self, symbol: str, limit: int = 100) -> DepthSnapshot:
        """The best `limit` levels of both sides."""
        market = self._market(symbol)
        return DepthSnapshot(symbol, market.update_id, market.book.bids.top(limit), market.book.asks.top(limit))

    def trades(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> tuple[PublicTrade, ...]:
        """Oldest first; without bounds the newest `limit`. A bounded number is kept per symbol."""
        return tuple(self._market(symbol).tape.trades(from_id, start_ms, end_ms, limit))

    def aggregates(
        self,
        symbol: str,
        *,
        from_id: int | None = None,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> list[list[PublicTrade]]:
        """The trades of each aggregate, oldest first; without bounds the newest `limit`."""
        return self._market(symbol).tape.aggregates(from_id, start_ms, end_ms, limit)

    def klines(
        self,
        symbol: str,
        interval: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
        offset_ms: int = 0,
    ) -> tuple[Kline, ...]:
        """Oldest first, without gaps: a minute without a trade is flat at the last close (Binance does so).

        `offset_ms` says how far ahead of UTC the clock is by which intervals open.
        """
        tape = self._market(symbol).tape
        if interval == SECOND:
            return tuple(second_klines(tape, start_ms, end_ms, limit, self._time()))
        return tuple(tape.candles.between(interval, start_ms, end_ms, limit, self._time(), offset_ms))

    def current_kline(self, symbol: str, interval: str, offset_ms: int = 0) -> Kline | None:
        """The candle that is forming now, for the kline streams."""
        tape = self._market(symbol).tape
        if interval == SECOND:
            return next(iter(second_klines(tape, None, None, 1, self._time())), None)
        return tape.candles.current(interval, self._time(), offset_ms)

    def window(self, symbol: str, start_ms: int) -> Ticker24h:
        """From the minute that holds `start_ms` up to now."""
        return self._market(symbol).tape.window(start_ms, self._time())

    def last_trade_ms(self, symbol: str) -> int:
        """When it was traded last; 0 before the first trade."""
        return self._market(symbol).tape.last_time()

    def ticker(self, symbol: str) -> Ticker24h:
        """The rolling 24 hours."""
        return self._market(symbol).tape.ticker(self._time())

    def average_price(self, symbol: str) -> int:
        """Ticks of the volume-weighted average of the last five minutes, else of the last price; 0 before any."""
        return self._market(symbol).tape.average_ticks(self._time())

    def last_price(self, symbol: str) -> int:
        """Ticks of the newest trade, or of the newest candle before the first trade; 0 when neither is."""
        return self._market(symbol).tape.last_price

    def total(self, asset: str) -> int:
        """Atoms of an asset that all accounts hold together, fees and outsiders among them: no trade changes it."""
        return self._matcher.accounts.total(asset)

    # --- inside ----------------------------------------------------------------------------------

    def _market(self, symbol: str) -> Market:
        return self._matcher.markets.get(symbol) or find_market(self._matcher.markets, symbol)

    def _account(self, account_id: int) -> Account:
        return self._matcher.accounts.by_id.get(account_id) or self._matcher.accounts.get(account_id)

    def _time(self) -> int:
        """Now, but never before what was recorded last: the market's time does not run backwards."""
        return max(self._world.last_ms, self._now_ms())


def open_order(account: Account, symbol: str, order_id: int | None, client_order_id: str | None) -> SimOrder | None:
    """The open order of these ids."""
    if order_id is None and client_order_id is not None:
        order_id = account.open_ids.get(client_order_id)
    entry = None if order_id is None else account.open.get(order_id)
    if entry is None or entry.order is None or not _answers(entry.order, symbol, client_order_id):
        return None
    return entry.order


def _answers(order: SimOrder, symbol: str, client_order_id: str | None) -> bool:
    request = order.request
    return request.symbol == symbol and (client_order_id is None or request.client_order_id == client_order_id)


def open_in(account: Account, symbol: str | None) -> list[SimOrder]:
    """The open orders of one symbol or of all, as they were placed."""
    return [
        entry.order
        for entry in account.open.values()
        if entry.order is not None and (symbol is None or entry.order.request.symbol == symbol)
    ]
