"""The little of Binance's wallet that a trading desk asks for: what a key may do.

Source: Binance Wallet API, "Get API Key Permission", 2026-07.
"""

from __future__ import annotations

from typing import Final

from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.wire import Json

MADE_MS: Final = 1_600_000_000_000
"""When every key was made, as far as this exchange tells."""


def api_restrictions(call: Call) -> Json:
    """What the key that asks may do; no key of this exchange is bound to an address."""
    customer = call.customer
    return {
        "ipRestrict": False,
        "createTime": MADE_MS,
        "enableReading": True,
        "enableSpotAndMarginTrading": customer.can_trade,
        "enableWithdrawals": customer.can_withdraw,
        "enableInternalTransfer": False,
        "permitsUniversalTransfer": False,
        "enableMargin": False,
        "enableFutures": False,
        "enableVanillaOptions": False,
        "enablePortfolioMarginTrading": False,
        "enableFixApiTrade": False,
        "enableFixReadOnly": False,
    }


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(api_restrictions, Security.SIGNED, "", 1, "GET /sapi/v1/account/apiRestrictions", None),
)
