"""Every filter that exchangeInfo shows, at its edges: the last figure that passes and the first that does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.simulator.conditions import condition_filters
from engine.simulator.exchange import Exchange
from engine.simulator.filters import Rules
from engine.simulator.model import ApiError, NewOrder, OrderType, Side, Terms, TimeInForce
from tests.simulator.core.venue import BTC, Clock

LISTED = replace(
    BTC,
    min_price=Decimal("10.00"),
    max_price=Decimal(100_000),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(30),
    max_market_quantity=Decimal(21),
    min_notional=Decimal(100),
    max_notional=Decimal(500_000),
    bid_multiplier_down=Decimal("0.2"),
    bid_multiplier_up=Decimal("1.2"),
    ask_multiplier_down=Decimal("0.8"),
    ask_multiplier_up=Decimal(5),
    max_open_orders=4,
    max_algo_orders=2,
    max_position=Decimal(40),
)
P = 2_000_000
"""Ticks of the only trade there was, 20,000.00."""
LIMIT, MARKET, STOP = OrderType.LIMIT, OrderType.MARKET, OrderType.STOP_LOSS_LIMIT
GTC = TimeInForce.GTC


class Exchanges:
    """An exchange with one trade at P, a deep book and a rich customer who holds 10 BTC."""

    def __init__(self) -> None:
        self.exchange = Exchange([LISTED], 1, Clock(), None)
        rich = {"USDT": Decimal(10**9), "BTC": Decimal(10**4)}
        self.crowd = [self.exchange.create_account("", "", rich).account_id for _ in range(2)]
        for account, side, price, lots in (
            (0, Side.SELL, P, 1000),
            (1, Side.BUY, P, 1000),
            (0, Side.SELL, P, 2_500_000),
        ):
            self._crowd(account, side, price, lots)
        self._crowd(1, Side.BUY, P - 1, 2_500_000)
        self.account = self.exchange.create_account("k", "s", {"USDT": Decimal(10**9), "BTC": Decimal(10)}).account_id
        self.orders = 0

    def _crowd(self, account: int, side: Side, price: int, lots: int) -> None:
        self.exchange.place(
            self.crowd[account], NewOrder("BTCUSDT", side, LIMIT, f"{side}{price}{lots}", GTC, price, lots)
        )

    def place(self, side: Side, kind: OrderType, ticks: int, lots: int, **more: Any) -> None:
        self.orders += 1
        self.exchange.place(self.account, NewOrder("BTCUSDT", side, kind, f"c{self.orders}", GTC, ticks, lots, **more))


@pytest.mark.parametrize(
    ("name", "passes", "fails"),
    [
        ("PRICE_FILTER", (Side.BUY, LIMIT, 400_000, 10_000), (Side.BUY, LIMIT, 999, 10_000)),
        ("PRICE_FILTER", (Side.SELL, LIMIT, 10_000_000, 1_000), (Side.SELL, LIMIT, 10_000_001, 1_000)),
        ("PERCENT_PRICE_BY_SIDE", (Side.BUY, LIMIT, 400_000, 10_000), (Side.BUY, LIMIT, 399_999, 10_000)),
        ("PERCENT_PRICE_BY_SIDE", (Side.BUY, LIMIT, 2_400_000, 1_000), (Side.BUY, LIMIT, 2_400_001, 1_000)),
        ("PERCENT_PRICE_BY_SIDE", (Side.SELL, LIMIT, 1_600_000, 1_000), (Side.SELL, LIMIT, 1_599_999, 1_000)),
        ("LOT_SIZE", (Side.SELL, LIMIT, 10_000_000, 100), (Side.SELL, LIMIT, 10_000_000, 99)),
        ("LOT_SIZE", (Side.BUY, LIMIT, P // 2, 3_000_000), (Side.BUY, LIMIT, P // 2, 3_000_001)),
        ("MARKET_LOT_SIZE", (Side.BUY, MARKET, 0, 2_100_000), (Side.BUY, MARKET, 0, 2_100_001)),
        ("NOTIONAL", (Side.BUY, LIMIT, P, 500), (Side.BUY, LIMIT, P - 1, 500)),
        ("NOTIONAL", (Side.BUY, LIMIT, 400_000, 2_500), (Side.BUY, LIMIT, 400_000, 2_499)),
        ("NOTIONAL", (Side.SELL, LIMIT, 10_000_000, 500_000), (Side.SELL, LIMIT, 10_000_000, 500_001)),
        ("NOTIONAL", (Side.BUY, LIMIT, P, 2_500_000), (Side.BUY, LIMIT, P, 2_500_001)),
        ("NOTIONAL", (Side.BUY, MARKET, 0, 500), (Side.BUY, MARKET, 0, 499)),
    ],
)
def test_a_filter_at_its_edge(name: str, passes: Any, fails: Any) -> None:
    Exchanges().place(*passes)
    with pytest.raises(ApiError, match=rf"^-1013 Filter failure: {name}$"):
        Exchanges().place(*fails)


@pytest.mark.parametrize(
    ("quote", "refusal"), [(100, None), (99, "NOTIONAL"), (420_000, None), (420_001, "MARKET_LOT_SIZE")]
)
def test_a_market_order_by_quote_quantity_at_the_edges(quote: int, refusal: str | None) -> None:
    exchange = Exchanges()
    order: Mapping[str, int] = {"quote_atoms": quote * 10**8}
    if refusal is None:
        exchange.place(Side.BUY, MARKET, 0, 0, **order)
    else:
        with pytest.raises(ApiError, match=f"^-1013 Filter failure: {refusal}$"):
            exchange.place(Side.BUY, MARKET, 0, 0, **order)


@pytest.mark.parametrize(
    ("text", "parse", "failure"),
    [
        ("20000.01", "price", None),
        ("20000.001", "price", "PRICE_FILTER"),
        ("0.00101", "lots", None),
        ("0.001011", "lots", "LOT_SIZE"),
    ],
)
def test_a_figure_between_two_steps_is_refused(text: str, parse: str, failure: str | None) -> None:
    read = getattr(Rules(LISTED), f"parse_{parse}")
    if failure is None:
        assert read(text) > 0
    else:
        with pytest.raises(ApiError, match=f"^-1013 Filter failure: {failure}$"):
            read(text)


def test_the_last_open_order_and_the_one_too_many() -> None:
    exchange = Exchanges()
    for number in range(4):
        exchange.place(Side.BUY, LIMIT, 1_000_000 - number, 10_000)
    with pytest.raises(ApiError, match=r"^-1013 Filter failure: MAX_NUM_ORDERS$"):
        exchange.place(Side.BUY, LIMIT, 999_000, 10_000)
    exchange.place(Side.BUY, MARKET, 0, 1_000)


def test_the_last_stop_and_the_one_too_many() -> None:
    exchange = Exchanges()
    stop = {"terms": Terms(stop_ticks=1_900_000)}
    for _ in range(2):
        exchange.place(Side.SELL, STOP, 1_800_000, 1_000, **stop)
    with pytest.raises(ApiError, match=r"^-1013 Filter failure: MAX_NUM_ALGO_ORDERS$"):
        exchange.place(Side.SELL, STOP, 1_800_000, 1_000, **stop)
    exchange.place(Side.SELL, LIMIT, 2_100_000, 1_000)


def test_a_position_counts_what_is_held_locked_and_ordered() -> None:
    exchange = Exchanges()
    exchange.place(Side.SELL, LIMIT, 3_000_000, 500_000)
    exchange.place(Side.BUY, LIMIT, 400_000, 2_000_000)
    with pytest.raises(ApiError, match="MAX_POSITION"):
        exchange.place(Side.BUY, LIMIT, 400_000, 1_000_001)
    with pytest.raises(ApiError, match="MAX_POSITION"):
        exchange.place(Side.BUY, MARKET, 0, 0, quote_atoms=200_100 * 10**8)
    exchange.place(Side.BUY, LIMIT, 400_000, 1_000_000)
    exchange.place(Side.SELL, LIMIT, 3_000_000, 500_000)


def test_no_filter_is_shown_that_is_not_tested_here_or_with_the_orders() -> None:
    shown = {str(row["filterType"]) for row in [*Rules(LISTED).exchange_info_filters(), *condition_filters()]}
    here = {
        "PRICE_FILTER", "LOT_SIZE", "MARKET_LOT_SIZE", "PERCENT_PRICE_BY_SIDE", "NOTIONAL", "MAX_NUM_ORDERS",
        "MAX_NUM_ALGO_ORDERS", "MAX_POSITION",
    }  # fmt: skip
    with_the_orders = {"ICEBERG_PARTS", "TRAILING_DELTA", "MAX_NUM_ORDER_AMENDS", "MAX_NUM_ORDER_LISTS"}
    assert shown == here | with_the_orders
    assert "MAX_POSITION" not in {row["filterType"] for row in Rules(BTC).exchange_info_filters()}
