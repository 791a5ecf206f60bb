"""Changing an order: cancel and replace it, or lower its quantity in its place.

Source: Binance Spot API, "Cancel an Existing Order and Send a New Order", "Order Amend Keep Priority", 2026-07.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from engine.simulator.admission import REJECT_REASONS
from engine.simulator.lists_wire import list_json
from engine.simulator.model import Amendment, ApiError, SimOrder
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.order_entry import new_order
from engine.simulator.params import missing
from engine.simulator.trading import (
    NEW_ORDER,
    Restriction,
    answer_of,
    canceled,
    check_both,
    may_trade,
    placed_json,
    restriction_of,
    which,
)
from engine.simulator.wire import Json, Notation, figure


class Mode(StrEnum):
    """`cancelReplaceMode`: whether the new order is tried when the old one could not be canceled."""

    STOP_ON_FAILURE = "STOP_ON_FAILURE"
    ALLOW_FAILURE = "ALLOW_FAILURE"


class Exceeded(StrEnum):
    """`orderRateLimitExceededMode`: whether the old order is canceled still when too many orders are unfilled."""

    DO_NOTHING = "DO_NOTHING"
    CANCEL_ONLY = "CANCEL_ONLY"


def cancel_replace(call: Call) -> Json:
    """Cancel one order, then place another; 409 (-2021) when only one of the two succeeds, 400 (-2022) when none."""
    notation, request = new_order(call)
    mode = call.params.choice("cancelReplaceMode", Mode, -1130, _invalid("cancelReplaceMode"))
    if mode is None:
        raise missing("cancelReplaceMode")
    exceeded = call.params.choice(EXCEEDED_MODE, Exceeded, -1130, _invalid(EXCEEDED_MODE))
    order_id, client_order_id = which(call, "cancelOrderId", "cancelOrigClientOrderId")
    cancel_id = call.params.client_order_id("cancelNewClientOrderId") or call.ids.new()
    restriction = restriction_of(call)
    answer = answer_of(call, request.type)
    may_trade(call)
    account_id = call.customer.account_id
    replaced = [
        order
        for order in call.exchange.open_orders(account_id, notation.symbol)
        if (order.order_id == order_id if order_id is not None else order.request.client_order_id == client_order_id)
    ]
    call.exchange.check_filters(account_id, request, *replaced)
    over = _over_limit(call) if exceeded is Exceeded.CANCEL_ONLY else None
    status = 429 if over is not None and mode is Mode.STOP_ON_FAILURE else None
    cancel_told, gone = _try_cancel(call, notation, order_id, client_order_id, cancel_id, restriction)
    if not gone and mode is Mode.STOP_ON_FAILURE:
        raise _failed(cancel_told, "NOT_ATTEMPTED", None, gone=False, placed=False, status=status)
    if over is not None:
        raise _failed(cancel_told, "FAILURE", over.json(), gone=gone, placed=False, status=status)
    try:
        order, fills = call.exchange.place(account_id, request)
    except ApiError as refusal:
        reason = REJECT_REASONS.get(refusal.message)
        if reason is not None:
            call.exchange.report_rejected(account_id, request, reason)
        raise _failed(cancel_told, "FAILURE", refusal.json(), gone=gone, placed=False) from None
    new_told = placed_json(call, notation, answer, order, fills)
    if not gone:
        raise _failed(cancel_told, "SUCCESS", new_told, gone=False, placed=True)
    return _outcome(cancel_told, "SUCCESS", new_told, gone=True)


def amend(call: Call) -> Json:
    """Lower an open order's quantity to `newQty`; it keeps its place in the queue."""
    notation = call.listed(call.params.symbol())
    order_id, client_order_id = which(call)
    check_both(call, notation.symbol, order_id, client_order_id)
    lots = notation.rules.parse_lots(call.params.text("newQty"), "newQty")
    new_id = call.params.client_order_id("newClientOrderId") or call.ids.new()
    order, made = call.exchange.amend(
        call.customer.account_id,
        notation.symbol,
        lots,
        new_id,
        order_id=order_id,
        client_order_id=client_order_id,
    )
    told: Json = {
        "transactTime": made.time_ms,
        "executionId": made.amendment_id,
        "amendedOrder": _amended_json(notation, order, made),
    }
    if order.list_id >= 0:
        told["listStatus"] = list_json(call.exchange.order_list(order.account_id, order.list_id, None))
    return told


def amendments(call: Call) -> list[Json]:
    """What was amended in an order, oldest first."""
    notation = call.listed(call.params.symbol())
    order_id = call.params.whole("orderId")
    if order_id is None:
        raise missing("orderId")
    first = call.params.whole("fromExecutionId") or 0
    found = call.exchange.amendments(call.customer.account_id, order_id)
    chosen = [made for made in found if made.symbol == notation.symbol and made.amendment_id >= first]
    return [_amendment_json(notation, made) for made in chosen[: call.params.limit(500, 1000)]]


# --- parts -----------------------------------------------------------------------------------------


def _try_cancel(
    call: Call,
    notation: Notation,
    order_id: int | None,
    client_order_id: str | None,
    cancel_id: str,
    restriction: Restriction | None,
) -> tuple[Json, bool]:
    try:
        return canceled(call, notation, order_id, client_order_id, cancel_id, restriction), True
    except ApiError as refusal:
        return refusal.json(), False


def _over_limit(call: Call) -> ApiError | None:
    """Why the account may place no further order now; then only the cancel is carried out."""
    try:
        call.usage.admit_order(call.customer.account_id)
    except ApiError as refusal:
        return refusal
    return None


def _failed(
    cancel_told: Json, result: str, new_told: object, *, gone: bool, placed: bool, status: int | None = None
) -> ApiError:
    data = _outcome(cancel_told, result, new_told, gone=gone)
    if gone or placed:
        return ApiError(-2021, "Order cancel-replace partially failed.", status or 409, data)
    return ApiError(-2022, "Order cancel-replace failed.", status or 400, data)


def _outcome(cancel_told: Json, result: str, new_told: object, *, gone: bool) -> Json:
    return {
        "cancelResult": "SUCCESS" if gone else "FAILURE",
        "newOrderResult": result,
        "cancelResponse": cancel_told,
        "newOrderResponse": new_told,
    }


def _amendment_json(notation: Notation, made: Amendment) -> Json:
    return {
        "symbol": made.symbol,
        "orderId": made.order_id,
        "executionId": made.amendment_id,
        "origClientOrderId": made.old_client_id,
        "newClientOrderId": made.new_client_id,
        "origQty": notation.quantity(made.old_lots),
        "newQty": notation.quantity(made.new_lots),
        "time": made.time_ms,
    }


def _amended_json(notation: Notation, order: SimOrder, made: Amendment) -> Json:
    request = order.request
    return {
        "symbol": request.symbol,
        "orderId": order.order_id,
        "orderListId": order.list_id,
        "origClientOrderId": made.old_client_id,
        "clientOrderId": made.new_client_id,
        "price": notation.price(request.price_ticks),
        "qty": notation.quantity(order.lots),
        "executedQty": notation.quantity(order.filled_lots),
        "preventedQty": notation.quantity(order.prevented_lots),
        "quoteOrderQty": figure(request.quote_atoms),
        "cumulativeQuoteQty": figure(order.filled_quote_atoms),
        "status": order.status.value,
        "timeInForce": request.time_in_force.value,
        "type": request.type.value,
        "side": request.side.value,
        "workingTime": order.working_ms,
        "selfTradePreventionMode": request.terms.stp.value,
    }


def _invalid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


REPLACE: Final = NEW_ORDER + (
    " cancelReplaceMode! cancelOrderId cancelOrigClientOrderId cancelNewClientOrderId cancelRestrictions"
    " orderRateLimitExceededMode"
)
EXCEEDED_MODE: Final = "orderRateLimitExceededMode"
AMEND: Final = "symbol! orderId origClientOrderId newClientOrderId newQty!"

OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(
        cancel_replace,
        Security.SIGNED,
        REPLACE,
        1,
        "POST /api/v3/order/cancelReplace",
        "order.cancelReplace",
        counts_order=True,
    ),
    operation(amend, Security.SIGNED, AMEND, 4, "PUT /api/v3/order/amend/keepPriority", "order.amend.keepPriority"),
    operation(
        amendments,
        Security.SIGNED,
        "symbol! orderId! fromExecutionId limit",
        4,
        "GET /api/v3/order/amendments",
        "order.amendments",
    ),
)
