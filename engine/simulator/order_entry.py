"""An order as a client writes it: which parameters each type takes.

Source: Binance Spot API, "New order" and "New Order List", 2026-07.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from engine.simulator.filters import WITHOUT_PRICE
from engine.simulator.model import ApiError, NewOrder, OrderType, Side, Stp, Terms, TimeInForce
from engine.simulator.operations import Call
from engine.simulator.params import missing, not_required
from engine.simulator.triggers import ALGO_TYPES
from engine.simulator.wire import Notation

DEFAULT_STP: Final = Stp.EXPIRE_MAKER
LEAST_STRATEGY_TYPE: Final = 1_000_000
NO_NAMES: Final[Mapping[str, str]] = {}
PEG: Final = ("pegPriceType", "pegOffsetType", "pegOffsetValue")


class PegPrice(StrEnum):
    """`pegPriceType`."""

    PRIMARY_PEG = "PRIMARY_PEG"
    MARKET_PEG = "MARKET_PEG"


class PegOffset(StrEnum):
    """`pegOffsetType`."""

    PRICE_LEVEL = "PRICE_LEVEL"


@dataclass(frozen=True, slots=True)
class Leg:
    """One order within a request: what its parameters are called, and what the list that it is part of decides."""

    names: Mapping[str, str] = field(default_factory=lambda: NO_NAMES)
    """Names where they differ from a single order's: `price` may be `abovePrice`."""
    side: Side | None = None
    kind: OrderType | None = None

    def name(self, parameter: str) -> str:
        """What a parameter of a single order is called for this one."""
        return self.names.get(parameter, parameter)


SINGLE: Final = Leg()


def new_order(call: Call, leg: Leg = SINGLE) -> tuple[Notation, NewOrder]:
    """The order that a request asks for, figures in ticks and lots; ApiError for what is missing or too much."""
    params = call.params
    notation = call.listed(params.symbol())
    side = leg.side or side_of(call, leg.name("side"))
    kind = leg.kind or type_of(call, leg.name("type"))
    client_order_id = params.client_order_id(leg.name("newClientOrderId")) or call.ids.new()
    force = params.choice(leg.name("timeInForce"), TimeInForce, -1115, "Invalid timeInForce.")
    price, quantity, quote = (params.optional(leg.name(name)) for name in ("price", "quantity", "quoteOrderQty"))
    _refuse_pegged(call, leg)
    _check_parameters(call, leg, kind)
    if kind is OrderType.MARKET and quantity is not None and quote is not None:
        raise not_required("quoteOrderQty")
    if quantity is None and quote is None:
        raise missing(leg.name("quantity"))
    rules = notation.rules
    return notation, NewOrder(
        symbol=notation.symbol,
        side=side,
        type=kind,
        client_order_id=client_order_id,
        time_in_force=force or TimeInForce.GTC,
        price_ticks=0 if price is None else rules.parse_price(price, leg.name("price")),
        lots=0 if quantity is None else rules.parse_lots(quantity, leg.name("quantity")),
        quote_atoms=0 if quote is None else rules.parse_quote_atoms(quote),
        terms=_terms(call, notation, leg),
    )


def side_of(call: Call, name: str) -> Side:
    """The mandatory side."""
    side = call.params.choice(name, Side, -1117, "Invalid side.")
    if side is None:
        raise missing(name)
    return side


def type_of(call: Call, name: str) -> OrderType:
    """The mandatory order type."""
    kind = call.params.choice(name, OrderType, -1116, "Invalid orderType.")
    if kind is None:
        raise missing(name)
    return kind


def _refuse_pegged(call: Call, leg: Leg) -> None:
    """-1013: no symbol has prices that follow the book (`pegInstructionsAllowed` is false)."""
    params = call.params
    if not any(leg.name(name) in params for name in PEG):
        return
    price_type, offset_type, offset = (leg.name(name) for name in PEG)
    params.choice(price_type, PegPrice, -1210, "Invalid pegPriceType.")
    params.choice(offset_type, PegOffset, -1211, "Invalid pegOffsetType.")
    params.whole(offset)
    if (offset_type in params) != (offset in params):
        raise ApiError(-1128, f"Fields ['{offset_type}', '{offset}'] must be sent together or omitted entirely.")
    raise ApiError(-1013, "Pegged orders are not supported for this symbol.")


def _check_parameters(call: Call, leg: Leg, kind: OrderType) -> None:
    """Which parameters a type must have, and which it must not."""
    params = call.params
    if kind is not OrderType.MARKET:
        _refuse_present(call, leg, "quoteOrderQty")
    if kind in WITHOUT_PRICE:
        _refuse_present(call, leg, "price", "timeInForce", "icebergQty")
    else:
        if kind is OrderType.LIMIT_MAKER:
            _refuse_present(call, leg, "timeInForce")
        elif leg.name("timeInForce") not in params:
            raise missing(leg.name("timeInForce"))
        if leg.name("quantity") not in params:
            raise missing(leg.name("quantity"))
        if leg.name("price") not in params:
            raise missing(leg.name("price"))
    if kind not in ALGO_TYPES:
        _refuse_present(call, leg, "stopPrice", "trailingDelta")
    elif leg.name("stopPrice") not in params and leg.name("trailingDelta") not in params:
        stop, delta = leg.name("stopPrice"), leg.name("trailingDelta")
        raise ApiError(-1102, f"Param '{stop}' or '{delta}' must be sent, but both were empty/null!")


def _terms(call: Call, notation: Notation, leg: Leg) -> Terms:
    params, rules = call.params, notation.rules
    stop, iceberg = params.optional(leg.name("stopPrice")), params.atoms(leg.name("icebergQty"))
    strategy_type = params.whole(leg.name("strategyType"))
    if strategy_type is not None and strategy_type < LEAST_STRATEGY_TYPE:
        raise ApiError(-1134, "`strategyType` was less than 1000000.")
    stp = params.choice(
        "selfTradePreventionMode", Stp, -1013, "This symbol does not allow the specified self-trade prevention mode."
    )
    return Terms(
        stop_ticks=0 if stop is None else rules.parse_price(stop, leg.name("stopPrice")),
        trailing_bips=params.whole(leg.name("trailingDelta")) or 0,
        iceberg_lots=rules.parse_lots(params.text(leg.name("icebergQty")), leg.name("icebergQty")) if iceberg else 0,
        stp=stp or DEFAULT_STP,
        strategy_id=params.whole(leg.name("strategyId")),
        strategy_type=strategy_type,
    )


def _refuse_present(call: Call, leg: Leg, *names: str) -> None:
    for name in names:
        if leg.name(name) in call.params:
            raise not_required(leg.name(name))
