"""What an account may ask of itself: balances, rates and limits, orders, executions, prevented trades.

Source: Binance Spot API, Account endpoints, 2026-07.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.model import ApiError, SimOrder
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.params import Params
from engine.simulator.selection import BAD_COMBINATION
from engine.simulator.trading import check_both, commission_rates, day_span, no_discount, which
from engine.simulator.wire import Json, balance_json, figure, fill_json, order_json, prevented_json


def status(call: Call) -> Json:
    """One order, open or finished."""
    notation = call.listed(call.params.symbol())
    order_id, client_order_id = which(call)
    check_both(call, notation.symbol, order_id, client_order_id)
    order = call.exchange.order(
        call.customer.account_id, notation.symbol, order_id=order_id, client_order_id=client_order_id
    )
    return order_json(notation, order)


def open_orders(call: Call) -> list[Json]:
    """The open orders of one symbol, or of all."""
    symbol = call.params.symbol() if "symbol" in call.params else None
    if symbol is not None:
        call.listed(symbol)
    return _order_list(call, call.exchange.open_orders(call.customer.account_id, symbol))


def all_orders(call: Call) -> list[Json]:
    """The orders of a symbol, oldest first; from `orderId` on or within `startTime` and `endTime`."""
    notation = call.listed(call.params.symbol())
    start_ms, end_ms = day_span(call)
    return _order_list(
        call,
        call.exchange.orders(
            call.customer.account_id,
            notation.symbol,
            from_id=call.params.whole("orderId"),
            start_ms=start_ms,
            end_ms=end_ms,
            limit=call.params.limit(500, 1000),
        ),
    )


def my_trades(call: Call) -> list[Json]:
    """The account's executions on a symbol, oldest first."""
    notation = call.listed(call.params.symbol())
    start_ms, end_ms = day_span(call)
    timed = start_ms is not None or end_ms is not None
    if timed and ("orderId" in call.params or "fromId" in call.params):
        raise ApiError(-1128, BAD_COMBINATION)
    fills = call.exchange.fills(
        call.customer.account_id,
        notation.symbol,
        order_id=call.params.whole("orderId"),
        from_id=call.params.whole("fromId"),
        start_ms=start_ms,
        end_ms=end_ms,
        limit=call.params.limit(500, 1000),
    )
    return [
        fill_json(notation, fill, call.exchange.list_id_of(call.customer.account_id, fill.order_id)) for fill in fills
    ]


def account(call: Call) -> Json:
    """Balances, rates and rights of the account."""
    customer = call.customer
    balances = call.exchange.balances(customer.account_id)
    if call.params.flag("omitZeroBalances"):
        balances = tuple(balance for balance in balances if balance.free or balance.locked)
    rates = commission_rates(call)
    return {
        "makerCommission": int(customer.maker_bps),
        "takerCommission": int(customer.taker_bps),
        "buyerCommission": 0,
        "sellerCommission": 0,
        "commissionRates": rates,
        "canTrade": customer.can_trade,
        "canWithdraw": customer.can_withdraw,
        "canDeposit": True,
        "brokered": False,
        "requireSelfTradePrevention": False,
        "preventSor": False,
        "updateTime": call.now_ms,
        "accountType": "SPOT",
        "balances": [balance_json(balance) for balance in balances],
        "permissions": ["SPOT"],
        "uid": customer.account_id,
    }


def commission(call: Call) -> Json:
    """What the account pays on a symbol."""
    notation = call.listed(call.params.symbol())
    none = {name: figure(0) for name in ("maker", "taker", "buyer", "seller")}
    return {
        "symbol": notation.symbol,
        "standardCommission": commission_rates(call),
        "specialCommission": none,
        "taxCommission": none,
        "discount": no_discount(notation),
    }


def order_limits(call: Call) -> list[Json]:
    """The order limits, and how much of them is used."""
    return call.usage.order_limits(call.customer.account_id)


def prevented_matches(call: Call) -> list[Json]:
    """The trades with itself that the account was kept from: one by its id, or those of an order."""
    notation = call.listed(call.params.symbol())
    match_id, order_id = call.params.whole("preventedMatchId"), call.params.whole("orderId")
    if (match_id is None) == (order_id is None):
        raise ApiError(-1128, BAD_COMBINATION)
    first = call.params.whole("fromPreventedMatchId") or 0
    found = [
        match
        for match in call.exchange.prevented(call.customer.account_id, notation.symbol)
        if match.prevented_id >= first
        and (match_id is None or match.prevented_id == match_id)
        and (order_id is None or order_id in {match.taker_order_id, match.maker_order_id})
    ]
    return [prevented_json(notation, match) for match in found[: call.params.limit(500, 1000)]]


def allocations(call: Call) -> list[Json]:
    """Executions by smart order routing; there is none here."""
    call.listed(call.params.symbol())
    start_ms, end_ms = day_span(call)
    numbers = [call.params.whole(name) for name in ("orderId", "fromAllocationId")]
    if (start_ms is not None or end_ms is not None) and numbers != [None, None]:
        raise ApiError(-1128, BAD_COMBINATION)
    call.params.limit(500, 1000)
    return []


# --- parts -----------------------------------------------------------------------------------------


def _order_list(call: Call, orders: tuple[SimOrder, ...]) -> list[Json]:
    return [order_json(call.notations[order.request.symbol], order) for order in orders]


def _open_orders_weight(params: Params) -> int:
    return 6 if "symbol" in params else 80


def _my_trades_weight(params: Params) -> int:
    return 5 if "orderId" in params else 20


def _prevented_weight(params: Params) -> int:
    return 20 if "orderId" in params else 2


LIST: Final = "symbol! orderId startTime endTime limit"

OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(status, Security.SIGNED, "symbol! orderId origClientOrderId", 4, "GET /api/v3/order", "order.status"),
    operation(
        open_orders, Security.SIGNED, "symbol", _open_orders_weight, "GET /api/v3/openOrders", "openOrders.status"
    ),
    operation(all_orders, Security.SIGNED, LIST, 20, "GET /api/v3/allOrders", "allOrders"),
    operation(my_trades, Security.SIGNED, LIST + " fromId", _my_trades_weight, "GET /api/v3/myTrades", "myTrades"),
    operation(account, Security.SIGNED, "omitZeroBalances", 20, "GET /api/v3/account", "account.status"),
    operation(commission, Security.SIGNED, "symbol!", 20, "GET /api/v3/account/commission", "account.commission"),
    operation(order_limits, Security.SIGNED, "", 40, "GET /api/v3/rateLimit/order", "account.rateLimits.orders"),
    operation(
        prevented_matches,
        Security.SIGNED,
        "symbol! preventedMatchId orderId fromPreventedMatchId limit",
        _prevented_weight,
        "GET /api/v3/myPreventedMatches",
        "myPreventedMatches",
    ),
    operation(
        allocations,
        Security.SIGNED,
        "symbol! startTime endTime fromAllocationId limit orderId",
        20,
        "GET /api/v3/myAllocations",
        "myAllocations",
    ),
)
