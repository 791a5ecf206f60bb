"""What is listed here and by which rules it trades, as exchangeInfo and its relatives tell it.

Source: Binance Spot API, "Exchange information", "Query relevant filters", "Query Execution Rules" and "Query
Reference Price", 2026-07.
"""

from __future__ import annotations

import re
from typing import Final, cast

import orjson

from engine.simulator.conditions import condition_filters
from engine.simulator.filters import Rules
from engine.simulator.model import ApiError, OrderType, Stp
from engine.simulator.operations import Call, Operation, Security, operation
from engine.simulator.order_entry import DEFAULT_STP
from engine.simulator.params import Params
from engine.simulator.selection import BAD_COMBINATION, chosen, chosen_one, count
from engine.simulator.wire import Json

PERMISSION: Final = re.compile(r"SPOT|MARGIN|LEVERAGED|TRD_GRP_[0-9]{3}")
MOST_RULES_WEIGHT: Final = 40


def exchange_info(call: Call) -> Json:
    """Symbols with their filters, and the rate limits."""
    params = call.params
    named = [name for name in ("symbol", "symbols", "permissions") if name in params]
    if len(named) > 1 or ("symbolStatus" in params and named and named != ["permissions"]):
        raise ApiError(-1128, BAD_COMBINATION)
    with_sets = params.flag("showPermissionSets", default=True)
    shown = [_shown(call, notation.symbol, with_sets=with_sets) for notation in chosen(call)]
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "rateLimits": call.usage.limits.rate_limits(),
        "exchangeFilters": [],
        "symbols": shown if _spot_wanted(params) else [],
    }


def my_filters(call: Call) -> Json:
    """The filters that an account's orders on a symbol must pass; none is the account's own here."""
    notation = call.listed(call.params.symbol())
    return {"exchangeFilters": [], "symbolFilters": _filters(notation.rules), "assetFilters": []}


def execution_rules(call: Call) -> Json:
    """The rules by which trades are held back: no symbol has any."""
    if len([name for name in ("symbol", "symbols", "symbolStatus") if name in call.params]) > 1:
        raise ApiError(-1128, BAD_COMBINATION)
    return {"symbolRules": [{"symbol": notation.symbol, "rules": []} for notation in chosen(call)]}


def reference_price(call: Call) -> Json:
    """-2043: without such rules no symbol has a reference price."""
    chosen_one(call)
    raise ApiError(-2043, "This symbol doesn't have a reference price.")


# --- parts -----------------------------------------------------------------------------------------


def _shown(call: Call, symbol: str, *, with_sets: bool) -> orjson.Fragment:
    key = symbol if with_sets else f"{symbol} without permission sets"
    shown = call.shown.get(key)
    if shown is None:
        told = _symbol_json(call.notations[symbol].rules)
        if not with_sets:
            told["permissionSets"] = []
        shown = call.shown[key] = orjson.Fragment(orjson.dumps(told))
    return shown


def _symbol_json(rules: Rules) -> Json:
    listing = rules.listing
    return {
        "symbol": listing.symbol,
        "status": "TRADING",
        "baseAsset": listing.base,
        "baseAssetPrecision": 8,
        "quoteAsset": listing.quote,
        "quotePrecision": 8,
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": [kind.value for kind in OrderType],
        "icebergAllowed": True,
        "ocoAllowed": True,
        "otoAllowed": True,
        "opoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": True,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "pegInstructionsAllowed": False,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "filters": _filters(rules),
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": DEFAULT_STP.value,
        "allowedSelfTradePreventionModes": [mode.value for mode in Stp],
    }


def _filters(rules: Rules) -> list[dict[str, object]]:
    return [*rules.exchange_info_filters(), *condition_filters()]


def _spot_wanted(params: Params) -> bool:
    """Whether symbols of the spot market are among those with the wanted `permissions`, a name or a JSON list."""
    text = params.optional("permissions")
    if text is None:
        return True
    refusal = ApiError(-1130, "Data sent for parameter 'permissions' is not valid.")
    names: list[object] = [text]
    if text.startswith("["):
        try:
            parsed: object = orjson.loads(text)
        except orjson.JSONDecodeError:
            raise refusal from None
        names = cast("list[object]", parsed)
    if not names or not all(isinstance(name, str) and PERMISSION.fullmatch(name) for name in names):
        raise refusal
    return "SPOT" in names


def _rules_weight(params: Params) -> int:
    named = count(params)
    return min(2 * named, MOST_RULES_WEIGHT) if named else MOST_RULES_WEIGHT


OPERATIONS: Final[tuple[Operation, ...]] = (
    operation(
        exchange_info,
        Security.NONE,
        "symbol symbols permissions showPermissionSets symbolStatus",
        20,
        "GET /api/v3/exchangeInfo",
        "exchangeInfo",
    ),
    operation(
        execution_rules,
        Security.NONE,
        "symbol symbols symbolStatus",
        _rules_weight,
        "GET /api/v3/executionRules",
        "executionRules",
    ),
    operation(reference_price, Security.NONE, "symbol!", 2, "GET /api/v3/referencePrice", "referencePrice"),
    operation(
        reference_price,
        Security.NONE,
        "symbol! symbolStatus",
        2,
        "GET /api/v3/referencePrice/calculation",
        "referencePrice.calculation",
    ),
    operation(my_filters, Security.SIGNED, "symbol!", 40, "GET /api/v3/myFilters", "myFilters"),
)
