"""Everybody else at the exchange: those who make the market, and whoever uses a trader's key from elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from random import Random

from engine.simulator.model import ApiError, NewOrder, OrderType, Side, SimOrder, TimeInForce
from tests.virtual.exchange import LISTINGS, VirtualExchange
from tests.virtual.trace import Trace

PRICES: Mapping[str, int] = {"BTCUSDT": 5_000_000, "ETHUSDT": 400_000}
"""Ticks at which the day begins."""
LEVELS = 4
RICH = {"USDT": Decimal(10_000_000), "BTC": Decimal(100), "ETH": Decimal(1_000)}
STRANGER = "stranger-"
"""How the client order ids of what was not placed through a desk begin."""


class Crowd:
    """Two accounts without keys: one rests orders around a price that wanders, the other takes what stands there."""

    def __init__(self, venue: VirtualExchange, of: Random) -> None:
        self._venue = venue
        self._of = of
        self._maker = venue.exchange.create_account("", "", RICH).account_id
        self._taker = venue.exchange.create_account("", "", RICH).account_id
        self._prices = dict(PRICES)
        self._sent = 0
        self._resting: list[SimOrder] = []
        for listing in LISTINGS:
            for level in range(1, LEVELS):
                self._rest(listing.symbol, Side.BUY, -3 * level)
                self._rest(listing.symbol, Side.SELL, 3 * level)
            self._take(listing.symbol, Side.BUY, 6)

    async def trade(self, until_s: float, every_s: float) -> None:
        loop = asyncio.get_running_loop()
        while loop.time() < until_s:
            await asyncio.sleep(self._of.uniform(0, 2 * every_s))
            self.act()

    def act(self) -> None:
        """One order of somebody."""
        symbol = LISTINGS[0 if self._of.random() < 0.7 else 1].symbol
        side = Side.BUY if self._of.random() < 0.5 else Side.SELL
        self._prices[symbol] += int(self._of.uniform(-4, 5))
        drawn = self._of.random()
        if drawn < 0.35:
            away = int(self._of.uniform(1, 9))
            self._rest(symbol, side, -away if side is Side.BUY else away)
        elif drawn < 0.45 and self._resting:
            self._cancel(self._resting.pop(int(self._of.random() * len(self._resting))))
        else:
            reach = int(self._of.uniform(2, 14))
            self._take(symbol, side, reach if side is Side.BUY else -reach)

    def _rest(self, symbol: str, side: Side, away: int) -> None:
        order = self._place(self._maker, symbol, side, away, TimeInForce.GTC, self._of.uniform(20, 200))
        if order is not None and order.working:
            self._resting.append(order)

    def _take(self, symbol: str, side: Side, reach: int) -> None:
        self._place(self._taker, symbol, side, reach, TimeInForce.IOC, self._of.uniform(6, 60))

    def _place(
        self, account_id: int, symbol: str, side: Side, away: int, force: TimeInForce, worth: float
    ) -> SimOrder | None:
        ticks = self._prices[symbol] + away
        listing = self._venue.exchange.listings[symbol]
        lots = int(worth / float(ticks * listing.tick * listing.lot)) + 1
        self._sent += 1
        request = NewOrder(symbol, side, OrderType.LIMIT, f"crowd-{self._sent}", force, ticks, lots)
        try:
            return self._venue.exchange.place(account_id, request)[0]
        except ApiError:
            return None

    def _cancel(self, order: SimOrder) -> None:
        try:
            self._venue.exchange.cancel(self._maker, order.request.symbol, order_id=order.order_id)
        except ApiError:
            return


class Stranger:
    """Somebody who trades with the same key, past the desk: a bot, or the venue's own page."""

    def __init__(self, venue: VirtualExchange, trace: Trace, of: Random) -> None:
        self._venue = venue
        self._trace = trace
        self._of = of
        self._sent = 0

    def act(self, api_key: str) -> None:
        """Place an order, or cancel one that is open, whoever placed it."""
        account = self._venue.exchange.account_by_key(api_key)
        if account is None:
            return
        orders = self._venue.exchange.open_orders(account.account_id)
        try:
            if orders and self._of.random() < 0.6:
                self._cancel(account.account_id, orders[int(self._of.random() * len(orders))])
            else:
                self._place(account.account_id)
        except ApiError as refusal:
            self._trace.note("elsewhere", "refused", refusal.code, refusal.message)

    def _cancel(self, account_id: int, order: SimOrder) -> None:
        self._trace.note("elsewhere", "cancel", order.request.client_order_id)
        self._venue.exchange.cancel(account_id, order.request.symbol, order_id=order.order_id)

    def _place(self, account_id: int) -> None:
        listing = LISTINGS[int(self._of.random() * 2)]
        side = Side.BUY if self._of.random() < 0.5 else Side.SELL
        ticks = self._venue.exchange.last_price(listing.symbol) + int(self._of.uniform(-6, 6))
        lots = int(30 / float(ticks * listing.tick * listing.lot)) + 1
        self._sent += 1
        client_id = f"{STRANGER}{account_id}-{self._sent}"
        request = NewOrder(listing.symbol, side, OrderType.LIMIT, client_id, TimeInForce.GTC, ticks, lots)
        self._trace.note("elsewhere", "place", client_id, side, lots, ticks)
        self._venue.exchange.place(account_id, request)
