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
from engine.simulator.params import Params
from engine.simulator.wire import (
    Json,
    Notation,
    ack_json,
    canceled_json,
    figure,
    full_json,
    prevented_by,
    result_json,
)

LONGEST_SPAN_MS: Final = 24 * 60 * 60 * 1000
BAD_RESTRICTION: Final = "`cancelRestrictions` has to be either `ONLY_NEW` or `ONLY_PARTIALLY_FILLED`."


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
    rates = commission_rates(call)
    return {
        "standardCommissionForOrder": {"maker": rates["maker"], "taker": rates["taker"]},
        "specialCommissionForOrder": {"maker": figure(0), "taker": figure(0)},
        "taxCommissionForOrder": {"maker": figure(0), "taker": figure(0)},
        "discount": no_discount(notation),
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
    return call.params.choice("cancelRestrictions", Restriction, -1145, BAD_RESTRICTION)


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
    check_both(call, notation.symbol, order_id, client_order_id)
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


def check_both(call: Call, symbol: str, order_id: int | None, client_order_id: str | None) -> None:
    """-2039 when both ids were sent and the order of the one has not the other."""
    if order_id is None or client_order_id is None:
        return
    try:
        order = call.exchange.order(call.customer.account_id, symbol, order_id=order_id)
    except ApiError:
        return  # what that means depends on what is to be done with the order
    if order.request.client_order_id != client_order_id:
        raise ApiError(-2039, "Client order ID is not correct for this order ID.")


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


def commission_rates(call: Call) -> dict[str, str]:
    """The account's rates as fractions."""
    customer = call.customer
    rates = {"maker": customer.maker_bps, "taker": customer.taker_bps}
    return {name: f"{bps / 10_000:.8f}" for name, bps in rates.items()} | {"buyer": figure(0), "seller": figure(0)}


def no_discount(notation: Notation) -> Json:
    """Commissions are paid in what is received, so that no other asset can make them cheaper."""
    del notation
    return {"enabledForAccount": False, "enabledForSymbol": False, "discountAsset": "BNB", "discount": figure(0)}


def weight_of_test(params: Params) -> int:
    """A tested order costs more when it asks for its rates."""
    return 20 if params.flag("computeCommissionRates") else 1


def _invalid(name: str) -> str:
    return f"Data sent for parameter '{name}' is not valid."


NEW_ORDER = (
    "symbol! side! type! timeInForce quantity quoteOrderQty price newClientOrderId strategyId strategyType stopPrice "
    "trailingDelta icebergQty newOrderRespType selfTradePreventionMode pegPriceType pegOffsetType pegOffsetValue"
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(place, Security.SIGNED, NEW_ORDER, 1, "POST /api/v3/order", "order.place", counts_order=True),
    operation(
        place_test,
        Security.SIGNED,
        NEW_ORDER + " computeCommissionRates",
        weight_of_test,
        "POST /api/v3/order/test",
        "order.test",
    ),
    operation(
        cancel,
        Security.SIGNED,
        "symbol! orderId origClientOrderId newClientOrderId cancelRestrictions",
        1,
        "DELETE /api/v3/order",
        "order.cancel",
    ),
    operation(cancel_all, Security.SIGNED, "symbol!", 1, "DELETE /api/v3/openOrders", "openOrders.cancelAll"),
)
