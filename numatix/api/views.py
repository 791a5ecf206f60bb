"""How the interface writes things down: decimals as strings, times as ISO 8601 in UTC, `null` for what is not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal

from engine.desk import AccountBalances, ListSubmitted
from engine.domain.fills import Fill
from engine.domain.instrument import Instrument
from engine.domain.market import Candle, Ticker
from engine.domain.messages import TimelineEntry
from engine.domain.order import Order
from engine.domain.position import Balance
from engine.domain.values import decimal_text
from engine.identity import TokenPair
from engine.ports import Account, User
from numatix.api.shapes import (
    AccountView,
    BalancesView,
    BalanceView,
    CandleView,
    FillView,
    MarketView,
    OrderListView,
    OrderView,
    OrderWithTimelineView,
    TickerView,
    TimelineView,
    TokensView,
    UserView,
)


def order_view(order: Order, fills: Sequence[Fill]) -> OrderView:
    return OrderView(
        id=order.id,
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        account_id=order.account_id,
        symbol=order.symbol,
        side=order.side.value,
        type=order.type.value,
        time_in_force=order.time_in_force.value if order.time_in_force else None,
        status=order.status.value,
        reason=order.reason,
        quantity=_text(order.quantity),
        quote_quantity=_text(order.quote_quantity),
        price=_text(order.price),
        stop_price=_text(order.stop_price),
        trailing_delta=order.trailing_delta,
        held=order.held,
        origin=order.origin.value,
        list_id=order.list_id,
        leg=order.leg.value if order.leg else None,
        replaces=order.replaces,
        replaced_by=order.replaced_by,
        filled_quantity=decimal_text(order.filled_quantity),
        average_price=_text(order.average_price),
        fees={asset: decimal_text(fee) for asset, fee in order.fees.items()},
        created_at=time_text(order.created_at),
        updated_at=time_text(order.updated_at),
        fills=[fill_view(fill) for fill in fills],
    )


def order_with_timeline_view(
    order: Order, fills: Sequence[Fill], lines: Iterable[TimelineEntry]
) -> OrderWithTimelineView:
    timeline = [
        TimelineView(at=time_text(line.at), event=line.event, status=line.status, detail=dict(line.detail))
        for line in lines
    ]
    return OrderWithTimelineView(**dict(order_view(order, fills)), timeline=timeline)


def order_list_view(found: ListSubmitted, fills: Mapping[str, Sequence[Fill]]) -> OrderListView:
    of = found.order_list
    return OrderListView(
        id=of.id,
        kind=of.kind.value,
        status=of.status.value,
        symbol=of.symbol,
        account_id=of.account_id,
        policy=of.policy.value,
        held=of.held,
        venue_list_id=of.venue_list_id,
        note=of.note,
        created_at=time_text(of.created_at),
        updated_at=time_text(of.updated_at),
        orders=[order_view(order, fills.get(order.id, ())) for order in found.orders],
    )


def fill_view(fill: Fill) -> FillView:
    return FillView(
        id=fill.id,
        order_id=fill.order_id,
        account_id=fill.account_id,
        symbol=fill.symbol,
        side=fill.side.value,
        venue_trade_id=fill.venue_trade_id,
        price=decimal_text(fill.price),
        quantity=decimal_text(fill.quantity),
        fee=decimal_text(fill.fee),
        fee_asset=fill.fee_asset,
        liquidity=fill.liquidity.value,
        time=time_text(fill.time),
    )


def balance_view(balance: Balance) -> BalanceView:
    return BalanceView(
        asset=balance.asset,
        free=decimal_text(balance.free),
        locked=decimal_text(balance.locked),
        total=decimal_text(balance.total),
    )


def balances_view(held: AccountBalances) -> BalancesView:
    return BalancesView(
        items=[balance_view(balance) for balance in held.balances],
        next_cursor=None,
        account_id=held.account.id,
        worth=decimal_text(held.worth),
        quote=held.quote,
        unpriced=list(held.unpriced),
    )


def account_view(account: Account) -> AccountView:
    return AccountView(
        id=account.id,
        venue=account.venue,
        label=account.label,
        key_fingerprint=account.key_fingerprint,
        paper=account.paper,
        created_at=time_text(account.created_at),
    )


def user_view(user: User) -> UserView:
    return UserView(id=user.id, email=user.email, role=user.role.value, created_at=time_text(user.created_at))


def market_view(venue: str, instrument: Instrument, ticker: Ticker | None) -> MarketView:
    return MarketView(
        symbol=instrument.symbol,
        venue=venue,
        base=instrument.base,
        quote=instrument.quote,
        tick=decimal_text(instrument.tick),
        lot=decimal_text(instrument.lot),
        min_quantity=_text(instrument.min_quantity),
        max_quantity=_text(instrument.max_quantity),
        max_market_quantity=_text(instrument.max_market_quantity),
        min_price=_text(instrument.min_price),
        max_price=_text(instrument.max_price),
        min_notional=_text(instrument.min_notional),
        max_notional=_text(instrument.max_notional),
        active=instrument.active,
        ticker=ticker_view(ticker) if ticker is not None else None,
    )


def ticker_view(ticker: Ticker) -> TickerView:
    """`change` over 24 hours as a fraction, to six decimals: 0.0214 for +2.14 %."""
    change = decimal_text(abs(round(ticker.change, 6)))
    return TickerView(
        last=decimal_text(ticker.last),
        open=decimal_text(ticker.open),
        high=decimal_text(ticker.high),
        low=decimal_text(ticker.low),
        volume=decimal_text(ticker.volume),
        quote_volume=decimal_text(ticker.quote_volume),
        change=f"-{change}" if ticker.change < 0 and change != "0" else change,
    )


def candle_view(candle: Candle) -> CandleView:
    return CandleView(
        time=time_text(datetime.fromtimestamp(candle.open_ms / 1000, UTC)),
        open=decimal_text(candle.open),
        high=decimal_text(candle.high),
        low=decimal_text(candle.low),
        close=decimal_text(candle.close),
        volume=decimal_text(candle.volume),
    )


def tokens_view(tokens: TokenPair) -> TokensView:
    return TokensView.model_validate(
        {
            "access_token": tokens.access_token,
            "refresh_token": tokens.refresh_token,
            "token_type": "bearer",
            "expires_in": tokens.expires_in,
        }
    )


def time_text(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds or more, ending in Z."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"


def _text(value: Decimal | None) -> str | None:
    return None if value is None else decimal_text(value)
