"""The synthetic traders' seat at the exchange: their orders of one symbol, and what they see of its market."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.simulator.exchange import Exchange
from engine.simulator.model import (
    ApiError,
    Execution,
    Listing,
    NewOrder,
    OrderReported,
    OrderType,
    Side,
    SimEvent,
    TimeInForce,
    TopChanged,
    TradePrinted,
)

LEAST_NOTIONAL = 1.2
"""The smallest order that is sent, as a multiple of what the listing asks for: prices move on the way."""


@dataclass(frozen=True, slots=True)
class Traders:
    """The account ids of the synthetic traders, the same for all symbols."""

    makers: tuple[int, ...]
    taker: int
    informed: int


@dataclass(slots=True)
class Resting:
    """An order of the makers that waits in the book."""

    account_id: int
    price_ticks: int
    lots: int


class Seat:
    """Places and cancels for the traders of one symbol and remembers what rests. Feed it the exchange's events."""

    def __init__(self, exchange: Exchange, listing: Listing, traders: Traders, serial: str) -> None:
        """`serial` begins every client order id; it must differ between two runs on one journal."""
        self.listing = listing
        self.traders = traders
        self.refused = 0
        """Orders that the exchange did not take, e.g. after someone moved the price out of the filters' range."""
        self.net_lots = 0
        """Bought minus sold by takers since it was last set to 0, the informed ones' left out."""
        self.worth = float(listing.tick * listing.lot)
        """Quote units that one lot costs at a price of one tick."""
        self._exchange = exchange
        self._serial = serial
        self._sent = 0
        self._least = LEAST_NOTIONAL * float(listing.min_notional) / self.worth
        self._informed_at_work = False
        self._orders: dict[Side, dict[int, Resting]] = {side: {} for side in Side}
        self._find_orders()
        depth = exchange.depth(listing.symbol, 5)
        bid, ask = (depth.bids or ((0, 0),))[0], (depth.asks or ((0, 0),))[0]
        self.top = TopChanged(listing.symbol, depth.last_update_id, *bid, *ask)
        """The best bid and ask of everyone's orders."""

    def orders(self, side: Side) -> Mapping[int, Resting]:
        """The makers' resting orders by order id, oldest first."""
        return self._orders[side]

    def rest(self, account_id: int, side: Side, price_ticks: int, lots: int) -> None:
        """A limit order; what of it does not trade at once stays in the book."""
        price_ticks = max(1, price_ticks)
        lots = max(lots, self.fewest_lots(price_ticks))
        self._send(account_id, side, OrderType.LIMIT, TimeInForce.GTC, price_ticks, lots)

    def take(self, side: Side, lots: int, limit_ticks: int | None) -> None:
        """A taker's order: at market, or up to a limit and the rest not at all."""
        if limit_ticks is None:
            self._send(self.traders.taker, side, OrderType.MARKET, TimeInForce.GTC, 0, lots)
        else:
            self._send(self.traders.taker, side, OrderType.LIMIT, TimeInForce.IOC, max(1, limit_ticks), lots)

    def hit(self, side: Side, lots: int, limit_ticks: int) -> None:
        """An order of someone who knows better: it follows the fair price, so it does not push it."""
        lots = max(lots, self.fewest_lots(limit_ticks))
        self._informed_at_work = True
        try:
            self._send(self.traders.informed, side, OrderType.LIMIT, TimeInForce.IOC, limit_ticks, lots)
        finally:
            self._informed_at_work = False

    def cancel(self, side: Side, order_id: int) -> None:
        """Take back an order that rests; nothing if it no longer does."""
        resting = self._orders[side].get(order_id)
        if resting is not None:
            self._exchange.cancel(resting.account_id, self.listing.symbol, order_id=order_id)

    def fewest_lots(self, price_ticks: int) -> int:
        return int(self._least / price_ticks) + 1

    def listen(self, event: SimEvent) -> None:
        """Take notice of one event of this symbol."""
        match event:
            case OrderReported(order=order, execution=execution):
                resting = self._orders[order.request.side].get(order.order_id)
                if resting is None:
                    return
                resting.lots = order.remaining_lots
                if execution is not Execution.TRADE or not resting.lots:
                    del self._orders[order.request.side][order.order_id]
            case TradePrinted(trade=trade):
                if not self._informed_at_work:
                    self.net_lots += -trade.lots if trade.buyer_is_maker else trade.lots
            case TopChanged():
                self.top = event
            case _:
                return

    def _find_orders(self) -> None:
        """Orders that rest since before a restart, in the order in which they were placed."""
        found = [
            order
            for account_id in self.traders.makers
            for order in self._exchange.open_orders(account_id, self.listing.symbol)
        ]
        for order in sorted(found, key=lambda order: order.order_id):
            request = order.request
            self._orders[request.side][order.order_id] = Resting(
                order.account_id, request.price_ticks, order.remaining_lots
            )

    def _send(self, account_id: int, side: Side, kind: OrderType, force: TimeInForce, ticks: int, lots: int) -> None:
        self._sent += 1
        request = NewOrder(self.listing.symbol, side, kind, f"{self._serial}{self._sent:x}", force, ticks, lots)
        try:
            order, _ = self._exchange.place(account_id, request)
        except ApiError:
            self.refused += 1
            return
        if order.working:
            self._orders[side][order.order_id] = Resting(account_id, ticks, order.remaining_lots)
