"""Orders as a client sends them and asks for them: parsing, placing, canceling, looking up.

Source: Binance Spot API, Trading and Account endpoints, 2026-07.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from engine.simulator.lists_wire import list_json
from engine.simulator.model import OPEN, ApiError, OrderType, SimFill, SimOrder, Stp
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.order_entry import new_order
from engine.simulator.wire import (
    Json,
    Notation,
    ack_json,
    balance_json,
    canceled_json,
    figure,
    fill_json,
    full_json,
    order_json,
    prevented_by,
    prevented_json,
    result_json,
)

LONGEST_SPAN_MS: Final = 24 * 60 * 60 * 1000


class Answer(StrEnum):
    """`newOrderRespType`."""

    ACK = "ACK"
    RESULT = "RESULT"
    FULL = "FULL"


def place(call: Call) -> Json:
    """Place an order; the answer is as long as `newOrderRespType` asks."""
    notation, request = new_order(call)
    answer = answer_of(call, request.type)
    may_trade(call)
    order, fills = call.exchange.place(call.customer.account_id, request)
    return placed_json(call, notation, answer, order, fills)


def answer_of(call: Call, kind: OrderType) -> Answer:
    """How long an answer is wanted; a type has its own default."""
    default = Answer.FULL if kind in {OrderType.MARKET, OrderType.LIMIT} else Answer.ACK
    return call.params.choice("newOrderRespType", Answer, -1130, _invalid("newOrderRespType")) or default


def placed_json(call: Call, notation: Notation, answer: Answer, order: SimOrder, fills: tuple[SimFill, ...]) -> Json:
    """The answer to a placed order, as long as was asked."""
    if answer is Answer.ACK:
        return ack_json(order)
    told = full_json(notation, order, fills) if answer is Answer.FULL else result_json(notation, order)
    if order.request.terms.stp is not Stp.NONE:
        found = call.exchange.prevented(order.account_id, notation.symbol)
        matches = [match for match in found if match.taker_order_id == order.order_id]
        if matches:
            told["preventedMatches"] = prevented_by(notation, matches)
    return told


def place_test(call: Call) -> Json:
    """Check an order's parameters without placing it; with `computeCommissionRates` tell its rates."""
    notation, request = new_order(call)
    call.params.choice("newOrderRespType", Answer, -1130, _invalid("newOrderRespType"))
    may_trade(call)
    call.exchange.check_filters(call.customer.account_id, request)
    if not call.params.flag("computeCommissionRates"):
        return {}
    rates = _commission_rates(call)
    return {
        "standardCommissionForOrder": {"maker": rates["maker"], "taker": rates["taker"]},
        "taxCommissionForOrder": {"maker": figure(0), "taker": figure(0)},
        "discount": _no_discount(notation),
    }


def cancel(call: Call) -> Json:
    """Cancel one open order by `orderId` or `origClientOrderId`."""
    notation = call.listed(call.params.symbol())
    order_id, client_order_id = which(call)
    cancel_id = call.params.client_order_id("newClientOrderId") or call.ids.new()
    restriction = restriction_of(call)
    may_trade(call)
    return canceled(call, notation, order_id, client_order_id, cancel_id, restriction)


class Restriction(StrEnum):
    """`cancelRestrictions`."""

    ONLY_NEW = "ONLY_NEW"
    ONLY_PARTIALLY_FILLED = "ONLY_PARTIALLY_FILLED"


def restriction_of(call: Call) -> Restriction | None:
    """In which status alone an order is to be canceled."""
    return call.params.choice("cancelRestrictions", Restriction, -1145, "Invalid cancelRestrictions")


def canceled(
    call: Call,
    notation: Notation,
    order_id: int | None,
    client_order_id: str | None,
    cancel_id: str,
    restriction: Restriction | None,
) -> Json:
    """Cancel an order, with all of its list; -2011 when it is not open or the restriction forbids it."""
    account_id = call.customer.account_id
    if restriction is not None:
        _check_restriction(call, notation.symbol, order_id, client_order_id, restriction)
    order = call.exchange.cancel(
        account_id,
        notation.symbol,
        order_id=order_id,
        client_order_id=client_order_id,
        cancel_client_order_id=cancel_id,
    )
    return canceled_json(notation, order, cancel_id)


def _check_restriction(
    call: Call, symbol: str, order_id: int | None, client_order_id: str | None, restriction: Restriction
) -> None:
    try:
        order = call.exchange.order(
            call.customer.account_id, symbol, order_id=order_id, client_order_id=client_order_id
        )
    except ApiError:
        raise ApiError(-2011, "Unknown order sent.") from None
    if order.status in OPEN and order.status.value != restriction.value.removeprefix("ONLY_"):
        raise ApiError(-2011, "Order was not canceled due to cancel restrictions.")


def cancel_all(call: Call) -> list[Json]:
    """Cancel every open order of a symbol, lists as a whole, each with a cancel id of its own; -2011 for none."""
    notation = call.listed(call.params.symbol())
    may_trade(call)
    account_id = call.customer.account_id
    answers: list[Json] = []
    lists: set[int] = set()
    for order in call.exchange.open_orders(account_id, notation.symbol):
        if order.list_id in lists:
            continue
        cancel_id = call.ids.new()
        told = canceled(call, notation, order.order_id, None, cancel_id, None)
        if order.list_id >= 0:
            lists.add(order.list_id)
            found = call.exchange.order_list(account_id, order.list_id, None)
            told = list_json(found, [canceled_json(notation, each, cancel_id) for each in found.orders])
        answers.append(told)
    if not answers:
        raise ApiError(-2011, "Unknown order sent.")
    return answers


def status(call: Call) -> Json:
    """One order, open or finished."""
    notation = call.listed(call.params.symbol())
    order_id, client_order_id = which(call)
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
    rates = _commission_rates(call)
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
        "standardCommission": _commission_rates(call),
        "specialCommission": none,
        "taxCommission": none,
        "discount": _no_discount(notation),
    }


def order_limits(call: Call) -> list[Json]:
    """The order limits, and how much of them is used."""
    return call.usage.order_limits(call.customer.account_id)


def prevented_matches(call: Call) -> list[Json]:
    """The trades with itself that the account was kept from: one by its id, or those of an order."""
    notation = call.listed(call.params.symbol())
    match_id, order_id = call.params.whole("preventedMatchId"), call.params.whole("orderId")
    if (match_id is None) == (order_id is None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
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
    return []


# --- parts -----------------------------------------------------------------------------------------


def which(
    call: Call, id_name: str = "orderId", client_name: str = "origClientOrderId"
) -> tuple[int | None, str | None]:
    """Which order is meant; the id counts where both were sent."""
    order_id = call.params.whole(id_name)
    client_order_id = call.params.optional(client_name)
    if order_id is None and client_order_id is None:
        raise ApiError(-1102, f"Param '{client_name}' or '{id_name}' must be sent, but both were empty/null!")
    return order_id, client_order_id


def day_span(call: Call) -> tuple[int | None, int | None]:
    """`startTime` and `endTime`, at most a day apart."""
    start_ms, end_ms = call.params.span()
    if start_ms is not None and end_ms is not None and end_ms - start_ms > LONGEST_SPAN_MS:
        raise ApiError(-1127, "More than 24 hours between startTime and endTime.")
    return start_ms, end_ms


def may_trade(call: Call) -> None:
    """-2015 (401) when the key must not trade."""
    if not call.customer.can_trade:
        raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)


def _order_list(call: Call, orders: tuple[SimOrder, ...]) -> list[Json]:
    return [order_json(call.notations[order.request.symbol], order) for order in orders]


def _commission_rates(call: Call) -> dict[str, str]:
    customer = call.customer
    rates = {"maker": customer.maker_bps, "taker": customer.taker_bps}
    return {name: f"{bps / 10_000:.8f}" for name, bps in rates.items()} | {"buyer": figure(0), "seller": figure(0)}


def _no_discount(notation: Notation) -> Json:
    del notation
    return {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": figure(0)}


def _invalid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


NEW_ORDER = (
    "symbol side type timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode"
)
LIST = "symbol orderId startTime endTime limit"

OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(place, Security.SIGNED, NEW_ORDER, 1, "POST /api/v3/order", "order.place", counts_order=True),
    operation(
        place_test, Security.SIGNED, NEW_ORDER + " computeCommissionRates", 1, "POST /api/v3/order/test", "order.test"
    ),
    operation(
        cancel,
        Security.SIGNED,
        "symbol orderId origClientOrderId newClientOrderId cancelRestrictions",
        1,
        "DELETE /api/v3/order",
        "order.cancel",
    ),
    operation(cancel_all, Security.SIGNED, "symbol", 1, "DELETE /api/v3/openOrders", "openOrders.cancelAll"),
    operation(status, Security.SIGNED, "symbol orderId origClientOrderId", 4, "GET /api/v3/order", "order.status"),
    operation(open_orders, Security.SIGNED, "symbol", 6, "GET /api/v3/openOrders", "openOrders.status"),
    operation(all_orders, Security.SIGNED, LIST, 20, "GET /api/v3/allOrders", "allOrders"),
    operation(my_trades, Security.SIGNED, LIST + " fromId", 20, "GET /api/v3/myTrades", "myTrades"),
    operation(account, Security.SIGNED, "omitZeroBalances", 20, "GET /api/v3/account", "account.status"),
    operation(commission, Security.SIGNED, "symbol", 20, "GET /api/v3/account/commission", "account.commission"),
    operation(order_limits, Security.SIGNED, "", 40, "GET /api/v3/rateLimit/order", "account.rateLimits.orders"),
    operation(
        prevented_matches,
        Security.SIGNED,
        "symbol preventedMatchId orderId fromPreventedMatchId limit",
        20,
        "GET /api/v3/myPreventedMatches",
        "myPreventedMatches",
    ),
    operation(
        allocations,
        Security.SIGNED,
        "symbol startTime endTime fromAllocationId limit orderId",
        20,
        "GET /api/v3/myAllocations",
        "myAllocations",
    ),
)
