"""Changing open orders: what is refused before anything is stored, and which way the change takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.accounts import Accounts
from engine.desk.markets import Markets
from engine.desk.orders import Orders
from engine.domain.advance import IllegalTransition
from engine.domain.draft import OrderDraft, check_draft
from engine.domain.instrument import Instrument
from engine.domain.order import AmendRequested, Order, OrderStatus, Rewritten, altered
from engine.domain.risk import cost
from engine.domain.transitions import TRANSITIONS, Refuse
from engine.domain.values import Conflict, Price, Quantity, Refusal, Unavailable, decimal_text
from engine.ports import Account, VenueError
from engine.reconcile import Recorder


@dataclass(frozen=True, slots=True)
class Amendment:
    """What an order is to become; None stays as it is. `quantity` is in all, what is filled included."""

    quantity: Quantity | None = None
    price: Price | None = None
    stop_price: Price | None = None


class Amendments:
    def __init__(self, orders: Orders, recorder: Recorder, accounts: Accounts, markets: Markets) -> None:
        self._orders = orders
        self._recorder = recorder
        self._accounts = accounts
        self._markets = markets

    async def amend(self, user_id: str, order_id: str, wanted: Amendment) -> Order:
        """The order afterwards: PENDING_AMEND, or changed already where the desk keeps it."""
        order = await self._orders.of(user_id, order_id)
        account = await self._accounts.of(user_id, order.account_id)
        wanted = _what_is_new(order, wanted)
        if order.status is not OrderStatus.HELD:
            _check_status(order)
        instrument = await self._markets.instrument(account.venue, order.symbol)
        draft = _draft(order, wanted)
        price = await self._orders.reference_price(account.venue, instrument)
        check_draft(draft, instrument, price)
        self._accounts.touch(account.id)
        try:
            return await self._change(account, order, wanted, draft, instrument, price)
        except IllegalTransition as error:  # it went on while its figures were being checked
            raise _not_now(error.order, error.why) from error

    async def _change(
        self,
        account: Account,
        order: Order,
        wanted: Amendment,
        draft: OrderDraft,
        instrument: Instrument,
        price: Decimal | None,
    ) -> Order:
        if order.status is OrderStatus.HELD:
            _check_list(order, wanted)
            event = Rewritten(wanted.quantity, wanted.price, wanted.stop_price)
            return await self._recorder.advance(order.id, [event], source="desk")
        if self._in_place(account, order, wanted):
            return await self._recorder.advance(order.id, [AmendRequested(wanted.quantity)], source="desk")
        if order.list_id is not None:
            raise Conflict(
                "order_in_list",
                "An order of a list can only be lowered in quantity: cancel the list and place it anew instead.",
                "price" if wanted.quantity is None else "quantity",
            )
        await self._check_balance(account, order, draft, instrument, price)
        replacement = replace(self._orders.make(account, draft, instrument), replaces=order.id)
        request = AmendRequested(wanted.quantity, wanted.price, replacement.id)
        amended, _ = await self._recorder.replace(order.id, request, replacement)
        return amended

    def _in_place(self, account: Account, order: Order, wanted: Amendment) -> bool:
        """Whether the venue can change it without taking it out of the queue: a lower quantity, and nothing else."""
        if wanted.quantity is None or wanted.price is not None or wanted.stop_price is not None:
            return False
        lower = order.quantity is not None and wanted.quantity < order.quantity
        return lower and self._markets.features(account.venue).amend

    async def _check_balance(
        self, account: Account, order: Order, draft: OrderDraft, instrument: Instrument, price: Decimal | None
    ) -> None:
        """What the new order costs more than the old one frees has to be there."""
        at = draft.price or draft.stop_price
        asset, needed = cost(draft.side, instrument, draft.quantity, None, at, price)
        worst = order.price or order.stop_price
        _, freed = cost(order.side, instrument, order.remaining, None, worst, price)
        try:
            held = {balance.asset: balance.free for balance in await self._accounts.balances(account.id)}
        except VenueError as error:
            raise Unavailable(
                "venue_unreachable", f"The account's balances cannot be read now: {error.detail}"
            ) from error
        free = max(held.get(asset, Decimal(0)), Decimal(0)) + freed
        if needed > free:
            raise Refusal(
                "insufficient_balance",
                f"The order would need {decimal_text(needed)} {asset}, {decimal_text(free)} {asset} can be had for it:"
                " lower the quantity or the price.",
                "quantity",
            )


def _what_is_new(order: Order, wanted: Amendment) -> Amendment:
    """Without the figures that stay as they are. Refusal when nothing changes, or what is not there should."""
    for name in ("price", "stop_price"):
        if getattr(wanted, name) is not None and getattr(order, name) is None:
            raise Refusal(f"{name}_not_allowed", f"A {order.type} order has no {name} to change.", name)
    if wanted.stop_price is not None and order.triggered_at is not None:
        raise Refusal(
            "stop_price_not_allowed", "The order's price has come: its stop_price is of the past.", "stop_price"
        )
    new = Amendment(
        None if wanted.quantity == order.quantity else wanted.quantity,
        None if wanted.price == order.price else wanted.price,
        None if wanted.stop_price == order.stop_price else wanted.stop_price,
    )
    if new == Amendment():
        raise Refusal("nothing_to_change", "Say what is to change: quantity, price or stop_price.", "quantity")
    if new.quantity is not None and new.quantity <= order.filled_quantity:
        raise Refusal(
            "quantity_below_filled",
            f"{decimal_text(order.filled_quantity)} are filled already: ask for more, or cancel the order.",
            "quantity",
        )
    return new


def _check_list(order: Order, wanted: Amendment) -> None:
    """What the desk keeps may get other prices; an exit never closes more than there is to close."""
    if order.list_id is not None and wanted.quantity is not None and wanted.quantity > (order.quantity or 0):
        raise Conflict("order_in_list", "The quantity of an order of a list can only be lowered.", "quantity")


def _check_status(order: Order) -> None:
    cell = TRANSITIONS[order.status, AmendRequested]
    if isinstance(cell, Refuse):
        raise _not_now(order, cell.why)


def _not_now(order: Order, why: str) -> Conflict:
    code = "order_finished" if order.finished else "order_not_amendable"
    return Conflict(code, f"The order is {order.status} and cannot be changed now: {why}.")


def _draft(order: Order, wanted: Amendment) -> OrderDraft:
    """What would be placed for what is left."""
    quantity = wanted.quantity or order.quantity
    if order.triggered_at is not None:  # its price has come: what is open now is what it became
        order = altered(order, type=order.type.triggered, stop_price=None, trailing_delta=None, held=False)
    return OrderDraft(
        order.symbol,
        order.side,
        order.type,
        None if quantity is None else Quantity(quantity - order.filled_quantity),
        price=wanted.price or order.price,
        time_in_force=order.time_in_force,
        account_id=order.account_id,
        stop_price=wanted.stop_price or order.stop_price,
        trailing_delta=order.trailing_delta,
        held=order.held,
    )
