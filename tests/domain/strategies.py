"""Arbitrary orders, fills and events."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import strategies as st

from engine.domain.fills import Fill
from engine.domain.order import (
    Accepted,
    Amended,
    AmendRefused,
    AmendRequested,
    AnswerLost,
    Approved,
    Canceled,
    CancelRefused,
    CancelRequested,
    Completed,
    Declined,
    Executed,
    Expired,
    GivenUp,
    NotAccepted,
    Order,
    OrderEvent,
    OrderStatus,
    Rejected,
    Released,
    Rewritten,
    Submitting,
    Trailed,
    Triggered,
)
from engine.domain.values import Liquidity, OrderType, Price, Quantity, Side, TimeInForce

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
PENDING = Order(
    id="order",
    user_id="user",
    account_id="account",
    client_order_id="mine",
    symbol="BTC/USDT",
    side=Side.BUY,
    type=OrderType.LIMIT,
    time_in_force=TimeInForce.GTC,
    quantity=Quantity(Decimal(1)),
    quote_quantity=None,
    price=Price(Decimal(100)),
    status=OrderStatus.PENDING,
    created_at=NOW,
    updated_at=NOW,
)
figures = st.decimals(min_value=Decimal("0.00000001"), max_value=Decimal(10) ** 9, places=8)


def a_fill(number: int = 1, quantity: Decimal | str = "0.25", price: Decimal | str = "100") -> Fill:
    return Fill(
        id=f"fill-{number}",
        order_id="order",
        account_id="account",
        symbol="BTC/USDT",
        side=Side.BUY,
        venue_trade_id=str(number),
        price=Price(Decimal(price)),
        quantity=Quantity(Decimal(quantity)),
        fee=Decimal("0.001"),
        fee_asset="BTC",
        liquidity=Liquidity.TAKER,
        time=NOW + timedelta(seconds=number),
    )


@st.composite
def some_fills(draw: st.DrawFn, least: int = 0) -> tuple[Fill, ...]:
    """Fills of arbitrary prices and quantities."""
    drawn = draw(st.lists(st.tuples(figures, figures, figures), min_size=least, max_size=12))
    return tuple(
        replace(a_fill(number, quantity, price), fee=fee, fee_asset=draw(st.sampled_from(["BTC", "BNB"])))
        for number, (price, quantity, fee) in enumerate(drawn)
    )


quarters = st.integers(min_value=1, max_value=4).map(lambda count: tuple(a_fill(n) for n in range(1, count + 1)))
"""One to four fills of a quarter of the order each."""
events: st.SearchStrategy[OrderEvent] = st.one_of(
    st.just(Submitting()),
    st.just(AnswerLost("timeout")),
    st.just(Accepted("77")),
    quarters.map(Executed),
    st.just(Completed()),
    st.just(CancelRequested()),
    st.just(CancelRefused("unknown order")),
    st.just(Canceled()),
    st.just(Expired()),
    st.just(Rejected("FILTER", "no")),
    st.just(GivenUp("LATE")),
    st.just(NotAccepted()),
    st.just(Approved("somebody")),
    st.just(Declined("somebody")),
    st.just(Trailed(Price(Decimal(101)))),
    st.just(Triggered(Price(Decimal(99)))),
    st.just(Released()),
    st.just(Rewritten(Quantity(Decimal("0.5")))),
    st.just(AmendRequested(Quantity(Decimal("0.5")))),
    st.just(Amended(Quantity(Decimal("0.5")))),
    st.just(AmendRefused("too late")),
)
firsts = st.sampled_from(
    [
        PENDING,
        replace(PENDING, status=OrderStatus.HELD, held=True),
        replace(PENDING, status=OrderStatus.AWAITING_APPROVAL),
        replace(PENDING, status=OrderStatus.AWAITING_APPROVAL, held=True),
    ]
)
"""How orders begin."""
