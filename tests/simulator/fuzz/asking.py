"""Requests that are nearly right: what a careless, an unlucky or an ill-meaning client sends.

Drawn from a seed, so that a failure is its number and the list of what was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from random import Random

from engine.simulator.operations import Operation
from engine.simulator.order_entry import PEG

Values = dict[str, str]
JUNK = (
    "", " ", "0", "-1", "1e5", "NaN", "null", "true", "[]", "{}", "'", '"', "\x00", "٣", "１", "0x10", "1_000", "+1",
    "9" * 19, "9" * 20, "9" * 40, "9223372036854775807", "9223372036854775808", "0." + "0" * 19 + "1", "1." + "9" * 9,
    "😀", "BTCUSDT", "a" * 37, "a b", "../..", "%00", "1.", ".1", "1.1.1", "\u202e", "SELECT 1",
)  # fmt: skip
SYMBOLS = ("BTCUSDT",) * 8 + ("ETHUSDT", "btcusdt", "NOPE", "BTC-USDT", "X" * 21)
TYPES = ("LIMIT", "MARKET", "LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
PAIRED = ("LIMIT_MAKER", "STOP_LOSS", "STOP_LOSS_LIMIT", "TAKE_PROFIT", "TAKE_PROFIT_LIMIT")
CLIENT_IDS = tuple("abcdefgh")
START_MS = 1_700_000_040_000
"""When the clock of a floor begins."""
MOST_IDS = 60
"""Ids of orders, lists and trades are drawn from the first so many: some are there."""


def ask(random: Random, asked: Operation, middle: int) -> Values:
    """Parameters for an operation; `middle` is the price in cents that the market is near."""
    values = order_like(random, asked, middle) if "side" in asked.mandatory or "workingType" in asked.mandatory else {}
    for name in sorted(asked.parameters):
        needed = name in asked.mandatory
        if name not in values and random.random() < (0.97 if needed else 0.12 if values else 0.3):
            values[name] = near(random, name, middle)
    for name in tuple(values):
        chance = random.random()
        if chance < 0.015:
            values[name] = random.choice(JUNK)
        elif chance < 0.025:
            del values[name]
    if random.random() < 0.01:
        values[random.choice(["surprise", "", "quantity", "é"])] = random.choice(JUNK)
    return values


def near(random: Random, name: str, middle: int) -> str:
    """A value that is often right for a parameter of this name."""
    for ending, draw in DRAWS:
        if name.lower().endswith(ending):
            return draw(random, middle)
    return random.choice(JUNK)


def order_like(random: Random, asked: Operation, middle: int) -> Values:
    """An order or a list whose parameters go together, most of the time."""
    values: Values = {"symbol": random.choice(SYMBOLS)}
    if "workingType" in asked.mandatory:
        values |= _leg(random, "working", random.choice(("LIMIT", "LIMIT_MAKER")), middle, typed=True)
        values |= {"workingSide": _side(random, middle), "workingQuantity": _quantity(random, middle)}
        values |= {"pendingSide": _side(random, middle), "pendingQuantity": _quantity(random, middle)}
        if "pendingType" in asked.mandatory:
            values |= _leg(random, "pending", random.choice(TYPES), middle, typed=True)
        else:
            values |= _pair(random, "pendingAbove", "pendingBelow", middle)
    elif "aboveType" in asked.mandatory:
        values |= {"side": _side(random, middle), "quantity": _quantity(random, middle)}
        values |= _pair(random, "above", "below", middle)
    else:
        kind = random.choice(TYPES)
        values |= {"side": _side(random, middle), "type": kind, **_leg(random, "", kind, middle, typed=False)}
        if kind == "MARKET" and random.random() < 0.3:
            values["quoteOrderQty"] = f"{random.randrange(1, 500)}.{random.randrange(100):02d}"
        else:
            values["quantity"] = _quantity(random, middle)
    return {name: value for name, value in values.items() if name in asked.parameters}


def _pair(random: Random, above: str, below: str, middle: int) -> Values:
    kinds = ["LIMIT_MAKER", random.choice(PAIRED)]
    random.shuffle(kinds)
    upper = _leg(random, above, kinds[0], middle + random.randrange(1, 300), typed=True)
    return upper | _leg(random, below, kinds[1], middle - random.randrange(1, 300), typed=True)


def _leg(random: Random, prefix: str, kind: str, middle: int, *, typed: bool) -> Values:
    def name(of: str) -> str:
        return prefix + of[0].upper() + of[1:] if prefix else of

    values: Values = {name("type"): kind} if typed else {}
    if kind.endswith("LIMIT") or kind == "LIMIT_MAKER":
        values[name("price")] = _price(random, middle)
        if kind != "LIMIT_MAKER":
            values[name("timeInForce")] = random.choice(("GTC", "GTC", "GTC", "IOC", "FOK"))
        if random.random() < 0.1:
            values[name("icebergQty")] = _quantity(random, middle)
    if kind.startswith(("STOP", "TAKE")):
        if random.random() < 0.8:
            values[name("stopPrice")] = _price(random, middle)
        if len(values) < 2 or random.random() < 0.2:
            values[name("trailingDelta")] = str(random.choice((10, 20, 100, 2000, 9, 2001)))
    return values


def _price(random: Random, middle: int) -> str:
    cents = max(1, middle + round(random.gauss(0, 60)))
    return f"{cents // 100}.{cents % 100:02d}"


def _quantity(random: Random, middle: int) -> str:
    del middle
    return random.choice((f"0.{random.randrange(1, 100_000):05d}", str(random.randrange(1, 4)), "0.1", "0.06"))


def _side(random: Random, middle: int) -> str:
    del middle
    return random.choice(("BUY", "SELL"))


def _one_of(values: Iterable[str]) -> Callable[[Random, int], str]:
    choices = tuple(values)
    return lambda random, middle: random.choice(choices)


def _id(random: Random, middle: int) -> str:
    del middle
    return str(random.randrange(MOST_IDS))


def _moment(random: Random, middle: int) -> str:
    del middle
    now_ms = START_MS
    return str(random.choice((now_ms, now_ms - 1000, now_ms - 86_400_000, now_ms * 1000, 0, 1)))


DRAWS: tuple[tuple[str, Callable[[Random, int], str]], ...] = (
    ("symbols", _one_of(('["BTCUSDT"]', '["BTCUSDT","ETHUSDT"]', '["ETHUSDT", "BTCUSDT"]', "[]", '["NOPE"]'))),
    ("symbol", _one_of(SYMBOLS)),
    ("clientorderid", _one_of(CLIENT_IDS)),
    ("side", _side),
    ("pegpricetype", _one_of(("PRIMARY_PEG", "MARKET_PEG"))),
    ("strategytype", _one_of(("1000000", "999999"))),
    ("offsettype", _one_of(("PRICE_LEVEL",))),
    ("resptype", _one_of(("ACK", "RESULT", "FULL"))),
    ("type", _one_of((*TYPES, "FULL", "MINI"))),
    ("timeinforce", _one_of(("GTC", "IOC", "FOK"))),
    ("price", _price),
    ("quantity", _quantity),
    ("qty", _quantity),
    ("delta", _one_of(("10", "100", "2000"))),
    ("preventionmode", _one_of(("NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"))),
    ("replacemode", _one_of(("STOP_ON_FAILURE", "ALLOW_FAILURE"))),
    ("exceededmode", _one_of(("DO_NOTHING", "CANCEL_ONLY"))),
    ("restrictions", _one_of(("ONLY_NEW", "ONLY_PARTIALLY_FILLED"))),
    ("time", _moment),
    ("timezone", _one_of(("0", "8", "-1:00", "05:45", "15:00"))),
    ("interval", _one_of(("1s", "1m", "5m", "1h", "1d", "3d", "1w", "1M", "7m"))),
    ("windowsize", _one_of(("1m", "59m", "23h", "7d", "8d"))),
    ("symbolstatus", _one_of(("TRADING", "HALT", "OPEN"))),
    ("permissions", _one_of(("SPOT", '["SPOT","MARGIN"]', "[1]", "[["))),
    ("limit", _one_of(("1", "5", "1000", "5000", "0"))),
    ("value", _one_of(("1", "10"))),
    ("rates", _one_of(("true", "false"))),
    ("balances", _one_of(("true", "false"))),
    ("sets", _one_of(("true", "false"))),
    ("listenkey", _one_of(("no", "x" * 64))),
    ("id", _id),
)
"""By the end of a parameter's name, in small letters."""

__all__ = ["JUNK", "PEG", "Values", "ask"]
