"""What the REST door takes, as an OpenAPI description made from the very table that it is served from.

Parameters are described in the query, where Binance's examples have them; a form body is read as well. Whatever the
table says is refused as Binance does: 4xx with `{"code", "msg"}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from engine.simulator.filters import NUMBER_RANGE
from engine.simulator.intervals import INTERVALS
from engine.simulator.list_trading import PAIR_TYPES, WORKING_TYPES
from engine.simulator.market import TickerType
from engine.simulator.model import OrderType, Side, Stp, TimeInForce
from engine.simulator.operations import Operation, Security
from engine.simulator.order_entry import PegOffset, PegPrice
from engine.simulator.params import CLIENT_ORDER_ID_RANGE, LARGEST_WHOLE, SYMBOL_RANGE
from engine.simulator.replacing import Exceeded, Mode
from engine.simulator.seconds import SECOND
from engine.simulator.selection import SYMBOL_LIST_RANGE, SymbolStatus
from engine.simulator.trading import Answer, Restriction

Schema = dict[str, Any]
VERSION: Final = "3.0.3"


def described(operations: Iterable[Operation]) -> dict[str, Any]:
    """The document for all operations that have a REST door."""
    paths: dict[str, dict[str, Any]] = {}
    for asked in operations:
        if asked.rest is not None:
            method, path = asked.rest
            paths.setdefault(path, {})[method.lower()] = _operation(asked, method, path)
    return {
        "openapi": VERSION,
        "info": {
            "title": "Numatix simulator",
            "version": "3",
            "description": "Binance Spot's REST protocol, as the built-in exchange speaks it.",
        },
        "paths": dict(sorted(paths.items())),
        "components": {
            "securitySchemes": {
                "ApiKey": {"type": "apiKey", "in": "header", "name": "X-MBX-APIKEY"},
                "Signature": {"type": "apiKey", "in": "query", "name": "signature"},
            },
            "schemas": {
                "Refusal": {
                    "type": "object",
                    "required": ["code", "msg"],
                    "properties": {"code": {"type": "integer", "maximum": -1}, "msg": {"type": "string"}, "data": {}},
                    "additionalProperties": False,
                },
            },
        },
    }


def _operation(asked: Operation, method: str, path: str) -> dict[str, Any]:
    names = sorted(asked.parameters, key=lambda name: (name not in asked.mandatory, name))
    parameters = [_parameter(name, path, required=name in asked.mandatory) for name in names]
    if asked.security is Security.SIGNED:
        parameters += [_parameter("timestamp", path, required=True), _parameter("recvWindow", path, required=False)]
    statuses = ["400", "413", "418", "429", *SECURED[asked.security], *({"409"} if "cancelReplace" in path else ())]
    return {
        "operationId": f"{method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', path)}",
        "summary": (asked.run.__doc__ or path).split("\n")[0],
        "parameters": parameters,
        "security": SCHEMES[asked.security],
        "responses": {
            "200": {"description": "The answer.", "content": _json({"oneOf": [{"type": "object"}, {"type": "array"}]})},
            **{status: {"description": "Refused.", "content": _json(REFUSAL)} for status in sorted(statuses)},
        },
    }


def _parameter(name: str, path: str, *, required: bool) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": required, "schema": _schema(name, path)}


def _schema(name: str, path: str) -> Schema:
    """A parameter's type by its name: legs of lists have their prefix, and `type` means another thing of a ticker."""
    if name == "type" and "/ticker" in path:
        return _enum(TickerType)
    exact = EXACT.get(name)
    if exact is not None:
        return exact
    return next(schema for ending, schema in ENDINGS if re.search(ending, name))


def _enum(values: Iterable[str]) -> Schema:
    return {"type": "string", "enum": sorted(str(value) for value in values)}


def _json(schema: Schema) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}


REFUSAL: Final[Schema] = {"$ref": "#/components/schemas/Refusal"}
SECURED: Final[Mapping[Security, tuple[str, ...]]] = {
    Security.NONE: (),
    Security.KEY: ("401",),
    Security.SIGNED: ("401",),
}
SCHEMES: Final[Mapping[Security, list[dict[str, list[str]]]]] = {
    Security.NONE: [],
    Security.KEY: [{"ApiKey": []}],
    Security.SIGNED: [{"ApiKey": [], "Signature": []}],
}
WHOLE: Final[Schema] = {"type": "integer", "minimum": 0, "maximum": LARGEST_WHOLE}
DECIMAL: Final[Schema] = {"type": "string", "pattern": NUMBER_RANGE}
CLIENT_ID: Final[Schema] = {"type": "string", "pattern": CLIENT_ORDER_ID_RANGE}
FLAG: Final[Schema] = {"type": "boolean"}
EXACT: Final[Mapping[str, Schema]] = {
    "symbol": {"type": "string", "pattern": SYMBOL_RANGE},
    "symbols": {"type": "string", "pattern": SYMBOL_LIST_RANGE},
    "symbolStatus": _enum(SymbolStatus),
    "permissions": {"type": "string"},
    "interval": _enum([SECOND, *INTERVALS]),
    "timeZone": {"type": "string", "pattern": r"^[+-]?[0-9]{1,2}(:[0-5][0-9])?$"},
    "windowSize": {"type": "string", "pattern": r"^[1-9][0-9]?[mhd]$"},
    "listenKey": {"type": "string", "minLength": 1},
    "limit": {"type": "integer", "minimum": 1, "maximum": LARGEST_WHOLE},
    "recvWindow": {"type": "integer", "minimum": 0, "maximum": 60_000},
    "workingType": _enum(WORKING_TYPES),
    "newOrderRespType": _enum(Answer),
    "selfTradePreventionMode": _enum(Stp),
    "cancelRestrictions": _enum(Restriction),
    "cancelReplaceMode": _enum(Mode),
    "orderRateLimitExceededMode": _enum(Exceeded),
    "computeCommissionRates": FLAG,
    "omitZeroBalances": FLAG,
    "showPermissionSets": FLAG,
}
ENDINGS: Final[tuple[tuple[str, Schema], ...]] = (
    (r"[cC]lientOrderId$", CLIENT_ID),
    (r"(pegP|PegP)riceType$", _enum(PegPrice)),
    (r"(peg|Peg)OffsetType$", _enum(PegOffset)),
    (r"(above|below|Above|Below)Type$", _enum(PAIR_TYPES)),
    (r"trategyType$", {"type": "integer", "minimum": 1_000_000, "maximum": LARGEST_WHOLE}),
    (r"^type$|Type$", _enum(OrderType)),
    (r"[sS]ide$", _enum(Side)),
    (r"imeInForce$", _enum(TimeInForce)),
    (r"rice$|uantity$|Qty$", DECIMAL),
    (r"[iI]d$|Time$|Delta$|OffsetValue$|^timestamp$", WHOLE),
)
