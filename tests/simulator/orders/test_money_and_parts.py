"""What a pair puts aside, what an iceberg keeps back, and who may look through it."""

from __future__ import annotations

import pytest

from engine.simulator.model import ApiError, ListKind, NewList, OrderType, Side, Status, Stp, Terms, TimeInForce
from tests.simulator.core.venue import Venue

P = 6_000_000
SELL, BUY = Side.SELL, Side.BUY


def a_buying_pair(venue: Venue) -> NewList:
    """A limit below the market and a stop above it, of which the stop is the dearer one."""
    terms = Terms(stop_ticks=P + 100)
    stop = venue.request(BUY, P + 200, 1000, OrderType.STOP_LOSS_LIMIT, terms=terms)
    return NewList(ListKind.OCO, "pair", (stop, venue.request(BUY, P - 100, 1000, OrderType.LIMIT_MAKER)))


def test_a_pair_puts_aside_what_its_dearer_leg_costs_until_the_other_trades() -> None:
    venue = Venue()
    seller, me = venue.account("seller"), venue.account("me", {"USDT": 601})
    venue.exchange.place_list(me, a_buying_pair(venue))
    assert venue.held(me, "USDT")[1] == 1000 * (P + 200) * 10
    venue.limit(seller, SELL, P - 100, 400)
    assert venue.held(me, "USDT")[1] == 600 * (P - 100) * 10
    assert venue.held(me, "USDT")[0] == 601 * 10**8 - 1000 * (P - 100) * 10


def test_a_pair_that_only_its_cheaper_leg_could_pay_is_refused() -> None:
    venue = Venue()
    me = venue.account("me", {"USDT": 600})
    with pytest.raises(ApiError, match="-2010 Account has insufficient balance"):
        venue.exchange.place_list(me, a_buying_pair(venue))
    assert venue.exchange.open_orders(me) == ()


@pytest.mark.parametrize(("lots", "status", "filled"), [(1400, Status.FILLED, 1400), (1401, Status.EXPIRED, 0)])
def test_an_order_that_trades_whole_or_not_counts_what_is_hidden_and_no_more(
    lots: int, status: Status, filled: int
) -> None:
    venue = Venue()
    maker, taker = venue.account("maker"), venue.account("taker")
    venue.exchange.place(maker, venue.request(SELL, P, 1000, terms=Terms(iceberg_lots=100)))
    venue.limit(maker, SELL, P, 500)
    venue.limit(taker, BUY, P, 100)
    assert venue.exchange.depth("BTCUSDT").asks == ((P, 600),)
    order = venue.limit(taker, BUY, P, lots, TimeInForce.FOK)
    assert (order.status, order.filled_lots) == (status, filled)


def test_an_icebergs_next_part_stands_behind_those_who_waited() -> None:
    venue = Venue()
    maker, other, taker = venue.account("maker"), venue.account("other"), venue.account("taker")
    iceberg, _ = venue.exchange.place(maker, venue.request(SELL, P, 1000, terms=Terms(iceberg_lots=100)))
    plain = venue.limit(other, SELL, P, 500)
    venue.limit(taker, BUY, P, 650)
    sold = [(trade.seller_order_id, trade.lots) for trade in venue.exchange.trades("BTCUSDT")]
    assert sold == [(iceberg.order_id, 100), (plain.order_id, 500), (iceberg.order_id, 50)]


def test_buying_at_market_past_ones_own_offer_must_be_paid_at_the_next_price() -> None:
    venue = Venue()
    seller, me = venue.account("seller"), venue.account("me", {"USDT": 700, "BTC": 1})
    venue.limit(me, SELL, P, 1000)
    venue.limit(seller, SELL, 2 * P, 1000)
    terms = Terms(stp=Stp.EXPIRE_MAKER)
    with pytest.raises(ApiError, match="-2010 Account has insufficient balance"):
        venue.exchange.place(me, venue.request(BUY, 0, 1000, OrderType.MARKET, terms=terms))
    order, _ = venue.exchange.place(me, venue.request(BUY, 0, 500, OrderType.MARKET, terms=terms))
    assert (order.status, order.filled_quote_atoms) == (Status.FILLED, 500 * 2 * P * 10)
