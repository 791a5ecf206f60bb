"""Exact figures: averages, sums, decimals, and the rules of instruments."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain.draft import OrderDraft, check_draft
from engine.domain.fills import Fill, fees, filled_quantity, vwap
from engine.domain.instrument import Instrument
from engine.domain.position import Balance, worth
from engine.domain.risk import check_balance
from engine.domain.values import (
    OrderType,
    Price,
    Quantity,
    Refusal,
    Side,
    TimeInForce,
    decimal_text,
    decimals_of,
    floor_to,
    parse_decimal,
    valid_client_order_id,
)
from tests.domain.strategies import PENDING, a_fill, figures, some_fills

BTC = Instrument(
    symbol="BTC/USDT",
    venue_symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9_000),
    max_market_quantity=Decimal(100),
    min_price=Decimal("0.01"),
    max_price=Decimal(1_000_000),
    min_notional=Decimal(5),
    max_notional=Decimal(9_000_000),
)
LIMIT = OrderDraft(
    "BTC/USDT", Side.BUY, OrderType.LIMIT, quantity=Quantity(Decimal("0.01")), price=Price(Decimal(30_000))
)
MARKET = OrderDraft("BTC/USDT", Side.BUY, OrderType.MARKET, quantity=Quantity(Decimal("0.01")))


def refused(draft: OrderDraft, instrument: Instrument = BTC, price: Decimal | None = Decimal(30_000)) -> str:
    with pytest.raises(Refusal) as caught:
        check_draft(draft, instrument, price)
    return f"{caught.value.code} {caught.value.field}"


# --- averages and sums ---


@given(some_fills(least=1))
def test_the_average_price_is_the_exact_quotient_of_exact_sums(fills: tuple[Fill, ...]) -> None:
    notional = sum((Fraction(fill.price) * Fraction(fill.quantity) for fill in fills), Fraction(0))
    exact = notional / sum((Fraction(fill.quantity) for fill in fills), Fraction(0))
    average = vwap(fills)
    assert average is not None
    assert abs(Fraction(average) - exact) <= exact / 10**27
    assert min(fill.price for fill in fills) <= average <= max(fill.price for fill in fills)


@given(some_fills(least=1), st.randoms(use_true_random=False))
def test_the_order_of_fills_does_not_matter(fills: tuple[Fill, ...], chance: random.Random) -> None:
    shuffled = list(fills)
    chance.shuffle(shuffled)
    assert vwap(shuffled) == vwap(fills)
    assert filled_quantity(shuffled) == filled_quantity(fills)
    assert fees(shuffled) == fees(fills)


def test_nothing_filled_has_no_average() -> None:
    assert vwap(()) is None
    assert filled_quantity(()) == 0
    assert fees(()) == {}


def test_sums_keep_what_floats_would_lose() -> None:
    fills = [a_fill(1, "99999999999.99999999", "99999999.99"), a_fill(2, "0.00000001", "0.01")]
    assert filled_quantity(fills) == Decimal("100000000000.00000000")
    assert vwap([a_fill(1, "1", "1"), a_fill(2, "2", "2")]) == Decimal(5) / Decimal(3)


@given(figures, figures, figures)
def test_an_account_is_worth_the_sum_of_its_parts(coins: Decimal, price: Decimal, cash: Decimal) -> None:
    held = [Balance("BTC", coins, Decimal(0)), Balance("USDT", Decimal(0), cash), Balance("ODD", coins, coins)]
    total, unpriced = worth(held, {"BTC": price}, "USDT")
    assert total == coins * price + cash
    assert unpriced == ("ODD",)


# --- decimals from outside ---


@given(st.decimals(min_value=0, max_value=Decimal("9999999999999999"), places=18).map(decimal_text))
def test_a_plain_decimal_is_taken_as_it_is(text: str) -> None:
    assert decimal_text(parse_decimal(text, "price")) == text


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1 ", "1\n", "+1", "-1", "-0", ".5", "5.", "01", "1,5", "1_000", "0x10"),
        *("1e5", "1e309", "NaN", "Infinity", "１２", "١٢"),
        *("1" * 17, "0." + "1" * 19, "9" * 5_000),
        *(1, 1.5, None, True, [], {}),
    ],
)
def test_anything_else_is_refused_by_its_field(text: object) -> None:
    with pytest.raises(Refusal) as caught:
        parse_decimal(text, "price")
    assert caught.value.field == "price"
    assert len(caught.value.message) < 200


@given(st.decimals(min_value=0, max_value=10**12, places=10), st.sampled_from(["0.01", "0.5", "1", "10", "0.00001"]))
def test_floor_to_is_the_greatest_multiple_below(value: Decimal, step_text: str) -> None:
    step = Decimal(step_text)
    floored = floor_to(value, step)
    assert floored <= value < floored + step
    assert floored % step == 0


@pytest.mark.parametrize(("step", "count"), [("0.01", 2), ("0.00001000", 5), ("1", 0), ("10", 0), ("0.5", 1)])
def test_a_step_says_how_many_decimals_to_show(step: str, count: int) -> None:
    assert decimals_of(Decimal(step)) == count


@pytest.mark.parametrize("text", ["", "a b", "ä", "x" * 37, "a\n", "semi;colon", "１"])
def test_a_client_order_id_of_other_characters_is_refused(text: str) -> None:
    with pytest.raises(Refusal):
        valid_client_order_id(text)


# --- instrument rules ---


@pytest.mark.parametrize(
    ("draft", "refusal"),
    [
        (replace(LIMIT, price=None), "missing_field price"),
        (replace(LIMIT, quantity=None), "missing_field quantity"),
        (replace(LIMIT, price=Price(Decimal(0))), "price_not_positive price"),
        (replace(LIMIT, price=Price(Decimal("30000.001"))), "off_tick price"),
        (replace(LIMIT, price=Price(Decimal("1000000.01"))), "above_max_price price"),
        (replace(LIMIT, quantity=Quantity(Decimal(0))), "quantity_not_positive quantity"),
        (replace(LIMIT, quantity=Quantity(Decimal("0.010001"))), "off_lot quantity"),
        (replace(LIMIT, quantity=Quantity(Decimal(9_001)), price=Price(Decimal(1))), "above_max_quantity quantity"),
        (replace(LIMIT, quantity=Quantity(Decimal("0.0001"))), "below_min_notional quantity"),
        (replace(LIMIT, quantity=Quantity(Decimal(1_000))), "above_max_notional quantity"),
        (replace(LIMIT, quote_quantity=Quantity(Decimal(50))), "quote_quantity_not_allowed quote_quantity"),
        (replace(MARKET, price=Price(Decimal(1))), "price_not_allowed price"),
        (replace(MARKET, time_in_force=TimeInForce.IOC), "time_in_force_not_allowed time_in_force"),
        (replace(MARKET, quantity=None), "quantity_or_quote_quantity quantity"),
        (replace(MARKET, quote_quantity=Quantity(Decimal(50))), "quantity_or_quote_quantity quantity"),
        (replace(MARKET, quantity=Quantity(Decimal(101))), "above_max_quantity quantity"),
        (replace(MARKET, quantity=Quantity(Decimal("0.0001"))), "below_min_notional quantity"),
        (
            replace(MARKET, quantity=None, quote_quantity=Quantity(Decimal("4.99"))),
            "below_min_notional quote_quantity",
        ),
        (
            replace(LIMIT, type=OrderType.LIMIT_MAKER, time_in_force=TimeInForce.IOC),
            "time_in_force_not_allowed time_in_force",
        ),
    ],
)
def test_what_the_venue_would_refuse_is_refused_with_its_field(draft: OrderDraft, refusal: str) -> None:
    assert refused(draft) == refusal


def test_an_instrument_that_is_not_trading_takes_no_orders() -> None:
    assert refused(LIMIT, replace(BTC, active=False)) == "symbol_not_trading symbol"


@given(st.integers(1, 10**8), st.integers(1, 9 * 10**8))
def test_a_draft_on_the_grid_and_within_the_limits_passes(ticks: int, lots: int) -> None:
    price, quantity = ticks * BTC.tick, lots * BTC.lot
    fits = BTC.min_notional is not None and BTC.max_notional is not None
    assert fits
    draft = replace(LIMIT, price=Price(price), quantity=Quantity(quantity))
    if Decimal(5) <= price * quantity <= Decimal(9_000_000):
        check_draft(draft, BTC, None)
    else:
        assert "notional" in refused(draft)


# --- balance ---


def test_what_is_on_its_way_is_taken_off_the_balance_first() -> None:
    held = {"USDT": Balance("USDT", Decimal(350), Decimal(0))}
    on_its_way = replace(PENDING, quantity=Quantity(Decimal("0.01")), price=Price(Decimal(30_000)))
    check_balance(LIMIT, BTC, None, held, [])
    with pytest.raises(Refusal) as caught:
        check_balance(LIMIT, BTC, None, held, [(on_its_way, BTC)])
    assert "50 USDT are free" in caught.value.message


def test_a_sale_needs_the_base_and_nothing_held_is_nothing_free() -> None:
    sale = replace(LIMIT, side=Side.SELL)
    with pytest.raises(Refusal) as caught:
        check_balance(sale, BTC, None, {"USDT": Balance("USDT", Decimal(10**6), Decimal(0))}, [])
    assert "needs 0.01 BTC, 0 BTC are free" in caught.value.message
