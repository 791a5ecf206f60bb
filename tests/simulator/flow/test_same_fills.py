"""The same seed and the same orders give the same fills, byte for byte, with or without a restart in between."""

from __future__ import annotations

import contextlib
import random
from pathlib import Path

import orjson
import pytest

from engine.simulator.exchange import Exchange
from engine.simulator.listings import default_listings, default_profiles
from engine.simulator.model import ApiError, NewOrder, OrderType, Side, TimeInForce
from engine.simulator.synthetic import Tempo
from tests.simulator.flow.conftest import HandClock
from tests.simulator.flow.market import RICH, Market

PROFILES = {symbol: profile for symbol, profile in default_profiles().items() if symbol in {"BTCUSDT", "DOGEUSDT"}}
TEMPO = Tempo(beat_ms=500, longest_ms=1_000)
MINUTES = 6
KINDS = ((OrderType.LIMIT, TimeInForce.GTC), (OrderType.LIMIT, TimeInForce.IOC), (OrderType.MARKET, TimeInForce.GTC))


class Run:
    """A market over six minutes, with a customer who draws orders from a seed of its own."""

    def __init__(self, seed: int, orders_seed: int, journal: Path) -> None:
        self._seed = seed
        self._journal = journal
        self._hand = HandClock()
        self._draws = random.Random(orders_seed)
        self._sent = 0
        self._open()
        self._mine = self.market.exchange.create_account("mine", "secret", RICH).account_id

    def live(self, minutes: int) -> None:
        for _ in range(minutes * 12):
            self.market.live(5)
            self._trade()

    def restart(self) -> None:
        """End the market as SIGTERM does, and open it again from its journal."""
        self.close()
        self._open()
        assert self.market.exchange.recovered

    def close(self) -> None:
        self.market.flow.keep_note()
        self.market.flow.close()
        self.market.exchange.close()

    def told(self) -> bytes:
        """Every fill of ours and every order as it now stands."""
        exchange = self.market.exchange
        fills = [
            tuple(fill) for symbol in PROFILES for fill in exchange.fills(self._mine, symbol, from_id=0, limit=10_000)
        ]
        orders = [
            (order.order_id, order.status, order.filled_lots, order.filled_quote_atoms, order.updated_ms)
            for symbol in PROFILES
            for order in exchange.orders(self._mine, symbol, limit=10_000)
        ]
        balances = [tuple(balance) for balance in exchange.balances(self._mine)]
        return orjson.dumps([fills, orders, balances])

    def _open(self) -> None:
        exchange = Exchange(default_listings(), self._seed, self._hand, self._journal)
        self.market = Market(exchange, self._hand, self._seed, PROFILES, TEMPO)

    def _trade(self) -> None:
        exchange, draws = self.market.exchange, self._draws
        symbol = draws.choice(tuple(PROFILES))
        if draws.random() < 0.15:
            exchange.cancel_all(self._mine, symbol)
        side, (kind, force) = draws.choice(tuple(Side)), draws.choice(KINDS)
        book = exchange.depth(symbol, 1)
        best = (book.bids if side is Side.BUY else book.asks)[0][0]
        price = best + draws.randint(-3, 3) if kind is OrderType.LIMIT else 0
        lots = draws.randint(1, 400) * (20 if symbol == "BTCUSDT" else 100)
        self._sent += 1
        request = NewOrder(symbol, side, kind, f"mine-{self._sent}", force, price, lots)
        with contextlib.suppress(ApiError):  # too small at this price: refused alike in every run
            exchange.place(self._mine, request)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """What six minutes without a break told."""
    run = Run(11, 5, tmp_path_factory.mktemp("whole"))
    run.live(MINUTES)
    run.close()
    return run.told()


def test_the_same_again(whole: bytes, tmp_path: Path) -> None:
    again = Run(11, 5, tmp_path / "again")
    again.live(MINUTES)
    assert again.told() == whole
    assert whole.count(b"FILLED") > 20
    again.close()


@pytest.mark.parametrize("at", [(3,), (1, 2, 5)], ids=["one restart", "three restarts"])
def test_the_same_across_restarts(whole: bytes, tmp_path: Path, at: tuple[int, ...]) -> None:
    run = Run(11, 5, tmp_path / "restarted")
    done = 0
    for minute in at:
        run.live(minute - done)
        run.restart()
        done = minute
    run.live(MINUTES - done)
    assert run.told() == whole
    run.close()


@pytest.mark.parametrize(("seed", "orders_seed"), [(12, 5), (11, 6)], ids=["another market", "other orders"])
def test_another_seed_or_other_orders_give_other_fills(
    whole: bytes, tmp_path: Path, seed: int, orders_seed: int
) -> None:
    other = Run(seed, orders_seed, tmp_path / "other")
    other.live(MINUTES)
    assert other.told() != whole
    other.close()
