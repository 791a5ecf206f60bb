"""What a client can subscribe to: `orders`, `balances`, and a market's `book`, `trades`, `ticker` and `candles`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from engine.desk import Desk
from engine.domain.instrument import Instrument
from engine.domain.market import TIMEFRAMES_S
from engine.domain.values import NotFound, Refusal
from engine.ports import Account

ORDERS, BALANCES = "orders", "balances"
EXAMPLES = "orders, balances, book:BTC/USDT, trades:BTC/USDT, ticker:BTC/USDT or candles:BTC/USDT:1m"


class Kind(StrEnum):
    """What of a market."""

    BOOK = "book"
    TRADES = "trades"
    TICKER = "ticker"
    CANDLES = "candles"


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing that a market tells, as it can be shared by all who want it."""

    kind: Kind
    venue: str
    instrument: Instrument
    timeframe: str = ""

    @property
    def channel(self) -> str:
        """Its name in messages."""
        name = f"{self.kind}:{self.instrument.symbol}"
        return f"{name}:{self.timeframe}" if self.timeframe else name

    @property
    def key(self) -> tuple[str, str]:
        """What tells two subscriptions of one socket apart."""
        return self.channel, self.venue


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a list of channels names: all of the user's orders, balances of these accounts, subjects of markets."""

    orders: bool
    balances: tuple[Account, ...]
    subjects: tuple[Subject, ...]

    @property
    def names(self) -> list[str]:
        """As the client will see them in messages."""
        own = [ORDERS] * self.orders + [BALANCES] * bool(self.balances)
        return own + [subject.channel for subject in self.subjects]


async def find(desk: Desk, user_id: str, channels: Sequence[str], account_id: str | None, venue: str | None) -> Wanted:
    """What the channels mean to this user. Refusals name the field: NotFound for what there is not."""
    account = None if account_id is None else await desk.account(user_id, account_id)
    subjects: list[Subject] = []
    for number, channel in enumerate(channels):
        if channel not in {ORDERS, BALANCES}:
            at = venue or (account or await desk.account(user_id, None)).venue
            subjects.append(await _subject(desk, channel, _known(desk, at), f"channels.{number}"))
    held = await desk.accounts(user_id) if account is None else (account,)
    return Wanted(ORDERS in channels, held if BALANCES in channels else (), tuple(dict.fromkeys(subjects)))


async def _subject(desk: Desk, channel: str, venue: str, field: str) -> Subject:
    kind, _, rest = channel.partition(":")
    symbol, _, timeframe = rest.partition(":")
    if kind not in set(Kind) or not symbol:
        raise Refusal("unknown_channel", f"{channel!a} is no channel: give {EXAMPLES}.", field)
    if kind == Kind.CANDLES and timeframe not in TIMEFRAMES_S:
        raise Refusal("unknown_timeframe", f"candles take one of {', '.join(TIMEFRAMES_S)} at the end.", field)
    if kind != Kind.CANDLES and timeframe:
        raise Refusal("unknown_channel", f"{channel!a} is no channel: give {EXAMPLES}.", field)
    try:
        instrument = await desk.instrument(venue, symbol)
    except NotFound as refusal:
        raise NotFound(refusal.code, refusal.message, field) from refusal
    return Subject(Kind(kind), venue, instrument, timeframe)


def _known(desk: Desk, venue: str) -> str:
    known = [one.name for one in desk.venues()]
    if venue not in known:
        raise NotFound("unknown_venue", f"There is no venue of that name here: there is {', '.join(known)}.", "venue")
    return venue
