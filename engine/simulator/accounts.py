"""Accounts of the exchange: what each holds, its open orders, and the newest of its finished ones.

Sums are conserved: what a trade takes from one account it gives to another, commissions to the fee
account. The outsiders of a replay are an account, too, the only one that may owe.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping
from decimal import Decimal
from itertools import islice
from typing import TypeVar

from engine.simulator.book import Entry
from engine.simulator.model import (
    ATOMS,
    Amendment,
    ApiError,
    Balance,
    OrderList,
    PreventedMatch,
    SimAccount,
    SimFill,
    SimOrder,
    made,
)

FEES_ID = 0
OUTSIDERS_ID = -1
KEPT_ORDERS = 10_000
KEPT_LISTS = 1_000
KEPT_NOTES = 1_000
"""Prevented trades and amendments of one account."""
MOST_ATOMS = 2**63 - 1
"""Of one asset, with all accounts together: what a JSON integer of the journal can hold."""

INSUFFICIENT = "Account has insufficient balance for requested action."
INSUFFICIENT_REASON = "INSUFFICIENT_BALANCES"

Kept = TypeVar("Kept", SimOrder, SimFill)


class Account:
    """One account's money and orders. Amounts in atoms."""

    __slots__ = (
        "account_id",
        "free",
        "history",
        "locked",
        "maker_rate",
        "open",
        "open_by_symbol",
        "open_ids",
        "profile",
        "taker_rate",
    )

    def __init__(self, profile: SimAccount) -> None:
        self.profile = profile
        self.account_id = profile.account_id
        self.maker_rate = _rate(profile.maker_bps)
        self.taker_rate = _rate(profile.taker_bps)
        """Commission rates as (numerator, denominator) of what is received."""
        self.free: defaultdict[str, int] = defaultdict(int)
        self.locked: defaultdict[str, int] = defaultdict(int)
        self.open: dict[int, Entry] = {}
        self.open_ids: dict[str, int] = {}
        """Client order ids of open orders."""
        self.open_by_symbol: defaultdict[str, int] = defaultdict(int)
        """How many orders are open."""
        self.history: History | None = History() if profile.api_key else None

    def lock(self, asset: str, atoms: int) -> None:
        """Put aside what a resting order may need."""
        self.free[asset] -= atoms
        self.locked[asset] += atoms

    def hold(self, order: SimOrder, entry: Entry) -> None:
        """An order is open, with this place in a queue or none yet."""
        if order.order_id not in self.open:
            request = order.request
            self.open_ids[request.client_order_id] = order.order_id
            self.open_by_symbol[request.symbol] += 1
        self.open[order.order_id] = entry

    def let_go(self, order: SimOrder) -> None:
        """An order is not open any more; nothing if it was not."""
        if self.open.pop(order.order_id, None) is not None:
            request = order.request
            del self.open_ids[request.client_order_id]
            self.open_by_symbol[request.symbol] -= 1

    def balance(self, asset: str) -> Balance:
        """What it holds of one asset."""
        return made(Balance, (asset, self.free.get(asset, 0), self.locked.get(asset, 0)))

    def balances(self) -> tuple[Balance, ...]:
        """All assets it has ever held, by name."""
        return tuple(self.balance(asset) for asset in sorted({*self.free, *self.locked}))


class History:
    """The orders and fills of one account with a key: all open ones, and a bounded number of finished ones."""

    __slots__ = (
        "_fills_by_symbol",
        "_finished",
        "_finished_lists",
        "_newest",
        "_stale",
        "amendments",
        "fills_by_order",
        "lists",
        "orders",
        "prevented",
    )

    def __init__(self) -> None:
        self.orders: dict[int, SimOrder] = {}
        self.lists: dict[int, OrderList] = {}
        self._finished_lists: deque[int] = deque()
        self.prevented: deque[PreventedMatch] = deque(maxlen=KEPT_NOTES)
        self.amendments: deque[Amendment] = deque(maxlen=KEPT_NOTES)
        self.fills_by_order: dict[int, list[SimFill]] = {}
        self._fills_by_symbol: dict[str, list[SimFill]] = {}
        self._stale: Counter[str] = Counter()
        """Fills per symbol that are listed still though their order is forgotten."""
        self._newest: dict[tuple[str, str], int] = {}
        self._finished: deque[int] = deque()

    def add(self, order: SimOrder) -> None:
        """Remember an order from its first moment."""
        request = order.request
        self.orders[order.order_id] = order
        self._newest[request.symbol, request.client_order_id] = order.order_id

    def add_fill(self, fill: SimFill) -> None:
        """Remember one fill; a symbol's come in the order of their trade ids."""
        self.fills_by_order.setdefault(fill.order_id, []).append(fill)
        self._fills_by_symbol.setdefault(fill.symbol, []).append(fill)

    def finish(self, order: SimOrder) -> None:
        """Count a finished order; the oldest is forgotten when there are too many."""
        self._finished.append(order.order_id)
        if len(self._finished) > KEPT_ORDERS:
            self._forget(self._finished.popleft())

    def rename(self, order: SimOrder, client_order_id: str) -> None:
        """An amended order answers to another client id from now on."""
        request = order.request
        if self._newest.get((request.symbol, request.client_order_id)) == order.order_id:
            del self._newest[request.symbol, request.client_order_id]
        self._newest[request.symbol, client_order_id] = order.order_id

    def finish_list(self, order_list: OrderList) -> None:
        """Count a list that is done; the oldest is forgotten when there are too many."""
        self._finished_lists.append(order_list.list_id)
        if len(self._finished_lists) > KEPT_LISTS:
            del self.lists[self._finished_lists.popleft()]

    @property
    def finished_lists(self) -> tuple[int, ...]:
        """Ids of the lists that are done and still known, in the order in which they were."""
        return tuple(self._finished_lists)

    def restore_lists(self, lists: Iterable[OrderList], finished: Iterable[int]) -> None:
        """Take the lists that a snapshot kept."""
        self.lists = {order_list.list_id: order_list for order_list in lists}
        self._finished_lists.extend(finished)

    def by_client_id(self, symbol: str, client_order_id: str) -> SimOrder | None:
        """The newest order of this client id."""
        order_id = self._newest.get((symbol, client_order_id))
        return None if order_id is None else self.orders[order_id]

    def orders_of(
        self, symbol: str, from_id: int | None, start_ms: int | None, end_ms: int | None, limit: int
    ) -> list[SimOrder]:
        """Oldest first: from an id or a time on, else the newest `limit`."""
        forward = from_id is not None or start_ms is not None
        chosen = (
            order
            for order in (self.orders.values() if forward else reversed(self.orders.values()))
            if order.request.symbol == symbol
            and (from_id is None or order.order_id >= from_id)
            and _within(order.created_ms, start_ms, end_ms)
        )
        return _ordered(islice(chosen, limit), forward)

    def fills_of(
        self,
        symbol: str,
        order_id: int | None,
        from_id: int | None,
        start_ms: int | None,
        end_ms: int | None,
        limit: int,
    ) -> list[SimFill]:
        """Oldest first: from a trade id or a time on, else the newest `limit`."""
        fills = self._fills_by_symbol.get(symbol, [])
        if order_id is not None:
            fills = [fill for fill in self.fills_by_order.get(order_id, []) if fill.symbol == symbol]
        if from_id is not None:
            fills = fills[bisect_left(fills, from_id, key=_trade_id) :]
        forward = from_id is not None or start_ms is not None
        chosen = (fill for fill in (fills if forward else reversed(fills)) if _within(fill.time_ms, start_ms, end_ms))
        return _ordered(islice(chosen, limit), forward)

    @property
    def finished(self) -> tuple[int, ...]:
        """Ids of the finished orders that are still known, in the order in which they finished."""
        return tuple(self._finished)

    def fills(self) -> list[SimFill]:
        """The fills of all orders that are still known, each symbol's in the order of its trades."""
        return [
            fill
            for symbol in sorted(self._fills_by_symbol)
            for fill in self._fills_by_symbol[symbol]
            if fill.order_id in self.orders
        ]

    @classmethod
    def of(cls, orders: Iterable[SimOrder], finished: Iterable[int], fills: Iterable[SimFill]) -> History:
        """A history as a snapshot kept it: orders oldest first, fills in the order of their trades."""
        history = cls()
        for order in orders:
            history.add(order)
        history._finished.extend(finished)
        for fill in fills:
            history.add_fill(fill)
        return history

    def _forget(self, order_id: int) -> None:
        order = self.orders.pop(order_id)
        symbol = order.request.symbol
        self._stale[symbol] += len(self.fills_by_order.pop(order_id, ()))
        fills = self._fills_by_symbol.get(symbol, [])
        if 2 * self._stale[symbol] > len(fills):
            self._fills_by_symbol[symbol] = [fill for fill in fills if fill.order_id in self.orders]
            self._stale[symbol] = 0
        key = (symbol, order.request.client_order_id)
        if self._newest.get(key) == order_id:
            del self._newest[key]


class Accounts:
    """All accounts by id and by key, the fee account and the outsiders among them."""

    def __init__(self) -> None:
        self.by_id: dict[int, Account] = {}
        self._by_key: dict[str, Account] = {}
        self.last_id = 0
        nothing = Decimal(0)
        self.fees = self.add(SimAccount(FEES_ID, "", "", maker_bps=nothing, taker_bps=nothing))
        self.outsiders = self.add(SimAccount(OUTSIDERS_ID, "", "", maker_bps=nothing, taker_bps=nothing))

    def add(self, profile: SimAccount) -> Account:
        """Take in an account; its key must be free."""
        account = Account(profile)
        self.by_id[profile.account_id] = account
        if profile.api_key:
            self._by_key[profile.api_key] = account
        self.last_id = max(self.last_id, profile.account_id)
        return account

    def get(self, account_id: int) -> Account:
        """The account of a customer; ApiError when there is none."""
        account = self.by_id.get(account_id)
        if account is None:
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        return account

    def by_key(self, api_key: str) -> Account | None:
        """The account that trades with this key."""
        return self._by_key.get(api_key)

    def total(self, asset: str) -> int:
        """The atoms of an asset that all accounts hold together."""
        return sum(account.free.get(asset, 0) + account.locked.get(asset, 0) for account in self.by_id.values())


MOST_UNITS = 10_000_000_000
"""Of one asset at opening: the journal writes atoms as 64-bit integers, and nine accounts' worth must fit one."""


def to_atoms(balances: Mapping[str, Decimal]) -> dict[str, int]:
    """Opening balances as atoms; ValueError when one is negative, finer than an atom, or above `MOST_UNITS`."""
    atoms: dict[str, int] = {}
    for asset, quantity in balances.items():
        exact = quantity * ATOMS
        if not exact.is_finite() or exact < 0 or exact != exact.to_integral_value():
            raise ValueError(f"{quantity} {asset} is not a whole number of 1e-8 {asset}")
        if quantity > MOST_UNITS:
            raise ValueError(f"{quantity} {asset} is more than the {MOST_UNITS} that an account can open with")
        atoms[asset] = int(exact)
    return atoms


def _rate(bps: Decimal) -> tuple[int, int]:
    numerator, denominator = (bps / 10_000).as_integer_ratio()
    return numerator, denominator


def _trade_id(fill: SimFill) -> int:
    return fill.trade_id


def _within(at_ms: int, start_ms: int | None, end_ms: int | None) -> bool:
    return (start_ms is None or at_ms >= start_ms) and (end_ms is None or at_ms <= end_ms)


def _ordered(chosen: Iterable[Kept], forward: bool) -> list[Kept]:
    found = list(chosen)
    if not forward:
        found.reverse()
    return found
