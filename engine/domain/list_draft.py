"""Orders that someone wants to place together, and what has to be true of them beside what each must keep to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from engine.domain.draft import OrderDraft
from engine.domain.order import Leg
from engine.domain.order_list import LegPolicy, ListKind
from engine.domain.values import OrderType, Price, Quantity, Refusal, Side, TimeInForce

LONGEST_LIST_ID = 32
"""The orders of a list get the list's client id and an ending."""
ENDINGS = {Leg.ENTRY: ".en", Leg.TAKE_PROFIT: ".tp", Leg.STOP_LOSS: ".sl"}
EXITS = (Leg.TAKE_PROFIT, Leg.STOP_LOSS)


@dataclass(frozen=True, slots=True)
class ExitTerms:
    """Where an exit trades: a take profit at `price` (resting) or from `stop_price` on, a stop loss from `stop_price`
    or `trailing_delta` on, at market or no worse than `price`."""

    price: Price | None = None
    stop_price: Price | None = None
    trailing_delta: int | None = None


@dataclass(frozen=True, slots=True)
class EntryTerms:
    type: OrderType
    price: Price | None = None
    time_in_force: TimeInForce | None = None


@dataclass(frozen=True, slots=True)
class ListDraft:
    """An OCO has both exits and no entry; `side` is theirs. A bracket has an entry, whose side it is, and one exit or
    both on the other side."""

    kind: ListKind
    symbol: str
    side: Side
    quantity: Quantity
    take_profit: ExitTerms | None = None
    stop_loss: ExitTerms | None = None
    entry: EntryTerms | None = None
    policy: LegPolicy = LegPolicy.REPAIR
    client_order_id: str | None = None
    account_id: str | None = None

    def legs(self, held: frozenset[Leg] = frozenset()) -> dict[Leg, OrderDraft]:
        """Each order of the list, the entry first; `held` are those whose condition the desk watches. Refusal."""
        self._check()
        legs: dict[Leg, OrderDraft] = {}
        if self.entry is not None:
            entry = OrderDraft(
                self.symbol,
                self.side,
                self.entry.type,
                self.quantity,
                price=self.entry.price,
                time_in_force=self.entry.time_in_force,
            )
            legs[Leg.ENTRY] = entry
        if self.take_profit is not None:
            legs[Leg.TAKE_PROFIT] = self._take_profit(self.take_profit)
        if self.stop_loss is not None:
            legs[Leg.STOP_LOSS] = self._stop_loss(self.stop_loss)
        return {leg: self._named(leg, draft, held=leg in held) for leg, draft in legs.items()}

    @property
    def exit_side(self) -> Side:
        return self.side if self.kind is ListKind.OCO else self.side.opposite

    def _check(self) -> None:
        if self.kind is ListKind.OCO:
            if self.entry is not None:
                raise Refusal("entry_not_allowed", "An oco has no entry: send a bracket instead.", "entry")
            for name in EXITS:
                if getattr(self, name.value) is None:
                    raise Refusal("missing_field", f"{name} is missing: an oco has both exits.", name.value)
        elif self.entry is None:
            raise Refusal("missing_field", "entry is missing: a bracket needs one.", "entry")
        elif self.take_profit is None and self.stop_loss is None:
            raise Refusal("missing_field", "A bracket needs a take_profit, a stop_loss or both.", "take_profit")
        if self.entry is not None and self.entry.type.conditional:
            raise Refusal("bad_entry", "An entry is a market, limit or limit_maker order.", "entry")
        if self.client_order_id is not None and len(self.client_order_id) > LONGEST_LIST_ID:
            raise Refusal(
                "bad_client_order_id",
                f"The client_order_id of a list takes {LONGEST_LIST_ID} characters: its orders get endings.",
                "client_order_id",
            )

    def _take_profit(self, terms: ExitTerms) -> OrderDraft:
        if terms.trailing_delta is not None:
            raise Refusal("trailing_not_allowed", "A take_profit of a list does not trail.", "take_profit")
        if terms.stop_price is None:
            if terms.price is None:
                raise Refusal("missing_field", "take_profit needs a price or a stop_price.", "take_profit")
            return self._exit(OrderType.LIMIT_MAKER, terms)
        return self._exit(OrderType.TAKE_PROFIT if terms.price is None else OrderType.TAKE_PROFIT_LIMIT, terms)

    def _stop_loss(self, terms: ExitTerms) -> OrderDraft:
        if terms.stop_price is None and terms.trailing_delta is None:
            raise Refusal("missing_field", "stop_loss needs a stop_price or a trailing_delta.", "stop_loss")
        return self._exit(OrderType.STOP_LOSS if terms.price is None else OrderType.STOP_LOSS_LIMIT, terms)

    def _exit(self, order_type: OrderType, terms: ExitTerms) -> OrderDraft:
        return OrderDraft(
            self.symbol,
            self.exit_side,
            order_type,
            self.quantity,
            price=terms.price,
            stop_price=terms.stop_price,
            trailing_delta=terms.trailing_delta,
        )

    def _named(self, leg: Leg, draft: OrderDraft, *, held: bool) -> OrderDraft:
        name = None if self.client_order_id is None else f"{self.client_order_id}{ENDINGS[leg]}"
        return replace(draft, client_order_id=name, account_id=self.account_id, held=held)


def check_exits(draft: ListDraft, legs: dict[Leg, OrderDraft], reference_price: Decimal | None) -> None:
    """The take profit lies on the winning side of `reference_price` (the entry's, or the last), the stop loss on the
    losing one. Refusal names the exit."""
    if reference_price is None:
        return
    selling = draft.exit_side is Side.SELL
    for leg, wins in ((Leg.TAKE_PROFIT, True), (Leg.STOP_LOSS, False)):
        order = legs.get(leg)
        at = None if order is None else order.stop_price or order.price
        if order is None or at is None or order.trailing_delta is not None:
            continue
        above = selling is wins
        if at <= reference_price if above else at >= reference_price:
            raise Refusal(
                "exit_on_wrong_side",
                f"The {leg} must be {'above' if above else 'below'} {reference_price}.",
                leg.value,
            )
