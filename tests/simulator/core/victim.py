"""A process that trades until it is killed: `python -m tests.simulator.core.victim JOURNAL SEED [FILE_ACT]`.

Prints a JSON line for each thing that the exchange has answered: the orders as they were acknowledged. With FILE_ACT it
trades as a server does, several at a time, its snapshots written by forks; and it is killed just before that act on
the journal's files (opening, shortening, renaming, removing, forking), be it its own or its fork's.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
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
FILE_ACTS = {"open", "os.truncate", "os.rename", "os.remove", "os.fork"}
LANES = 4


def main(journal: Path, seed: int, file_act: int | None) -> None:
    """Place and cancel for ever."""
    exchange = Exchange([BTC], 1, lambda: time.time_ns() // 1_000_000, journal, snapshot_every=97)
    if file_act is None:
        draws = Random(seed)
        for number in itertools.count(1):
            for order in trade(exchange, draws, f"{seed}-{number}"):
                say(order)
    else:
        die_at(journal, file_act)
        asyncio.run(together(exchange, seed))


async def together(exchange: Exchange, seed: int) -> None:
    """Several trade at a time; each tells what it did once it is kept."""
    keeping = asyncio.create_task(exchange.keep_together())

    async def lane(number: int) -> None:
        draws = Random(seed * LANES + number)
        for count in itertools.count(1):
            done = trade(exchange, draws, f"{seed}-{number}-{count}")
            await exchange.kept()
            for order in done:
                say(order)
            await asyncio.sleep(0)

    await asyncio.gather(keeping, *(lane(number) for number in range(LANES)))


def die_at(journal: Path, file_act: int) -> None:
    """End this process, and with it its fork, just before an act on the journal's files is done."""
    main_process, left = os.getpid(), itertools.count(file_act - 1, -1)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        about = str(arguments[0]) if arguments and event != "os.truncate" else str(journal)
        if event in FILE_ACTS and (event == "os.fork" or about.startswith(str(journal))) and next(left) == 0:
            os.kill(main_process, signal.SIGKILL)

    sys.addaudithook(hook)


def trade(exchange: Exchange, draws: Random, name: str) -> tuple[SimOrder, ...]:
    """One random thing; the orders that it was about, none when it was refused."""
    accounts = [found.account_id for key in ("a", "b") if (found := exchange.account_by_key(key)) is not None]
    account, side = draws.choice(accounts), draws.choice(list(Side))
    resting = exchange.open_orders(account)
    with suppress(ApiError):
        if resting and draws.random() < 0.4:
            return (exchange.cancel(account, "BTCUSDT", order_id=draws.choice(resting).order_id),)
        if resting and draws.random() < 0.1:
            found = draws.choice(resting)
            client_id = found.request.client_order_id
            return (exchange.amend(account, "BTCUSDT", found.lots - 1, client_id, order_id=found.order_id)[0],)
        if draws.random() < 0.2:
            return exchange.place_list(account, oco(draws, side, name)).copy().orders
        return (exchange.place(account, an_order(draws, side, name))[0],)
    return ()


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
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
