"""The exchange as one object: every order, cancel and query of one simulated Binance Spot.

Synchronous and single-threaded: a call is one atomic operation, journalled before its effects are
shown to listeners. The protocol layer (REST, streams, ws-api) and the synthetic traders stand on it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from engine.simulator.accounts import MOST_ATOMS, Account, to_atoms
from engine.simulator.admission import admit, admit_list, check_request
from engine.simulator.amend import admit_amendment, amend
from engine.simulator.inputs import (
    World,
    account_record,
    add_account,
    amend_record,
    apply,
    cancel_record,
    deposit_record,
    history_record,
    levels_record,
    list_record,
    note_record,
    order_record,
    trade_record,
)
from engine.simulator.intervals import INTERVALS, interval_ms
from engine.simulator.journal import MOST_RECORDS, Journal
from engine.simulator.keeping import Keeper
from engine.simulator.marketplace import Market
from engine.simulator.matching import Matcher
from engine.simulator.model import (
    Amendment,
    ApiError,
    Balance,
    Execution,
    Kline,
    Listing,
    NewList,
    NewOrder,
    OrderList,
    OrderReported,
    Side,
    SimAccount,
    SimFill,
    SimOrder,
    Status,
)
from engine.simulator.outside import print_trade, set_levels, show_top
from engine.simulator.reading import NowMs, open_in, open_order
from engine.simulator.recovery import identity, recover


class Exchange(Keeper):
    """One simulated Binance Spot; `Reader` has what can be asked of it, `Keeper` who is told and when."""

    def __init__(
        self,
        listings: Sequence[Listing],
        seed: int,
        now_ms: NowMs,
        journal_dir: Path | None,
        *,
        snapshot_every: int = MOST_RECORDS,
    ) -> None:
        """Open the exchange; with a journal that is not empty, recover from it first.

        `journal_dir` None keeps everything in memory. Raises JournalError when the journal is damaged, in
        use, or belongs to other listings or another seed (`journal_seed` tells which). After every
        `snapshot_every` records the journal is cut, which bounds the time of a recovery.
        """
        world, journal = World(Matcher(listings)), None
        if journal_dir is not None:
            journal = Journal(journal_dir, seed, identity(listings), most_records=snapshot_every)
        super().__init__(world, {listing.symbol: listing for listing in listings}, now_ms, journal)
        self._seed = seed
        self._recovered = False
        if journal is not None:
            try:
                self._recovered = recover(journal, world)
            except BaseException:
                journal.close()
                raise

    @property
    def recovered(self) -> bool:
        """Whether the journal held a market to continue."""
        return self._recovered

    @property
    def seed(self) -> int:
        """What the market is made from."""
        return self._seed

    def note(self, name: str, state: Mapping[str, object]) -> None:
        """Journal the newest state of something that drives the market (the flow's random state)."""
        record = note_record(name, state)
        self._write(record)
        apply(self._world, record)

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
        """A new account; ApiError when the key is taken. An empty key makes one that only flow can use.

        ValueError when a balance is no whole number of atoms or more than the exchange can hold.
        """
        if api_key and self._matcher.accounts.by_key(api_key) is not None:
            raise ApiError(-2015, "This API-key is taken.", 409)
        atoms = to_atoms(balances)
        for asset, quantity in atoms.items():
            if self.total(asset) + quantity > MOST_ATOMS:
                raise ValueError(f"{balances[asset]} {asset} is more than the exchange can hold in all")
        account_id = self._matcher.accounts.last_id + 1
        profile = SimAccount(account_id, api_key, secret, can_trade, can_withdraw, maker_bps, taker_bps)
        self._write(account_record(profile, atoms), sync=bool(api_key))
        add_account(self._world, profile, atoms)
        return profile

    def deposit(self, account_id: int, asset: str, quantity: Decimal) -> Balance:
        """Bring in more of an asset; what the account then holds of it. ValueError when it is more than fits."""
        account, atoms = self._account(account_id), to_atoms({asset: quantity})[asset]
        if atoms == 0:
            raise ValueError("a deposit must be more than nothing")
        if self.total(asset) + atoms > MOST_ATOMS:
            raise ValueError(f"{quantity} {asset} is more than the exchange can hold in all")
        now = self._time()
        record = deposit_record(account_id, asset, atoms, now)
        self._write(record, now, sync=True)
        apply(self._world, record)
        self._matcher.reports.deposit(account, asset, atoms, now)
        self._tell()
        return account.balance(asset)

    # --- trading -------------------------------------------------------------------------------

    def place(self, account_id: int, request: NewOrder) -> tuple[SimOrder, tuple[SimFill, ...]]:
        """Check filters and balance, match, rest what is left. ApiError (-1013, -2010, …) when refused,
        and then nothing has changed. Market orders by `quote_atoms` buy or sell as many lots as fit."""
        market, account = self._market(request.symbol), self._account(account_id)
        now = self._time()
        admit(market, account, request, now)
        if self._journal is not None:
            self._write(order_record(account_id, request, now), sync=account.history is not None)
        self._world.last_ms = now
        order, fills = self._matcher.place(account, request, now)
        answer = order.copy(), tuple(fills)
        self._tell()
        return answer

    def report_rejected(self, account_id: int, request: NewOrder, reason: str) -> None:
        """Tell the account by an event that the new order of a cancel-replace was refused; it has no id (-1)."""
        now = self._time()
        order = SimOrder(-1, account_id, request, Status.REJECTED, now, now, request.lots)
        self._matcher.reports.events.append(OrderReported(order, Execution.REJECTED, now, reject_reason=reason))
        self._tell()

    def check(self, account_id: int, request: NewOrder) -> None:
        """Raise what `place` would raise, and do nothing else (Binance's order/test)."""
        admit(self._market(request.symbol), self._account(account_id), request, self._time())

    def check_filters(self, account_id: int, request: NewOrder, replaced: SimOrder | None = None) -> None:
        """Raise what `place` would raise whatever the balance and the market are, were `replaced` not open."""
        market, account = self._market(request.symbol), self._account(account_id)
        check_request(market, account, request, self._time(), replaced=replaced)

    def place_list(self, account_id: int, asked: NewList) -> OrderList:
        """Place an order list, whole or not at all: ApiError when one of its orders is refused."""
        market, account = self._market(asked.orders[0].symbol), self._account(account_id)
        now = self._time()
        admit_list(market, account, asked, now)
        self._write(list_record(account_id, asked, now), now, sync=True)
        order_list = self._matcher.place_list(account, asked, now)
        self._tell()
        return order_list

    def amend(
        self,
        account_id: int,
        symbol: str,
        lots: int,
        new_client_order_id: str,
        *,
        order_id: int | None = None,
        client_order_id: str | None = None,
    ) -> tuple[SimOrder, Amendment]:
        """Lower an open order's quantity to `lots`, in its place; ApiError -2038 when that cannot be done."""
        market, account = self._market(symbol), self._account(account_id)
        order = open_order(account, symbol, order_id, client_order_id)
        if order is None:
            raise ApiError(-2013, "Order does not exist.")
        admit_amendment(market, account, order, lots, new_client_order_id)
        now = self._time()
        self._write(amend_record(account_id, order.order_id, lots, new_client_order_id, now), now, sync=True)
        made = amend(self._matcher, account, order.order_id, lots, new_client_order_id, now)
        answer = order.copy(), made
        self._tell()
        return answer

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
        order = open_order(account, symbol, order_id, client_order_id)
        if order is None:
            raise ApiError(-2011, "Unknown order sent.")
        return self._cancel(market, account, [order], cancel_client_order_id)[0]

    def cancel_all(self, account_id: int, symbol: str) -> tuple[SimOrder, ...]:
        """Cancel every open order of this account in this symbol; an empty answer when there is none."""
        market, account = self._market(symbol), self._account(account_id)
        orders = open_in(account, symbol)
        if not orders:
            return ()
        return self._cancel(market, account, orders, "")

    # --- prices from outside: history behind the first trade, and replay -------------------------

    def load_history(self, symbol: str, minutes: Sequence[Kline]) -> None:
        """One-minute candles older than the first trade, gapless, oldest first. Once, at the very start."""
        self._market(symbol)
        if len(self._matcher.markets[symbol].tape.candles):
            raise ValueError(f"{symbol} has candles already: history must come before them")
        record = history_record(symbol, minutes)
        self._write(record)
        apply(self._world, record)

    def set_external_levels(
        self,
        symbol: str,
        bids: Sequence[tuple[int, int]],
        asks: Sequence[tuple[int, int]],
        *,
        first_update_id: int | None = None,
        last_update_id: int | None = None,
        replace: bool = False,
    ) -> None:
        """Set the quantity that outsiders show at each level (0 removes it); with `replace` the whole outside book.

        One DepthChanged is emitted for the call even if it changes nothing. Its ids go on from the book's
        newest without a gap and end at `last_update_id` where that is ahead, so a replayed book keeps the
        recording's ids; `first_update_id` is what the recording says and must not be above the last.
        Our orders that the new levels cross are filled at their own price first.
        """
        market = self._market(symbol)
        last = last_update_id or 0
        if first_update_id is not None and first_update_id > last:
            raise ValueError(f"updates {first_update_id} to {last} run backwards")
        for price, lots in (*bids, *asks):
            if not 0 < price <= market.rules.max_ticks or not 0 <= lots <= MOST_ATOMS:
                raise ValueError(f"{lots} lots at {price} ticks is no level of {symbol}")
        now = self._time()
        self._write(levels_record(symbol, bids, asks, last, replace, now), now)
        set_levels(self._matcher, market, bids, asks, now, last, replace=replace)
        self._tell()

    def print_external_trade(
        self, symbol: str, price_ticks: int, lots: int, *, buyer_is_maker: bool, trade_id: int | None = None
    ) -> None:
        """A trade between outsiders: shown as it was recorded, and it fills our resting orders that it reaches.

        Better-priced ones at once, those at its price after the outside quantity that stood before them.
        What ours take is printed as trades of their own and taken off the recorded one. `trade_id` is kept
        where it is ahead of the newest.
        """
        market = self._market(symbol)
        if not 0 < price_ticks <= market.rules.max_ticks or not 0 < lots <= market.rules.max_lots:
            raise ValueError(f"a trade of {lots} lots at {price_ticks} ticks is none of {symbol}")
        now = self._time()
        self._write(trade_record(symbol, price_ticks, lots, buyer_is_maker, trade_id or 0, now), now)
        print_trade(self._matcher, market, price_ticks, lots, now, trade_id or 0, buyer_is_maker=buyer_is_maker)
        self._tell()

    def show_external_top(self, symbol: str, update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> None:
        """A recorded best bid and ask, emitted as TopChanged; where an order of ours is as good, with the book's own.

        While recorded ones are ahead of the book's update id, changes of the book do not emit any.
        """
        show_top(self._matcher, self._market(symbol), update_id, bid, ask)
        self._tell()

    # --- inside ----------------------------------------------------------------------------------

    def _cancel(
        self, market: Market, account: Account, orders: Sequence[SimOrder], cancel_id: str
    ) -> tuple[SimOrder, ...]:
        now = self._time()
        ids = [order.order_id for order in orders]
        record = cancel_record(account.account_id, market.symbol, ids, cancel_id, now)
        self._write(record, now, sync=account.history is not None)
        canceled = tuple(order.copy() for order in self._matcher.cancel(market, orders, now, cancel_id))
        self._tell()
        return canceled


__all__ = ["INTERVALS", "Exchange", "NowMs", "Side", "interval_ms"]
