"""Random orders of every kind: the exchange does what the slow one does, keeps every sum, and comes back the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.simulator.model import (
    OPEN,
    ApiError,
    ListKind,
    NewList,
    NewOrder,
    OrderReported,
    OrderType,
    Side,
    Stp,
    Terms,
    TimeInForce,
)
from tests.simulator.core.venue import Venue
from tests.simulator.orders.reference import SlowExchange

SYMBOL = "XYZUSDT"
LIMIT = OrderType.LIMIT
STOP_TYPES = (
    OrderType.STOP_LOSS,
    OrderType.STOP_LOSS_LIMIT,
    OrderType.TAKE_PROFIT,
    OrderType.TAKE_PROFIT_LIMIT,
)


@dataclass(frozen=True)
class Place:
    """An order of one of three accounts."""

    account: int
    side: Side
    kind: OrderType
    force: TimeInForce
    price: int
    lots: int
    stop: int
    trailing: int
    iceberg: int
    stp: Stp


@dataclass(frozen=True)
class Pair:
    """An OCO: the limit so far from 1000 on the one side, the stop on the other."""

    account: int
    side: Side
    limit_off: int
    stop_off: int
    priced: bool
    lots: int


@dataclass(frozen=True)
class Cancel:
    number: int


@dataclass(frozen=True)
class Amend:
    number: int
    lots: int


@dataclass(frozen=True)
class Chain:
    """A working order, and behind it another order or an OCO."""

    working: Place
    pending: Place | Pair


Action = Place | Pair | Chain | Cancel | Amend
prices = st.integers(995, 1005)
places = st.builds(
    Place,
    account=st.integers(0, 2),
    side=st.sampled_from(Side),
    kind=st.sampled_from([LIMIT] * 5 + [OrderType.MARKET, *STOP_TYPES]),
    force=st.sampled_from([TimeInForce.GTC] * 4 + [TimeInForce.IOC, TimeInForce.FOK]),
    price=prices,
    lots=st.integers(1, 3_000),
    stop=prices,
    trailing=st.sampled_from([0, 0, 10, 40]),
    iceberg=st.sampled_from([0, 0, 0, 100, 700]),
    stp=st.sampled_from(Stp),
)
pairs = st.builds(
    Pair,
    account=st.integers(0, 1),
    side=st.sampled_from(Side),
    limit_off=st.integers(1, 6),
    stop_off=st.integers(1, 6),
    priced=st.booleans(),
    lots=st.integers(1, 3_000),
)
numbers = st.integers(1, 60)
actions = st.lists(
    st.one_of(
        places,
        places,
        places,
        places,
        pairs,
        st.builds(Cancel, number=numbers),
        st.builds(Amend, number=numbers, lots=st.integers(1, 3_000)),
    ),
    max_size=60,
)
with_chains = st.lists(
    st.one_of(
        places,
        places,
        pairs,
        st.builds(Chain, working=places, pending=st.one_of(places, pairs)),
        st.builds(Cancel, number=numbers),
        st.builds(Amend, number=numbers, lots=st.integers(1, 3_000)),
    ),
    max_size=60,
)


def drawn(draws: Random) -> Action:
    """A random action: longer runs than hypothesis likes to make."""
    kind = draws.random()
    side, account = draws.choice(list(Side)), draws.randrange(3)
    lots, price, stop = draws.randint(1, 3_000), draws.randint(995, 1005), draws.randint(995, 1005)
    if kind < 0.75:
        order_type = draws.choice([LIMIT] * 5 + [OrderType.MARKET, *STOP_TYPES])
        force = draws.choice([TimeInForce.GTC] * 4 + [TimeInForce.IOC, TimeInForce.FOK])
        trailing, iceberg = draws.choice([0, 0, 10, 40]), draws.choice([0, 0, 0, 100, 700])
        return Place(account, side, order_type, force, price, lots, stop, trailing, iceberg, draws.choice(list(Stp)))
    if kind < 0.85:
        return Pair(account, side, draws.randint(1, 6), draws.randint(1, 6), draws.random() < 0.5, lots)
    if kind < 0.93:
        return Cancel(draws.randint(1, 120))
    return Amend(draws.randint(1, 120), lots)


def order_of(venue: Venue, action: Place) -> NewOrder:
    """The order of an action; what its type does not take is left out."""
    kind, stops = action.kind, action.kind in STOP_TYPES
    priced = kind not in {OrderType.MARKET, OrderType.STOP_LOSS, OrderType.TAKE_PROFIT}
    force = action.force if priced else TimeInForce.GTC
    iceberg = action.iceberg if priced and force is TimeInForce.GTC else 0
    terms = Terms(
        stop_ticks=action.stop if stops else 0,
        trailing_bips=action.trailing if stops else 0,
        iceberg_lots=min(iceberg, action.lots),
        stp=action.stp,
    )
    price = action.price if priced else 0
    return venue.request(action.side, price, action.lots, kind, force, symbol=SYMBOL, terms=terms)


def pair_of(venue: Venue, action: Pair) -> tuple[NewOrder, NewOrder]:
    """The legs of an OCO, the stop first."""
    away = 1 if action.side is Side.SELL else -1
    stop_ticks = 1000 - away * action.stop_off
    kind = OrderType.STOP_LOSS_LIMIT if action.priced else OrderType.STOP_LOSS
    price = stop_ticks - away if action.priced else 0
    stop = venue.request(
        action.side, price, action.lots, kind, symbol=SYMBOL, terms=Terms(stop_ticks=stop_ticks, stp=Stp.EXPIRE_MAKER)
    )
    limit = venue.request(
        action.side, 1000 + away * action.limit_off, action.lots, OrderType.LIMIT_MAKER, symbol=SYMBOL
    )
    return stop, limit


class Run:
    """The actions done at the exchange and at the slow one, side by side."""

    def __init__(self, venue: Venue) -> None:
        self.venue = venue
        self.slow = SlowExchange()
        """Knows no chains: a run with chains does not ask it."""
        self.owners: dict[int, int] = {}
        self.accounts = [venue.account("a"), venue.account("b"), venue.account("c")]

    def do(self, action: Action) -> None:
        """One action; what the exchange refuses is not done at the slow one either."""
        self.venue.clock.ms += 7
        with suppress(ApiError):
            self._do(action)

    def do_alone(self, action: Action) -> None:
        """One action at the exchange only."""
        self.venue.clock.ms += 7
        exchange = self.venue.exchange
        with suppress(ApiError):
            if isinstance(action, Place):
                placed, _ = exchange.place(self.accounts[action.account], order_of(self.venue, action))
                self.owners[placed.order_id] = self.accounts[action.account]
            elif isinstance(action, Pair | Chain):
                account, asked = self._list(action)
                for order in exchange.place_list(account, asked).orders:
                    self.owners[order.order_id] = account
            elif action.number in self.owners and isinstance(action, Cancel):
                exchange.cancel(self.owners[action.number], SYMBOL, order_id=action.number)
            elif action.number in self.owners and isinstance(action, Amend):
                owner, client_id = self.owners[action.number], f"amended-{self.venue.clock.ms}"
                exchange.amend(owner, SYMBOL, action.lots, client_id, order_id=action.number)

    def _list(self, action: Pair | Chain) -> tuple[int, NewList]:
        client_id = f"list-{self.venue.orders}"
        if isinstance(action, Pair):
            return self.accounts[action.account], NewList(ListKind.OCO, client_id, pair_of(self.venue, action))
        working = order_of(self.venue, replace(action.working, kind=LIMIT))
        account = self.accounts[action.working.account]
        if isinstance(action.pending, Pair):
            orders = (working, *pair_of(self.venue, action.pending))
            return account, NewList(ListKind.OTOCO, client_id, orders)
        return account, NewList(ListKind.OTO, client_id, (working, order_of(self.venue, action.pending)))

    def _do(self, action: Action) -> None:
        exchange = self.venue.exchange
        if isinstance(action, Place):
            asked = order_of(self.venue, action)
            account = self.accounts[action.account]
            placed, _ = exchange.place(account, asked)
            self.owners[placed.order_id] = account
            self.slow.place(placed.order_id, account, asked)
        elif isinstance(action, Pair):
            pair = pair_of(self.venue, action)
            account = self.accounts[action.account]
            placed_list = exchange.place_list(account, NewList(ListKind.OCO, f"list-{self.venue.orders}", pair))
            first, second = (order.order_id for order in placed_list.orders)
            self.owners |= {first: account, second: account}
            self.slow.place_pair((first, second), account, pair)
        elif isinstance(action, Chain):
            raise TypeError("the slow exchange knows no chains")
        elif action.number in self.owners:
            account = self.owners[action.number]
            if isinstance(action, Cancel):
                exchange.cancel(account, SYMBOL, order_id=action.number)
                self.slow.cancel(action.number)
            else:
                order, _ = exchange.amend(
                    account, SYMBOL, action.lots, f"amended-{self.venue.clock.ms}", order_id=action.number
                )
                assert order.order_id == action.number
                self.slow.amend(action.number, action.lots)

    def compare(self) -> None:
        """The same depth, orders and trades at both."""
        exchange = self.venue.exchange
        depth = exchange.depth(SYMBOL)
        assert list(depth.bids) == self.slow.depth(Side.BUY)
        assert list(depth.asks) == self.slow.depth(Side.SELL)
        for number, account in self.owners.items():
            order, row = exchange.order(account, SYMBOL, order_id=number), self.slow.row(number)
            assert (order.filled_lots, order.prevented_lots) == (row.filled, row.prevented), order
            assert (order.status in OPEN, order.working, order.waiting) == (
                row.state != "done",
                row.state == "resting",
                row.state == "waiting",
            ), order
            if order.status not in OPEN:
                assert order.status is row.status
        printed = exchange.trades(SYMBOL, limit=1000)
        assert [
            (*sorted((trade.buyer_order_id, trade.seller_order_id)), trade.price_ticks, trade.lots) for trade in printed
        ] == [(*sorted((maker, taker)), price, lots) for maker, taker, price, lots in self.slow.trades]


@settings(max_examples=250, deadline=None)
@given(done=actions)
def test_it_does_what_the_slow_exchange_does(done: list[Action]) -> None:
    run = Run(Venue())
    for action in done:
        run.do(action)
        run.compare()


@pytest.mark.parametrize("seed", range(20))
def test_it_does_so_for_long(seed: int) -> None:
    draws, run = Random(seed), Run(Venue())
    for _ in range(150):
        run.do(drawn(draws))
        run.compare()
    assert len(run.slow.trades) > 20


@settings(max_examples=150, deadline=None)
@given(done=with_chains)
def test_no_atom_is_made_or_lost_nobody_owes_and_all_locks_are_given_back(done: list[Action]) -> None:
    run = Run(Venue())
    exchange = run.venue.exchange
    totals = {asset: exchange.total(asset) for asset in ("XYZ", "USDT")}
    for action in done:
        run.do_alone(action)
        for account in run.accounts:
            for balance in exchange.balances(account):
                assert balance.free >= 0, action
                assert balance.locked >= 0, action
    assert {asset: exchange.total(asset) for asset in totals} == totals
    for account in run.accounts:
        exchange.cancel_all(account, SYMBOL)
        assert exchange.open_orders(account) == ()
        assert [balance for balance in exchange.balances(account) if balance.locked] == []


@settings(max_examples=60, deadline=None)
@given(done=with_chains)
def test_what_is_reported_of_an_order_is_what_it_is(done: list[Action]) -> None:
    run = Run(Venue())
    for action in done:
        run.do_alone(action)
    newest = {event.order.order_id: event for event in run.venue.events if isinstance(event, OrderReported)}
    for number, account in run.owners.items():
        order, told = run.venue.exchange.order(account, SYMBOL, order_id=number), newest[number].order
        assert (told.status, told.filled_lots, told.prevented_lots, told.lots) == (
            order.status,
            order.filled_lots,
            order.prevented_lots,
            order.lots,
        )


@settings(max_examples=25, deadline=None)
@given(done=with_chains, later=with_chains)
def test_a_journal_and_a_snapshot_bring_the_same_market_back(done: list[Action], later: list[Action]) -> None:
    with TemporaryDirectory() as directory:
        run = Run(Venue(Path(directory) / "kept", snapshot_every=20))
        whole = Run(Venue())
        for action in done:
            run.do_alone(action)
            whole.do_alone(action)
        digest = run.venue.exchange.state_digest()
        assert digest == whole.venue.exchange.state_digest()
        for _ in range(2):
            orders = run.venue.orders
            run.venue = run.venue.reopened()
            run.venue.orders = orders
            assert run.venue.exchange.state_digest() == digest
        for action in later:
            run.do_alone(action)
            whole.do_alone(action)
        assert run.venue.exchange.state_digest() == whole.venue.exchange.state_digest()
        run.venue.exchange.close()
