"""Whatever is asked of the operations, they answer or refuse in Binance's form, and every sum stays what it was."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.runtime import SystemIds
from engine.simulator.exchange import Exchange
from engine.simulator.exchange_info import OPERATIONS as INFO
from engine.simulator.faults import Faults
from engine.simulator.limits import parse_limits
from engine.simulator.list_trading import OPERATIONS as LISTS
from engine.simulator.listings import default_listings
from engine.simulator.market import OPERATIONS as MARKET
from engine.simulator.model import ApiError, SimAccount
from engine.simulator.operations import Counter, Operation, Security
from engine.simulator.outbox import Outbox
from engine.simulator.params import Params
from engine.simulator.replacing import OPERATIONS as REPLACING
from engine.simulator.routing import OPERATIONS as ROUTING
from engine.simulator.signing import ws_payload
from engine.simulator.statements import OPERATIONS as STATEMENTS
from engine.simulator.tickers import OPERATIONS as TICKERS
from engine.simulator.time_units import in_microseconds
from engine.simulator.trading import OPERATIONS as TRADING
from engine.simulator.usage import Usage
from engine.simulator.user_streams import UserStreams, UserSubscription
from engine.simulator.wallet import OPERATIONS as WALLET
from tests.simulator.fuzz.asking import START_MS, Values, ask
from tests.simulator.process import Keys

HELD = {"BTC": Decimal(50), "USDT": Decimal(20_000), "ETH": Decimal(5)}
MIDDLE = 10_000
"""Cents: the market is near 100."""
TRADES_OFTEN = (*TRADING, *LISTS, *REPLACING)
"""Asked more often than the rest, since they change something."""


@dataclass
class Customer:
    """An account that asks, and hears everything that it is told."""

    account: SimAccount
    keys: Keys
    heard: Outbox = field(default_factory=Outbox)


class Floor:
    """An exchange without a wire: the operations, three customers, their user streams."""

    def __init__(self) -> None:
        listings = [listing for listing in default_listings() if listing.symbol in {"BTCUSDT", "ETHUSDT"}]
        self.asked: list[tuple[str, Values]] = []
        self.exchange = Exchange(listings, 1, self.now_ms, None)
        ids = SystemIds()
        self.counter = Counter(self.exchange, self.now_ms, ids, Usage(self.now_ms, parse_limits("none")))
        self.users = UserStreams(
            self.exchange, self.counter.notations, ids, self.now_ms, Faults(1, self.now_ms, lambda key: None)
        )
        rows = (*INFO, *MARKET, *TICKERS, *STATEMENTS, *ROUTING, *WALLET, *self.users.operations())
        self.operations = (*rows, *TRADES_OFTEN * 4)
        self.customers = [self._customer(f"customer-{number}") for number in range(3)]
        self.totals = self.sums()

    def now_ms(self) -> int:
        """Every request comes 37 ms after the one before."""
        return START_MS + 37 * len(self.asked)

    def _customer(self, name: str) -> Customer:
        account = self.exchange.create_account(name, f"secret of {name}", HELD)
        customer = Customer(account, Keys(account.api_key, account.secret))
        self.users.subscribe(UserSubscription(account.account_id, customer.heard, micros=True))
        return customer

    def sums(self) -> dict[str, int]:
        return {asset: self.exchange.total(asset) for asset in ("BTC", "USDT", "ETH", "BNB")}

    def step(self, random: Random) -> None:
        """One request; anything but an answer or a refusal is a failure."""
        asked, customer = random.choice(self.operations), random.choice(self.customers)
        values = ask(random, asked, MIDDLE)
        self.asked.append((asked.ws or str(asked.rest), values))
        try:
            answer = self._serve(asked, customer, values)
        except ApiError as refusal:
            answer = refusal.json()
            fitting = refusal.code < 0 and 400 <= refusal.http_status < 500 and refusal.message
            if not fitting:
                raise
        orjson.dumps(in_microseconds(orjson.loads(orjson.dumps(answer))))

    def _serve(self, asked: Operation, customer: Customer, values: Values) -> object:
        if asked.security is Security.SIGNED:
            values = {**values, "timestamp": str(self.now_ms())}
            values["signature"] = customer.keys.sign(ws_payload(values).decode())
        params = Params(values)
        assert asked.cost(params) >= 1
        return self.counter.serve(asked, params, customer.keys.api_key, ws_payload(values))

    def hold(self) -> None:
        """What must always be true of money."""
        assert self.sums() == self.totals
        for customer in self.customers:
            number = customer.account.account_id
            orders = self.exchange.open_orders(number)
            for balance in self.exchange.balances(number):
                assert balance.free >= 0, balance
                assert balance.locked >= 0, balance
                assert orders or balance.locked == 0, balance
            assert not customer.heard.overflowed

    def end(self) -> None:
        """Nothing stays locked when every order is gone."""
        for customer in self.customers:
            for symbol in ("BTCUSDT", "ETHUSDT"):
                self.exchange.cancel_all(customer.account.account_id, symbol)
            number = customer.account.account_id
            assert not self.exchange.open_orders(number)
            assert all(found.done for found in self.exchange.order_lists(number))
        self.hold()


def run(seed: int, steps: int) -> Floor:
    floor, random = Floor(), Random(seed)
    try:
        for number in range(steps):
            floor.step(random)
            if number % 20 == 0:
                floor.hold()
                for customer in floor.customers:
                    customer.heard = customer.heard if customer.heard.waiting < 3000 else _renewed(floor, customer)
        floor.end()
    except Exception as failure:
        failure.add_note(f"seed {seed}, after {floor.asked[-5:]}")
        raise
    finally:
        floor.users.close()
        floor.counter.close()
    return floor


def _renewed(floor: Floor, customer: Customer) -> Outbox:
    outbox = Outbox()
    floor.users.subscribe(UserSubscription(customer.account.account_id, outbox, micros=True))
    return outbox


@settings(max_examples=8, deadline=None, derandomize=True, database=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_that_is_asked_breaks_anything(seed: int) -> None:
    run(seed, 250)


def test_enough_of_what_is_asked_is_done() -> None:
    """The fuzz means something only when orders of every kind are taken."""
    floor = run(1, 3_000)
    taken = {
        (order.request.type.value, order.status.value, order.list_id >= 0)
        for customer in floor.customers
        for order in floor.exchange.orders(customer.account.account_id, "BTCUSDT", limit=1000)
    }
    assert {kind for kind, _, _ in taken} == {
        "LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT",
    }  # fmt: skip
    assert {"FILLED", "CANCELED", "EXPIRED", "EXPIRED_IN_MATCH"} <= {status for _, status, _ in taken}
    assert any(listed for _, _, listed in taken)


@pytest.mark.soak
@settings(max_examples=2_000, deadline=None, database=None)
@given(seed=st.integers(0, 2**64))
def test_nothing_that_is_asked_at_length_breaks_anything(seed: int) -> None:
    run(seed, 1_500)
