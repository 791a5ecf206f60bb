"""The exchange of a world: the real `engine.simulator` in process, asked as its REST door asks it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from itertools import count
from random import Random
from typing import Any, Final, cast

import orjson

from engine.domain.instrument import Instrument
from engine.domain.market import MarketTrade
from engine.domain.values import Side
from engine.runtime import Ids
from engine.simulator.events import account_position, execution_report, list_status
from engine.simulator.exchange import Exchange
from engine.simulator.exchange_info import OPERATIONS as INFO
from engine.simulator.limits import Limits
from engine.simulator.list_trading import OPERATIONS as LISTS
from engine.simulator.listings import default_listings
from engine.simulator.market import OPERATIONS as MARKET
from engine.simulator.model import (
    ApiError,
    BalancesChanged,
    ListReported,
    OrderReported,
    PublicTrade,
    SimEvent,
    TradePrinted,
)
from engine.simulator.operations import Call, Operation, Security
from engine.simulator.params import Params
from engine.simulator.replacing import OPERATIONS as REPLACING
from engine.simulator.signing import AHEAD_MS
from engine.simulator.statements import OPERATIONS as STATEMENTS
from engine.simulator.tickers import OPERATIONS as TICKERS
from engine.simulator.trading import OPERATIONS as TRADING
from engine.simulator.usage import Usage
from engine.simulator.wire import Notation, notations
from engine.venues import payloads
from engine.venues.trouble import Trouble, TroubleKind, parsed, trouble_of_answer
from tests.virtual.life import BEGAN
from tests.virtual.loop import VirtualLoop
from tests.virtual.network import RECV_WINDOW_S, Fate, Weather
from tests.virtual.trace import Trace

LISTINGS: Final = default_listings()[:2]
SYMBOLS: Final = {listing.symbol: f"{listing.base}/{listing.quote}" for listing in LISTINGS}
BEGAN_MS: Final = int(BEGAN.timestamp() * 1000)
PING_EVERY_S: Final = 15.0
RECONNECT_S: Final = 0.05
KNOWN_TRADES: Final = 20
NOT_THERE_YET: Final = frozenset({"privateGetOrder", "privateGetMyTrades"})
"""What is answered from a database behind the matching engine."""

Raw = Mapping[str, Any]
Told = tuple[int, object]
"""HTTP status and body of an answer; None in its place when there is none and will be none."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call on its way; `stamp_ms` is when the client's clock says that it was sent."""

    endpoint: str
    params: Mapping[str, str]
    api_key: str
    stamp_ms: int
    answer: asyncio.Future[Told | None]


@dataclass(eq=False, slots=True)
class Channel:
    """A connection on which an account's events come. Once it is silent nothing comes any more, and nobody says so."""

    account_id: int
    url: str
    opened_s: float
    delay_s: float
    events: deque[Raw] = field(default_factory=deque[Raw])
    pipe: deque[Raw] = field(default_factory=deque[Raw])
    """On their way, in their order."""
    reader: asyncio.Future[None] | None = None
    silent_since_s: float | None = None
    broken: str | None = None

    def put(self, event: Raw) -> None:
        if self.broken is None and self.silent_since_s is None:
            self.events.append(event)
            self._wake()

    def put_next(self) -> None:
        self.put(self.pipe.popleft())

    def break_off(self, why: str) -> None:
        self.broken = self.broken or why
        self._wake()

    def _wake(self) -> None:
        if self.reader is not None and not self.reader.done():
            self.reader.set_result(None)


@dataclass(eq=False, slots=True)
class Tape:
    """Somebody watches the trades of a symbol."""

    symbol: str
    waiting: list[MarketTrade] = field(default_factory=list[MarketTrade])
    printed: asyncio.Future[None] | None = None
    broken: bool = False

    def wake(self) -> None:
        if self.printed is not None and not self.printed.done():
            self.printed.set_result(None)


class VirtualExchange:
    """Answers calls after the delays that their fates say, tells accounts' events, and can be away for a while."""

    def __init__(self, loop: VirtualLoop, trace: Trace, ids: Ids, weather: Weather, of: Random) -> None:
        self.exchange = Exchange(LISTINGS, 1, self.now_ms, None)
        self.notations: Mapping[str, Notation] = _notations()
        self.outside = Context()
        """What runs in it belongs to nobody's life."""
        self.revoked: set[str] = set()
        self.away = False
        self.lags_s = (0.0, 0.0, 0.1, 0.6)[int(of.random() * 4)]
        """How long an order or a trade is missing in what is answered from the database."""
        self.under_way = 0
        """Calls that have left and can still do something."""
        self._loop = loop
        self._trace = trace
        self._ids = ids
        self._weather = weather
        self._usage = Usage(self.now_ms, Limits())
        self._channels: list[Channel] = []
        self._tapes: list[Tape] = []
        self._execution_ids = count(1)
        self.exchange.listen(self._on_event)

    def now_ms(self) -> int:
        """The true time."""
        return BEGAN_MS + int(self._loop.time() * 1000)

    # --- calls ---

    def post(self, request: Request, fate: Fate) -> None:
        """Take a request that has left; what becomes of it no longer depends on who sent it."""
        self._trace.note("sent", request.endpoint, _told_of(request), fate.name)
        self._later(fate.gives_up_s, _give_up, request.answer)
        if fate.arrives:
            self.under_way += 1
            self._later(fate.there_s, self._arrive, request, fate)

    def _arrive(self, request: Request, fate: Fate) -> None:
        if self.away or not fate.carried_out:
            self.under_way -= 1
        if self.away:
            _give_up(request.answer)
            return
        if fate.told is not None:
            self._later(fate.back_s, _answer, request.answer, fate.told)
        if not fate.carried_out:
            return
        try:
            self._admit(request)
        except ApiError as refusal:
            self.under_way -= 1
            self._later(fate.back_s, _answer, request.answer, (refusal.http_status, refusal.json()))
            return
        if fate.lag_s:
            self._later(fate.lag_s, self._carry_out, request, fate)
        else:
            self._carry_out(request, fate)

    def _carry_out(self, request: Request, fate: Fate) -> None:
        self.under_way -= 1
        try:
            told = 200, self.ask(request.endpoint, request.params, request.api_key)
        except ApiError as refusal:
            told = refusal.http_status, refusal.json()
            self._trace.note("refused", request.endpoint, _told_of(request), refusal.code, refusal.message)
        if fate.told is None:
            status, body = told
            if fate.mangles is not None:
                body = _without_a_part(body, fate.mangles)
            self._later(fate.back_s, _answer, request.answer, (status, body))

    def ask(self, endpoint: str, params: Mapping[str, str], api_key: str) -> object:
        """Carry an operation out at once, for the holder of a key. ApiError."""
        operation = operations()[endpoint]
        account = self.exchange.account_by_key(api_key) if api_key else None
        if operation.security is not Security.NONE and (account is None or api_key in self.revoked):
            raise ApiError(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        values = Params(params)
        values.refuse_all_but(operation.parameters)
        call = Call(self.exchange, self.notations, self._ids, values, self.now_ms(), account, self._usage, {})
        answer = operation.run(call)
        return self._without_news(endpoint, answer) if self.lags_s and endpoint in NOT_THERE_YET else answer

    def _admit(self, request: Request) -> None:
        """The time window of a signed request, as `engine.simulator.signing` checks it."""
        if operations()[request.endpoint].security is not Security.SIGNED:
            return
        if request.stamp_ms >= self.now_ms() + AHEAD_MS:
            raise ApiError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
        if self.now_ms() - request.stamp_ms > RECV_WINDOW_S * 1000:
            raise ApiError(-1021, "Timestamp for this request is outside of the recvWindow.")

    def _without_news(self, endpoint: str, answer: Any) -> object:
        known_ms = self.now_ms() - int(self.lags_s * 1000)
        if endpoint == "privateGetMyTrades":
            return [row for row in answer if row["time"] <= known_ms]
        if answer["time"] > known_ms:
            raise ApiError(-2013, "Order does not exist.")
        return answer

    def _later(self, seconds: float, what: Any, *facts: Any) -> None:
        self._loop.call_later(seconds, what, *facts, context=self.outside)

    # --- the market ---

    async def trades(self, instrument: Instrument) -> AsyncGenerator[tuple[MarketTrade, ...]]:
        """What was traded last, then what is traded from now on; after a break both again."""
        symbol = instrument.venue_symbol
        while True:
            await asyncio.sleep(RECONNECT_S)
            if self.away:
                continue
            tape = Tape(symbol)
            self._tapes.append(tape)
            yield tuple(self._public(trade) for trade in self.exchange.trades(symbol, limit=KNOWN_TRADES))
            while not tape.broken:
                tape.printed = asyncio.get_running_loop().create_future()
                if not tape.waiting:
                    await tape.printed
                told, tape.waiting = tuple(tape.waiting), []
                if told:
                    yield told

    def _public(self, trade: PublicTrade) -> MarketTrade:
        notation = self.notations[trade.symbol]
        price, quantity = Decimal(notation.price(trade.price_ticks)), Decimal(notation.quantity(trade.lots))
        side = Side.SELL if trade.buyer_is_maker else Side.BUY
        return MarketTrade(str(trade.trade_id), trade.time_ms, price, quantity, side)

    def _print(self, trade: PublicTrade) -> None:
        self._tapes = [tape for tape in self._tapes if not tape.broken]
        for tape in self._tapes:
            if tape.symbol == trade.symbol:
                tape.waiting.append(self._public(trade))
                tape.wake()

    # --- events ---

    def open_channel(self, account_id: int, number: int, delay_s: float) -> Channel:
        channel = Channel(account_id, f"channel-{number}", self._loop.time(), delay_s)
        self._channels.append(channel)
        return channel

    def close_channel(self, channel: Channel) -> None:
        channel.break_off("closed by the client")

    def cut_channels(self, account_id: int | None = None) -> None:
        """Break what is open, of one account or of all."""
        for channel in self._channels:
            if account_id in {None, channel.account_id}:
                channel.break_off("cut")

    def silence_channels(self, account_id: int) -> None:
        """From now on nothing comes on what is open, and the client is not told that it broke."""
        for channel in self._channels:
            if channel.account_id == account_id:
                channel.silent_since_s = channel.silent_since_s or self._loop.time()

    def go_away(self) -> None:
        """The exchange is restarted: its books are kept, connections are not."""
        self.away = True
        self.cut_channels()
        for tape in self._tapes:
            tape.broken = True
            tape.wake()

    def come_back(self) -> None:
        self.away = False

    def _on_event(self, event: SimEvent) -> None:
        match event:
            case OrderReported(order=order):
                if order.account_id in self._listening():
                    notation = self.notations[order.request.symbol]
                    self._tell(order.account_id, execution_report(notation, event, next(self._execution_ids)))
            case BalancesChanged(account_id=account_id):
                if account_id in self._listening():
                    self._tell(account_id, account_position(event))
            case ListReported(order_list=order_list):
                if order_list.account_id in self._listening():
                    self._tell(order_list.account_id, list_status(event))
            case TradePrinted(trade=trade):
                if self._tapes:
                    self._print(trade)
            case _:
                return

    def _listening(self) -> set[int]:
        self._channels = [channel for channel in self._channels if channel.broken is None]
        return {channel.account_id for channel in self._channels}

    def _tell(self, account_id: int, event: Raw) -> None:
        for channel in self._channels:
            if channel.account_id != account_id:
                continue
            for late_s in self._weather.event_delays():
                if late_s is None:
                    channel.pipe.append(event)
                    self._later(channel.delay_s, channel.put_next)
                else:
                    self._later(channel.delay_s + late_s, channel.put, event)


def _without_a_part(answer: Any, which: float) -> Any:
    """An answer that lacks one of its fields, in a list that of its last row."""
    if isinstance(answer, list):
        rows = cast("list[Any]", answer)
        return [*rows[:-1], _without_a_part(rows[-1], which)] if rows else rows
    if not answer or not isinstance(answer, dict):
        return cast("object", answer)
    fields = dict(cast("Raw", answer))
    name = list(fields)[int(which * len(fields))]
    if isinstance(fields[name], list) and fields[name]:
        fields[name] = _without_a_part(fields[name], which)
    else:
        del fields[name]
    return fields


def trouble_in(told: Told) -> Trouble | None:
    """What a road makes of an answer, as `engine.venues.ccxt_road` does."""
    status, body = told
    text = body if isinstance(body, str) else orjson.dumps(body).decode()
    answer = parsed(text) if isinstance(body, str) else body
    trouble = trouble_of_answer(status, {}, text, answer)
    if trouble is None and not isinstance(answer, dict | list):
        trouble = Trouble(TroubleKind.UNANSWERED, "GARBLED", "the answer makes no sense")
    return trouble


def endpoint_of(method: str, path: str, side: str) -> str:
    """What ccxt calls it: `POST order` of the private side is privatePostOrder."""
    words = (word[:1].upper() + word[1:] for word in path.split("/"))
    return f"{side}{method.capitalize()}{''.join(words)}"


@cache
def operations() -> Mapping[str, Operation]:
    """By ccxt's names."""
    found: dict[str, Operation] = {}
    for operation in (*INFO, *MARKET, *TICKERS, *TRADING, *STATEMENTS, *REPLACING, *LISTS):
        if operation.rest is not None:
            method, path = operation.rest
            side = "public" if operation.security is Security.NONE else "private"
            found[endpoint_of(method, path.removeprefix("/api/v3/"), side)] = operation
    return found


@cache
def instruments() -> Mapping[str, Instrument]:
    """What is listed, as the desk reads it from exchangeInfo."""
    listed: dict[str, Instrument] = {}
    for listing in LISTINGS:
        rules = _notations()[listing.symbol].rules
        info = {"symbol": listing.symbol, "status": "TRADING", "filters": rules.exchange_info_filters()}
        symbol = SYMBOLS[listing.symbol]
        listed[symbol] = payloads.instrument(symbol, listing.base, listing.quote, cast("Raw", info))
    return listed


@cache
def _notations() -> Mapping[str, Notation]:
    return notations({listing.symbol: listing for listing in LISTINGS})


def _answer(future: asyncio.Future[Told | None], told: Told) -> None:
    if not future.done():
        future.set_result(told)


def _give_up(future: asyncio.Future[Told | None]) -> None:
    if not future.done():
        future.set_result(None)


def _told_of(request: Request) -> str:
    params = request.params
    return params.get("newClientOrderId") or params.get("origClientOrderId") or params.get("orderId") or ""
