"""What is listed at the simulator, and what each market is like.

Ticks, lots and notional limits are Binance Spot's own (exchangeInfo, 2026). Price levels, spreads and sizes
are rounded figures of those markets; what was measured on a recording is in docs/simulator-market.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

from engine.simulator.model import Listing


@dataclass(frozen=True, slots=True)
class MarketProfile:
    """How one market behaves: the figures that the price process and the synthetic traders start from."""

    symbol: str
    level: float
    """Price in quote units at the beginning of the history."""
    volatility: float
    """Standard deviation of a year's log return, e.g. 0.45."""
    market_share: float
    """Correlation of its shocks with those of the whole market, 0 to 1."""
    spread_ticks: int
    """The usual distance of the best ask from the best bid."""
    levels: int
    """Orders that the makers keep on each side of the book."""
    depth_bps: float
    """Median distance of a resting order from the touch, in hundredths of a per cent."""
    touch_notional: float
    """Usual worth of all that waits at the best price, in quote units."""
    order_notional: float
    """Median worth of a single resting order behind it, in quote units."""
    trade_notional: float
    """Median worth of a taker's order, in quote units."""
    trade_tail: float
    """Spread of the logarithm of takers' order sizes: the median times e^(1.645·tail) is the 95th percentile."""
    trades_per_s: float
    """Takers' orders a second, averaged over a day."""
    wide_share: float
    """How often the makers stand wider than usual after a move, in an hour of usual liveliness."""
    wide_ticks: float
    """By how many ticks then, on average."""


def default_listings() -> tuple[Listing, ...]:
    """The symbols of the built-in exchange, all against USDT."""
    return (
        _listing("BTC", tick="0.01", lot="0.00001", max_price="1000000", max_quantity="9000", max_market="120"),
        _listing("ETH", tick="0.01", lot="0.0001", max_price="1000000", max_quantity="9000", max_market="2400"),
        _listing("SOL", tick="0.01", lot="0.001", max_price="100000", max_quantity="90000", max_market="15000"),
        _listing("BNB", tick="0.01", lot="0.001", max_price="100000", max_quantity="9000", max_market="1200"),
        _listing("XRP", tick="0.0001", lot="0.1", max_price="10000", max_quantity="9000000", max_market="800000"),
        _listing("DOGE", tick="0.00001", lot="1", max_price="1000", max_quantity="90000000", max_market="5000000"),
    )


def default_profiles() -> Mapping[str, MarketProfile]:
    """What each default listing's market is like, by symbol."""
    profiles = (
        MarketProfile(
            "BTCUSDT", 108_000.0, 0.45, 0.90, 1, 110, 2.4, 125_000.0, 4_000.0, 245.0, 2.3, 2.2, 0.0025, 120.0
        ),
        MarketProfile("ETHUSDT", 3_900.0, 0.65, 0.88, 1, 110, 2.8, 90_000.0, 4_000.0, 210.0, 2.1, 1.5, 0.01, 8.0),
        MarketProfile("SOLUSDT", 185.0, 0.80, 0.80, 1, 130, 9.0, 45_000.0, 6_000.0, 190.0, 2.0, 0.9, 0.03, 1.3),
        MarketProfile("BNBUSDT", 950.0, 0.55, 0.75, 1, 90, 4.0, 15_000.0, 2_500.0, 160.0, 1.9, 0.6, 0.08, 4.0),
        MarketProfile("XRPUSDT", 2.60, 0.75, 0.75, 1, 120, 7.0, 50_000.0, 6_000.0, 190.0, 2.0, 0.8, 0.04, 1.4),
        MarketProfile("DOGEUSDT", 0.21, 0.85, 0.75, 1, 120, 8.0, 35_000.0, 5_000.0, 150.0, 1.9, 0.6, 0.05, 1.2),
    )
    return MappingProxyType({profile.symbol: profile for profile in profiles})


def _listing(base: str, *, tick: str, lot: str, max_price: str, max_quantity: str, max_market: str) -> Listing:
    return Listing(
        symbol=f"{base}USDT",
        base=base,
        quote="USDT",
        tick=Decimal(tick),
        lot=Decimal(lot),
        min_price=Decimal(tick),
        max_price=Decimal(max_price),
        min_quantity=Decimal(lot),
        max_quantity=Decimal(max_quantity),
        max_market_quantity=Decimal(max_market),
        min_notional=Decimal(5),
        max_notional=Decimal(9_000_000),
    )
