"""What all processes of a world share: time, the committed store, the exchange, the network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from data.changes import Change
from engine.ports import Features
from engine.runtime import Clock
from engine.venues.ccxt_account import CcxtAccount
from numatix.chain import Chain, build_chain
from tests.virtual.drifts import MemoryDrifts
from tests.virtual.exchange import VirtualExchange
from tests.virtual.inside import DiskHealth, ErraticStream
from tests.virtual.ledger import MemoryStore
from tests.virtual.life import CountedIds, VirtualClock
from tests.virtual.loop import VirtualLoop
from tests.virtual.network import Weather
from tests.virtual.trace import Trace
from tests.virtual.users import MemoryUsers


@dataclass(frozen=True, slots=True)
class Make:
    """What worlds are made of where it matters: the chain as it is, or with a part that lacks a guard."""

    chain: Callable[..., Chain] = build_chain
    account: type[CcxtAccount] = CcxtAccount


LEASES_S = (0.4, 5.0, 30.0)


class Surroundings:
    """Made anew for each seed; every part draws from a stream of its own, so that one more draw here moves no other."""

    def __init__(self, seed: int, loop: VirtualLoop, make: Make) -> None:
        self.seed = seed
        self.loop = loop
        self.make = make
        self.trace = Trace(loop)
        self.ids = CountedIds()
        self.store = MemoryStore()
        self.drifts = MemoryDrifts()
        self.machine = VirtualClock(loop)
        self.users = MemoryUsers(self.machine)
        self.weather = Weather(self.random("weather"))
        self.disk = DiskHealth.drawn(self.random("disk"))
        self.exchange = VirtualExchange(loop, self.trace, self.ids, self.weather, self.random("exchange"))
        venues = self.random("venues")
        self.venues = {name: _features(venues) for name in ("simulator", "binance_testnet")}
        streams = self.random("streams")
        self._lease_s = LEASES_S[int(streams.random() * len(LEASES_S))]
        self._again = (0.0, 0.2)[int(streams.random() * 2)]
        self._streams: list[ErraticStream] = []

    def random(self, what: str) -> Random:
        """The draws of one part of this world."""
        return Random(f"{self.seed} {what}")

    def stream(self, clock: Clock) -> ErraticStream:
        """A new stream of commands, empty."""
        number = len(self._streams)
        of = self.random(f"stream {number}")
        made = ErraticStream(clock, self._lease_s, self.loop, self.exchange.outside, self._again, of)
        self._streams.append(made)
        return made

    def lose_commands(self) -> None:
        """What is published from now on never comes."""
        for stream in self._streams:
            stream.loses = True

    def flush(self) -> None:
        for stream in self._streams:
            stream.flush()

    def be_fair(self, features: Features) -> None:
        """Nothing goes wrong from the beginning, but for what is asked for; every venue can do this much."""
        self.calm()
        self.exchange.lags_s = 0.0
        self.venues = dict.fromkeys(self.venues, features)
        self._again = 0.0
        self._lease_s = LEASES_S[-1]

    def calm(self) -> None:
        """From now on nothing goes wrong any more."""
        self.weather.clear()
        self.disk.heal()
        self.exchange.revoked.clear()
        self.exchange.come_back()
        for stream in self._streams:
            stream.calm()

    def committed(self, change: Change) -> None:
        for step in change.steps:
            facts = (change.order.id[-4:], change.order.client_order_id[-6:], step.event, step.after.value, step.detail)
            self.trace.note("commit", step.source, *facts)


def _features(of: Random) -> Features:
    """Half of the venues can do all; of the others each thing is missing in half."""
    if of.random() < 0.5:
        return Features()
    return Features(*(of.random() < 0.5 for _ in range(4)))
