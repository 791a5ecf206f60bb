"""The market's message: integers that say exactly what the figures were."""

from __future__ import annotations

from decimal import Decimal

from components.market_payload import market_payload
from engine.domain.market import Level, MarketTrade, OrderBook, Ticker
from engine.domain.values import Side
from tests.components.makers import BTC, book


def test_levels_trades_and_ticker_travel_as_integers() -> None:
    trades = (
        MarketTrade("7", 1000, Decimal("100.01"), Decimal("0.5"), Side.BUY),
        MarketTrade("8", 2000, Decimal("99.99"), Decimal("0.00001"), Side.SELL),
    )
    ticker = Ticker(
        "BTC/USDT", Decimal("100"), Decimal("98"), Decimal("101"), Decimal("97"), Decimal("12.5"), Decimal(1250)
    )
    message = market_payload(
        "simulator BTC/USDT", BTC, book=book(), trades=trades, ticker=ticker, stale=False, age_ms=12, now_ms=5
    )
    assert message["b"] == [9900, 100000, 9800, 200000]
    assert message["a"] == [10100, 100000, 10200, 200000]
    assert message["t"] == [(2000, 9999, 1, False, "8"), (1000, 10001, 50000, True, "7")]
    assert message["l"] == [10000, 9800, 10100, 9700, 1250000]
    assert (message["k"], message["n"], message["s"], message["g"]) == ("simulator BTC/USDT", 5, False, 12)


def test_what_did_not_change_is_left_out() -> None:
    message = market_payload("k", BTC, book=None, trades=(), ticker=None, stale=True, age_ms=None, now_ms=5)
    assert set(message) == {"k", "n", "s", "g"}


def test_a_deep_book_is_cut() -> None:
    deep = tuple(Level(Decimal(100 + i), Decimal(1)) for i in range(80))
    message = market_payload(
        "k", BTC, book=OrderBook("BTC/USDT", 1, (), deep), trades=(), ticker=None, stale=False, age_ms=0, now_ms=0
    )
    assert len(message["a"]) == 100
