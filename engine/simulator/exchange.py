"""The exchange as one object: every order, cancel and query of one simulated Binance Spot.

Synchronous and single-threaded: a call is one atomic operation, journalled before its effects are
shown to listeners. The protocol layer (REST, streams, ws-api) and the synthetic traders stand on it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from engine.simulator.accounts import Account, to_atoms
from engine.simulator.admission import admit
from engine.simulator.book import Entry
from engine.simulator.candles import INTERVALS, interval_ms
from engine.simulator.marketplace import Market, find_market
from engine.simulator.matching import Matcher
from engine.simulator.model import (
    ApiError,
    Balance,
    DepthSnapshot,
    Kline,
    Listener,
    Listing,
    NewOrder,
    PublicTrade,
    Side,
    SimAccount,
    SimEvent,
    SimFill,
    SimOrder,
    Ticker24h,
)

NowMs = Callable[[], int]


class Exchange:
    """One simulated Binance Spot."""

    def __init__(self, listings: Sequence[Listing], seed: int, now_ms: NowMs, journal_dir: Path | None) -> None:
        """Open the exchange; with a journal that is not empty, recover from it first.

        `journal_dir` None keeps everything in memory. Raises JournalError when the journal belongs to
        other listings or another seed.
        """
        self._listings = {listing.symbol: listing for listing in listings}
        self._seed = seed
        self._now_ms = now_ms
        self._last_ms = 0
        self._matcher = Matcher(listings)
        self._notes: dict[str, Mapping[str, object]] = {}
        self._listeners: list[Listener] = []
        self._waiting: deque[SimEvent] = deque()
        self._telling = False
        self._recovered = False

    # --- lifecycle -----------------------------------------------------------------------------

    @property
    def recovered(self) -> bool:
        """Whether the journal held a market to continue."""
        return self._recovered

    @property
    def seed(self) -> int:
        """What the market is made from."""
        return self._seed

    @property
    def listings(self) -> Mapping[str, Listing]:
        """What is traded, by symbol."""
        return self._listings

    def close(self) -> None:
        """Write what is not written yet and give the journal free."""

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every event from now on; returns the call that ends it."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    def note(self, name: str, state: Mapping[str, object]) -> None:
        """Journal the newest state of something that drives the market (the flow's random state)."""
        self._notes[name] = state

    def noted(self, name: str) -> Mapping[str, object] | None:
        """What `note` kept last under this name, across restarts."""
        return self._notes.get(name)

    # --- accounts ------------------------------------------------------------------------------

    def create_account(
        self,
        api_key: str,
        secret: str,
        balances: Mapping[str, Decimal],
        *,
        can_trade: bool = True,
        can_withdraw: bool = False,
        maker_bps: Decimal = Decimal(10),
        taker_bps: Decimal = Decimal(10),
    ) -> SimAccount:
        """A new account; ApiError when the key is taken. An empty key makes one that only flow can use."""
        if api_key and self._matcher.accounts.by_key(api_key) is not None:
            raise ApiError(-2015, "This API-key is taken.", 409)
        atoms = to_atoms(balances)
        account_id = self._matcher.accounts.last_id + 1
        profile = SimAccount(account_id, api_key, secret, can_trade, can_withdraw, maker_bps, taker_bps)
        account = self._matcher.accounts.add(profile)
        for asset, quantity in atoms.items():
            account.free[asset] += quantity
        return profile

    def account_by_key(self, api_key: str) -> SimAccount | None:
        """The account that trades with this key."""
        account = self._matcher.accounts.by_key(api_key)
        return None if account is None else account.profile

    def balances(self, account_id: int) -> tuple[Balance, ...]:
        """All assets the account has ever held, by name."""
        return self._account(account_id).balances()

    # --- trading -------------------------------------------------------------------------------

    def place(self, account_id: int, request: NewOrder) -> tuple[SimOrder, tuple[SimFill, ...]]:
        """Check filters and balance, match, rest what is left. ApiError (-1013, -2010, …) when refused,
        and then nothing has changed. Market orders by `quote_atoms` buy or sell as many lots as fit."""
        market, account = self._market(request.symbol), self._account(account_id)
        now = self._time()
        admit(market, account, request, now)
        order, fills = self._matcher.place(account, request, now)
        answer = order.copy(), tuple(fills)
        self._tell()
        return answer

    def check(self, account_id: int, request: NewOrder) -> None:
        """Raise what `place` would raise, and do nothing else (Binance's order/test)."""
        admit(self._market(request.symbol), self._account(account_id), request, self._time())

    def cancel(
        self,
        account_id: int,
        symbol: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
        cancel_client_order_id: str = "",
    ) -> SimOrder:
        """ApiError -2011 when there is no such open order of this account."""
        market, account = self._market(symbol), self._account(account_id)
        entry = _open_entry(account, symbol, order_id, client_order_id)
        if entry is None:
            raise ApiError(-2011, "Unknown order sent.")
        canceled = self._matcher.cancel(market, [entry], self._time(), cancel_client_order_id)[0].copy()
        self._tell()
        return canceled

    def cancel_all(self, account_id: int, symbol: str) -> tuple[SimOrder, ...]:
        """Cancel every open order of this account in this symbol; an empty answer when there is none."""
        market, account = self._market(symbol), self._account(account_id)
        entries = _open_in(account, symbol)
        if not entries:
            return ()
        canceled = tuple(order.copy() for order in self._matcher.cancel(market, entries, self._time(), ""))
        self._tell()
        return canceled

    def order(
        self, account_id: int, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None
    ) -> SimOrder:
        """The newest order that answers; ApiError -2013 when there is none."""
        self._market(symbol)
        account = self._account(account_id)
        entry = _open_entry(account, symbol, order_id, client_order_id)
        found = None if entry is None else entry.order
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
        entries = _open_in(self._account(account_id), symbol)
        return tuple(entry.order.copy() for entry in entries if entry.order is not None)

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

    def klines(
        self, symbol: str, interval: str, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> tuple[Kline, ...]:
        """Oldest first, without gaps: a minute without a trade is flat at the last close (Binance does so)."""
        return tuple(self._market(symbol).tape.candles.between(interval, start_ms, end_ms, limit, self._time()))

    def current_kline(self, symbol: str, interval: str) -> Kline | None:
        """The candle that is forming now, for the kline streams."""
        return self._market(symbol).tape.candles.current(interval, self._time())

    def ticker(self, symbol: str) -> Ticker24h:
        """The rolling 24 hours."""
        return self._market(symbol).tape.ticker(self._time())

    def average_price(self, symbol: str) -> int:
        """Ticks of the volume-weighted average of the last five minutes, else of the last price; 0 before any."""
        return self._market(symbol).tape.average_ticks(self._time())

    def last_price(self, symbol: str) -> int:
        """Ticks of the newest trade, or of the newest candle before the first trade; 0 when neither is."""
        return self._market(symbol).tape.last_price

    # --- prices from outside: history behind the first trade, and replay -------------------------

    def load_history(self, symbol: str, minutes: Sequence[Kline]) -> None:
        """One-minute candles older than the first trade, gapless, oldest first. Once, at the very start."""
        self._market(symbol).tape.load_history(minutes)

    # --- inside ----------------------------------------------------------------------------------

    def _market(self, symbol: str) -> Market:
        return find_market(self._matcher.markets, symbol)

    def _account(self, account_id: int) -> Account:
        return self._matcher.accounts.get(account_id)

    def _time(self) -> int:
        """Now, but never before what was recorded last: the market's time does not run backwards."""
        self._last_ms = max(self._last_ms, self._now_ms())
        return self._last_ms

    def _tell(self) -> None:
        """Hand the events of the finished operation to all listeners, in the order in which they happened.

        An operation that a listener starts is told after the one it was started by.
        """
        events = self._matcher.reports.events
        self._waiting.extend(events)
        events.clear()
        if self._telling:
            return
        self._telling = True
        try:
            while self._waiting:
                event = self._waiting.popleft()
                for listener in tuple(self._listeners):
                    listener(event)
        finally:
            self._telling = False


def _open_entry(account: Account, symbol: str, order_id: int | None, client_order_id: str | None) -> Entry | None:
    if order_id is None and client_order_id is not None:
        order_id = account.open_ids.get(client_order_id)
    entry = None if order_id is None else account.open.get(order_id)
    if entry is None or entry.order is None or not _answers(entry.order, symbol, client_order_id):
        return None
    return entry


def _answers(order: SimOrder, symbol: str, client_order_id: str | None) -> bool:
    request = order.request
    return request.symbol == symbol and (client_order_id is None or request.client_order_id == client_order_id)


def _open_in(account: Account, symbol: str | None) -> list[Entry]:
    return [
        entry
        for entry in account.open.values()
        if entry.order is not None and (symbol is None or entry.order.request.symbol == symbol)
    ]


__all__ = ["INTERVALS", "Exchange", "NowMs", "Side", "interval_ms"]
