"""Smart order routing, as an exchange answers whose symbols have none: exchangeInfo lists no `sors`.

Source: Binance Spot API, "New order using SOR", 2026-07; the words are those that its testnet answered (2023).
"""

from __future__ import annotations

from typing import Final

from engine.simulator.model import ApiError, OrderType
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.order_entry import new_order
from engine.simulator.trading import may_trade, weight_of_test
from engine.simulator.wire import Json

ROUTED: Final = frozenset({OrderType.LIMIT, OrderType.MARKET})


def refuse(call: Call) -> Json:
    """-1013, once the order is one that could be routed at all."""
    _, request = new_order(call)
    if request.type not in ROUTED:
        raise ApiError(-1116, "Invalid orderType.")
    may_trade(call)
    raise ApiError(-1013, "This symbol has no SOR.")


SOR_ORDER: Final = (
    "symbol! side! type! timeInForce quantity! price newClientOrderId strategyId strategyType icebergQty "
    "newOrderRespType selfTradePreventionMode"
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(refuse, Security.SIGNED, SOR_ORDER, 1, "POST /api/v3/sor/order", "sor.order.place", counts_order=True),
    operation(
        refuse,
        Security.SIGNED,
        SOR_ORDER + " computeCommissionRates",
        weight_of_test,
        "POST /api/v3/sor/order/test",
        "sor.order.test",
    ),
)
