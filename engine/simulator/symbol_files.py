"""Listings from a file: the exchangeInfo of a real Binance Spot, as it was answered on any day.

Older answers have MIN_NOTIONAL and PERCENT_PRICE where newer ones have NOTIONAL and PERCENT_PRICE_BY_SIDE. What
was recorded around the JSON (an address before it, other lines behind it) is passed over; gzip is read, too.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final, cast

from engine.simulator.filters import Rules
from engine.simulator.model import Listing

LARGEST_FILE: Final = 64 * 1024 * 1024
GZIP: Final = b"\x1f\x8b"
HIGHEST_NOTIONAL: Final = Decimal(9_000_000_000)
"""Where the file names none."""
Filters = Mapping[str, Mapping[str, Any]]


def read_listings(path: Path) -> tuple[Listing, ...]:
    """Every symbol of the file, in its order; ValueError, in a sentence, when it is no exchangeInfo."""
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if raw.startswith(GZIP) else raw)[:LARGEST_FILE].decode()
        answer, _ = json.JSONDecoder().raw_decode(text, text.index("{"))
        rows = cast("list[dict[str, Any]]", answer["symbols"])
    except OSError as error:
        raise ValueError(f"the symbols in {path} cannot be read: {error.strerror or error}") from None
    except (ValueError, KeyError, TypeError, EOFError, zlib.error):
        raise ValueError(f"{path} is no exchangeInfo of Binance: no JSON with a list of symbols in it") from None
    listings = {listing.symbol: listing for listing in (_listing(path, row) for row in rows)}
    if not listings:
        raise ValueError(f"{path} lists no symbol at all")
    return tuple(listings.values())


def _listing(path: Path, row: dict[str, Any]) -> Listing:
    name = str(row.get("symbol")) if isinstance(cast("object", row), dict) else "?"
    try:
        filters: Filters = {str(entry["filterType"]): entry for entry in row["filters"]}
        listing = _of_filters(name, str(row["baseAsset"]), str(row["quoteAsset"]), filters)
        Rules(listing)
    except (KeyError, TypeError, AttributeError, InvalidOperation, ValueError) as error:
        raise ValueError(f"the symbol {name[:30]!r} in {path} cannot be listed: {error!r}") from None
    return listing


def _of_filters(symbol: str, base: str, quote: str, filters: Filters) -> Listing:
    price, lots = filters["PRICE_FILTER"], filters["LOT_SIZE"]
    tick, lot = Decimal(price["tickSize"]), Decimal(lots["stepSize"])
    market = filters.get("MARKET_LOT_SIZE", {})
    least = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL", {})
    most_quantity = _stepped(lots["maxQty"], lot, ROUND_FLOOR)
    most_market = _stepped(market.get("maxQty", "0"), lot, ROUND_FLOOR) or most_quantity
    position = filters.get("MAX_POSITION", {}).get("maxPosition")
    return Listing(
        symbol=symbol,
        base=base,
        quote=quote,
        tick=tick,
        lot=lot,
        min_price=max(tick, _stepped(price["minPrice"], tick, ROUND_CEILING)),
        max_price=_stepped(price["maxPrice"], tick, ROUND_FLOOR),
        min_quantity=max(lot, _stepped(lots["minQty"], lot, ROUND_CEILING)),
        max_quantity=most_quantity,
        max_market_quantity=min(most_market, most_quantity),
        min_notional=Decimal(least.get("minNotional", "0")),
        max_notional=Decimal(least.get("maxNotional", HIGHEST_NOTIONAL)),
        **_bands(filters),
        max_open_orders=int(filters.get("MAX_NUM_ORDERS", {}).get("maxNumOrders", 200)),
        max_algo_orders=int(filters.get("MAX_NUM_ALGO_ORDERS", {}).get("maxNumAlgoOrders", 5)),
        max_position=None if position is None else Decimal(position),
    )


def _bands(filters: Filters) -> dict[str, Any]:
    """How far from the average a price may be, by side; older answers have one band for both."""
    by_side, both = filters.get("PERCENT_PRICE_BY_SIDE"), filters.get("PERCENT_PRICE")
    if by_side is not None:
        names = {"bid_multiplier_up": "bidMultiplierUp", "bid_multiplier_down": "bidMultiplierDown"}
        names |= {"ask_multiplier_up": "askMultiplierUp", "ask_multiplier_down": "askMultiplierDown"}
        return {ours: Decimal(by_side[theirs]) for ours, theirs in names.items()}
    if both is None:
        return {}
    up, down = Decimal(both["multiplierUp"]), Decimal(both["multiplierDown"])
    return {
        "bid_multiplier_up": up,
        "bid_multiplier_down": down,
        "ask_multiplier_up": up,
        "ask_multiplier_down": down,
    }


def _stepped(figure: str, step: Decimal, rounding: str) -> Decimal:
    return (Decimal(figure) / step).to_integral_value(rounding) * step
