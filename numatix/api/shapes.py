"""The shapes of what the interface answers."""

from __future__ import annotations

from pydantic import BaseModel


class FillView(BaseModel):
    id: str
    order_id: str
    account_id: str
    symbol: str
    side: str
    venue_trade_id: str
    price: str
    quantity: str
    fee: str
    fee_asset: str
    liquidity: str
    time: str


class TimelineView(BaseModel):
    at: str
    event: str
    status: str
    detail: dict[str, str]


class TimelineLineView(TimelineView):
    """A line of a timeline that is read by itself; `after_ms` is the time since the line before."""

    number: int
    after_ms: float | None
    source: str
    hash: str


class TimelineFileView(BaseModel):
    order_id: str
    user_id: str
    client_order_id: str
    venue_order_id: str | None
    symbol: str
    status: str
    items: list[TimelineLineView]


class OrderView(BaseModel):
    id: str
    client_order_id: str
    venue_order_id: str | None
    account_id: str
    symbol: str
    side: str
    type: str
    time_in_force: str | None
    status: str
    reason: str | None
    quantity: str | None
    quote_quantity: str | None
    price: str | None
    stop_price: str | None
    trailing_delta: int | None
    held: bool
    origin: str
    list_id: str | None
    leg: str | None
    replaces: str | None
    replaced_by: str | None
    filled_quantity: str
    average_price: str | None
    fees: dict[str, str]
    created_at: str
    updated_at: str
    fills: list[FillView]


class OrderWithTimelineView(OrderView):
    timeline: list[TimelineView]


class OrderListView(BaseModel):
    id: str
    kind: str
    status: str
    symbol: str
    account_id: str
    policy: str
    held: bool
    venue_list_id: str | None
    note: str
    created_at: str
    updated_at: str
    orders: list[OrderView]


class OrdersView(BaseModel):
    items: list[OrderView]
    next_cursor: str | None


class FillsView(BaseModel):
    items: list[FillView]
    next_cursor: str | None


class BalanceView(BaseModel):
    asset: str
    free: str
    locked: str
    total: str


class BalancesView(BaseModel):
    """`worth` in `quote` at last prices; `unpriced` are held assets without a market to price them by."""

    items: list[BalanceView]
    next_cursor: str | None
    account_id: str
    worth: str
    quote: str
    unpriced: list[str]


class AccountView(BaseModel):
    id: str
    venue: str
    label: str
    key_fingerprint: str
    paper: bool
    created_at: str


class AccountsView(BaseModel):
    items: list[AccountView]
    next_cursor: str | None


class UserView(BaseModel):
    id: str
    email: str
    role: str
    created_at: str


class TickerView(BaseModel):
    last: str
    open: str
    high: str
    low: str
    volume: str
    quote_volume: str
    change: str


class MarketView(BaseModel):
    symbol: str
    venue: str
    base: str
    quote: str
    tick: str
    lot: str
    min_quantity: str | None
    max_quantity: str | None
    max_market_quantity: str | None
    min_price: str | None
    max_price: str | None
    min_notional: str | None
    max_notional: str | None
    active: bool
    ticker: TickerView | None


class MarketsView(BaseModel):
    items: list[MarketView]
    next_cursor: str | None


class CandleView(BaseModel):
    time: str
    open: str
    high: str
    low: str
    close: str
    volume: str


class CandlesView(BaseModel):
    items: list[CandleView]
    next_cursor: str | None


class TokensView(BaseModel):
    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int


class ProblemView(BaseModel):
    type: str
    title: str
    status: int
    detail: str
    code: str
    field: str | None
