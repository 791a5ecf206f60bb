"""Order lists as Binance writes them.

Source: Binance Spot API, "New Order List", "Query Order List" and "Enums", 2026-07.
"""

from __future__ import annotations

from collections.abc import Iterable

from engine.simulator.model import ListKind, OrderList
from engine.simulator.wire import Json


def list_json(found: OrderList, reports: Iterable[Json] | None = None) -> Json:
    """An order list as `GET /api/v3/orderList` answers it; with reports as the answer to its placing or canceling."""
    kind, state = list_state(found)
    told: Json = {
        "orderListId": found.list_id,
        "contingencyType": contingency(found),
        "listStatusType": kind,
        "listOrderStatus": state,
        "listClientOrderId": found.client_id,
        "transactionTime": found.updated_ms,
        "symbol": found.symbol,
        "orders": [
            {"symbol": found.symbol, "orderId": order.order_id, "clientOrderId": order.request.client_order_id}
            for order in found.orders
        ],
    }
    return told if reports is None else told | {"orderReports": list(reports)}


def list_state(found: OrderList, *, updated: bool = False) -> tuple[str, str]:
    """`listStatusType` and `listOrderStatus`."""
    if found.done:
        return "ALL_DONE", "ALL_DONE"
    return "UPDATED" if updated else "EXEC_STARTED", "EXECUTING"


def contingency(found: OrderList) -> str:
    """`contingencyType`: an OTOCO is told as an OTO."""
    return "OCO" if found.kind is ListKind.OCO else "OTO"
