"""One account beside its venue: what is listed there and unknown here, fills that no stream told of, and balances."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from engine.accounts import Accounts
from engine.domain.drift import DriftKind
from engine.domain.fills import Fill
from engine.domain.order import Order
from engine.domain.values import Side, decimal_text
from engine.ports import Account, Ledger, VenueFill, VenueOrder
from engine.reconcile import DriftBoard, Reconciler
from engine.runtime import Clock

TRADED_WITHIN = timedelta(days=7)
OVERLAP = timedelta(minutes=1)
"""Two clocks are compared, and the venue may show a fill a little late."""
FIRST_LOOK_BACK = timedelta(hours=24)
PAGE = 1_000
NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class _Baseline:
    """What an account held in all when everything was explained, and the fills that are counted in it."""

    totals: Mapping[str, Decimal]
    newest: Fill | None
    count: int
    suspects: Mapping[str, Decimal]
    """Totals that nothing explained the last time: only what stays unexplained is a drift."""


class Sweeping:
    def __init__(
        self, ledger: Ledger, accounts: Accounts, reconciler: Reconciler, board: DriftBoard, clock: Clock
    ) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._reconciler = reconciler
        self._board = board
        self._clock = clock
        self._looked_at: dict[str, datetime] = {}
        self._baselines: dict[str, _Baseline] = {}

    async def adopt_listed(self, account: Account, listed: Iterable[VenueOrder]) -> None:
        """Open orders at the venue that nobody placed here."""
        for reported in listed:
            await self._reconciler.owner_of(account.id, reported)

    async def look_for_fills(self, account: Account) -> None:
        """Fills since the last look in the markets that the account trades, whoever ordered them. VenueError."""
        now = self._clock.now()
        since = self._looked_at.get(account.id, now - FIRST_LOOK_BACK) - OVERLAP
        road = await self._accounts.road(account.id)
        for symbol in await self._ledger.symbols_since(account.id, now - TRADED_WITHIN):
            instrument = await self._accounts.instrument_in(account, symbol)
            by_order: dict[str, list[VenueFill]] = {}
            for fill in await road.recent_fills(instrument, since):
                by_order.setdefault(fill.venue_order_id, []).append(fill)
            for venue_order_id, fills in by_order.items():
                known = await self._ledger.order_by_venue_id(account.id, symbol, venue_order_id)
                if known is not None and await self._has_all(known, fills):
                    continue
                found = await road.order_by_venue_id(instrument, venue_order_id)
                if found is not None:
                    await self._take(account, known, found)
        self._looked_at[account.id] = now

    async def compare_balances(self, account: Account) -> None:
        """A change that no fill explains, twice in a row, goes on the board. Only to be asked while nothing is on its
        way. VenueError."""
        totals = {one.asset: one.total for one in await self._accounts.balances(account.id)}
        known = self._baselines.get(account.id)
        fills = await self._fills_after(account.id, None if known is None else known.newest)
        count = await self._ledger.count_fills(account.id)
        if known is None or count != known.count + len(fills):
            # The first look, or a fill that came late and stands among those that were counted.
            newest = fills[-1] if fills else None if known is None else known.newest
            self._baselines[account.id] = _Baseline(totals, newest, count, {})
            return
        expected = _after(known.totals, fills)
        strange = {asset: totals.get(asset, NOTHING) for asset in sorted(expected.keys() | totals.keys())}
        strange = {asset: held for asset, held in strange.items() if held != expected.get(asset, NOTHING)}
        if strange and strange != known.suspects:
            self._baselines[account.id] = _Baseline(known.totals, known.newest, known.count, strange)
            return
        for asset, held in strange.items():
            due = decimal_text(expected.get(asset, NOTHING))
            venue_says = f"{decimal_text(held)} {asset}"
            await self._board.found(account, DriftKind.BALANCE, asset, None, f"{due} {asset}", venue_says)
        self._baselines[account.id] = _Baseline(totals, fills[-1] if fills else known.newest, count, {})

    async def _has_all(self, order: Order, fills: Iterable[VenueFill]) -> bool:
        own = {fill.venue_trade_id for fill in await self._ledger.fills_of(order.id)}
        return all(fill.venue_trade_id in own for fill in fills)

    async def _take(self, account: Account, known: Order | None, found: VenueOrder) -> None:
        order = known or await self._reconciler.owner_of(account.id, found)
        if order is None:
            return
        await self._reconciler.settle(order, found, (), source="poll", asked=True)
        if known is not None:
            await self._board.healed(
                account,
                DriftKind.FILLS_MISSED,
                known.client_order_id,
                known.symbol,
                f"{known.status}, {decimal_text(known.filled_quantity)} filled",
                f"{found.status}, {decimal_text(found.filled_quantity)} filled",
                known.id,
            )

    async def _fills_after(self, account_id: str, newest: Fill | None) -> list[Fill]:
        found: list[Fill] = []
        while True:
            page = await self._ledger.fills_of_account(account_id, found[-1] if found else newest, PAGE)
            found.extend(page)
            if len(page) < PAGE:
                return found


def _after(totals: Mapping[str, Decimal], fills: Iterable[Fill]) -> dict[str, Decimal]:
    expected = dict(totals)

    def move(asset: str, amount: Decimal) -> None:
        expected[asset] = expected.get(asset, NOTHING) + amount

    for fill in fills:
        base, _, quote = fill.symbol.partition("/")
        sign = 1 if fill.side is Side.BUY else -1
        move(base, sign * fill.quantity)
        move(quote, -sign * fill.quantity * fill.price)
        move(fill.fee_asset, -fill.fee)
    return expected
