"""Everything that can be asked of Binance Spot, with arguments that make sense, whatever client asks.

The names are those of the WebSocket API. The tables of the clients say which of their methods ask what.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import urlencode

import httpx

from tests.simulator.process import Keys, SimulatorProcess

Arguments = dict[str, Any]
LIMIT: Arguments = {
    "symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "timeInForce": "GTC", "quantity": 0.01, "price": 50000,
}  # fmt: skip
OCO: Arguments = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": 0.01, "aboveType": "LIMIT_MAKER", "abovePrice": 70000,
    "belowType": "STOP_LOSS_LIMIT", "belowStopPrice": 50000, "belowPrice": 49000, "belowTimeInForce": "GTC",
}  # fmt: skip
OLD_OCO: Arguments = {
    "symbol": "BTCUSDT", "side": "SELL", "quantity": 0.01, "price": 70000, "stopPrice": 50000, "stopLimitPrice": 49000,
    "stopLimitTimeInForce": "GTC",
}  # fmt: skip
WORKING: Arguments = {
    "symbol": "BTCUSDT", "workingType": "LIMIT", "workingSide": "BUY", "workingPrice": 50000, "workingQuantity": 0.01,
    "workingTimeInForce": "GTC", "pendingSide": "SELL",
}  # fmt: skip
PENDING: Arguments = {"pendingType": "LIMIT", "pendingPrice": 70000, "pendingTimeInForce": "GTC"}
PENDING_PAIR: Arguments = {
    "pendingAboveType": "LIMIT_MAKER", "pendingAbovePrice": 70000, "pendingBelowType": "STOP_LOSS",
    "pendingBelowStopPrice": 40000,
}  # fmt: skip
BOTH = ["BTCUSDT", "ETHUSDT"]


@dataclass
class Scene:
    """A customer with a past (a fill, a prevented match, an amended order), who can leave orders for others to find."""

    http: httpx.Client
    keys: Keys

    def call(self, method: str, path: str, **params: object) -> dict[str, Any]:
        query = urlencode({**params, "timestamp": time.time_ns() // 1_000_000})
        answer = self.http.request(
            method,
            f"/api/v3/{path}?{query}&signature={self.keys.sign(query)}",
            headers={"X-MBX-APIKEY": self.keys.api_key},
        )
        assert answer.status_code == 200, answer.text
        return cast("dict[str, Any]", answer.json())

    def order(self) -> int:
        """A limit order that rests."""
        return int(self.call("POST", "order", **LIMIT)["orderId"])

    def order_list(self) -> int:
        """An OCO that waits."""
        return int(self.call("POST", "orderList/oco", **OCO)["orderListId"])

    def amended(self) -> int:
        order_id = self.order()
        self.call("PUT", "order/amend/keepPriority", symbol="BTCUSDT", orderId=order_id, newQty=0.005)
        return order_id

    def listen_key(self) -> str:
        answer = self.http.post("/api/v3/userDataStream", headers={"X-MBX-APIKEY": self.keys.api_key})
        return str(answer.json()["listenKey"])

    def clear(self) -> None:
        """Leave no open order, so that no limit of their number is reached."""
        if self.call("GET", "openOrders", symbol="BTCUSDT"):
            self.call("DELETE", "openOrders", symbol="BTCUSDT")


@contextmanager
def scene(simulator: SimulatorProcess) -> Generator[Scene]:
    """A customer whom someone has sold to at 60,000, and whose orders met each other once."""
    with httpx.Client(base_url=simulator.http, trust_env=False, verify=False) as http:
        seller, customer = (Scene(http, simulator.open_account()) for _ in range(2))
        seller.call("POST", "order", **{**LIMIT, "side": "SELL", "price": 60000})
        customer.call("POST", "order", **{**LIMIT, "price": 60000})
        customer.call("POST", "order", **{**LIMIT, "side": "SELL", "price": 61000})
        customer.call("POST", "order", **{**LIMIT, "price": 61000, "selfTradePreventionMode": "EXPIRE_BOTH"})
        yield customer


def with_one(made: int, arguments: Arguments) -> Arguments:
    """The arguments of a question that needs something to be there, and does not name it."""
    assert made >= 0
    return arguments


SYMBOL: Arguments = {"symbol": "BTCUSDT"}
ARGUMENTS: Mapping[str, Callable[[Scene], Arguments]] = {
    "ping": lambda _: {},
    "time": lambda _: {},
    "exchangeInfo": lambda _: {"symbols": BOTH},
    "executionRules": lambda _: SYMBOL,
    "referencePrice": lambda _: SYMBOL,
    "referencePrice.calculation": lambda _: SYMBOL,
    "depth": lambda _: {**SYMBOL, "limit": 5},
    "trades.recent": lambda _: {**SYMBOL, "limit": 5},
    "trades.historical": lambda _: {**SYMBOL, "fromId": 0},
    "blockTrades.historical": lambda _: {**SYMBOL, "fromId": 0},
    "trades.aggregate": lambda _: {**SYMBOL, "limit": 5},
    "klines": lambda _: {**SYMBOL, "interval": "1m", "limit": 5},
    "uiKlines": lambda _: {**SYMBOL, "interval": "1h", "limit": 5},
    "avgPrice": lambda _: SYMBOL,
    "ticker.24hr": lambda _: SYMBOL,
    "ticker.tradingDay": lambda _: SYMBOL,
    "ticker": lambda _: {**SYMBOL, "windowSize": "1h"},
    "ticker.price": lambda _: SYMBOL,
    "ticker.book": lambda _: SYMBOL,
    "order.place": lambda _: LIMIT,
    "order.test": lambda _: LIMIT,
    "order.cancel": lambda at: {**SYMBOL, "orderId": at.order()},
    "order.cancelReplace": lambda at: {
        **LIMIT, "cancelReplaceMode": "STOP_ON_FAILURE", "cancelOrderId": at.order(),
    },
    "order.amend.keepPriority": lambda at: {**SYMBOL, "orderId": at.order(), "newQty": 0.005},
    "openOrders.cancelAll": lambda at: with_one(at.order(), SYMBOL),
    "orderList.place": lambda _: OLD_OCO,
    "orderList.place.oco": lambda _: OCO,
    "orderList.place.oto": lambda _: {**WORKING, **PENDING, "pendingQuantity": 0.01},
    "orderList.place.otoco": lambda _: {**WORKING, **PENDING_PAIR, "pendingQuantity": 0.01},
    "orderList.place.opo": lambda _: {**WORKING, **PENDING},
    "orderList.place.opoco": lambda _: {**WORKING, **PENDING_PAIR},
    "orderList.cancel": lambda at: {**SYMBOL, "orderListId": at.order_list()},
    "sor.order.place": lambda _: LIMIT,
    "sor.order.test": lambda _: LIMIT,
    "account.status": lambda _: {},
    "account.commission": lambda _: SYMBOL,
    "account.rateLimits.orders": lambda _: {},
    "order.status": lambda at: {**SYMBOL, "orderId": at.order()},
    "openOrders.status": lambda at: with_one(at.order(), SYMBOL),
    "allOrders": lambda _: SYMBOL,
    "orderList.status": lambda at: {"orderListId": at.order_list()},
    "openOrderLists.status": lambda at: with_one(at.order_list(), {}),
    "allOrderLists": lambda at: with_one(at.order_list(), {}),
    "myTrades": lambda _: SYMBOL,
    "myPreventedMatches": lambda _: {**SYMBOL, "preventedMatchId": 1},
    "myAllocations": lambda _: SYMBOL,
    "order.amendments": lambda at: {**SYMBOL, "orderId": at.amended()},
    "myFilters": lambda _: SYMBOL,
    "userDataStream.start": lambda _: {},
    "userDataStream.ping": lambda at: {"listenKey": at.listen_key()},
    "userDataStream.stop": lambda at: {"listenKey": at.listen_key()},
    "apiRestrictions": lambda _: {},
    "system.status": lambda _: {},
}  # fmt: skip
"""What each request is asked with."""

NO_REFERENCE = (-2043, "This symbol doesn't have a reference price.")
NO_OPO = (-1013, "OPO orders are not supported for this symbol.")
NO_SOR = (-1013, "This symbol has no SOR.")
REFUSED: Mapping[str, tuple[int, str]] = {
    "referencePrice": NO_REFERENCE,
    "referencePrice.calculation": NO_REFERENCE,
    "orderList.place.opo": NO_OPO,
    "orderList.place.opoco": NO_OPO,
    "sor.order.place": NO_SOR,
    "sor.order.test": NO_SOR,
}
"""What this exchange answers as Binance does for symbols that have no such thing (docs/simulator-orders.md)."""
