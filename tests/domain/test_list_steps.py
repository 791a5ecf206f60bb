"""What an order list needs next follows from its orders alone."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.domain.instrument import Instrument
from engine.domain.list_steps import Become, CancelThem, Fire, Release, Repair, Step, Unwind, next_step
from engine.domain.order import Leg, Order, OrderStatus
from engine.domain.order_list import LegPolicy, ListKind, ListStatus, OrderList
from engine.domain.values import OrderType, Price, Quantity, Side
from tests.domain.strategies import NOW, PENDING

S = OrderStatus
D = Decimal
BTC = Instrument("BTC/USDT", "BTCUSDT", "BTC", "USDT", D("0.01"), D("0.001"), min_quantity=D("0.01"))
BRACKET = OrderList(
    "list", "user", "account", "BTC/USDT", ListKind.BRACKET, True, LegPolicy.REPAIR, ListStatus.ACTIVE, NOW, NOW
)
OCO = replace(BRACKET, kind=ListKind.OCO)


def an_order(leg: Leg, status: OrderStatus, filled: str = "0", **changes: object) -> Order:
    order = replace(
        PENDING,
        id=f"{leg}-{status}",
        leg=leg,
        list_id="list",
        status=status,
        side=Side.BUY if leg is Leg.ENTRY else Side.SELL,
        filled_quantity=Quantity(D(filled)),
        venue_order_id=None if status in {S.HELD, S.PENDING} else "7",
    )
    return replace(order, **changes)


FILLED_ENTRY = an_order(Leg.ENTRY, S.FILLED, "1", fees={"BTC": D("0.0015")})


def step(of: OrderList, *orders: Order) -> Step | None:
    return next_step(of, orders, BTC)


def test_an_open_entry_needs_nothing() -> None:
    waiting = replace(BRACKET, status=ListStatus.PENDING)
    exits = (an_order(Leg.TAKE_PROFIT, S.HELD), an_order(Leg.STOP_LOSS, S.HELD))
    assert step(waiting, an_order(Leg.ENTRY, S.ACCEPTED), *exits) is None
    at_venue = replace(waiting, held=False)
    assert step(at_venue, an_order(Leg.ENTRY, S.ACCEPTED), *exits) == Become(ListStatus.ACTIVE)


def test_a_filled_entry_lets_its_exits_go_for_what_the_fee_left_of_it() -> None:
    waiting = replace(BRACKET, status=ListStatus.PENDING)
    exits = (an_order(Leg.TAKE_PROFIT, S.HELD), an_order(Leg.STOP_LOSS, S.HELD))
    assert step(waiting, FILLED_ENTRY, *exits) == Release(exits, Quantity(D("0.998")))


@pytest.mark.parametrize("status", [S.CANCELED, S.REJECTED, S.EXPIRED])
def test_an_entry_that_filled_nothing_takes_its_exits_along(status: OrderStatus) -> None:
    exits = (an_order(Leg.TAKE_PROFIT, S.HELD), an_order(Leg.STOP_LOSS, S.HELD))
    entry = an_order(Leg.ENTRY, status)
    assert step(BRACKET, entry, *exits) == CancelThem(exits)
    gone = (an_order(Leg.TAKE_PROFIT, S.CANCELED), an_order(Leg.STOP_LOSS, S.CANCELED))
    ended = step(BRACKET, entry, *gone)
    assert isinstance(ended, Become)
    assert ended.status is ListStatus.DONE


def test_what_a_cancelled_entry_had_filled_is_protected_or_unwound() -> None:
    """A venue drops the exits of an entry that is cancelled half filled: what was filled would have none."""
    entry = an_order(Leg.ENTRY, S.CANCELED, "0.5")
    exits = (an_order(Leg.TAKE_PROFIT, S.EXPIRED), an_order(Leg.STOP_LOSS, S.EXPIRED))
    repair = step(BRACKET, entry, *exits)
    assert isinstance(repair, Repair)
    assert (repair.orders, repair.quantity) == (exits, D("0.5"))
    unwind = step(replace(BRACKET, policy=LegPolicy.UNWIND), entry, *exits)
    assert isinstance(unwind, Unwind)
    assert unwind.quantity == D("0.5")


def test_repairs_end_in_unwinding() -> None:
    exits = [an_order(leg, S.REJECTED) for leg in (Leg.TAKE_PROFIT, Leg.STOP_LOSS) for _ in range(4)]
    assert isinstance(step(BRACKET, FILLED_ENTRY, *exits), Unwind)
    assert isinstance(step(BRACKET, FILLED_ENTRY, *exits[1:4], *exits[5:]), Repair)


def test_exits_that_the_user_cancelled_are_not_brought_back() -> None:
    exits = [an_order(leg, S.CANCELED, cancel_requested_at=NOW) for leg in (Leg.TAKE_PROFIT, Leg.STOP_LOSS)]
    assert isinstance(step(BRACKET, FILLED_ENTRY, *exits), Become)


def test_a_filled_exit_ends_the_list() -> None:
    exits = (an_order(Leg.TAKE_PROFIT, S.FILLED, "0.998"), an_order(Leg.STOP_LOSS, S.EXPIRED))
    assert step(BRACKET, FILLED_ENTRY, *exits) == Become(ListStatus.DONE)


@pytest.mark.parametrize(
    ("status", "ends"),
    [(S.FILLED, ListStatus.UNWOUND), (S.REJECTED, ListStatus.BROKEN), (S.EXPIRED, ListStatus.BROKEN)],
)
def test_unwinding_ends_well_or_says_that_a_person_has_to_look(status: OrderStatus, ends: ListStatus) -> None:
    exits = (an_order(Leg.TAKE_PROFIT, S.REJECTED), an_order(Leg.STOP_LOSS, S.REJECTED))
    closing = an_order(Leg.UNWIND, S.SUBMITTED, type=OrderType.MARKET)
    assert step(BRACKET, FILLED_ENTRY, *exits, closing) is None
    ended = step(BRACKET, FILLED_ENTRY, *exits, replace(closing, status=status))
    assert isinstance(ended, Become)
    assert ended.status is ends
    assert ended.note


def test_a_stop_fires_for_what_the_other_leg_left_once_that_is_out_of_the_way() -> None:
    closing = replace(OCO, status=ListStatus.CLOSING)
    stop = an_order(Leg.STOP_LOSS, S.HELD, held=True, stop_price=Price(D(90)))
    assert step(closing, an_order(Leg.TAKE_PROFIT, S.PENDING_CANCEL, "0.2"), stop) is None
    assert step(closing, an_order(Leg.TAKE_PROFIT, S.CANCELED, "0.2"), stop) == Fire(stop, Quantity(D("0.8")))
    assert step(closing, an_order(Leg.TAKE_PROFIT, S.FILLED, "1"), stop) == CancelThem((stop,))


def test_an_oco_ends_with_its_last_order() -> None:
    stop = an_order(Leg.STOP_LOSS, S.HELD, held=True)
    assert step(OCO, an_order(Leg.TAKE_PROFIT, S.ACCEPTED), stop) is None
    assert step(OCO, an_order(Leg.TAKE_PROFIT, S.FILLED, "1"), stop) == CancelThem((stop,))
    assert step(OCO, an_order(Leg.TAKE_PROFIT, S.FILLED, "1"), replace(stop, status=S.CANCELED)) == (
        Become(ListStatus.DONE)
    )
