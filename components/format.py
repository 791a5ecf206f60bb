"""Figures and states as people read them: grouped thousands, the tick's decimals, words for statuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from engine.domain.order import Order, OrderStatus, Origin
from engine.domain.values import OrderType, Side, TimeInForce, decimal_text, decimals_of

MOST_DECIMALS = 8
DOLLARS = frozenset({"USDT", "USDC", "USD", "FDUSD"})


@dataclass(frozen=True, slots=True)
class Pill:
    """A state in words; `kind` is a style (open, good, bad, doubt or none), `since` when its seconds count."""

    words: str
    kind: str
    title: str = ""
    since: datetime | None = None


def grouped(value: Decimal, decimals: int) -> str:
    """1234567.8 with 2 decimals: 1,234,567.80."""
    return f"{value.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN):,f}"


def shortest(value: Decimal, most_decimals: int = MOST_DECIMALS) -> str:
    """Grouped, without trailing zeros and with at most so many decimals."""
    text = decimal_text(value.quantize(Decimal(1).scaleb(-most_decimals), ROUND_HALF_EVEN))
    whole, point, rest = text.partition(".")
    return f"{int(whole):,}{point}{rest}"


def money_decimals(asset: str) -> int:
    """Two for dollars, eight for coins."""
    return 2 if asset in DOLLARS else MOST_DECIMALS


def asset_quantity(value: Decimal, asset: str) -> str:
    """A balance: two decimals for dollars, up to eight for coins."""
    return grouped(value, 2) if asset in DOLLARS else shortest(value)


def alike(values: Sequence[Decimal], asset: str, least_decimals: int = 0) -> list[str]:
    """Holdings of one asset with the same decimals, so that their points stand under each other: two for dollars, for
    coins as many as any of them needs, at least the given."""
    most = Decimal(1).scaleb(-MOST_DECIMALS)
    needed = max(decimals_of(value.quantize(most, ROUND_HALF_EVEN)) for value in values)
    decimals = money_decimals(asset) if asset in DOLLARS else max(needed, least_decimals)
    return [grouped(value, decimals) for value in values]


def percent(fraction: Decimal, decimals: int = 2) -> str:
    """0.0214 as +2.14 %, with a true minus sign."""
    text = f"{abs(fraction) * 100:.{decimals}f} %"
    return f"{'−' if fraction < 0 else '+'}{text}"


def epoch_ms(time: datetime) -> int:
    return int(time.timestamp() * 1000)


SIDE_WORDS = {Side.BUY: "Buy", Side.SELL: "Sell"}
TYPE_WORDS = {
    OrderType.MARKET: "market",
    OrderType.LIMIT: "limit",
    OrderType.LIMIT_MAKER: "post only",
    OrderType.STOP_LOSS: "stop",
    OrderType.STOP_LOSS_LIMIT: "stop limit",
    OrderType.TAKE_PROFIT: "take profit",
    OrderType.TAKE_PROFIT_LIMIT: "take profit limit",
}


def order_words(order: Order) -> str:
    """Buy limit, Sell limit IOC, Buy market, Sell post only, Sell stop; what was placed elsewhere says so."""
    force = f" {order.time_in_force}" if order.time_in_force in {TimeInForce.IOC, TimeInForce.FOK} else ""
    elsewhere = " · elsewhere" if order.origin is Origin.EXTERNAL else ""
    return f"{SIDE_WORDS[order.side]} {TYPE_WORDS[order.type]}{force}{elsewhere}"


def reason_words(reason: str | None) -> str:
    """The words of a stored reason: without the stable code in front where words follow, empty where the code only
    repeats the status."""
    if not reason or reason in set(OrderStatus):
        return ""
    code, _, words = reason.partition(": ")
    text = words or code.replace("_", " ").lower()
    return text[:1].upper() + text[1:]


S = OrderStatus
STATUS_PILLS = {
    S.PENDING: ("Sending", ""),
    S.AWAITING_APPROVAL: ("Awaits approval", "doubt"),
    S.DENIED: ("Denied", "bad"),
    S.HELD: ("Held by the desk", "open"),
    S.SUBMITTED: ("Sent", ""),
    S.UNKNOWN: ("Unknown · asking", "doubt"),
    S.ACCEPTED: ("Open", "open"),
    S.PARTIALLY_FILLED: ("Part filled", "good"),
    S.FILLED: ("Filled", "good"),
    S.PENDING_CANCEL: ("Cancelling", "open"),
    S.PENDING_AMEND: ("Amending", "open"),
    S.CANCELED: ("Cancelled", ""),
    S.REJECTED: ("Rejected", "bad"),
    S.EXPIRED: ("Expired", ""),
}


def status_pill(order: Order) -> Pill:
    """The order's status as a pill; an order in doubt counts the seconds since it was sent."""
    words, kind = STATUS_PILLS[order.status]
    since = order.submitted_at if order.status is S.UNKNOWN else None
    if order.cancel_requested_at is not None and order.status in {S.SUBMITTED, S.UNKNOWN}:
        words = f"{words} · cancelling" if order.status is S.SUBMITTED else words
    return Pill(words, kind, reason_words(order.reason), since)


def filled_percent(order: Order) -> str:
    """How much of the quantity is filled; a market order by total has no such share before it is done."""
    if order.quantity:
        return f"{int(order.filled_quantity * 100 / order.quantity)} %"
    return "100 %" if order.status is S.FILLED else ("–" if not order.filled_quantity else "part")
