"""Looking back: an account's orders and fills by id, by time and newest first, and how much is kept."""

from __future__ import annotations

import pytest

from engine.simulator.accounts import KEPT_ORDERS
from engine.simulator.model import ApiError, Side, Status
from engine.simulator.tape import KEPT_TRADES
from tests.simulator.core.venue import START_MS, Venue

P = 6_000_000


def traded(count: int) -> tuple[Venue, int]:
    """A customer with one fill a second."""
    venue = Venue()
    flow, account = venue.account(""), venue.account("k")
    for _ in range(count):
        venue.limit(flow, Side.SELL, P, 100)
        venue.market(account, Side.BUY, 100)
        venue.clock.ms += 1000
    return venue, account


def test_fills_and_orders_are_found_by_id_and_time() -> None:
    venue, account = traded(10)
    fills = venue.exchange.fills(account, "BTCUSDT")
    assert [fill.trade_id for fill in fills] == list(range(1, 11))
    assert venue.exchange.fills(account, "BTCUSDT", limit=3) == fills[-3:]
    assert venue.exchange.fills(account, "BTCUSDT", from_id=4, limit=3) == fills[3:6]
    assert venue.exchange.fills(account, "BTCUSDT", start_ms=START_MS + 2000, end_ms=START_MS + 4000) == fills[2:5]
    assert venue.exchange.fills(account, "BTCUSDT", order_id=fills[6].order_id) == fills[6:7]
    assert venue.exchange.fills(account, "XYZUSDT") == ()
    orders = venue.exchange.orders(account, "BTCUSDT")
    assert [order.order_id for order in orders] == [fill.order_id for fill in fills]
    assert venue.exchange.orders(account, "BTCUSDT", limit=2) == orders[-2:]
    assert venue.exchange.orders(account, "BTCUSDT", from_id=orders[3].order_id, limit=2) == orders[3:5]
    assert venue.exchange.orders(account, "BTCUSDT", start_ms=START_MS + 8000) == orders[8:]
    assert venue.exchange.orders(account, "BTCUSDT", end_ms=START_MS + 1000) == orders[:2]


def test_public_trades_are_found_by_id_and_time() -> None:
    venue, _ = traded(10)
    trades = venue.exchange.trades("BTCUSDT")
    assert venue.exchange.trades("BTCUSDT", limit=3) == trades[-3:]
    assert venue.exchange.trades("BTCUSDT", from_id=4, limit=3) == trades[3:6]
    assert venue.exchange.trades("BTCUSDT", start_ms=START_MS + 2000, end_ms=START_MS + 4000) == trades[2:5]
    assert venue.exchange.trades("BTCUSDT", end_ms=START_MS + 4000, limit=2) == trades[3:5]
    assert venue.exchange.trades("BTCUSDT", from_id=99) == ()


def test_the_oldest_finished_orders_and_their_fills_are_forgotten_but_no_open_one() -> None:
    venue = Venue()
    venue.exchange.listen(lambda _: venue.events.clear())
    maker, account = venue.account(""), venue.account("k")
    resting = venue.limit(account, Side.BUY, P - 100, 100)
    venue.limit(maker, Side.SELL, P, 100)
    oldest, _ = venue.exchange.place(account, venue.request(Side.BUY, P, 100, client_id="same"))
    newest = oldest
    for _ in range(KEPT_ORDERS):
        newest, _ = venue.exchange.place(account, venue.request(Side.BUY, P - 50, 100, client_id="same"))
        venue.exchange.cancel(account, "BTCUSDT", order_id=newest.order_id)
    with pytest.raises(ApiError, match="-2013"):
        venue.now(account, oldest)
    assert venue.exchange.fills_of(oldest.order_id) == ()
    assert venue.exchange.fills(account, "BTCUSDT") == ()
    assert venue.exchange.order(account, "BTCUSDT", client_order_id="same").order_id == newest.order_id
    assert venue.now(account, resting).status is Status.NEW
    assert len(venue.exchange.orders(account, "BTCUSDT", limit=2 * KEPT_ORDERS)) == KEPT_ORDERS + 1


def test_only_the_newest_public_trades_are_kept() -> None:
    venue = Venue()
    for _ in range(2 * KEPT_TRADES + 10):
        venue.exchange.print_external_trade("BTCUSDT", P, 1, buyer_is_maker=True)
    trades = venue.exchange.trades("BTCUSDT", limit=10**6)
    assert [trade.trade_id for trade in trades] == list(range(KEPT_TRADES + 11, 2 * KEPT_TRADES + 11))
