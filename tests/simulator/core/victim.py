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
from engine.simulator.model import ApiError, NewOrder, OrderType, Side, SimOrder, TimeInForce
from tests.simulator.core.venue import BTC

PRICE = 6_000_000


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
            else:
                price, lots = PRICE + draws.randrange(-5, 5), draws.randrange(10, 99)
                order = NewOrder(
                    "BTCUSDT",
                    side,
                    OrderType.LIMIT,
                    f"{seed}-{number}",
                    TimeInForce.GTC,
                    price,
                    lots,
                )
                say(exchange.place(account, order)[0])


def say(order: SimOrder) -> None:
    """One acknowledgement, unbuffered."""
    told = [order.account_id, order.order_id, order.status.value, order.filled_lots, order.request.client_order_id]
    os.write(1, orjson.dumps(told) + b"\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
