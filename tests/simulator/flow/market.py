"""A synthetic market that a test moves by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal

from engine.simulator.exchange import Exchange
from engine.simulator.listings import MarketProfile, default_profiles
from engine.simulator.model import (
    DepthSnapshot,
    NewOrder,
    OrderType,
    PublicTrade,
    Side,
    SimEvent,
    SimOrder,
    TimeInForce,
    TradePrinted,
)
from engine.simulator.synthetic import SyntheticFlow, Tempo
from tests.simulator.flow.conftest import HandClock

PROFILES = default_profiles()
RICH = {"USDT": Decimal(1_000_000_000), "BTC": Decimal(10_000), "BNB": Decimal(10_000), "DOGE": Decimal(1_000_000_000)}


class TurnedClock:
    """The hand clock as the flow sees it."""

    def __init__(self, hand: HandClock) -> None:
        self._hand = hand

    def now(self) -> datetime:
        return datetime.fromtimestamp(self._hand.at_ms / 1000, UTC)

    def monotonic(self) -> float:
        return self._hand.at_ms / 1000


class Market:
    """An open exchange with its synthetic traders, moved by hand, its public trades written down."""

    def __init__(
        self,
        exchange: Exchange,
        hand: HandClock,
        seed: int,
        profiles: Mapping[str, MarketProfile] = PROFILES,
        tempo: Tempo | None = None,
    ) -> None:
        self.exchange = exchange
        self.hand = hand
        self.trades: list[PublicTrade] = []
        self._beat_ms = (tempo or Tempo()).beat_ms
        self._symbols = tuple(profiles)
        self.flow = SyntheticFlow(exchange, seed, profiles, TurnedClock(hand), tempo)
        exchange.listen(self._hear)
        self.flow.prepare()

    def live(self, seconds: float, look: Callable[[], None] | None = None) -> None:
        """Let the market move for so long; `look` is called after every beat."""
        for _ in range(int(seconds * 1000 / self._beat_ms)):
            self.hand.at_ms += self._beat_ms
            self.flow.step(self.hand.at_ms)
            if look is not None:
                look()

    def books(self) -> dict[str, DepthSnapshot]:
        return {symbol: self.exchange.depth(symbol, 1000) for symbol in self._symbols}

    def order(self, account_id: int, side: Side, lots: int, price_ticks: int = 0, symbol: str = "BTCUSDT") -> SimOrder:
        kind = OrderType.LIMIT if price_ticks else OrderType.MARKET
        request = NewOrder(symbol, side, kind, f"mine-{self.hand.at_ms}", TimeInForce.GTC, price_ticks, lots)
        return self.exchange.place(account_id, request)[0]

    def stranger(self) -> int:
        return self.exchange.create_account("stranger", "secret", RICH).account_id

    def _hear(self, event: SimEvent) -> None:
        if isinstance(event, TradePrinted):
            self.trades.append(event.trade)
