"""A process that trades until it is killed: `python -m tests.simulator.core.victim JOURNAL SEED`.

Prints a JSON line for each thing that the exchange has answered: the orders as they were acknowledged.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from random import Random

import orjson

from engine.simulator.exchange import Exchange
from engine.simulator.model import (
    ApiError,
    ListKind,
    NewList,
    NewOrder,
    OrderType,
    Side,
    SimOrder,
    Stp,
    Terms,
    TimeInForce,
)
from tests.simulator.core.venue import BTC

PRICE = 6_000_000
MODES = tuple(Stp)


def main(journal: Path, seed: int) -> None:
    """Place and cancel for ever."""
    draws = Random(seed)
    exchange = Exchange([BTC], 1, lambda: time.time_ns() // 1_000_000, journal, snapshot_every=97)
    accounts = [found.account_id for key in ("a", "b") if (found := exchange.account_by_key(key)) is not None]
    number = 0
    while True:
        number += 1
        account, side = draws.choice(accounts), draws.choice(list(Side))
        resting = exchange.open_orders(account)
        with suppress(ApiError):
            if resting and draws.random() < 0.4:
                say(exchange.cancel(account, "BTCUSDT", order_id=draws.choice(resting).order_id))
            elif resting and draws.random() < 0.1:
                found = draws.choice(resting)
                client_id = found.request.client_order_id
                say(exchange.amend(account, "BTCUSDT", found.lots - 1, client_id, order_id=found.order_id)[0])
            elif draws.random() < 0.2:
                for order in exchange.place_list(account, oco(draws, side, f"{seed}-{number}")).orders:
                    say(order)
            else:
                say(exchange.place(account, an_order(draws, side, f"{seed}-{number}"))[0])


def an_order(draws: Random, side: Side, client_id: str) -> NewOrder:
    """A limit order, maybe an iceberg, maybe one that waits for its price."""
    price, lots = PRICE + draws.randrange(-5, 5), draws.randrange(10, 99)
    stop_ticks = draws.choice([0, 0, PRICE + draws.randrange(-5, 5)])
    kind = draws.choice([OrderType.STOP_LOSS_LIMIT, OrderType.TAKE_PROFIT_LIMIT]) if stop_ticks else OrderType.LIMIT
    terms = Terms(stop_ticks, draws.choice([0, 10]) if stop_ticks else 0, draws.choice([0, 10]), draws.choice(MODES))
    return NewOrder("BTCUSDT", side, kind, client_id, TimeInForce.GTC, price, lots, terms=terms)


def oco(draws: Random, side: Side, client_id: str) -> NewList:
    """A stop behind the market and a limit before it."""
    away = draws.randrange(1, 5) if side is Side.SELL else -draws.randrange(1, 5)
    stop = NewOrder(
        "BTCUSDT", side, OrderType.STOP_LOSS, f"{client_id}-s", TimeInForce.GTC, 0, 50, terms=Terms(PRICE - away)
    )
    limit = NewOrder("BTCUSDT", side, OrderType.LIMIT_MAKER, f"{client_id}-l", TimeInForce.GTC, PRICE + away, 50)
    return NewList(ListKind.OCO, client_id, (stop, limit))


def say(order: SimOrder) -> None:
    """One acknowledgement, unbuffered."""
    told = [order.account_id, order.order_id, order.status.value, order.filled_lots, order.request.client_order_id]
    os.write(1, orjson.dumps(told) + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
