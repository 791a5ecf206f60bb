"""What users hold by their fills, and the orders that close or turn it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.accounts import Accounts
from engine.desk.answers import Submitted
from engine.desk.markets import Markets
from engine.desk.orders import Orders
from engine.domain.draft import OrderDraft
from engine.domain.fills import Fill
from engine.domain.holdings import Position, add_fills
from engine.domain.values import Conflict, NotFound, OrderType, Quantity, Side, floor_to
from engine.ports import Ledger, VenueError

PAGE = 1_000
MOST_ACCOUNTS = 1_000


@dataclass(frozen=True, slots=True)
class _Known:
    """What an account's fills came to, up to the newest that was counted."""

    count: int
    newest: Fill | None
    positions: Mapping[str, Position]


class Positions:
    """Folds an account's fills once and then only what is new; a fill that comes late is counted in its place."""

    def __init__(self, ledger: Ledger, accounts: Accounts, markets: Markets, orders: Orders) -> None:
        self._ledger = ledger
        self._accounts = accounts
        self._markets = markets
        self._orders = orders
        self._known: dict[str, _Known] = {}

    async def of(self, user_id: str, account_id: str | None) -> tuple[Position, ...]:
        """Of one account, by symbol; markets without a fill have none."""
        account = await self._accounts.of(user_id, account_id)
        return tuple(position for _, position in sorted((await self._positions(account.id)).items()))

    async def close(self, user_id: str, symbol: str, account_id: str | None, client_order_id: str | None) -> Submitted:
        """Sell what is held, or buy back what was sold, at market."""
        return await self._turn(user_id, symbol, account_id, client_order_id, times=1)

    async def reverse(
        self, user_id: str, symbol: str, account_id: str | None, client_order_id: str | None
    ) -> Submitted:
        """Close it and open as much the other way, in one market order."""
        return await self._turn(user_id, symbol, account_id, client_order_id, times=2)

    async def _turn(
        self, user_id: str, symbol: str, account_id: str | None, client_order_id: str | None, times: int
    ) -> Submitted:
        account = await self._accounts.of(user_id, account_id)
        instrument = await self._markets.instrument(account.venue, symbol)
        position = (await self._positions(account.id)).get(instrument.symbol)
        if position is None or not position.quantity:
            raise NotFound("no_position", f"You hold no position in {instrument.symbol}.", "symbol")
        side = Side.SELL if position.quantity > 0 else Side.BUY
        quantity = abs(position.quantity) * times
        if side is Side.SELL and times == 1:
            quantity = min(quantity, await self._free(account.id, instrument.base, quantity))
        quantity = floor_to(quantity, instrument.lot)
        if not quantity:
            words = f"What is left in {instrument.symbol} is less than its lot, or not free."
            raise Conflict("position_too_small", words, "symbol")
        draft = OrderDraft(
            instrument.symbol,
            side,
            OrderType.MARKET,
            Quantity(quantity),
            client_order_id=client_order_id,
            account_id=account.id,
        )
        return await self._orders.submit(user_id, draft)

    async def _free(self, account_id: str, asset: str, otherwise: Decimal) -> Decimal:
        """What the account can sell now: fees and transfers that no fill tells of may have made it less."""
        try:
            held = {balance.asset: balance.free for balance in await self._accounts.balances(account_id)}
        except VenueError:
            return otherwise
        return max(held.get(asset, Decimal(0)), Decimal(0))

    async def _positions(self, account_id: str) -> Mapping[str, Position]:
        known = self._known.get(account_id, _Known(0, None, {}))
        count = await self._ledger.count_fills(account_id)
        if count == known.count:
            return known.positions
        fresh = await self._add(account_id, known)
        if fresh.count != count:
            fresh = await self._add(account_id, _Known(0, None, {}))
        if len(self._known) >= MOST_ACCOUNTS:
            self._known.clear()
        self._known[account_id] = fresh
        return fresh.positions

    async def _add(self, account_id: str, known: _Known) -> _Known:
        count, newest, positions = known.count, known.newest, known.positions
        while True:
            fills = await self._ledger.fills_of_account(account_id, newest, PAGE)
            positions = add_fills(positions, account_id, fills)
            count += len(fills)
            newest = fills[-1] if fills else newest
            if len(fills) < PAGE:
                return _Known(count, newest, positions)
