"""What the exchange allows: how often, how many, how long. Every figure can be set at the start and by the operator.

Source of the defaults: Binance Spot API, "LIMITS" and "WebSocket Limits", and exchangeInfo, 2026-07.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Final

MOST: Final = 10**9


@dataclass(frozen=True, slots=True)
class Limits:
    """0 switches a limit off."""

    weight_1m: int = 6_000
    """Request weight of an address in a minute."""
    requests_5m: int = 61_000
    """Requests of an address in five minutes, whatever they weigh."""
    orders_10s: int = 100
    """Unfilled orders of an account."""
    orders_1d: int = 200_000
    strikes: int = 20
    """Requests after a 429, in the same minute, that get an address banned."""
    ban_s: int = 120
    """The first ban; each further one lasts twice as long, up to three days."""
    socket_messages_1s: int = 5
    """Messages that a stream socket may send in a second."""
    sockets_5m: int = 300
    """Sockets that an address may open in five minutes."""
    socket_life_s: int = 86_400
    ping_s: int = 20
    """How often a socket is pinged (of the start alone)."""
    pong_s: int = 60
    """How long its pong may take (of the start alone)."""

    def changed(self, values: Mapping[str, object]) -> Limits:
        """These limits with some figures set; ValueError names the one that will not do."""
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"there is no limit {name!r}: use {', '.join(sorted(known))}")
            if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MOST:
                raise ValueError(f"{name} must be a whole number from 0 (off) to {MOST}")
        whole = {name: value for name, value in values.items() if isinstance(value, int)}
        return replace(self, **whole)

    def as_json(self) -> dict[str, object]:
        """By name."""
        return asdict(self)

    def rate_limits(self) -> list[dict[str, object]]:
        """The `rateLimits` of exchangeInfo: those that are on."""
        rows: list[dict[str, object]] = [
            {"rateLimitType": kind, "interval": interval, "intervalNum": number, "limit": limit}
            for kind, interval, number, limit in (
                ("REQUEST_WEIGHT", "MINUTE", 1, self.weight_1m),
                ("ORDERS", "SECOND", 10, self.orders_10s),
                ("ORDERS", "DAY", 1, self.orders_1d),
                ("RAW_REQUESTS", "MINUTE", 5, self.requests_5m),
            )
            if limit
        ]
        return rows


def parse_limits(text: str) -> Limits:
    """`weight_1m=60,orders_10s=5`, or `none` for no limits at all; ValueError says what is wrong."""
    if text == "none":
        off = {field.name: 0 for field in fields(Limits) if field.name not in {"ping_s", "pong_s", "socket_life_s"}}
        return Limits().changed(off)
    values: dict[str, object] = {}
    for part in text.split(","):
        name, _, figure = part.partition("=")
        if not (figure.isascii() and figure.isdigit() and len(figure) <= 10):
            raise ValueError(f"{part!r} sets no limit: write NAME=NUMBER, like weight_1m=60")
        values[name] = int(figure)
    return Limits().changed(values)
