"""What a mirror shows: a venue, its address where it is not the venue's own, and the symbols."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from engine.simulator.listings import default_profiles
from engine.simulator.model import Listing

VENUE: Final = re.compile(r"[a-z][a-z0-9]{1,29}")
ADDRESSED: Final = "binance"
"""The one venue whose protocol other servers speak too, a simulator for one."""
MOST_SYMBOLS: Final = 50
FORM: Final = "mirror:VENUE[:SYMBOLS], like mirror:kraken or mirror:binance:BTCUSDT,ETHUSDT"


@dataclass(frozen=True, slots=True)
class Source:
    """A venue by ccxt's name; `url` is None for its own address, `symbols` are ours."""

    venue: str
    url: str | None
    symbols: tuple[str, ...]

    @property
    def ws_url(self) -> str:
        """Where the streams of an own address are."""
        return f"ws{(self.url or '').removeprefix('http')}/stream/ws"

    @property
    def rest_url(self) -> str:
        return f"{self.url}/api/v3"


def parse_source(spec: str, rest: str, listings: Mapping[str, Listing]) -> Source:
    """`VENUE[:SYMBOLS][@URL]`; ValueError, in a sentence for the one who typed `spec`, when it is none."""
    place, _, url = rest.partition("@")
    venue, _, names = place.partition(":")
    if VENUE.fullmatch(venue) is None:
        raise ValueError(f"flow {spec!r} lacks a venue: write {FORM}")
    if url and venue != ADDRESSED:
        raise ValueError(f"flow {spec!r}: only {ADDRESSED} can be found at another address")
    if "@" in place or ("@" in rest and not _is_address(url)):
        raise ValueError(f"flow {spec!r}: {url!r} is no address: write http://HOST:PORT")
    symbols = _chosen(spec, names.split(","), listings) if names else tuple(_default(listings))
    if not 0 < len(symbols) <= MOST_SYMBOLS:
        raise ValueError(f"flow {spec!r} must name 1 to {MOST_SYMBOLS} symbols that are listed here: write {FORM}")
    return Source(venue, url.rstrip("/") or None, symbols)


def _chosen(spec: str, names: Iterable[str], listings: Mapping[str, Listing]) -> tuple[str, ...]:
    by_pair = {f"{listing.base}/{listing.quote}": symbol for symbol, listing in listings.items()}
    chosen: dict[str, None] = {}
    for name in names:
        symbol = by_pair.get(name, name)
        if symbol not in listings:
            raise ValueError(f"flow {spec!r}: {name[:30]!r} is not listed here")
        chosen[symbol] = None
    return tuple(chosen)


def _default(listings: Mapping[str, Listing]) -> Iterable[str]:
    return (symbol for symbol in default_profiles() if symbol in listings)


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    plain = parts.path in {"", "/"} and not parts.query and not parts.fragment and "@" not in parts.netloc
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and plain and port != 0
