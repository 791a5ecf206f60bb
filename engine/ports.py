"""What the engine needs of the world, as Protocols. `data` and `engine.venues` implement them, wiring picks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from engine.domain.drift import Drift, DriftEnd
from engine.domain.fills import Fill
from engine.domain.instrument import Instrument
from engine.domain.market import Candle, MarketTrade, OrderBook, Ticker
from engine.domain.messages import Command, CommandKind, Note, OrderChanged, TimelineEntry
from engine.domain.order import AmendRequested, Order, OrderEvent, OrderStatus
from engine.domain.order_list import OrderList
from engine.domain.position import Balance
from engine.domain.values import OrderType, Quantity, Side, TimeInForce

T = TypeVar("T")

# --- the ledger: orders, fills, outbox, timeline; the truth ------------------------------------------


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, newest first; `next_cursor` is None on the last page."""

    items: tuple[T, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True)
class OrderFilter:
    """Empty fields do not filter. `open_only` keeps orders that are not finished."""

    symbol: str | None = None
    account_id: str | None = None
    statuses: frozenset[OrderStatus] = frozenset()
    open_only: bool = False


@dataclass(frozen=True, slots=True)
class Recorded:
    """The outcome of recording an order: the row, whether it is new, and the command that went into the outbox."""

    order: Order
    created: bool
    command: Command | None
    change: OrderChanged | None


@dataclass(frozen=True, slots=True)
class Advanced:
    """The outcome of an event: the order afterwards, what to tell the desks (None when nothing changed) and
    the command that was put into the outbox by the same transaction (a cancel)."""

    order: Order
    change: OrderChanged | None
    command: Command | None = None


@dataclass(frozen=True, slots=True)
class ChangedSince:
    """A user's orders that changed after some event: each once, as it is now, with all its fills and the number of its
    newest event, lowest first. `sequence` is the user's newest event that is covered; an order may be newer still."""

    sequence: int
    changes: tuple[OrderChanged, ...]


class Ledger(Protocol):
    """Every write is one transaction that is durable when the call returns.

    Order, fills, outbox row, timeline row, audit row and the user's event sequence change together or not
    at all. Status changes only through `engine.domain.order.advance`, applied inside the transaction to the
    row as it is then, so that concurrent callers cannot overwrite each other.
    """

    async def record_order(self, order: Order) -> Recorded:
        """Insert a PENDING (with a submit command in the outbox) or DENIED order.

        The same account and `client_order_id` again: the stored order, `created` False, nothing written.
        The caller compares the bodies.
        """
        ...

    async def record_list(
        self, order_list: OrderList, orders: Sequence[Order], *, new: bool = True
    ) -> tuple[Recorded, ...]:
        """Insert a list (unless it is not `new`) and these orders of it together; of those that are PENDING only
        the first gets a submit command, it takes the others along.

        When one of their `client_order_id` is taken already, nothing is written: the stored orders are returned.
        """
        ...

    async def record_replacement(
        self, order_id: str, event: AmendRequested, replacement: Order, at: datetime
    ) -> tuple[Advanced, Recorded]:
        """Insert the PENDING order that takes another's place, and bring that one to PENDING_AMEND, together.

        Raises as `advance` does, then nothing is written.
        """
        ...

    async def adopt_order(self, order: Order, fills: Sequence[Fill]) -> Recorded:
        """Insert an EXTERNAL order as the venue has it, with the fills known so far. Known already: nothing written."""
        ...

    async def update_list(self, order_list: OrderList) -> None:
        """Its status, venue id and note."""
        ...

    async def advance(
        self,
        order_id: str,
        events: Sequence[OrderEvent],
        at: datetime,
        *,
        new_fills: Sequence[Fill] = (),
        source: str,
        detail: Mapping[str, str] | None = None,
        notes: Sequence[Note] = (),
    ) -> Advanced:
        """Apply events in their order. `new_fills` are added by (account, symbol, venue trade id, side), known ones
        are dropped; when any is new an `Executed` with all of the order's fills is applied first, after an
        `Accepted` that the events begin with. An order that thereby comes to PENDING, PENDING_CANCEL or
        PENDING_AMEND also gets the command for it into the outbox. `source` says who learned it (desk, worker,
        stream, poll, recovery) and `detail` what was known: both go into the timeline. `notes` are lines of the
        timeline that change nothing, written before the events; alone they are no change to tell the desks of.

        Raises KeyError for an unknown order, IllegalTransition (nothing written) for an impossible event.
        """
        ...

    async def advance_together(
        self, order_ids: Sequence[str], event: OrderEvent, at: datetime, *, source: str
    ) -> tuple[Advanced, ...]:
        """The same event to several orders in one transaction, or, when one of them refuses it, to none.

        Only the first gets the command that their status asks for: it takes the others along. Raises as `advance`.
        """
        ...

    async def order(self, order_id: str) -> Order | None: ...
    async def order_by_client_id(self, account_id: str, client_order_id: str) -> Order | None: ...
    async def order_by_venue_id(self, account_id: str, symbol: str, venue_order_id: str) -> Order | None:
        """Venues count their orders by symbol."""
        ...

    async def symbols_since(self, account_id: str, since: datetime) -> tuple[str, ...]:
        """The markets in which the account has had orders since then, at most 20, the busiest first."""
        ...

    async def orders(self, user_id: str, query: OrderFilter, *, cursor: str | None, limit: int) -> Page[Order]:
        """Newest first. ValueError for a cursor that is not one of ours."""
        ...

    async def fills(
        self, user_id: str, *, symbol: str | None, account_id: str | None, cursor: str | None, limit: int
    ) -> Page[Fill]: ...
    async def fills_of(self, order_id: str) -> tuple[Fill, ...]:
        """Oldest first."""
        ...

    async def fills_of_account(self, account_id: str, after: Fill | None, limit: int) -> tuple[Fill, ...]:
        """Oldest first (by time, then id), from the one after `after` on."""
        ...

    async def count_fills(self, account_id: str) -> int: ...
    async def order_list(self, list_id: str) -> tuple[OrderList, tuple[Order, ...]] | None:
        """With its orders, in the order in which they were recorded."""
        ...

    async def lists_not_over(self) -> tuple[OrderList, ...]: ...
    async def held(self) -> tuple[Order, ...]:
        """Every order that the desk keeps, oldest first."""
        ...

    async def timeline(self, order_id: str) -> tuple[TimelineEntry, ...]: ...
    async def unfinished(self, account_id: str | None = None) -> tuple[Order, ...]:
        """Every order that is not finished, oldest first."""
        ...

    async def sequence(self, user_id: str) -> int:
        """The number of the user's newest event; 0 before the first."""
        ...

    async def changed_since(self, user_id: str, sequence: int, limit: int) -> ChangedSince | None:
        """What became of the orders that the user's events after `sequence` were about. None when that cannot be told:
        more than `limit` orders, events from before such a record was kept, or a number that is still to come."""
        ...

    async def unpublished(self, limit: int) -> tuple[Command, ...]:
        """Outbox commands that were not marked as published, oldest first."""
        ...

    async def take_unpublished(
        self, limit: int, *, before: datetime, at: datetime, until: datetime
    ) -> tuple[Command, ...]:
        """Those that were given before a time, oldest first, but for what another relay has in hand at `at`. They are
        in the caller's hands until `until`, or until they are marked or put back."""
        ...

    async def put_back(self, command_ids: Sequence[str]) -> None:
        """Commands that were taken and could not be published: whoever comes next may take them."""
        ...

    async def mark_published(self, command_ids: Sequence[str], at: datetime) -> None: ...


class Drifts(Protocol):
    """Where desk and venue differed, open and dealt with."""

    async def record(self, drift: Drift) -> bool:
        """Whether it is new: of one account, kind and subject only one is open."""
        ...

    async def resolve(self, drift_id: str, resolution: DriftEnd, by: str, at: datetime) -> bool:
        """Whether it was open."""
        ...

    async def drift(self, drift_id: str) -> Drift | None: ...
    async def drifts(self, user_id: str, *, open_only: bool, cursor: str | None, limit: int) -> Page[Drift]:
        """Newest first. ValueError for a cursor that is not one of ours."""
        ...


# --- users, sessions, accounts ------------------------------------------------------------------------


class Role(StrEnum):
    OWNER = "owner"
    TRADER = "trader"


@dataclass(frozen=True, slots=True)
class User:
    id: str
    email: str
    role: Role
    created_at: datetime
    active: bool = True


@dataclass(frozen=True, slots=True)
class Login:
    """A browser's server-side session; the browser holds only an opaque token, we only its SHA-256."""

    id: str
    user_id: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """One link in a family of refresh tokens: used once; a second use revokes the family."""

    id: str
    family: str
    user_id: str
    expires_at: datetime
    used: bool


@dataclass(frozen=True, slots=True)
class Credentials:
    """A venue's API key. Never shown, logged or sent back."""

    api_key: str = field(repr=False)
    secret: str = field(repr=False)

    @property
    def fingerprint(self) -> str:
        """The last four characters of the key: enough to tell two keys apart."""
        return self.api_key[-4:]


@dataclass(frozen=True, slots=True)
class Account:
    """A user's account at a venue."""

    id: str
    user_id: str
    venue: str
    """`simulator` or `binance_testnet`."""
    label: str
    key_fingerprint: str
    created_at: datetime
    paper: bool


class VaultError(Exception):
    """A stored secret cannot be opened; the message says why, and never what it is."""


class Users(Protocol):
    """Who may ask, and with which keys their orders are signed. Secrets are encrypted at rest by the implementation."""

    async def count(self) -> int: ...
    async def create(self, user: User, password_hash: str) -> None:
        """ValueError when the e-mail is taken (compared without case)."""
        ...

    async def create_owner(self, user: User, password_hash: str) -> bool:
        """Only when there is no user at all, in one transaction; whether it was done."""
        ...

    async def by_id(self, user_id: str) -> User | None: ...
    async def by_email(self, email: str) -> tuple[User, str] | None:
        """The user and the password's hash."""
        ...

    async def set_password_hash(self, user_id: str, password_hash: str) -> None: ...
    async def all_users(self) -> tuple[User, ...]: ...

    async def add_login(self, login: Login, token_hash: str) -> None: ...
    async def login_by_token(self, token_hash: str) -> Login | None: ...
    async def touch_login(self, login_id: str, seen_at: datetime, expires_at: datetime) -> None: ...
    async def end_login(self, login_id: str) -> None: ...
    async def end_logins_of(self, user_id: str) -> None: ...

    async def add_refresh_token(self, token: RefreshToken, token_hash: str) -> None: ...
    async def use_refresh_token(self, token_hash: str) -> RefreshToken | None:
        """Mark it used and return it as it was before, in one transaction; None when there is no such token."""
        ...

    async def revoke_family(self, family: str) -> None: ...

    async def add_account(self, account: Account, credentials: Credentials) -> None:
        """ValueError when the user has an account of that venue and label already."""
        ...

    async def accounts(self, user_id: str | None = None) -> tuple[Account, ...]:
        """Oldest first; of all users when none is named."""
        ...

    async def account(self, account_id: str) -> Account | None: ...
    async def credentials(self, account_id: str) -> Credentials:
        """KeyError for an unknown account; VaultError when the stored secret cannot be opened."""
        ...

    async def remove_account(self, account_id: str) -> None:
        """Forget the key; ValueError while the account has unfinished orders. Past orders stay."""
        ...

    async def preference(self, user_id: str, name: str) -> str | None: ...
    async def set_preference(self, user_id: str, name: str, value: str) -> None: ...
    async def preferences(self, name: str) -> Mapping[str, str]:
        """Of that name, by user."""
        ...


# --- streams of commands and events --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Delivery:
    """A command in a consumer's hands until it is acknowledged; `attempt` counts from 1."""

    command: Command
    tag: str
    attempt: int


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A command that kept failing and is not tried any more, or bytes in a stream that are no command (`command` is
    None then). Kept until somebody replays or forgets it; `raw` is what stood in the stream, `at` when it was set
    aside."""

    id: str
    command: Command | None
    raw: bytes
    error: str
    attempts: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Backlog:
    """What a stream holds: commands that wait (those put off, too), that are in a consumer's hands, and dead letters.
    `oldest_s` is the age in seconds of the oldest command; None when there is none."""

    waiting: int
    in_hand: int
    dead: int
    oldest_s: float | None


class Stream(Protocol):
    """At least once: a delivery that is not acknowledged within its lease comes again. The commands of one order come
    strictly one after another."""

    async def publish(self, command: Command) -> None:
        """Idempotent by the command's id while it is still in the stream. Raises Unavailable when the stream is full
        or out of reach: the command stays in the outbox, whose sweep sends it later."""
        ...

    async def read(self, kinds: Sequence[CommandKind], consumer: str) -> Delivery:
        """Wait for the next command, and go on waiting while the stream is out of reach."""
        ...

    async def renew(self, delivery: Delivery) -> None:
        """Begin the lease anew. Without effect once the delivery has gone to somebody else or was acknowledged."""
        ...

    async def ack(self, delivery: Delivery) -> None:
        """It is done. Without effect once the delivery has gone to somebody else."""
        ...

    async def retry(self, delivery: Delivery, delay_s: float) -> None:
        """Give it back, to be delivered again after the delay."""
        ...

    async def set_aside(self, delivery: Delivery, error: str) -> None:
        """Give it up: it becomes a dead letter, and the order's next command may come."""
        ...

    async def leave(self, consumer: str) -> None:
        """The consumer ends: what it still has in hand may be read by others at once."""
        ...

    async def dead_letters(self) -> tuple[DeadLetter, ...]:
        """Oldest first. Raises Unavailable."""
        ...

    async def replay(self, letter_id: str) -> None:
        """Publish the letter's command again, its attempts counted anew, and forget the letter. KeyError for an
        unknown one, ValueError for one that holds no command, Unavailable as for `publish`."""
        ...

    async def forget(self, letter_id: str) -> None:
        """Throw the letter away; an unknown one is no error. Raises Unavailable."""
        ...

    async def pending(self) -> Backlog:
        """Raises Unavailable."""
        ...


@dataclass(frozen=True, slots=True)
class BalancesUpdate:
    """An account's balances as the venue just reported them: all that are held, by asset."""

    user_id: str
    account_id: str
    balances: tuple[Balance, ...]


@dataclass(frozen=True, slots=True)
class Missed:
    """Events may have been lost before this one, of any user: what matters must be read again."""


BusEvent = OrderChanged | BalancesUpdate


class EventBus(Protocol):
    """Tells every process what changed. It may lose: who sees a gap in the sequence, or a Missed, reads again."""

    async def publish(self, event: BusEvent) -> None:
        """Never fails for want of a listener or a network: what cannot be told becomes a Missed."""
        ...

    def subscribe(self) -> AsyncIterator[BusEvent | Missed]:
        """Events from the call on, through a bounded queue that drops the oldest."""
        ...


class Watch(Protocol):
    """Is told of what the recorder wrote, straight after the commit. Must be quick and never fail."""

    def changed(self, change: OrderChanged) -> None: ...
    def noted(self, order: Order, notes: Sequence[Note]) -> None:
        """Lines that went into the order's timeline."""
        ...


# --- venues ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class VenueOrder:
    """An order as the venue reports it. `status` is the venue's word put into ours: ACCEPTED, PARTIALLY_FILLED,
    FILLED, CANCELED, REJECTED or EXPIRED. `filled_quantity` is what the venue says, fills or no fills."""

    client_order_id: str
    venue_order_id: str
    symbol: str
    status: OrderStatus
    filled_quantity: Decimal
    reason: str | None = None
    terms: VenueTerms | None = None
    """What it was placed with, where the report says so."""


@dataclass(frozen=True, slots=True)
class VenueTerms:
    """What a venue says of an order besides how it stands; enough to adopt one that was placed elsewhere.

    `type` is None for one that the desk has no word for.
    """

    side: Side
    type: OrderType | None
    time_in_force: TimeInForce | None
    quantity: Decimal
    price: Decimal | None
    stop_price: Decimal | None
    created_at: datetime
    trailing_delta: int | None = None
    venue_list_id: str | None = None


@dataclass(frozen=True, slots=True)
class VenueFill:
    """A fill as the venue reports it, before it is matched to one of our orders."""

    venue_trade_id: str
    venue_order_id: str
    symbol: str
    price: Decimal
    quantity: Decimal
    fee: Decimal
    fee_asset: str
    maker: bool
    time: datetime


@dataclass(frozen=True, slots=True)
class Placed:
    """The venue took it; `fills` are those the answer carried (a market order's)."""

    order: VenueOrder
    fills: tuple[VenueFill, ...]


@dataclass(frozen=True, slots=True)
class Refused:
    """The venue did not take it: it is not there and never will be. `retry_after_s` when we asked too often."""

    code: str
    detail: str
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class NotSent:
    """It never left this machine (connection refused): safe to send later."""

    detail: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The answer was lost: it may be there or not."""

    detail: str


PlaceOutcome = Placed | Refused | NotSent | Lost


@dataclass(frozen=True, slots=True)
class CancelDone:
    order: VenueOrder


@dataclass(frozen=True, slots=True)
class CancelUnclear:
    """Not known to be cancelled (not found, refused, or the answer was lost): read the order before concluding."""

    detail: str


CancelOutcome = CancelDone | CancelUnclear


@dataclass(frozen=True, slots=True)
class AmendDone:
    """The venue has changed it, in its place in the queue."""

    order: VenueOrder


@dataclass(frozen=True, slots=True)
class AmendUnclear:
    """Not known to be changed: read the order before concluding."""

    detail: str
    certain: bool
    """Whether the venue refused it, rather than its answer being lost."""


AmendOutcome = AmendDone | AmendUnclear


@dataclass(frozen=True, slots=True)
class Replaced:
    """What became of each half of a cancel-replace. `placed` is None when the new order was never tried."""

    canceled: CancelOutcome
    placed: PlaceOutcome | None


@dataclass(frozen=True, slots=True)
class ListPlaced:
    """The venue took the whole list, with these orders in it."""

    venue_list_id: str
    orders: tuple[VenueOrder, ...]


ListOutcome = ListPlaced | Refused | NotSent | Lost


@dataclass(frozen=True, slots=True)
class Features:
    """What a venue does itself; the desk makes up for the rest."""

    conditional: bool = True
    """Stops and take-profits, trailing ones included."""
    lists: bool = True
    """OCO, and exits behind an entry."""
    amend: bool = True
    """Lowering a quantity in its place in the queue."""
    replace: bool = True
    """Cancel and place in one call."""


@dataclass(frozen=True, slots=True)
class StreamReady:
    """The user stream is up (again): whatever happened before it must be asked for by REST."""


@dataclass(frozen=True, slots=True)
class OrderReport:
    """An order as it stands after something happened to it, with the fill when that is what happened."""

    order: VenueOrder
    fill: VenueFill | None


@dataclass(frozen=True, slots=True)
class VenueBalances:
    """The assets whose balance changed, as they are now; zero when nothing is left."""

    balances: tuple[Balance, ...]


UserEvent = StreamReady | OrderReport | VenueBalances


class VenueError(Exception):
    """A read could not be answered (unreachable, timed out, rate limited, key refused)."""

    def __init__(self, code: str, detail: str, *, auth: bool = False) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.auth = auth
        """The key itself was refused."""


class VenueAccount(Protocol):
    """One account's signed road to its venue."""

    account_id: str

    async def place(self, order: Order, instrument: Instrument, *, send_within_s: float) -> PlaceOutcome:
        """Send it once. A request that has not left after `send_within_s` is not sent any more: NotSent."""
        ...

    async def cancel(self, order: Order, instrument: Instrument) -> CancelOutcome: ...
    async def amend(self, order: Order, instrument: Instrument, quantity: Quantity) -> AmendOutcome:
        """Lower its quantity (in all, what is filled included), keeping its place and its client order id."""
        ...

    async def replace(
        self, order: Order, replacement: Order, instrument: Instrument, *, send_within_s: float
    ) -> Replaced:
        """Cancel one that is not filled in any part, and place another, in one call; the other is only placed when the
        cancel succeeds."""
        ...

    async def place_list(
        self, order_list: OrderList, orders: Sequence[Order], instrument: Instrument, *, send_within_s: float
    ) -> ListOutcome:
        """Send a whole list once, as `place` sends an order."""
        ...

    async def recent_fills(self, instrument: Instrument, since: datetime) -> tuple[VenueFill, ...]:
        """The account's fills from `since` on, oldest first, whoever placed the orders; at most 1,000. VenueError."""
        ...

    async def order_by_venue_id(self, instrument: Instrument, venue_order_id: str) -> VenueOrder | None:
        """Any order of the account, whoever placed it. VenueError."""
        ...

    async def find_order(self, order: Order, instrument: Instrument) -> VenueOrder | None:
        """Ask by client order id (and by venue id when known); None when the venue knows none. VenueError."""
        ...

    async def open_orders(self, instrument: Instrument | None = None) -> tuple[VenueOrder, ...]:
        """Of one instrument, or all (which venues charge dearly for). VenueError."""
        ...

    async def fills_of(self, instrument: Instrument, venue_order_id: str) -> tuple[VenueFill, ...]: ...
    async def balances(self) -> tuple[Balance, ...]: ...
    def user_events(self) -> AsyncIterator[UserEvent]:
        """Runs until cancelled, reconnecting by itself; each (re)connection starts with StreamReady."""
        ...

    async def close(self) -> None: ...


class Venue(Protocol):
    """A venue's public side, and the door to accounts on it."""

    name: str
    title: str
    features: Features

    async def instruments(self) -> Mapping[str, Instrument]:
        """By symbol (BTC/USDT); read once and kept. VenueError."""
        ...

    async def candles(
        self, instrument: Instrument, timeframe: str, *, start_ms: int | None, end_ms: int | None, limit: int
    ) -> tuple[Candle, ...]:
        """Oldest first; `end_ms` is exclusive. VenueError."""
        ...

    async def tickers(self) -> Mapping[str, Ticker]: ...
    def watch_book(self, instrument: Instrument) -> AsyncIterator[OrderBook]:
        """The newest state after each change, at most 50 levels a side; reconnects by itself."""
        ...

    def watch_trades(self, instrument: Instrument) -> AsyncIterator[tuple[MarketTrade, ...]]:
        """Starts with the recent trades, oldest first, then the new ones."""
        ...

    def watch_ticker(self, instrument: Instrument) -> AsyncIterator[Ticker]: ...
    def watch_candles(self, instrument: Instrument, timeframe: str) -> AsyncIterator[Candle]:
        """The candle that is forming, and each final one."""
        ...

    async def open_account(self, account_id: str, credentials: Credentials) -> VenueAccount: ...
    async def test_key(self, credentials: Credentials) -> KeyCheck:
        """Sign a harmless call with it. VenueError (with `auth` when the key is wrong)."""
        ...

    def heard_at(self) -> float | None:
        """When the market streams last received anything, a ping included, on the monotonic clock; None before."""
        ...

    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class KeyCheck:
    """What the venue says that a key may do."""

    can_trade: bool
    can_withdraw: bool


class PaperAccounts(Protocol):
    """Makes accounts on the built-in exchange."""

    async def create(self, credentials: Credentials, balances: Mapping[str, Decimal]) -> None:
        """Idempotent by the key. VenueError when the simulator cannot be reached or refuses."""
        ...
