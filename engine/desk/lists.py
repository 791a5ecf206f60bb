"""Taking order lists: an OCO, or an entry with its exits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from engine.accounts import Accounts
from engine.desk.answers import ListSubmitted
from engine.desk.markets import Markets
from engine.desk.orders import Orders
from engine.domain.draft import OrderDraft, check_draft
from engine.domain.list_draft import ListDraft, check_exits
from engine.domain.order import Leg, Order, OrderStatus
from engine.domain.order_list import ListKind, ListStatus, OrderList
from engine.domain.values import Conflict, NotFound, OrderType, valid_client_order_id
from engine.ports import Account, Features, Ledger
from engine.reconcile import Recorder
from engine.runtime import Clock, Ids

WORKING_TYPES = frozenset({OrderType.LIMIT, OrderType.LIMIT_MAKER})
"""Entries that a venue's list takes (Binance Spot API, "New Order List - OTO", 2026-07)."""


class Lists:
    def __init__(
        self,
        ledger: Ledger,
        recorder: Recorder,
        accounts: Accounts,
        markets: Markets,
        orders: Orders,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._ledger = ledger
        self._recorder = recorder
        self._accounts = accounts
        self._markets = markets
        self._orders = orders
        self._clock = clock
        self._ids = ids

    async def submit(self, user_id: str, draft: ListDraft) -> ListSubmitted:
        """Recorded whole and on its way. The same client_order_id and body again: the stored list."""
        account = await self._accounts.of(user_id, draft.account_id)
        kept = kept_by_desk(draft, self._markets.features(account.venue))
        legs = draft.legs(_watched(draft, self._markets.features(account.venue)))
        if draft.client_order_id is not None:
            valid_client_order_id(draft.client_order_id)
            known = await self._known(account, legs)
            if known is not None:
                return known
        self._orders.check_ready()
        instrument = await self._markets.instrument(account.venue, draft.symbol)
        last = await self._orders.reference_price(account.venue, instrument)
        reference = legs[Leg.ENTRY].price if Leg.ENTRY in legs and legs[Leg.ENTRY].price is not None else last
        check_exits(draft, legs, reference)
        for leg, one in legs.items():
            check_draft(one, instrument, reference if leg is not Leg.ENTRY else last)
        order_list = self._list(account, draft, instrument.symbol, held=kept)
        orders = [
            self._order(account, order_list, leg, one, self._orders.make(account, one, instrument))
            for leg, one in legs.items()
        ]
        lead, lead_draft = orders[0], next(iter(legs.values()))
        await self._orders.reserve(lead, lead_draft, account, instrument, last)
        try:
            recorded = await self._recorder.record_list(order_list, orders)
        finally:
            self._orders.release(lead)
        if not all(one.created for one in recorded):
            raise Conflict(
                "client_order_id_reused", "client_order_id belongs to other orders of this account.", "client_order_id"
            )
        return ListSubmitted(order_list, tuple(one.order for one in recorded), created=True)

    async def of(self, user_id: str, list_id: str) -> ListSubmitted:
        found = await self._ledger.order_list(list_id)
        if found is None or found[0].user_id != user_id:
            raise NotFound("unknown_list", "You have no order list of that id.", "list_id")
        return ListSubmitted(*found, created=False)

    async def _known(self, account: Account, legs: Mapping[Leg, OrderDraft]) -> ListSubmitted | None:
        for draft in legs.values():
            known = await self._ledger.order_by_client_id(account.id, draft.client_order_id or "")
            if known is None:
                continue
            found = await self._ledger.order_list(known.list_id or "")
            asked = {one.client_order_id: one.digest for one in legs.values()}
            if found is None or {one.client_order_id: one.draft_digest for one in found[1]} != asked:
                raise Conflict(
                    "client_order_id_reused",
                    "client_order_id belongs to other orders of this account: choose a new one.",
                    "client_order_id",
                )
            return ListSubmitted(*found, created=False)
        return None

    def _list(self, account: Account, draft: ListDraft, symbol: str, *, held: bool) -> OrderList:
        now = self._clock.now()
        return OrderList(
            self._ids.new(),
            account.user_id,
            account.id,
            symbol,
            draft.kind,
            held,
            draft.policy,
            ListStatus.PENDING,
            now,
            now,
        )

    def _order(self, account: Account, of: OrderList, leg: Leg, draft: OrderDraft, made: Order) -> Order:
        """Exits that the desk keeps wait for their entry, or for their price."""
        del account
        waits = of.held and (draft.held or (of.kind is ListKind.BRACKET and leg is not Leg.ENTRY))
        return replace(made, list_id=of.id, leg=leg, status=OrderStatus.HELD if waits else OrderStatus.PENDING)


def kept_by_desk(draft: ListDraft, features: Features) -> bool:
    """Whether the desk keeps the list together: the venue has no lists, or takes no such entry in one."""
    if not features.lists:
        return True
    return draft.entry is not None and draft.entry.type not in WORKING_TYPES


def _watched(draft: ListDraft, features: Features) -> frozenset[Leg]:
    """Exits whose price the desk has to watch for itself: without lists, a venue would hold the balance twice."""
    if features.lists:
        return frozenset()
    stop_only = draft.kind is ListKind.BRACKET and draft.take_profit is None
    profit_waits = draft.take_profit is not None and draft.take_profit.stop_price is not None
    watched = {Leg.STOP_LOSS} if not stop_only or not features.conditional else set[Leg]()
    return frozenset(watched | ({Leg.TAKE_PROFIT} if profit_waits else set[Leg]()))
