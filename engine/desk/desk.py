"""Desk: one call for each thing that a page or a client of the API can ask for."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from engine.accounts import Accounts
from engine.desk.amendments import Amendment, Amendments
from engine.desk.answers import AccountBalances, ListSubmitted, PositionView, Readiness, Submitted, VenueInfo
from engine.desk.board import Board
from engine.desk.lists import Lists
from engine.desk.markets import Markets
from engine.desk.orders import Orders, WaitingFor
from engine.desk.positions import Positions
from engine.desk.taking import ENDS, Taking
from engine.domain.dead_man import PREFERENCE as DEAD_MAN
from engine.domain.dead_man import DeadMan
from engine.domain.draft import OrderDraft
from engine.domain.drift import Drift, DriftEnd
from engine.domain.fills import Fill
from engine.domain.instrument import Instrument
from engine.domain.list_draft import ListDraft
from engine.domain.market import Candle, Ticker
from engine.domain.messages import TimelineEntry
from engine.domain.order import Order
from engine.domain.position import worth
from engine.domain.values import NotFound, Refusal, Unavailable
from engine.feeds import Feeds
from engine.hub import Hub
from engine.ports import Account, ChangedSince, Credentials, Drifts, Ledger, OrderFilter, Page, Users, Venue, VenueError
from engine.reconcile import Reconciler, Recorder
from engine.runtime import Clock, Ids

QUOTE = "USDT"
MOST_ITEMS = 500
MOST_CHANGED = 1_000


class Desk:
    """Everything belongs to the user that is named first: what is somebody else's is NotFound."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        users: Users,
        drifts: Drifts,
        reconciler: Reconciler,
        venues: Mapping[str, Venue],
        recorder: Recorder,
        accounts: Accounts,
        feeds: Feeds,
        hub: Hub,
        waiting_for: WaitingFor,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self.hub = hub
        self.feeds = feeds
        self._ledger = ledger
        self._users = users
        self._accounts = accounts
        self._waiting_for = waiting_for
        self._taking = Taking()
        self._markets = Markets(venues, clock)
        self._orders = Orders(ledger, recorder, accounts, self._markets, feeds, waiting_for, clock, ids)
        self._amendments = Amendments(self._orders, recorder, accounts, self._markets)
        self._board = Board(drifts, ledger, reconciler, clock)
        self._positions = Positions(ledger, accounts, self._markets, self._orders)
        self._lists = Lists(ledger, recorder, accounts, self._markets, self._orders, clock, ids)

    async def end(self) -> None:
        """Take nothing new any more: orders, changes and cancels are Unavailable `ending` from now on. Back when those
        that were being taken are on their way."""
        await self._taking.end()

    def readiness(self) -> Readiness:
        waiting_for = (*self._waiting_for(), *([ENDS] if self._taking.ending else []))
        return Readiness(not waiting_for, waiting_for)

    def venues(self) -> tuple[VenueInfo, ...]:
        return self._markets.venues()

    # --- accounts ---

    async def accounts(self, user_id: str) -> tuple[Account, ...]:
        return await self._accounts.of_user(user_id)

    async def account(self, user_id: str, account_id: str | None) -> Account:
        """The named account, or the user's first (the paper account). NotFound when it is not theirs."""
        return await self._accounts.of(user_id, account_id)

    async def add_account(self, user_id: str, venue: str, label: str, credentials: Credentials) -> Account:
        """Tests the key with a call first; refuses one that may withdraw or may not trade."""
        return await self._accounts.add(user_id, venue, label, credentials)

    async def remove_account(self, user_id: str, account_id: str) -> None:
        """Conflict while it has unfinished orders, Forbidden for the paper account."""
        await self._accounts.remove(user_id, account_id)

    async def open_paper_account(self, user_id: str) -> Account:
        """The user's paper account, made when it is missing (10,000 USDT, 0.1 BTC, 1 ETH)."""
        return await self._accounts.open_paper(user_id)

    async def notices(self, user_id: str) -> tuple[str, ...]:
        """What the user should know of their accounts, in sentences; usually nothing."""
        return self._accounts.notices([account.id for account in await self._accounts.of_user(user_id)])

    # --- orders ---

    async def submit_order(self, user_id: str, draft: OrderDraft) -> Submitted:
        """Stored and on its way when this returns. The same client_order_id and body again: the stored order.

        Refusal (nothing stored), Denied (stored, never sent), Conflict `client_order_id_reused`, Unavailable.
        """
        with self._taking:
            return await self._orders.submit(user_id, draft)

    async def submit_list(self, user_id: str, draft: ListDraft) -> ListSubmitted:
        """As `submit_order`, for an OCO or a bracket; refused whole when one of its orders is."""
        with self._taking:
            return await self._lists.submit(user_id, draft)

    async def order_list(self, user_id: str, list_id: str) -> ListSubmitted:
        return await self._lists.of(user_id, list_id)

    async def amend_order(self, user_id: str, order_id: str, wanted: Amendment) -> Order:
        """PENDING_AMEND until the venue has answered. Conflict `order_finished`, `order_not_amendable`."""
        with self._taking:
            return await self._amendments.amend(user_id, order_id, wanted)

    async def cancel_order(self, user_id: str, order_id: str) -> Order:
        """Taken even while new orders are not, unless the desk ends. Conflict `order_finished`."""
        with self._taking:
            return await self._orders.cancel(user_id, order_id)

    async def cancel_all(
        self, user_id: str, *, symbol: str | None = None, account_id: str | None = None
    ) -> tuple[Order, ...]:
        """Every unfinished order, or those of a symbol or account; as they are afterwards."""
        with self._taking:
            return await self._orders.cancel_all(user_id, symbol, account_id)

    async def order(self, user_id: str, order_id: str) -> Order:
        return await self._orders.of(user_id, order_id)

    async def order_with_history(
        self, user_id: str, order_id: str
    ) -> tuple[Order, tuple[Fill, ...], tuple[TimelineEntry, ...]]:
        order = await self._orders.of(user_id, order_id)
        return order, await self._ledger.fills_of(order_id), await self._ledger.timeline(order_id)

    async def fills_of(self, user_id: str, order_id: str) -> tuple[Fill, ...]:
        """Oldest first."""
        return await self._ledger.fills_of((await self._orders.of(user_id, order_id)).id)

    async def sequence(self, user_id: str) -> int:
        """The number of the user's newest event; 0 before the first."""
        return await self._ledger.sequence(user_id)

    async def changed_since(self, user_id: str, sequence: int) -> ChangedSince | None:
        """The orders that the user's events after that one were about, as they are now, up to 1,000; None when it
        cannot be told."""
        return await self._ledger.changed_since(user_id, sequence, MOST_CHANGED)

    async def orders(
        self, user_id: str, query: OrderFilter, *, cursor: str | None = None, limit: int = 100
    ) -> Page[Order]:
        """Newest first, `limit` up to 500."""
        _check_limit(limit)
        try:
            return await self._ledger.orders(user_id, query, cursor=cursor, limit=limit)
        except ValueError as error:
            raise _bad_cursor() from error

    async def fills(
        self,
        user_id: str,
        *,
        symbol: str | None = None,
        account_id: str | None = None,
        cursor: str | None = None,
        limit: int = 100,
    ) -> Page[Fill]:
        """Newest first, `limit` up to 500."""
        _check_limit(limit)
        try:
            return await self._ledger.fills(user_id, symbol=symbol, account_id=account_id, cursor=cursor, limit=limit)
        except ValueError as error:
            raise _bad_cursor() from error

    async def balances(self, user_id: str, account_id: str | None = None) -> AccountBalances:
        """As last heard from the venue. Unavailable when it was never heard and cannot be asked."""
        account = await self._accounts.of(user_id, account_id)
        self._accounts.touch(account.id)
        try:
            held = await self._accounts.balances(account.id)
        except VenueError as error:
            raise Unavailable("venue_unreachable", f"Balances cannot be read now: {error.detail}") from error
        prices = {
            symbol.removesuffix(f"/{QUOTE}"): price
            for symbol, price in (await self._prices(account.venue)).items()
            if symbol.endswith(f"/{QUOTE}")
        }
        total, unpriced = worth(held, prices, QUOTE)
        return AccountBalances(account, held, total, QUOTE, unpriced)

    async def own_symbol(self, user_id: str, text: str) -> str:
        """BTC/USDT for BTC-USDT and BTCUSDT, as the venues of the user's accounts list it. What none of them lists any
        more is taken where there are orders of it. NotFound `unknown_symbol` with field `symbol`."""
        venues = {account.venue for account in await self._accounts.of_user(user_id)}
        missing: NotFound | None = None
        for venue in sorted(venues):
            try:
                return (await self._markets.instrument(venue, text)).symbol
            except NotFound as refusal:
                missing = refusal
            except Unavailable:
                continue
        former = text.upper().replace("-", "/")
        if missing is not None and not await self._has_orders(user_id, OrderFilter(symbol=former)):
            raise missing
        return former

    async def check_account_id(self, user_id: str, account_id: str) -> None:
        """NotFound unless it is an account of theirs, or was one when they traded on it."""
        try:
            await self._accounts.of(user_id, account_id)
        except NotFound:
            if not await self._has_orders(user_id, OrderFilter(account_id=account_id)):
                raise

    async def positions(self, user_id: str, account_id: str | None = None) -> tuple[PositionView, ...]:
        """By average cost from the account's fills, with what each is worth at the last price."""
        account = await self._accounts.of(user_id, account_id)
        prices = await self._prices(account.venue)
        held = await self._positions.of(user_id, account.id)
        return tuple(PositionView(position, prices.get(position.symbol)) for position in held)

    async def close_position(
        self, user_id: str, symbol: str, account_id: str | None = None, client_order_id: str | None = None
    ) -> Submitted:
        """NotFound `no_position`; else as `submit_order`."""
        with self._taking:
            return await self._positions.close(user_id, symbol, account_id, client_order_id)

    async def reverse_position(
        self, user_id: str, symbol: str, account_id: str | None = None, client_order_id: str | None = None
    ) -> Submitted:
        """NotFound `no_position`; else as `submit_order`."""
        with self._taking:
            return await self._positions.reverse(user_id, symbol, account_id, client_order_id)

    # --- desk against venue ---

    async def drifts(
        self, user_id: str, *, open_only: bool = False, cursor: str | None = None, limit: int = 100
    ) -> Page[Drift]:
        """Where the desk and the user's venues differed, newest first, `limit` up to 500."""
        _check_limit(limit)
        try:
            return await self._board.drifts(user_id, open_only, cursor, limit)
        except ValueError as error:
            raise _bad_cursor() from error

    async def end_drift(self, user_id: str, drift_id: str, end: DriftEnd) -> Drift:
        """Adopt what the venue says, ask it again (heal), or let it be (ignore). Conflict `drift_over`."""
        return await self._board.end(user_id, drift_id, end)

    # --- markets ---

    async def instruments(self, venue: str) -> Mapping[str, Instrument]:
        return await self._markets.instruments(venue)

    async def instrument(self, venue: str, symbol: str) -> Instrument:
        """By BTC/USDT, BTC-USDT or BTCUSDT. NotFound `unknown_symbol` with field `symbol`."""
        return await self._markets.instrument(venue, symbol)

    async def tickers(self, venue: str) -> Mapping[str, Ticker]:
        return await self._markets.tickers(venue)

    async def candles(
        self,
        venue: str,
        symbol: str,
        timeframe: str,
        *,
        start_ms: int | None = None,
        end_ms: int | None = None,
        limit: int = 500,
    ) -> tuple[Candle, ...]:
        """Oldest first; `end_ms` is exclusive; `limit` up to 1,000. Refusal `unknown_timeframe`, `bad_limit`."""
        return await self._markets.candles(venue, symbol, timeframe, start_ms, end_ms, limit)

    # --- preferences ---

    async def dead_man(self, user_id: str) -> DeadMan:
        """The user's dead-man's switch; off by default."""
        return DeadMan.of(await self._users.preference(user_id, DEAD_MAN))

    async def set_dead_man(self, user_id: str, switch: DeadMan) -> None:
        await self._users.set_preference(user_id, DEAD_MAN, switch.text())

    async def preference(self, user_id: str, name: str) -> str | None:
        return await self._users.preference(user_id, name)

    async def set_preference(self, user_id: str, name: str, value: str) -> None:
        await self._users.set_preference(user_id, name, value)

    async def _has_orders(self, user_id: str, query: OrderFilter) -> bool:
        return bool((await self._ledger.orders(user_id, query, cursor=None, limit=1)).items)

    async def _prices(self, venue: str) -> Mapping[str, Decimal]:
        prices = self.feeds.prices(venue)
        if not prices:
            return {symbol: ticker.last for symbol, ticker in (await self._markets.tickers(venue)).items()}
        return prices


def _check_limit(limit: int) -> None:
    if not 1 <= limit <= MOST_ITEMS:
        raise Refusal("bad_limit", f"limit must be from 1 to {MOST_ITEMS}.", "limit")


def _bad_cursor() -> Refusal:
    return Refusal("bad_cursor", "cursor is not one that a list answered with.", "cursor")
