"""Order lists as a client sends them and asks for them: OCO, OTO, OTOCO.

Source: Binance Spot API, "New Order List - OCO, OTO, OTOCO", "Cancel Order List" and "Error codes", 2026-07.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from engine.simulator.lists_wire import list_json
from engine.simulator.model import ApiError, ListKind, NewList, NewOrder, OrderList, OrderType, Side, Status
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.order_entry import PEG, Leg, new_order, side_of, type_of
from engine.simulator.params import missing
from engine.simulator.trading import Answer, day_span, may_trade
from engine.simulator.triggers import ALGO_TYPES, STOP_LOSSES
from engine.simulator.wire import Json, Notation, ack_json, canceled_json, full_json, result_json

PER_LEG: Final = [
    "price", "stopPrice", "trailingDelta", "timeInForce", "icebergQty", "strategyId", "strategyType", *PEG,
]  # fmt: skip
WORKING_TYPES: Final = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
PAIR_TYPES: Final = ALGO_TYPES | {OrderType.LIMIT_MAKER}


def place_oco(call: Call) -> Json:
    """Place an OCO by its upper and its lower leg."""
    side = side_of(call, "side")
    return _place(call, ListKind.OCO, _pair(call, side, "above", "below", "quantity"))


def place_old_oco(call: Call) -> Json:
    """Place an OCO as it was sent first: a limit-maker at `price` and a stop at `stopPrice`."""
    side = side_of(call, "side")
    if "stopPrice" not in call.params and "trailingDelta" not in call.params:
        raise missing("stopPrice")
    limit = new_order(call, Leg(OLD_LIMIT, side, OrderType.LIMIT_MAKER))[1]
    kind = OrderType.STOP_LOSS_LIMIT if "stopLimitPrice" in call.params else OrderType.STOP_LOSS
    stop = new_order(call, Leg(OLD_STOP, side, kind))[1]
    return _place(call, ListKind.OCO, (stop, limit))


def place_oto(call: Call) -> Json:
    """Place a working order and the one that it brings to life."""
    working = _working(call)
    names = _names("pending") | {"quantity": "pendingQuantity"}
    pending = new_order(call, Leg(names, side_of(call, "pendingSide"), type_of(call, "pendingType")))[1]
    if pending.quote_atoms:
        raise ApiError(-1014, "Unsupported order combination.")
    return _place(call, ListKind.OTO, (working, pending))


def place_otoco(call: Call) -> Json:
    """Place a working order and the OCO that it brings to life."""
    working = _working(call)
    side = side_of(call, "pendingSide")
    pair = _pair(call, side, "pendingAbove", "pendingBelow", "pendingQuantity")
    return _place(call, ListKind.OTOCO, (working, *pair))


def place_opo(call: Call) -> Json:
    """-1013: no symbol has lists whose working order pays for the pending ones (`opoAllowed` is false)."""
    side_of(call, "pendingSide")
    _working(call)
    raise ApiError(-1013, "OPO orders are not supported for this symbol.")


def cancel_list(call: Call) -> Json:
    """Cancel all orders of an open list."""
    notation = call.listed(call.params.symbol())
    list_id, client_id = _which(call, "listClientOrderId")
    cancel_id = call.params.client_order_id("newClientOrderId") or call.ids.new()
    may_trade(call)
    account_id = call.customer.account_id
    try:
        found = call.exchange.order_list(account_id, list_id, client_id)
    except ApiError:
        raise ApiError(-2011, "Unknown order sent.") from None
    still_open = [order for order in found.orders if order.status in {Status.NEW, *BEGUN}]
    if found.done or not still_open or found.symbol != notation.symbol:
        raise ApiError(-2011, "Unknown order sent.")
    call.exchange.cancel(account_id, notation.symbol, order_id=still_open[0].order_id, cancel_client_order_id=cancel_id)
    return canceled_list_json(call, notation, found.list_id, cancel_id)


def canceled_list_json(call: Call, notation: Notation, list_id: int, cancel_id: str) -> Json:
    """The answer to a canceled list: all of its orders as they are now."""
    found = call.exchange.order_list(call.customer.account_id, list_id, None)
    return list_json(found, [canceled_json(notation, order, cancel_id) for order in found.orders])


def status(call: Call) -> Json:
    """One order list, open or done."""
    list_id, client_id = _which(call, "origClientOrderId")
    return list_json(call.exchange.order_list(call.customer.account_id, list_id, client_id))


def open_lists(call: Call) -> list[Json]:
    """The order lists that are not done."""
    return [list_json(found) for found in call.exchange.order_lists(call.customer.account_id) if not found.done]


def all_lists(call: Call) -> list[Json]:
    """All order lists, newest first; from `fromId` on or within `startTime` and `endTime` oldest first."""
    first = call.params.whole("fromId")
    start_ms, end_ms = day_span(call)
    if first is not None and (start_ms is not None or end_ms is not None):
        raise ApiError(-1128, "Combination of optional parameters invalid.")
    found = [
        each
        for each in call.exchange.order_lists(call.customer.account_id)
        if each.list_id >= (first or 0)
        and (start_ms is None or each.created_ms >= start_ms)
        and (end_ms is None or each.created_ms <= end_ms)
    ]
    if first is None and start_ms is None:
        found.reverse()
    return [list_json(each) for each in found[: call.params.limit(500, 1000)]]


# --- parts -----------------------------------------------------------------------------------------


def _place(call: Call, kind: ListKind, orders: Sequence[NewOrder]) -> Json:
    client_id = call.params.client_order_id("listClientOrderId") or call.ids.new()
    answer = call.params.choice(
        "newOrderRespType", Answer, -1130, "Data sent for parameter 'newOrderRespType' is not valid."
    )
    may_trade(call)
    placed = call.exchange.place_list(call.customer.account_id, NewList(kind, client_id, tuple(orders)))
    return list_json(placed, _reports(call, placed, answer or Answer.RESULT))


def _reports(call: Call, placed: OrderList, answer: Answer) -> list[Json]:
    notation = call.notations[placed.symbol]
    if answer is Answer.ACK:
        return [ack_json(order) for order in placed.orders]
    if answer is Answer.RESULT:
        return [result_json(notation, order) for order in placed.orders]
    return [
        full_json(notation, order, call.exchange.fills_of(order.order_id) if order.filled_lots else ())
        for order in placed.orders
    ]


def _working(call: Call) -> NewOrder:
    kind = type_of(call, "workingType")
    if kind not in WORKING_TYPES:
        raise ApiError(-1116, "Invalid orderType.")
    names = _names("working") | {"quantity": "workingQuantity"}
    return new_order(call, Leg(names, side_of(call, "workingSide"), kind))[1]


def _pair(call: Call, side: Side, above: str, below: str, quantity: str) -> tuple[NewOrder, NewOrder]:
    """The legs of an OCO, the one that waits before the limit, the upper one first where both wait."""
    upper, lower = type_of(call, f"{above}Type"), type_of(call, f"{below}Type")
    _check_types(side, upper, lower)
    for leg in (above, below):
        force = call.params.optional(f"{leg}TimeInForce")
        if f"{leg}IcebergQty" in call.params and force not in {None, "GTC"}:
            raise ApiError(-1160, f"Parameter '{leg}IcebergQty' is not supported if `{leg}TimeInForce` is not GTC.")
    over = new_order(call, Leg(_names(above) | {"quantity": quantity}, side, upper))[1]
    under = new_order(call, Leg(_names(below) | {"quantity": quantity}, side, lower))[1]
    return (under, over) if upper is OrderType.LIMIT_MAKER else (over, under)


def _check_types(side: Side, upper: OrderType, lower: OrderType) -> None:
    if upper not in PAIR_TYPES or lower not in PAIR_TYPES:
        raise ApiError(-1158, "Order type not supported in OCO.")
    if upper is lower is OrderType.LIMIT_MAKER:
        raise ApiError(-1168, "At least one OCO order must be contingent.")
    buys = side is Side.BUY
    misplaced, fitting = (upper, lower) if buys else (lower, upper)
    where = "below" if buys else "above"
    if misplaced is OrderType.LIMIT_MAKER:
        raise ApiError(-1165 if buys else -1166, f"A limit order in a {side.lower()} OCO must be {where}.")
    if misplaced not in STOP_LOSSES:
        raise ApiError(-1198 if buys else -1199, f"A take profit order in a {side.lower()} OCO must be {where}.")
    if fitting in STOP_LOSSES:
        other = "above" if buys else "below"
        raise ApiError(-1196 if buys else -1197, f"A stop loss order in a {side.lower()} OCO must be {other}.")


def _which(call: Call, client_name: str) -> tuple[int | None, str | None]:
    list_id, client_id = call.params.whole("orderListId"), call.params.optional(client_name)
    if list_id is None and client_id is None:
        raise ApiError(-1102, f"Param '{client_name}' or 'orderListId' must be sent, but both were empty/null!")
    return list_id, client_id


def _names(prefix: str) -> dict[str, str]:
    names = {name: prefix + name[0].upper() + name[1:] for name in PER_LEG}
    return names | {"newClientOrderId": f"{prefix}ClientOrderId"}


def _asked(*prefixes: str) -> str:
    """The parameters of the orders with these prefixes, and those of every list."""
    mine = [
        name
        for prefix in prefixes
        for name in (*_names(prefix).values(), f"{prefix}Type!")
        if name not in OF_WAITING_ORDERS
    ]
    return " ".join(["symbol!", "listClientOrderId", "newOrderRespType", "selfTradePreventionMode", *mine])


OF_WAITING_ORDERS: Final = frozenset({"workingStopPrice", "workingTrailingDelta"})
BEGUN: Final = frozenset({Status.PENDING_NEW, Status.PARTIALLY_FILLED})
OLD_LIMIT: Final = {
    "newClientOrderId": "limitClientOrderId",
    "icebergQty": "limitIcebergQty",
    "strategyId": "limitStrategyId",
    "strategyType": "limitStrategyType",
    "timeInForce": "limitTimeInForce",
    "stopPrice": "limitStopPrice",
    "trailingDelta": "limitTrailingDelta",
}
OLD_STOP: Final = {
    "price": "stopLimitPrice",
    "timeInForce": "stopLimitTimeInForce",
    "newClientOrderId": "stopClientOrderId",
    "icebergQty": "stopIcebergQty",
    "strategyId": "stopStrategyId",
    "strategyType": "stopStrategyType",
}
OLD_OCO: Final = (
    "symbol! listClientOrderId side! quantity! price! stopPrice trailingDelta newOrderRespType selfTradePreventionMode "
    "limitClientOrderId limitIcebergQty limitStrategyId limitStrategyType stopLimitPrice stopLimitTimeInForce "
    "stopClientOrderId stopIcebergQty stopStrategyId stopStrategyType"
)
WORKING_AND_PENDING: Final = " workingSide! workingQuantity! pendingSide! pendingQuantity!"
WORKING_AND_PAID: Final = " workingSide! workingQuantity! pendingSide!"
WHICH: Final = "orderListId listClientOrderId"

OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(
        place_oco,
        Security.SIGNED,
        _asked("above", "below") + " side! quantity!",
        1,
        "POST /api/v3/orderList/oco",
        "orderList.place.oco",
        counts_order=True,
    ),
    operation(
        place_old_oco, Security.SIGNED, OLD_OCO, 1, "POST /api/v3/order/oco", "orderList.place", counts_order=True
    ),
    operation(
        place_oto,
        Security.SIGNED,
        _asked("working", "pending") + WORKING_AND_PENDING,
        1,
        "POST /api/v3/orderList/oto",
        "orderList.place.oto",
        counts_order=True,
    ),
    operation(
        place_otoco,
        Security.SIGNED,
        _asked("working", "pendingAbove", "pendingBelow")
        + " workingSide! workingQuantity! pendingSide! pendingQuantity!",
        1,
        "POST /api/v3/orderList/otoco",
        "orderList.place.otoco",
        counts_order=True,
    ),
    operation(
        place_opo,
        Security.SIGNED,
        _asked("working", "pending") + WORKING_AND_PAID,
        1,
        "POST /api/v3/orderList/opo",
        "orderList.place.opo",
        counts_order=True,
    ),
    operation(
        place_opo,
        Security.SIGNED,
        _asked("working", "pendingAbove", "pendingBelow") + WORKING_AND_PAID,
        1,
        "POST /api/v3/orderList/opoco",
        "orderList.place.opoco",
        counts_order=True,
    ),
    operation(
        cancel_list,
        Security.SIGNED,
        f"symbol! {WHICH} newClientOrderId",
        1,
        "DELETE /api/v3/orderList",
        "orderList.cancel",
    ),
    operation(status, Security.SIGNED, "orderListId origClientOrderId", 4, "GET /api/v3/orderList", "orderList.status"),
    operation(open_lists, Security.SIGNED, "", 6, "GET /api/v3/openOrderList", "openOrderLists.status"),
    operation(
        all_lists, Security.SIGNED, "fromId startTime endTime limit", 20, "GET /api/v3/allOrderList", "allOrderLists"
    ),
)
