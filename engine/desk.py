"""Desk: all that pages and the API call (skeleton: agreed signatures).

Refusals: NotFound, Conflict, Forbidden, Unavailable, Denied, TooMany or plain Refusal (malformed), from engine.domain.values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.domain.fills import Fill
from engine.domain.instrument import Instrument, OrderDraft
from engine.domain.market import Candle, Ticker
from engine.domain.messages import TimelineEntry
from engine.domain.order import Order
from engine.domain.position import Balance
from engine.feeds import Feeds
from engine.hub import Hub
from engine.ports import Account, Credentials, OrderFilter, Page


@dataclass(frozen=True, slots=True)
class Readiness:
    """Whether orders can be taken, and if not, what is still missing in words."""

    ready: bool
    waiting_for: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Submitted:
    order: Order
    created: bool
    """False when the same client_order_id and body had been recorded before."""


@dataclass(frozen=True, slots=True)
class VenueInfo:
    name: str
    title: str
    reachable: bool


@dataclass(frozen=True, slots=True)
class AccountBalances:
    """`worth` in `quote` at last prices; `unpriced` are held assets that have no market to price them by."""

    account: Account
    balances: tuple[Balance, ...]
    worth: Decimal
    quote: str
    unpriced: tuple[str, ...]


class Desk:
    hub: Hub
    feeds: Feeds

    def readiness(self) -> Readiness: ...
    def venues(self) -> tuple[VenueInfo, ...]: ...

    # accounts
    async def accounts(self, user_id: str) -> tuple[Account, ...]: ...
    async def account(self, user_id: str, account_id: str | None) -> Account:
        """The named account, or the user's first (the paper account). NotFound when it is not theirs."""
        raise NotImplementedError
    async def add_account(self, user_id: str, venue: str, label: str, credentials: Credentials) -> Account:
        """Tests the key with a call first; refuses one that may withdraw or may not trade."""
        raise NotImplementedError
    async def remove_account(self, user_id: str, account_id: str) -> None: ...
    async def open_paper_account(self, user_id: str) -> Account:
        """The user's paper account, made when it is missing (10,000 USDT, 0.1 BTC, 1 ETH)."""
        raise NotImplementedError

    # orders
    async def submit_order(self, user_id: str, draft: OrderDraft) -> Submitted: ...
    async def cancel_order(self, user_id: str, order_id: str) -> Order: ...
    async def cancel_all(self, user_id: str, *, symbol: str | None = None, account_id: str | None = None) -> tuple[Order, ...]: ...
    async def order(self, user_id: str, order_id: str) -> Order: ...
    async def order_with_history(self, user_id: str, order_id: str) -> tuple[Order, tuple[Fill, ...], tuple[TimelineEntry, ...]]: ...
    async def orders(self, user_id: str, query: OrderFilter, *, cursor: str | None = None, limit: int = 100) -> Page[Order]: ...
    async def fills(self, user_id: str, *, symbol: str | None = None, account_id: str | None = None, cursor: str | None = None, limit: int = 100) -> Page[Fill]: ...
    async def balances(self, user_id: str, account_id: str | None = None) -> AccountBalances: ...

    # markets
    async def instruments(self, venue: str) -> Mapping[str, Instrument]: ...
    async def instrument(self, venue: str, symbol: str) -> Instrument:
        """By BTC/USDT, BTC-USDT or BTCUSDT. NotFound `unknown_symbol` with field `symbol`."""
        raise NotImplementedError
    async def tickers(self, venue: str) -> Mapping[str, Ticker]: ...
    async def candles(self, venue: str, symbol: str, timeframe: str, *, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500) -> tuple[Candle, ...]: ...

    # preferences
    async def preference(self, user_id: str, name: str) -> str | None: ...
    async def set_preference(self, user_id: str, name: str, value: str) -> None: ...
