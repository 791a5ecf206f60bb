"""One socket of the WebSocket API: what it asks, whose key it has logged on with, which user data it hears.

Source: Binance Spot API, "WebSocket API", Authentication and User Data Stream requests, 2026-07.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import orjson
import structlog

from engine.simulator.fault_doors import Trouble, befall
from engine.simulator.faults import Faults
from engine.simulator.lines import Line
from engine.simulator.model import ApiError
from engine.simulator.operations import Call, Counter, Operation, Security, operation
from engine.simulator.outbox import POLICY_VIOLATION, Outbox
from engine.simulator.params import Params, missing
from engine.simulator.signatures import KeyKind, kind_of
from engine.simulator.signing import ws_payload
from engine.simulator.time_units import in_microseconds
from engine.simulator.usage import TooMuch
from engine.simulator.user_streams import UserStreams, UserSubscription
from engine.simulator.wire import Json
from engine.simulator.ws_requests import id_of, method_of, request_of, seen, values_of

log = structlog.get_logger(__name__)

BANNED: Final = 418
BESIDE: Final = frozenset({"returnRateLimits", "apiKey"})
"""What may come with any request, and is no parameter of it."""
NOT_LOGGED_ON: Final = (
    "You are not authorized to execute this request. Log on with an Ed25519 key first, or use "
    "userDataStream.subscribe.signature."
)


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the URL of a socket asks for: whether answers tell the rate limits, and times in microseconds."""

    rate_limits: bool = True
    micros: bool = False


@dataclass(frozen=True, slots=True)
class Logon:
    """The key that a socket has logged on with, and since when."""

    api_key: str
    since_ms: int


@dataclass(slots=True)
class WsApiSession:
    """One socket, with the user data that it subscribed to by subscription number."""

    counter: Counter
    shared: Mapping[str, Operation]
    users: UserStreams
    faults: Faults
    line: Line
    outbox: Outbox
    address: str
    wishes: Wishes
    connected_ms: int
    own: Mapping[str, Operation] = field(init=False)
    logon: Logon | None = None
    subscriptions: dict[int, UserSubscription] = field(default_factory=dict[int, UserSubscription])
    next_subscription: int = 0
    by_logon: int | None = None
    """The subscription that ends with the logon."""

    def __post_init__(self) -> None:
        rows = (
            operation(self._subscribe_signed, Security.SIGNED, "", 2, None, "userDataStream.subscribe.signature"),
            operation(self._subscribe, Security.NONE, "", 2, None, "userDataStream.subscribe"),
            operation(self._unsubscribe, Security.NONE, "subscriptionId", 2, None, "userDataStream.unsubscribe"),
            operation(self._list, Security.NONE, "", 2, None, "session.subscriptions"),
            operation(self._log_on, Security.SIGNED, "", 2, None, "session.logon"),
            operation(self._status, Security.NONE, "", 2, None, "session.status"),
            operation(self._log_out, Security.NONE, "", 2, None, "session.logout"),
        )
        self.own = {row.ws: row for row in rows if row.ws is not None}

    def read(self, text: str) -> Awaitable[None] | None:
        """Answer one request, now or as its troubles let one."""
        if not self.faults.rules:
            self.counter.exchange.when_kept(partial(self._send, self._answer(text)))
            return None
        request_id, asked = seen(text)
        trouble = Trouble.of(self.faults.strike(asked), asked.name)
        return befall(
            trouble,
            request_id,
            self.line,
            self.outbox,
            self.counter.now_ms(),
            lambda skew_ms: self._answer(text, skew_ms),
            self.counter.exchange.kept,
        )

    def _send(self, answer: Json) -> None:
        self.outbox.put(orjson.dumps(answer).decode())
        if answer["status"] == BANNED:
            self.outbox.end(POLICY_VIOLATION, "banned")

    def accounts(self) -> set[int]:
        """Whose events it hears."""
        return {subscription.account_id for subscription in self.subscriptions.values()}

    def end(self) -> None:
        """End every subscription."""
        for subscription in self.subscriptions.values():
            self.users.unsubscribe(subscription)
        self.subscriptions.clear()

    def _answer(self, text: str, skew_ms: int = 0) -> Json:
        answer: Json = {"id": None}
        values: dict[str, str] = {}
        asked: Operation | None = None
        try:
            request = request_of(text)
            answer["id"] = id_of(request)
            values = values_of(request.get("params"))
            asked = self._asked(method_of(request))
            result = self._serve(asked, values, skew_ms)
            answer |= {"status": 200, "result": in_microseconds(result) if self.wishes.micros else result}
        except ApiError as refusal:
            answer |= {"status": refusal.http_status, "error": self._error(refusal)}
        except Exception:  # the door's last resort: logged, and answered as Binance does
            log.exception("request failed", path="/ws-api/v3")
            message = "An unknown error occurred while processing the request."
            answer |= {"status": 500, "error": {"code": -1000, "msg": message}}
        wished = values.get("returnRateLimits", "true" if self.wishes.rate_limits else "false")
        if wished != "false":
            account_id = self.counter.orderer(asked, self._key(values))
            answer["rateLimits"] = self.counter.usage.ws_rate_limits(self.address, account_id)
        return answer

    def _error(self, refusal: ApiError) -> Json:
        error = refusal.json()
        if isinstance(refusal, TooMuch):
            error["data"] = {"serverTime": self.counter.now_ms(), "retryAfter": refusal.back_ms}
        return error

    def _asked(self, method: str | None) -> Operation:
        if method is None:
            raise missing("method")
        asked = self.own.get(method) or self.shared.get(method)
        if asked is None:
            raise ApiError(-1000, "Invalid request: unknown method.")
        return asked

    def _serve(self, asked: Operation, values: dict[str, str], skew_ms: int) -> object:
        payload = ws_payload(values)
        params = Params({name: value for name, value in values.items() if name not in BESIDE})
        self.counter.usage.spend(self.address, asked.cost(params))
        logged_on = self.logon is not None and "apiKey" not in values
        return self.counter.serve(asked, params, self._key(values), payload, skew_ms, logged_on=logged_on)

    def _key(self, values: Mapping[str, str]) -> str | None:
        """The key that a request names, else the one that was logged on with."""
        return values.get("apiKey", None if self.logon is None else self.logon.api_key)

    # --- who asks ----------------------------------------------------------------------------------

    def _log_on(self, call: Call) -> Json:
        kind = kind_of(call.customer.secret)
        if kind is not KeyKind.ED25519:
            raise ApiError(-4056, f"{kind} API key is not supported.")
        self.logon = Logon(call.customer.api_key, call.now_ms)
        return self._status(call)

    def _log_out(self, call: Call) -> Json:
        self.logon = None
        if self.by_logon is not None:
            self._terminate(self.by_logon, call.now_ms)
            self.by_logon = None
        return self._status(call)

    def _status(self, call: Call) -> Json:
        return {
            "apiKey": None if self.logon is None else self.logon.api_key,
            "authorizedSince": None if self.logon is None else self.logon.since_ms,
            "connectedSince": self.connected_ms,
            "returnRateLimits": self.wishes.rate_limits,
            "serverTime": call.now_ms,
            "userDataStream": self.by_logon is not None,
        }

    # --- user data ---------------------------------------------------------------------------------

    def _subscribe_signed(self, call: Call) -> Json:
        return {"subscriptionId": self._add(call.customer.account_id)}

    def _subscribe(self, call: Call) -> Json:
        account = None if self.logon is None else call.exchange.account_by_key(self.logon.api_key)
        if account is None:
            raise ApiError(-1002, NOT_LOGGED_ON, 401)
        self.by_logon = self._add(account.account_id)
        return {"subscriptionId": self.by_logon}

    def _add(self, account_id: int) -> int:
        if any(held.account_id == account_id for held in self.subscriptions.values()):
            raise ApiError(-2035, "User Data Stream subscription already active.")
        number = self.next_subscription
        self.next_subscription += 1
        head = f'{{"subscriptionId":{number},"event":'
        subscription = UserSubscription(account_id, self.outbox, head, "}", micros=self.wishes.micros)
        self.subscriptions[number] = subscription
        self.users.subscribe(subscription)
        return number

    def _unsubscribe(self, call: Call) -> Json:
        wanted = call.params.whole("subscriptionId")
        if wanted is not None and wanted not in self.subscriptions:
            raise ApiError(-2036, "User Data Stream subscription not active.")
        for number in [wanted] if wanted is not None else list(self.subscriptions):
            self._terminate(number, call.now_ms)
        return {}

    def _terminate(self, number: int, now_ms: int) -> None:
        """End a subscription, which is told."""
        subscription = self.subscriptions.pop(number, None)
        if subscription is None:
            return
        self.users.unsubscribe(subscription)
        if number == self.by_logon:
            self.by_logon = None
        subscription.put(orjson.dumps({"e": "eventStreamTerminated", "E": now_ms}).decode())

    def _list(self, call: Call) -> list[Json]:
        del call
        return [{"subscriptionId": number} for number in self.subscriptions]
