"""Positions by average cost: what the fills say, whatever their order of sides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from engine.domain.fills import Fill
from engine.domain.holdings import Position, add_fills, positions_of
from engine.domain.values import Side
from tests.domain.strategies import a_fill

D = Decimal


def fill(side: Side, quantity: str, price: str, fee: str = "0", fee_asset: str = "USDT") -> Fill:
    return replace(a_fill(1, quantity, price), side=side, fee=D(fee), fee_asset=fee_asset)


def after(*fills: Fill) -> Position:
    return positions_of("account", fills)["BTC/USDT"]


def test_buying_averages_and_selling_realises() -> None:
    held = after(fill(Side.BUY, "1", "100"), fill(Side.BUY, "3", "200"))
    assert (held.quantity, held.cost, held.average_price) == (4, 700, D(175))
    sold = after(fill(Side.BUY, "1", "100"), fill(Side.BUY, "3", "200"), fill(Side.SELL, "2", "250"))
    assert (sold.quantity, sold.average_price, sold.realised) == (2, D(175), D(150))
    assert sold.unrealised(D(275)) == D(200)


def test_selling_more_than_is_held_turns_it() -> None:
    turned = after(fill(Side.BUY, "1", "100"), fill(Side.SELL, "3", "120"))
    assert (turned.quantity, turned.average_price, turned.realised) == (-2, D(120), D(20))
    assert turned.unrealised(D(110)) == D(20)
    closed = after(fill(Side.BUY, "1", "100"), fill(Side.SELL, "3", "120"), fill(Side.BUY, "2", "130"))
    assert (closed.quantity, closed.average_price, closed.realised) == (0, None, D(0))


def test_a_fee_in_base_leaves_less_to_close_and_one_in_quote_earns_less() -> None:
    held = after(fill(Side.BUY, "1", "100", "0.01", "BTC"))
    assert (held.quantity, held.cost, held.fees) == (D("0.99"), D(100), {"BTC": D("0.01")})
    sold = after(fill(Side.BUY, "1", "100", "0.5"), fill(Side.SELL, "1", "110", "0.6"))
    assert (sold.realised, sold.fees) == (D("8.9"), {"USDT": D("1.1")})
    assert after(fill(Side.BUY, "1", "100", "0.1", "BNB")).realised == 0


moves = st.lists(
    st.tuples(
        st.sampled_from(Side),
        st.decimals(min_value=D("0.00001"), max_value=D(1000), places=5),
        st.decimals(min_value=D("0.01"), max_value=D(100_000), places=2),
        st.decimals(min_value=D(0), max_value=D(10), places=8),
    ),
    max_size=25,
)


def fills_of(drawn: Sequence[tuple[Side, Decimal, Decimal, Decimal]]) -> list[Fill]:
    return [fill(side, str(quantity), str(price), str(fee)) for side, quantity, price, fee in drawn]


@given(moves, st.decimals(min_value=D("0.01"), max_value=D(100_000), places=2))
def test_what_was_earned_and_what_it_is_worth_are_the_cash_that_moved(
    drawn: list[tuple[Side, Decimal, Decimal, Decimal]], price: Decimal
) -> None:
    """Realised and unrealised together are what selling everything now would leave of the cash that went in and out."""
    fills = fills_of(drawn)
    position = positions_of("account", fills).get("BTC/USDT", Position("account", "BTC/USDT"))
    signs = {Side.BUY: D(1), Side.SELL: D(-1)}
    quantity = sum((signs[one.side] * one.quantity for one in fills), D(0))
    cash = sum((-signs[one.side] * one.quantity * one.price - one.fee for one in fills), D(0))
    assert position.quantity == quantity
    assert abs(position.realised + position.unrealised(price) - (cash + quantity * price)) < D("1e-12")
    assert position.cost >= 0


@given(moves, st.integers(min_value=0, max_value=25))
def test_fills_can_be_added_in_any_portions(drawn: list[tuple[Side, Decimal, Decimal, Decimal]], cut: int) -> None:
    fills = fills_of(drawn)
    whole = positions_of("account", fills)
    assert add_fills(positions_of("account", fills[:cut]), "account", fills[cut:]) == whole
