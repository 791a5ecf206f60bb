# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# (ccxt declares its exchanges at run time and carries no types for them: this file is where that ends)
"""The road to a real exchange's public market: the only module of the simulator that touches ccxt.

ccxt takes most of a second to import, so it is imported by the first call and not before: a simulator without a mirror
never pays for it. Its figures are floats; they leave this file as text, written as short as they mean the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from engine.simulator.sources import Source

LEVELS: Final = 200
"""How many levels of each side are mirrored. What stands behind them is not known, so it is not shown."""
COMPARED: Final = 20
"""Levels of each side that must agree for a silent book to count as a quiet one."""
KEPT_TRADES: Final = 5_000
"""Trades of a symbol that may wait for their reader."""
TIMEOUT_MS: Final = 10_000
GOODBYE_S: Final = 1.0
LONGEST_REASON: Final = 200
GARBLED: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What ccxt raises over an answer that is cut off or makes no sense."""

Levels = list[tuple[str, str]]
"""`(price, quantity)` in plain decimal notation."""
Side = dict[float, float]


class UpstreamLost(Exception):
    """The connection cannot be gone on with; the message says why."""


@dataclass(frozen=True, slots=True)
class BookChange:
    """Levels that changed since the last one, quantity 0 for those that are gone; or, when `whole`, all of them."""

    whole: bool
    bids: Levels
    asks: Levels
    update_id: int
    """The venue's own, where it has one; else 0."""


@dataclass(frozen=True, slots=True)
class UpstreamTrade:
    """A public trade; what a venue does not tell is None."""

    trade_id: str | None
    at_ms: int
    price: str
    quantity: str
    buyer_is_maker: bool | None


def check_venue(venue: str) -> None:
    """ValueError, in a sentence, when ccxt cannot stream this venue's book and trades. Imports ccxt."""
    import ccxt.pro

    if venue not in ccxt.pro.exchanges:
        raise ValueError(f"there is no venue {venue!r}: use one of ccxt's names, such as binance, kraken or okx")
    has: Mapping[str, object] = getattr(ccxt.pro, venue)().has
    missing = [call for call in ("watchOrderBook", "watchTrades") if has.get(call) is not True]
    if missing:
        raise ValueError(f"{venue} cannot be mirrored: ccxt has no {' and no '.join(missing)} for it")


class Upstream:
    """One connection to a venue, good until it breaks once: what was known before cannot survive in a new one."""

    def __init__(self, source: Source, known: Upstream | None = None) -> None:
        """`known` is an earlier connection whose list of markets is taken over: it is long, and changes seldom."""
        import ccxt.pro

        self._failures: Final = (ccxt.pro.BaseError, *GARBLED, OSError, TimeoutError)
        self._exchange: Any = getattr(ccxt.pro, source.venue)(_settings(source))
        if source.url is not None:
            urls = {"public": source.rest_url, "private": source.rest_url, "ws": {"spot": source.ws_url}}
            self._exchange.urls["test"] = urls
            self._exchange.timeout_on_exit = 0  # ccxt waits a quarter of a second for TLS to say goodbye
            self._exchange.set_sandbox_mode(True)
        if known is not None:
            self._exchange.set_markets_from_exchange(known._exchange)
        self._told: dict[str, tuple[Side, Side]] = {}

    async def open(self) -> None:
        """Learn what the venue lists. UpstreamLost, as from every call below."""
        with self._guarded():
            await self._exchange.load_markets()

    def lists(self, pair: str) -> bool:
        """Whether a pair (`BTC/USDT`) is traded there for cash."""
        return bool(self._exchange.markets.get(pair, {}).get("spot"))

    def tick(self, pair: str) -> Decimal | None:
        """The step of a pair's prices; None where the venue has none or does not tell."""
        import ccxt

        step = self._exchange.markets[pair].get("precision", {}).get("price")
        if step is None or self._exchange.precisionMode == ccxt.SIGNIFICANT_DIGITS:
            return None
        if self._exchange.precisionMode == ccxt.DECIMAL_PLACES:
            return Decimal(1).scaleb(-int(step))
        return Decimal(_text(step))

    async def next_change(self, pair: str) -> BookChange:
        """Wait until a book changes; the first one is whole."""
        with self._guarded():
            book = await self._exchange.watch_order_book(pair)
            bids, asks = _best(book["bids"], LEVELS), _best(book["asks"], LEVELS)
            before = self._told.get(pair)
            self._told[pair] = bids, asks
            update_id = int(book.get("nonce") or 0)
            if before is None:
                return BookChange(True, _changes({}, bids), _changes({}, asks), update_id)
            return BookChange(False, _changes(before[0], bids), _changes(before[1], asks), update_id)

    async def next_trades(self, pair: str) -> list[UpstreamTrade]:
        """Wait for public trades and take all that came, oldest first."""
        with self._guarded():
            return [_trade(row) for row in await self._exchange.watch_trades(pair)]

    async def is_quiet(self, pair: str) -> bool:
        """Ask once whether a book that says nothing has nothing to say."""
        with self._guarded():
            asked = await self._exchange.fetch_order_book(pair)
            told = self._told.get(pair, ({}, {}))
            return all(
                _best(asked[name], COMPARED) == dict(list(side.items())[:COMPARED])
                for name, side in zip(("bids", "asks"), told, strict=True)
            )

    async def close(self) -> None:
        """Give up its sockets, politely where the other side answers."""
        exchange = self._exchange
        try:
            async with asyncio.timeout(GOODBYE_S):
                await exchange.close()
        except TimeoutError:
            exchange.closed_by_user = True
            if exchange.session is not None:
                await exchange.session.close()
                exchange.session = None
            await exchange.close_connector()

    @contextmanager
    def _guarded(self) -> Generator[None]:
        try:
            yield
        except self._failures as error:
            raise UpstreamLost(f"{type(error).__name__}: {error}"[:LONGEST_REASON]) from None
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise UpstreamLost("the socket was closed") from None


def _settings(source: Source) -> dict[str, Any]:
    """How ccxt has to be set for public data; each line is there because its default failed (field notes)."""
    options: dict[str, Any] = {"defaultType": "spot", "tradesLimit": KEPT_TRADES}
    if source.venue == "binance":
        options |= {"fetchMarkets": {"types": ["spot"]}, "streamLimits": {"spot": 1}}
        options |= {"subscriptionLimitByStream": {"spot": 1_024}}
    return {"enableRateLimit": True, "timeout": TIMEOUT_MS, "newUpdates": True, "options": options}


def _best(levels: Iterable[Any], count: int) -> Side:
    """The best levels of one side of a book, best first. Some venues add a third figure."""
    best: Side = {}
    for level in levels:
        best[level[0]] = level[1]
        if len(best) == count:
            break
    return best


def _changes(before: Side, after: Side) -> Levels:
    changed = [(_text(price), _text(lots)) for price, lots in after.items() if before.get(price) != lots]
    return changed + [(_text(price), "0") for price in before.keys() - after.keys()]


def _trade(row: Mapping[str, Any]) -> UpstreamTrade:
    side: object = row["side"]
    return UpstreamTrade(
        None if row["id"] is None else str(row["id"]),
        int(row["timestamp"]),
        _text(row["price"]),
        _text(row["amount"]),
        None if side is None else side == "sell",
    )


_plain: Callable[[Decimal], str] = "{:f}".format


def _text(figure: float) -> str:
    """The shortest figure that means the same, without an exponent."""
    return _plain(Decimal(repr(figure)))
