"""A small exchange with a clock that the test turns, for the core's tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from engine.simulator.exchange import Exchange
from engine.simulator.model import (
    PLAIN,
    Listing,
    NewOrder,
    OrderType,
    Side,
    SimEvent,
    SimFill,
    SimOrder,
    Terms,
    TimeInForce,
)

START_MS = 1_700_000_040_000
"""A whole minute."""
BTC = Listing(
    symbol="BTCUSDT",
    base="BTC",
    quote="USDT",
    tick=Decimal("0.01"),
    lot=Decimal("0.00001"),
    min_price=Decimal("0.01"),
    max_price=Decimal(1_000_000),
    min_quantity=Decimal("0.00001"),
    max_quantity=Decimal(9000),
    max_market_quantity=Decimal(100),
    min_notional=Decimal(5),
    max_notional=Decimal(9_000_000),
)
COARSE = Listing(
    symbol="XYZUSDT",
    base="XYZ",
    quote="USDT",
    tick=Decimal("0.0000001"),
    lot=Decimal("0.001"),
    min_price=Decimal("0.0000001"),
    max_price=Decimal(1000),
    min_quantity=Decimal("0.001"),
    max_quantity=Decimal(9_000_000),
    max_market_quantity=Decimal(9_000_000),
    min_notional=Decimal(0),
    max_notional=Decimal(9_000_000),
    bid_multiplier_down=Decimal(0),
    bid_multiplier_up=Decimal(1_000_000),
    ask_multiplier_down=Decimal(0),
    ask_multiplier_up=Decimal(1_000_000),
)
"""A tick of a lot is a hundredth of an atom here, so that notionals have to be cut off."""


@dataclass
class Clock:
    """Milliseconds that only the test moves."""

    ms: int = START_MS

    def __call__(self) -> int:
        return self.ms


@dataclass
class Venue:
    """An exchange, its events, and short words for orders. Prices in ticks, quantities in lots."""

    journal: Path | None = None
    clock: Clock = field(default_factory=Clock)
    events: list[SimEvent] = field(default_factory=list[SimEvent])
    orders: int = 0
    snapshot_every: int = 50_000

    def __post_init__(self) -> None:
        self.exchange = Exchange([BTC, COARSE], 1, self.clock, self.journal, snapshot_every=self.snapshot_every)
        self.exchange.listen(self.events.append)

    def account(self, key: str, balances: Mapping[str, int] | None = None, maker_bps: int = 10) -> int:
        """A new account; without balances it is rich."""
        held = balances if balances is not None else {"BTC": 1_000, "USDT": 100_000_000, "XYZ": 1_000_000}
        decimals = {asset: Decimal(quantity) for asset, quantity in held.items()}
        profile = self.exchange.create_account(key, f"secret of {key}", decimals, maker_bps=Decimal(maker_bps))
        return profile.account_id

    def request(
        self,
        side: Side,
        price: int,
        lots: int,
        kind: OrderType = OrderType.LIMIT,
        time_in_force: TimeInForce = TimeInForce.GTC,
        *,
        quote_atoms: int = 0,
        client_id: str = "",
        symbol: str = "BTCUSDT",
        terms: Terms = PLAIN,
    ) -> NewOrder:
        """An order with a client id of its own unless one is given."""
        self.orders += 1
        client_id = client_id or f"order-{self.orders}"
        return NewOrder(symbol, side, kind, client_id, time_in_force, price, lots, quote_atoms, terms)

    def limit(
        self, account: int, side: Side, price: int, lots: int, time_in_force: TimeInForce = TimeInForce.GTC
    ) -> SimOrder:
        """Place a limit order."""
        return self.exchange.place(account, self.request(side, price, lots, time_in_force=time_in_force))[0]

    def market(
        self, account: int, side: Side, lots: int = 0, quote_atoms: int = 0
    ) -> tuple[SimOrder, tuple[SimFill, ...]]:
        """Place a market order by quantity or by quote quantity."""
        return self.exchange.place(account, self.request(side, 0, lots, OrderType.MARKET, quote_atoms=quote_atoms))

    def held(self, account: int, asset: str) -> tuple[int, int]:
        """Free and locked atoms of an asset."""
        for balance in self.exchange.balances(account):
            if balance.asset == asset:
                return balance.free, balance.locked
        return 0, 0

    def now(self, account: int, order: SimOrder) -> SimOrder:
        """The order as it stands."""
        return self.exchange.order(account, order.request.symbol, order_id=order.order_id)

    def reopened(self) -> Venue:
        """The same journal in an exchange of its own, after this one was closed."""
        self.exchange.close()
        return Venue(self.journal, self.clock)
