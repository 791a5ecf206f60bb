"""The exchange as one object: every order, cancel and query of one simulated Binance Spot.

Synchronous and single-threaded: a call is one atomic operation, journalled before its effects are
shown to listeners. The protocol layer (REST, streams, ws-api) and the synthetic traders stand on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path

from engine.simulator.model import (
    Balance, DepthSnapshot, Kline, Listener, Listing, NewOrder, PublicTrade, Side, SimAccount, SimFill, SimOrder,
    Ticker24h,
)

NowMs = Callable[[], int]


class Exchange:
    def __init__(self, listings: Sequence[Listing], seed: int, now_ms: NowMs, journal_dir: Path | None) -> None:
        """Open the exchange; with a journal that is not empty, recover from it first.

        `journal_dir` None keeps everything in memory. Raises JournalError when the journal belongs to
        other listings or another seed.
        """
        raise NotImplementedError

    # --- lifecycle -----------------------------------------------------------------------------
    @property
    def recovered(self) -> bool:
        """Whether the journal held a market to continue."""
        raise NotImplementedError

    @property
    def seed(self) -> int: ...
    @property
    def listings(self) -> Mapping[str, Listing]: ...
    def close(self) -> None: ...
    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` for every event from now on; returns the call that ends it."""
        raise NotImplementedError

    def note(self, name: str, state: Mapping[str, object]) -> None:
        """Journal the newest state of something that drives the market (the flow's random state)."""
        raise NotImplementedError

    def noted(self, name: str) -> Mapping[str, object] | None:
        """What `note` kept last under this name, across restarts."""
        raise NotImplementedError

    # --- accounts ------------------------------------------------------------------------------
    def create_account(
        self, api_key: str, secret: str, balances: Mapping[str, Decimal], *, can_trade: bool = True,
        can_withdraw: bool = False, maker_bps: Decimal = Decimal(10), taker_bps: Decimal = Decimal(10),
    ) -> SimAccount:
        """A new account; ApiError when the key is taken. An empty key makes one that only flow can use."""
        raise NotImplementedError

    def account_by_key(self, api_key: str) -> SimAccount | None: ...
    def balances(self, account_id: int) -> tuple[Balance, ...]: ...

    # --- trading -------------------------------------------------------------------------------
    def place(self, account_id: int, request: NewOrder) -> tuple[SimOrder, tuple[SimFill, ...]]:
        """Check filters and balance, match, rest what is left. ApiError (-1013, -2010, …) when refused,
        and then nothing has changed. Market orders by `quote_atoms` buy or sell as many lots as fit."""
        raise NotImplementedError

    def cancel(self, account_id: int, symbol: str, *, order_id: int | None = None, client_order_id: str | None = None,
               cancel_client_order_id: str = "") -> SimOrder:
        """ApiError -2011 when there is no such open order of this account."""
        raise NotImplementedError

    def cancel_all(self, account_id: int, symbol: str) -> tuple[SimOrder, ...]: ...
    def order(self, account_id: int, symbol: str, *, order_id: int | None = None,
              client_order_id: str | None = None) -> SimOrder:
        """The newest order that answers; ApiError -2013 when there is none."""
        raise NotImplementedError

    def open_orders(self, account_id: int, symbol: str | None = None) -> tuple[SimOrder, ...]: ...
    def orders(self, account_id: int, symbol: str, *, from_id: int | None = None, start_ms: int | None = None,
               end_ms: int | None = None, limit: int = 500) -> tuple[SimOrder, ...]: ...
    def fills(self, account_id: int, symbol: str, *, order_id: int | None = None, from_id: int | None = None,
              start_ms: int | None = None, end_ms: int | None = None, limit: int = 500) -> tuple[SimFill, ...]: ...
    def fills_of(self, order_id: int) -> tuple[SimFill, ...]: ...

    # --- the market ----------------------------------------------------------------------------
    def depth(self, symbol: str, limit: int = 100) -> DepthSnapshot: ...
    def trades(self, symbol: str, *, from_id: int | None = None, start_ms: int | None = None,
               end_ms: int | None = None, limit: int = 500) -> tuple[PublicTrade, ...]:
        """Oldest first; without bounds the newest `limit`. A bounded number is kept per symbol."""
        raise NotImplementedError

    def klines(self, symbol: str, interval: str, *, start_ms: int | None = None, end_ms: int | None = None,
               limit: int = 500) -> tuple[Kline, ...]:
        """Oldest first, without gaps: a minute without a trade is flat at the last close (Binance does so)."""
        raise NotImplementedError

    def current_kline(self, symbol: str, interval: str) -> Kline | None:
        """The candle that is forming now, for the kline streams."""
        raise NotImplementedError

    def ticker(self, symbol: str) -> Ticker24h: ...
    def last_price(self, symbol: str) -> int:
        """Ticks of the newest trade, or of the newest candle before the first trade; 0 when neither is."""
        raise NotImplementedError

    # --- prices from outside: history behind the first trade, and replay -------------------------
    def load_history(self, symbol: str, minutes: Sequence[Kline]) -> None:
        """One-minute candles older than the first trade, gapless, oldest first. Once, at the very start."""
        raise NotImplementedError

    def set_external_levels(self, symbol: str, bids: Sequence[tuple[int, int]], asks: Sequence[tuple[int, int]], *,
                            first_update_id: int | None = None, last_update_id: int | None = None,
                            replace: bool = False) -> None:
        """Set the quantity that outsiders show at each level (0 removes it); with `replace` the whole outside book.

        One DepthChanged is emitted for the call even if it changes nothing, with these update ids when
        they continue the chain (so a replayed book keeps the recording's ids until our own orders move it).
        Our orders that the new levels cross are filled at their own price first.
        """
        raise NotImplementedError

    def print_external_trade(self, symbol: str, price_ticks: int, lots: int, *, buyer_is_maker: bool,
                             trade_id: int | None = None) -> None:
        """A trade between outsiders: shown as it was recorded, and it fills our resting orders that it reaches
        (better-priced ones at once, those at its price after the outside quantity that stood before them)."""
        raise NotImplementedError

    def show_external_top(self, symbol: str, update_id: int, bid: tuple[int, int], ask: tuple[int, int]) -> None:
        """A recorded best bid and ask, emitted as TopChanged unless an order of ours is the best."""
        raise NotImplementedError


def interval_ms(interval: str, at_ms: int) -> tuple[int, int]:
    """The [open, next open) of the candle of this interval that holds `at_ms`; ApiError -1120 when unknown."""
    raise NotImplementedError


__all__ = ["Exchange", "Side", "interval_ms"]
