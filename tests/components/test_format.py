"""Figures and states as people read them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from components.format import (
    alike,
    asset_quantity,
    filled_percent,
    grouped,
    order_words,
    percent,
    reason_words,
    status_pill,
)
from engine.domain.order import OrderStatus, Origin
from engine.domain.values import NOTHING, OrderType, Quantity, Side, TimeInForce
from tests.components.makers import NOON, order


def test_figures_are_grouped_with_the_decimals_of_their_step() -> None:
    assert grouped(Decimal("1234567.8"), 2) == "1,234,567.80"
    assert grouped(Decimal("0.1"), 5) == "0.10000"
    assert grouped(Decimal(99999999999999), 0) == "99,999,999,999,999"


def test_dollars_have_cents_and_coins_what_they_need() -> None:
    assert asset_quantity(Decimal("10000"), "USDT") == "10,000.00"
    assert asset_quantity(Decimal("1234.10500000"), "BTC") == "1,234.105"
    assert asset_quantity(Decimal(0), "BTC") == "0"


def test_changes_carry_a_sign() -> None:
    assert percent(Decimal("0.0214")) == "+2.14 %"
    assert percent(Decimal("-0.05")) == "−5.00 %"


def test_an_order_is_named_by_what_it_does() -> None:
    assert order_words(order()) == "Buy limit"
    assert order_words(order(side=Side.SELL, time_in_force=TimeInForce.FOK)) == "Sell limit FOK"
    assert order_words(order(type=OrderType.LIMIT_MAKER)) == "Buy post only"


def test_an_order_in_doubt_says_since_when_the_venue_is_asked() -> None:
    pill = status_pill(order(status=OrderStatus.UNKNOWN, submitted_at=NOON, reason="ANSWER_LOST: timed out"))
    assert (pill.words, pill.kind, pill.since, pill.title) == ("Unknown · asking", "doubt", NOON, "Timed out")


@pytest.mark.parametrize("status", list(OrderStatus))
def test_every_status_has_words(status: OrderStatus) -> None:
    assert status_pill(order(status=status)).words


@pytest.mark.parametrize("order_type", list(OrderType))
def test_every_type_has_words(order_type: OrderType) -> None:
    assert order_words(order(type=order_type)).startswith("Buy ")
    assert order_words(order(type=order_type, origin=Origin.EXTERNAL)).endswith("elsewhere")


def test_a_reason_is_its_words_and_nothing_where_it_only_repeats_the_status() -> None:
    assert reason_words("NOT_ACCEPTED: the venue knows no such order") == "The venue knows no such order"
    assert reason_words("VENUE_UNREACHABLE") == "Venue unreachable"
    assert reason_words("CANCELED") == ""
    assert reason_words(None) == ""


def test_the_filled_share_is_never_rounded_up_to_done() -> None:
    assert filled_percent(order(filled_quantity=Quantity(Decimal("0.4999")))) == "99 %"
    by_total = order(quantity=None, quote_quantity=Quantity(Decimal(50)), filled_quantity=NOTHING)
    assert filled_percent(by_total) == "–"


@pytest.mark.parametrize(
    ("values", "asset", "least", "shown"),
    [
        (("0.1", "0"), "BTC", 5, ["0.10000", "0.00000"]),
        (("0.099985", "0.01", "0.109985"), "BTC", 5, ["0.099985", "0.010000", "0.109985"]),
        (("1", "0"), "ETH", 0, ["1", "0"]),
        (("1234.5", "0"), "USDT", 5, ["1,234.50", "0.00"]),
        (("0.123456789123",), "BTC", 0, ["0.12345679"]),
    ],
)
def test_an_assets_figures_have_their_points_under_each_other(
    values: tuple[str, ...], asset: str, least: int, shown: list[str]
) -> None:
    assert alike([Decimal(value) for value in values], asset, least) == shown
