"""Taking orders and cancels: what is refused before anything is stored, and what is stored before anything is sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from engine.accounts import Accounts
from engine.desk.answers import Submitted
from engine.desk.markets import Markets
from engine.domain.draft import OrderDraft, check_draft
from engine.domain.instrument import Instrument
from engine.domain.order import CancelRequested, Leg, Order, OrderStatus
from engine.domain.position import Balance
from engine.domain.risk import check_balance
from engine.domain.values import Conflict, Denied, NotFound, Refusal, TimeInForce, Unavailable
from engine.domain.values import valid_client_order_id as valid
from engine.feeds import Feeds
from engine.ports import Account, Ledger, OrderFilter, VenueError
from engine.reconcile import Recorder
from engine.runtime import Clock, Ids

WaitingFor = Callable[[], tuple[str, ...]]
"""What is missing before orders can be taken, in words; empty when they can."""
CANCELS_AT_ONCE = 500
REMEMBERED_S = 5.0


class Orders:
    def __init__(
        self,
        ledger: Ledger,
        recorder: Recorder,
        accounts: Accounts,
        markets: Markets,
        feeds: Feeds,
        waiting_for: WaitingFor,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._accounts = accounts
        self._markets = markets
        self._feeds = feeds
        self._waiting_for = waiting_for
        self._clock = clock
        self._ids = ids
        self._taking: dict[str, tuple[Order, float | None]] = {}
        """Orders between their check and their place in the ledger, and when that was for those just recorded."""

    async def submit(self, user_id: str, draft: OrderDraft) -> Submitted:
        account = await self._accounts.of(user_id, draft.account_id)
        if draft.client_order_id is not None:
            valid(draft.client_order_id)
            known = await self._ledger.order_by_client_id(account.id, draft.client_order_id)
            if known is not None:
                return _repeated(known, draft)
        self.check_ready()
        instrument = await self._markets.instrument(account.venue, draft.symbol)
        price = await self.reference_price(account.venue, instrument)
        check_draft(draft, instrument, price)
        order = self.make(account, draft, instrument)
        if order.status is OrderStatus.HELD:
            return await self._record(order, draft)  # it costs nothing before its price comes
        try:
            await self.reserve(order, draft, account, instrument, price)
        except Unavailable:
            raise
        except Refusal as refusal:
            return await self._deny(order, draft, refusal)
        try:
            return await self._record(order, draft)
        finally:
            self.release(order)

    def check_ready(self) -> None:
        """Unavailable `not_ready` before the first reconciliation."""
        waiting_for = self._waiting_for()
        if waiting_for:
            raise Unavailable("not_ready", f"Orders cannot be taken yet: waiting for {', '.join(waiting_for)}.")

    async def cancel(self, user_id: str, order_id: str) -> Order:
        order = await self.of(user_id, order_id)
        if order.finished:
            raise Conflict("order_finished", f"The order is {order.status} already: there is nothing to cancel.")
        self._accounts.touch(order.account_id)
        if order.list_id is None:
            return await self._recorder.advance(order.id, [CancelRequested()], source="desk")
        return await self._cancel_with_list(order)

    async def _cancel_with_list(self, order: Order) -> Order:
        """What belongs together ends together: the exits of a list, or an entry and the exits that wait for it."""
        found = await self._ledger.order_list(order.list_id or "")
        siblings = () if found is None else tuple(one for one in found[1] if not one.finished)
        if order.leg is not Leg.ENTRY:
            siblings = tuple(one for one in siblings if one.leg is not Leg.ENTRY)
        ids = [order.id, *(one.id for one in siblings if one.id != order.id)]
        for attempt in ids[1:]:
            await self._recorder.advance(attempt, [CancelRequested()], source="desk")
        return await self._recorder.advance(order.id, [CancelRequested()], source="desk")

    async def cancel_all(self, user_id: str, symbol: str | None, account_id: str | None) -> tuple[Order, ...]:
        if account_id is not None:
            await self._accounts.of(user_id, account_id)
        query = OrderFilter(symbol=symbol, account_id=account_id, open_only=True)
        canceled: list[Order] = []
        cursor: str | None = None
        while True:
            page = await self._ledger.orders(user_id, query, cursor=cursor, limit=CANCELS_AT_ONCE)
            for one in page.items:
                canceled.append(await self._recorder.advance(one.id, [CancelRequested()], source="desk"))
            cursor = page.next_cursor
            if cursor is None:
                return tuple(canceled)

    async def of(self, user_id: str, order_id: str) -> Order:
        order = await self._ledger.order(order_id)
        if order is None or order.user_id != user_id:
            raise NotFound("unknown_order", "You have no order of that id.", "order_id")
        return order

    async def reference_price(self, venue: str, instrument: Instrument) -> Decimal | None:
        """The last price as the feeds know it, or read now; None in a market that has not traded yet."""
        price = self._feeds.prices(venue).get(instrument.symbol)
        if price is None:
            ticker = (await self._markets.tickers(venue)).get(instrument.symbol)
            price = ticker.last if ticker is not None else None
        return price or None

    async def reserve(
        self, order: Order, draft: OrderDraft, account: Account, instrument: Instrument, price: Decimal | None
    ) -> None:
        """Check that the account can pay for it, and count it from this very moment: orders that are being recorded
        side by side (they share commits) must see each other before the ledger can show them."""
        self._accounts.touch(account.id)
        try:
            held = {balance.asset: balance for balance in await self._accounts.balances(account.id)}
        except VenueError as error:
            raise Unavailable(
                "venue_unreachable", f"The account's balances cannot be read now: {error.detail}"
            ) from error
        known = await self._markets.instruments(account.venue)
        began = self._clock.monotonic()
        unsettled = {one.id: one for one in await self._unsettled(account)}
        # Nothing is awaited from here on: what was recorded since `began` may be missing in what was read.
        for one, recorded_at in self._taking.values():
            if one.account_id == account.id and (recorded_at is None or recorded_at >= began):
                unsettled[one.id] = one
        others = [one for one in unsettled.values() if one.client_order_id != order.client_order_id]
        pairs = [(one, known[one.symbol]) for one in others if one.symbol in known]
        check_balance(draft, instrument, price, _never_negative(held), pairs)
        self._taking[order.id] = (order, None)

    def release(self, order: Order) -> None:
        """The ledger shows it (or it was not recorded); those that were reading meanwhile still count it."""
        now = self._clock.monotonic()
        self._taking[order.id] = (order, now)
        self._taking = {
            order_id: taken
            for order_id, taken in self._taking.items()
            if taken[1] is None or now - taken[1] < REMEMBERED_S
        }

    async def _unsettled(self, account: Account) -> list[Order]:
        """Orders that the balances may not show yet. One that was on its way when they last changed is taken as shown:
        counting it twice would deny what can be paid for, and the venue has the last word anyway."""
        changed_s = self._clock.monotonic() - self._accounts.changed_at(account.id)
        return [
            order
            for order in await self._ledger.unfinished(account.id)
            if order.submitted_at is None or (self._clock.now() - order.submitted_at).total_seconds() < changed_s
        ]

    async def _deny(self, order: Order, draft: OrderDraft, refusal: Refusal) -> Submitted:
        denied = replace(order, status=OrderStatus.DENIED, reason=f"{refusal.code.upper()}: {refusal.message}")
        recorded = await self._recorder.record(denied)
        if not recorded.created:
            return _repeated(recorded.order, draft)
        raise Denied(refusal, denied.id)

    async def _record(self, order: Order, draft: OrderDraft) -> Submitted:
        recorded = await self._recorder.record(order)
        if not recorded.created:
            return _repeated(recorded.order, draft)
        return Submitted(recorded.order, created=True)

    def make(self, account: Account, draft: OrderDraft, instrument: Instrument) -> Order:
        order_id = self._ids.new()
        now = self._clock.now()
        return Order(
            id=order_id,
            user_id=account.user_id,
            account_id=account.id,
            client_order_id=draft.client_order_id or order_id,
            symbol=instrument.symbol,
            side=draft.side,
            type=draft.type,
            time_in_force=_time_in_force(draft),
            quantity=draft.quantity,
            quote_quantity=draft.quote_quantity,
            price=draft.price,
            status=OrderStatus.HELD if draft.held else OrderStatus.PENDING,
            created_at=now,
            updated_at=now,
            stop_price=draft.stop_price,
            trailing_delta=draft.trailing_delta,
            held=draft.held,
            draft_digest=draft.digest,
        )


def _repeated(known: Order, draft: OrderDraft) -> Submitted:
    """The stored order when the body is the same; a DENIED one answers as it did the first time. Conflict otherwise."""
    if known.draft_digest != draft.digest:
        raise Conflict(
            "client_order_id_reused",
            f"client_order_id {known.client_order_id} belongs to another order of this account: choose a new one.",
            "client_order_id",
        )
    if known.status is OrderStatus.DENIED:
        code, _, words = (known.reason or "DENIED").partition(": ")
        raise Denied(Refusal(code.lower(), words), known.id)
    return Submitted(known, created=False)


def _time_in_force(draft: OrderDraft) -> TimeInForce | None:
    """What the order will be recorded with: GTC where none is said and one belongs."""
    return None if draft.type.at_market else draft.time_in_force or TimeInForce.GTC


def _never_negative(held: dict[str, Balance]) -> dict[str, Balance]:
    return {asset: replace(balance, free=max(balance.free, Decimal(0))) for asset, balance in held.items()}
