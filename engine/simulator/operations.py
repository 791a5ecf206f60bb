"""What a client can ask for, once: REST and the WebSocket API are two doors to the same operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

import orjson

from engine.runtime import Ids
from engine.simulator.exchange import Exchange, NowMs
from engine.simulator.limits import Limits
from engine.simulator.model import ApiError, SimAccount
from engine.simulator.params import Params
from engine.simulator.signing import check_signed, check_time, holder_of_key
from engine.simulator.usage import Usage
from engine.simulator.wire import Notation, notations

SIGNED_PARAMETERS = frozenset({"timestamp", "recvWindow", "signature"})


class Security(Enum):
    """Who may call: anyone, the holder of a key, or only a request signed by the key's secret."""

    NONE = "none"
    KEY = "key"
    SIGNED = "signed"


@dataclass(frozen=True, slots=True)
class Call:
    """One request, checked: who asks (None for a public one), with what, and when."""

    exchange: Exchange
    notations: Mapping[str, Notation]
    ids: Ids
    params: Params
    now_ms: int
    account: SimAccount | None
    usage: Usage
    shown: dict[str, orjson.Fragment]
    """Symbols as exchangeInfo shows them, encoded once: they do not change."""

    @property
    def customer(self) -> SimAccount:
        """The account that asks; only for operations that are not public."""
        if self.account is None:
            raise ApiError(-1002, "You are not authorized to execute this request.", 401)
        return self.account

    def listed(self, symbol: str) -> Notation:
        """The notation of a listed symbol; -1121 when it is not listed."""
        notation = self.notations.get(symbol)
        if notation is None:
            raise ApiError(-1121, "Invalid symbol.")
        return notation


Weight = Callable[[Params], int]


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing a client can ask for, and the doors it is asked through.

    `parameters` are all that it reads beside the signing ones; anything else is -1104. Without the `mandatory` ones
    it is refused whatever else is sent. `counts_order` says that it places orders, of which an account may have so
    many unfilled.
    """

    run: Callable[[Call], object]
    security: Security
    parameters: frozenset[str]
    mandatory: frozenset[str]
    weight: int | Weight
    rest: tuple[str, str] | None
    ws: str | None
    counts_order: bool = False

    def cost(self, params: Params) -> int:
        """The request weight of a call with these parameters."""
        return self.weight if isinstance(self.weight, int) else self.weight(params)


def operation(
    run: Callable[[Call], object],
    security: Security,
    parameters: str,
    weight: int | Weight,
    rest: str | None,
    ws: str | None,
    *,
    counts_order: bool = False,
) -> Operation:
    """An Operation from one table row: `rest` is `METHOD /path`, `parameters` are names with blanks between, the
    mandatory ones with a `!` behind them."""
    door: tuple[str, str] | None = None
    if rest is not None:
        method, _, path = rest.partition(" ")
        door = (method, path)
    names = parameters.split()
    mandatory = frozenset(name.removesuffix("!") for name in names if name.endswith("!"))
    return Operation(
        run, security, frozenset(name.removesuffix("!") for name in names), mandatory, weight, door, ws, counts_order
    )


class Counter:
    """Runs operations: who asks, is it signed, does it read all it was sent; then the work."""

    def __init__(self, exchange: Exchange, now_ms: NowMs, ids: Ids, usage: Usage | None = None) -> None:
        """`usage` counts what is asked against the limits; without one, Binance's limits hold."""
        self.exchange = exchange
        self.now_ms = now_ms
        self.ids = ids
        self.notations = notations(exchange.listings)
        self._shown: dict[str, orjson.Fragment] = {}
        self.usage = usage or Usage(now_ms, Limits())
        self.close = exchange.listen(self.usage.on_event)
        """Ends the counting of orders."""

    def serve(
        self,
        asked: Operation,
        params: Params,
        api_key: str | None,
        payload: bytes,
        skew_ms: int = 0,
        *,
        logged_on: bool = False,
    ) -> object:
        """The answer, ready for JSON; ApiError when it is refused. `payload` is what the sender signed, `skew_ms`
        how far the clock that it is held against is off. Who has `logged_on` with the key signs no more."""
        account: SimAccount | None = None
        known = asked.parameters
        now_ms = self.now_ms() + skew_ms
        if asked.security is not Security.NONE:
            account = holder_of_key(self.exchange, api_key)
        if asked.security is Security.SIGNED and account is not None:
            if logged_on and "signature" not in params:
                check_time(params, now_ms)
            else:
                check_signed(account, params, payload, now_ms)
            known |= SIGNED_PARAMETERS
        params.refuse_all_but(known)
        if asked.counts_order and account is not None and not _cancels_anyway(params):
            self.usage.admit_order(account.account_id)
        return asked.run(
            Call(self.exchange, self.notations, self.ids, params, now_ms, account, self.usage, self._shown)
        )

    def orderer(self, asked: Operation | None, api_key: str | None) -> int | None:
        """The account whose order counts an answer should tell; None when it was not about a new order."""
        if asked is None or not asked.counts_order or api_key is None:
            return None
        account = self.exchange.account_by_key(api_key)
        return None if account is None else account.account_id


def _cancels_anyway(params: Params) -> bool:
    """Whether a request is worth taking up even when the account may place no order: it also cancels one."""
    return "orderRateLimitExceededMode" in params and params.text("orderRateLimitExceededMode") == "CANCEL_ONLY"
