"""When an order that the desk keeps goes to the venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.order import Order, OrderStatus
from engine.domain.triggers import has_come, stop_now, trailed
from engine.domain.values import OrderType, Price, Side
from tests.domain.strategies import PENDING

D = Decimal
prices = st.lists(st.decimals(min_value=D(1), max_value=D(1000), places=2), min_size=1, max_size=30)


def kept(order_type: OrderType, side: Side, stop: str | None = None, trail: int | None = None) -> Order:
    stop_price = None if stop is None else Price(D(stop))
    return replace(
        PENDING,
        type=order_type,
        side=side,
        status=OrderStatus.HELD,
        held=True,
        stop_price=stop_price,
        trailing_delta=trail,
    )


@pytest.mark.parametrize(
    ("order_type", "side", "below", "at", "above"),
    [
        (OrderType.STOP_LOSS, Side.SELL, True, True, False),
        (OrderType.STOP_LOSS_LIMIT, Side.BUY, False, True, True),
        (OrderType.TAKE_PROFIT, Side.SELL, False, True, True),
        (OrderType.TAKE_PROFIT_LIMIT, Side.BUY, True, True, False),
    ],
)
def test_a_stop_price_has_come_from_the_right_side(
    order_type: OrderType, side: Side, below: bool, at: bool, above: bool
) -> None:
    order = kept(order_type, side, "100")
    assert [has_come(order, D(price)) for price in ("99.99", "100", "100.01")] == [below, at, above]


def walk(order: Order, path: Sequence[Decimal]) -> Decimal | None:
    """The price at which it triggers on this path; None when it does not."""
    for price in path:
        if has_come(order, price):
            return price
        order = replace(order, trail_price=trailed(order, price) or order.trail_price)
    return None


@given(prices, st.sampled_from(Side), st.integers(min_value=10, max_value=2000))
def test_a_trailing_stop_triggers_at_the_first_price_that_lies_the_distance_behind_the_best(
    path: list[Decimal], side: Side, trail: int
) -> None:
    expected = None
    for index, price in enumerate(path[1:], start=1):
        before = path[:index]
        best = min(before) if side is Side.BUY else max(before)
        factor = 1 + D(trail) / 10_000 if side is Side.BUY else 1 - D(trail) / 10_000
        if price >= best * factor if side is Side.BUY else price <= best * factor:
            expected = price
            break
    assert walk(kept(OrderType.STOP_LOSS, side, trail=trail), path) == expected


def test_with_a_stop_price_it_begins_to_trail_there() -> None:
    order = kept(OrderType.STOP_LOSS, Side.SELL, "110", trail=1000)
    assert trailed(order, D(105)) is None
    assert stop_now(order) is None
    assert trailed(order, D(110)) == 110
    assert walk(order, [D(100), D(50), D(110), D(120), D("108.5"), D(108)]) == 108
