"""The simulator's nouns: what is listed, ordered, traded and reported, and the errors it answers.

Prices are integer ticks, quantities integer lots, balances integer atoms (1e-8 of an asset): inside
the exchange nothing is ever rounded but a notional or a commission that is finer than an atom, which
is cut off the same way on both sides. Times are milliseconds since 1970 in UTC, as Binance sends them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Final, NamedTuple, Protocol, TypeVar, cast

ATOMS = 100_000_000
"""Atoms in one unit of any asset."""


class Side(StrEnum):
    BUY = "BUY"
    SELL = "SELL"


BUY: Final = Side.BUY
SELL: Final = Side.SELL
"""For the matching engine: Python 3.11 takes eight times as long to find a member in its class."""


class OrderType(StrEnum):
    LIMIT = "LIMIT"
    MARKET = "MARKET"
    LIMIT_MAKER = "LIMIT_MAKER"
    STOP_LOSS = "STOP_LOSS"
    STOP_LOSS_LIMIT = "STOP_LOSS_LIMIT"
    TAKE_PROFIT = "TAKE_PROFIT"
    TAKE_PROFIT_LIMIT = "TAKE_PROFIT_LIMIT"


class TimeInForce(StrEnum):
    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"


class Stp(StrEnum):
    """`selfTradePreventionMode`: what becomes of an order that meets one of the same account."""

    NONE = "NONE"
    EXPIRE_TAKER = "EXPIRE_TAKER"
    EXPIRE_MAKER = "EXPIRE_MAKER"
    EXPIRE_BOTH = "EXPIRE_BOTH"
    DECREMENT = "DECREMENT"


class Status(StrEnum):
    PENDING_NEW = "PENDING_NEW"
    NEW = "NEW"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    EXPIRED_IN_MATCH = "EXPIRED_IN_MATCH"


class Execution(StrEnum):
    """What an execution report is about (Binance user data streams, field `x`)."""

    NEW = "NEW"
    TRADE = "TRADE"
    CANCELED = "CANCELED"
    REPLACED = "REPLACED"
    REJECTED = "REJECTED"
    EXPIRED = "EXPIRED"
    TRADE_PREVENTION = "TRADE_PREVENTION"


class ApiError(Exception):
    """A refusal in Binance's own words: `{"code": code, "msg": message}` with an HTTP status, maybe `data`."""

    def __init__(self, code: int, message: str, http_status: int = 400, data: object = None) -> None:
        super().__init__(f"{code} {message}")
        self.code = code
        self.message = message
        self.http_status = http_status
        self.data = data

    def json(self) -> dict[str, object]:
        """As it is answered."""
        told: dict[str, object] = {"code": self.code, "msg": self.message}
        return told if self.data is None else told | {"data": self.data}


@dataclass(frozen=True, slots=True)
class Listing:
    """A tradable symbol and its filters. Every figure is exact; `tick` and `lot` fit 8 decimals."""

    symbol: str
    base: str
    quote: str
    tick: Decimal
    lot: Decimal
    min_price: Decimal
    max_price: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market_quantity: Decimal
    min_notional: Decimal
    max_notional: Decimal
    bid_multiplier_up: Decimal = Decimal(5)
    bid_multiplier_down: Decimal = Decimal("0.2")
    ask_multiplier_up: Decimal = Decimal(5)
    ask_multiplier_down: Decimal = Decimal("0.2")
    max_open_orders: int = 200
    max_algo_orders: int = 5
    max_position: Decimal | None = None
    """Of the base asset: held, locked and on the way in buy orders; None where the symbol has no such filter."""


@dataclass(frozen=True, slots=True)
class Terms:
    """What only some orders ask for. The figures are 0, the labels None, where they were not sent."""

    stop_ticks: int = 0
    trailing_bips: int = 0
    """How far the price must turn from its best to trigger the order, in hundredths of a per cent."""
    iceberg_lots: int = 0
    """How much of the order the book shows at a time."""
    stp: Stp = Stp.NONE
    strategy_id: int | None = None
    strategy_type: int | None = None


PLAIN = Terms()


@dataclass(frozen=True, slots=True)
class NewOrder:
    """An order as it was asked for, already parsed: figures in ticks, lots and quote atoms."""

    symbol: str
    side: Side
    type: OrderType
    client_order_id: str
    time_in_force: TimeInForce = TimeInForce.GTC
    price_ticks: int = 0
    lots: int = 0
    quote_atoms: int = 0
    """Set instead of `lots` for a market order by quote quantity (`quoteOrderQty`)."""
    terms: Terms = PLAIN

    @property
    def conditional(self) -> bool:
        """Whether it waits for a price before it works."""
        return self.terms.stop_ticks != 0 or self.terms.trailing_bips != 0


@dataclass(slots=True)
class SimOrder:
    """An order the exchange knows. Only the matching engine changes it."""

    order_id: int
    account_id: int
    request: NewOrder
    status: Status
    created_ms: int
    updated_ms: int
    lots: int
    """What was ordered; for an order by quote quantity, what was executed so far."""
    filled_lots: int = 0
    filled_quote_atoms: int = 0
    working_ms: int = -1
    """When it first went to the book; -1 while it waits for its price or for another order."""
    list_id: int = -1
    """The order list that it belongs to."""
    reserve_ticks: int = 0
    """The price at which its account's money is put aside for it; 0 when nothing is."""
    trail_ticks: int = 0
    """The best price since a trailing stop follows the market; 0 before."""
    trailing_ms: int = -1
    """When a trailing stop began to follow the market."""
    prevented_lots: int = 0
    """What expired because it would have traded with its own account."""
    prevented_id: int = -1

    @property
    def remaining_lots(self) -> int:
        return self.lots - self.filled_lots - self.prevented_lots

    @property
    def working(self) -> bool:
        """Whether it rests in the book, once the operation under way is done."""
        return self.working_ms >= 0 and self.status in RESTING

    @property
    def waiting(self) -> bool:
        """Whether it waits for its price."""
        return self.working_ms < 0 and self.status is Status.NEW

    def copy(self) -> SimOrder:
        """The order as it stands now; the engine will not change the copy."""
        copy = SimOrder.__new__(SimOrder)  # by hand: every report needs one
        copy.order_id = self.order_id
        copy.account_id = self.account_id
        copy.request = self.request
        copy.status = self.status
        copy.created_ms = self.created_ms
        copy.updated_ms = self.updated_ms
        copy.lots = self.lots
        copy.filled_lots = self.filled_lots
        copy.filled_quote_atoms = self.filled_quote_atoms
        copy.working_ms = self.working_ms
        copy.list_id = self.list_id
        copy.reserve_ticks = self.reserve_ticks
        copy.trail_ticks = self.trail_ticks
        copy.trailing_ms = self.trailing_ms
        copy.prevented_lots = self.prevented_lots
        copy.prevented_id = self.prevented_id
        return copy


OPEN = frozenset({Status.PENDING_NEW, Status.NEW, Status.PARTIALLY_FILLED})
"""In these an order can still trade."""
RESTING = frozenset({Status.NEW, Status.PARTIALLY_FILLED})
"""In these it rests, if it is not one that waits for its price."""


class ListKind(StrEnum):
    """What orders of one list do to each other."""

    OCO = "OCO"
    """Two legs: the first that trades or triggers ends the other."""
    OTO = "OTO"
    """A working order that brings a pending one to life when it is filled."""
    OTOCO = "OTOCO"
    """A working order that brings an OCO to life when it is filled."""


@dataclass(frozen=True, slots=True)
class NewList:
    """An order list as it was asked for: the working order first; in a pair the leg that waits before the limit."""

    kind: ListKind
    client_id: str
    orders: tuple[NewOrder, ...]


@dataclass(slots=True)
class OrderList:
    """An order list that the exchange knows. Only the matching engine changes it."""

    list_id: int
    account_id: int
    kind: ListKind
    client_id: str
    orders: tuple[SimOrder, ...]
    created_ms: int
    updated_ms: int
    done: bool = False
    """Whether none of its orders can trade any more."""

    @property
    def symbol(self) -> str:
        return self.orders[0].request.symbol

    @property
    def pair(self) -> tuple[SimOrder, ...]:
        """The legs of which one ends the other; empty where there are none."""
        if self.kind is ListKind.OTO:
            return ()
        return self.orders if self.kind is ListKind.OCO else self.orders[1:]

    def copy(self) -> OrderList:
        """The list and its orders as they stand now."""
        orders = tuple(order.copy() for order in self.orders)
        return OrderList(
            self.list_id,
            self.account_id,
            self.kind,
            self.client_id,
            orders,
            self.created_ms,
            self.updated_ms,
            self.done,
        )


@dataclass(frozen=True, slots=True)
class Amendment:
    """A quantity that was lowered in its place."""

    amendment_id: int
    symbol: str
    order_id: int
    old_client_id: str
    new_client_id: str
    old_lots: int
    new_lots: int
    time_ms: int


Row = TypeVar("Row", bound=tuple[object, ...])


class Making(Protocol):
    """Makes a named tuple of its fields."""

    def __call__(self, kind: type[Row], fields: tuple[object, ...], /) -> Row: ...


made: Final[Making] = cast("Any", tuple).__new__
"""`made(Balance, (asset, free, locked))` is a named tuple in half the time: for what every order makes several of."""


class SimFill(NamedTuple):
    """One account's side of a trade."""

    trade_id: int
    order_id: int
    account_id: int
    symbol: str
    side: Side
    price_ticks: int
    lots: int
    quote_atoms: int
    commission_atoms: int
    commission_asset: str
    maker: bool
    time_ms: int


@dataclass(frozen=True, slots=True)
class PreventedMatch:
    """A trade of an account with itself that did not happen. Lots are 0 on a side that nothing expired on."""

    prevented_id: int
    symbol: str
    taker_order_id: int
    maker_order_id: int
    mode: Stp
    price_ticks: int
    lots: int
    """What would have traded."""
    taker_lots: int
    maker_lots: int
    time_ms: int


class Balance(NamedTuple):
    """An account's holding of one asset, in atoms."""

    asset: str
    free: int
    locked: int


class PublicTrade(NamedTuple):
    """A trade as everyone sees it (Binance market streams, `trade`)."""

    symbol: str
    trade_id: int
    price_ticks: int
    lots: int
    buyer_order_id: int
    seller_order_id: int
    buyer_is_maker: bool
    time_ms: int
    aggregate_id: int
    """The same for the trades of one taker order at one price; counts without gaps."""


@dataclass(slots=True)
class Kline:
    """One candle, open time aligned to its interval. Prices in ticks, volumes in lots and atoms."""

    open_ms: int
    close_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int = 0
    quote_atoms: int = 0
    trades: int = 0
    taker_buy_lots: int = 0
    taker_buy_quote_atoms: int = 0
    first_trade_id: int = -1
    last_trade_id: int = -1

    def copy(self) -> Kline:
        """The candle as it stands now."""
        return Kline(
            self.open_ms,
            self.close_ms,
            self.open,
            self.high,
            self.low,
            self.close,
            self.lots,
            self.quote_atoms,
            self.trades,
            self.taker_buy_lots,
            self.taker_buy_quote_atoms,
            self.first_trade_id,
            self.last_trade_id,
        )


@dataclass(frozen=True, slots=True)
class DepthSnapshot:
    """The book at one instant: best level first, `(price_ticks, lots)`."""

    symbol: str
    last_update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Ticker24h:
    """The rolling 24 hours of one symbol, from its trades and minute candles."""

    symbol: str
    open: int
    high: int
    low: int
    last: int
    last_lots: int
    lots: int
    quote_atoms: int
    open_ms: int
    close_ms: int
    first_trade_id: int
    last_trade_id: int
    trades: int
    weighted_average: Decimal
    previous_close: int


# --- events: what the exchange tells whoever listens, in the order in which it happened ------------
# Named tuples: an order makes several, and a frozen dataclass takes three times as long to make.


class TradePrinted(NamedTuple):
    trade: PublicTrade


class DepthChanged(NamedTuple):
    """Levels that changed by one operation: `(price_ticks, lots now)`, 0 lots when gone.

    Update ids of one symbol chain without a gap: `first_update_id == previous last_update_id + 1`.
    """

    symbol: str
    first_update_id: int
    last_update_id: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    time_ms: int


class TopChanged(NamedTuple):
    """The best bid and ask, price and quantity, after an operation; 0 lots where a side is empty."""

    symbol: str
    update_id: int
    bid_ticks: int
    bid_lots: int
    ask_ticks: int
    ask_lots: int


class OrderReported(NamedTuple):
    """An execution report: a transition of one order, as it was at that moment (a copy, not a view)."""

    order: SimOrder
    execution: Execution
    time_ms: int
    fill: SimFill | None = None
    cancel_client_order_id: str = ""
    """In a cancel report the id of the cancel request; the order's own is `order.request.client_order_id`.

    In the report of an amendment the client id that the order had before.
    """
    reject_reason: str = "NONE"
    prevented: PreventedMatch | None = None


class ListReported(NamedTuple):
    """What has become of an order list (a copy). `updated`: one of its orders has another client id."""

    order_list: OrderList
    time_ms: int
    updated: bool = False


class Deposited(NamedTuple):
    """More of an asset came to an account from outside."""

    account_id: int
    asset: str
    atoms: int
    time_ms: int


class BalancesChanged(NamedTuple):
    """The balances that one operation changed, as they stand after it."""

    account_id: int
    balances: tuple[Balance, ...]
    time_ms: int


SimEvent = TradePrinted | DepthChanged | TopChanged | OrderReported | ListReported | Deposited | BalancesChanged


class Listener(Protocol):
    """Called synchronously after each operation, once its journal record is written."""

    def __call__(self, event: SimEvent, /) -> None: ...


@dataclass(slots=True)
class SimAccount:
    """A customer of the exchange. Synthetic traders have accounts too, without keys."""

    account_id: int
    api_key: str
    secret: str = field(repr=False)
    can_trade: bool = True
    can_withdraw: bool = False
    maker_bps: Decimal = Decimal(10)
    taker_bps: Decimal = Decimal(10)
