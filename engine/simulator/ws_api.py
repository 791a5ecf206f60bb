"""The WebSocket API door, `/ws-api/v3`: the operations of REST, and user data subscriptions.

Source: Binance Spot API, "WebSocket API", 2026-07.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass, field
from typing import cast

import orjson
import structlog
from starlette.websockets import WebSocket

from engine.simulator.fault_doors import Trouble, befall
from engine.simulator.faults import Asked, Door, Faults
from engine.simulator.lines import Line
from engine.simulator.model import ApiError
from engine.simulator.operations import Call, Counter, Operation, Security, operation
from engine.simulator.outbox import Outbox
from engine.simulator.params import Params, missing
from engine.simulator.signing import ws_payload
from engine.simulator.sockets import Socket, Sockets
from engine.simulator.usage import TooMuch
from engine.simulator.user_streams import UserStreams, UserSubscription
from engine.simulator.wire import Json

log = structlog.get_logger(__name__)


class WsApiDoor:
    """Opens WebSocket API sockets."""

    def __init__(
        self,
        counter: Counter,
        operations: tuple[Operation, ...],
        users: UserStreams,
        sockets: Sockets,
        faults: Faults,
    ) -> None:
        self._counter = counter
        self._operations = {asked.ws: asked for asked in operations if asked.ws is not None}
        self._users = users
        self._sockets = sockets
        self._faults = faults

    async def open(self, websocket: WebSocket) -> None:
        """Serve one socket until it ends."""
        address = websocket.client.host if websocket.client else ""
        outbox = Outbox()
        line = Line.of(websocket.scope)
        session = WsApiSession(self._counter, self._operations, self._users, self._faults, line, outbox, address)
        try:
            await self._sockets.serve(websocket, Socket(Door.WS_API, line, outbox, session.read, session.accounts))
        finally:
            session.end()


@dataclass(slots=True)
class WsApiSession:
    """One socket of the WebSocket API, with the user data that it subscribed to."""

    counter: Counter
    shared: Mapping[str, Operation]
    users: UserStreams
    faults: Faults
    line: Line
    outbox: Outbox
    address: str
    own: Mapping[str, Operation] = field(init=False)
    subscriptions: dict[int, UserSubscription] = field(default_factory=dict[int, UserSubscription])
    next_subscription: int = 0

    def __post_init__(self) -> None:
        rows = (
            operation(self._subscribe, Security.SIGNED, "", 2, None, "userDataStream.subscribe.signature"),
            operation(_not_logged_on, Security.NONE, "", 2, None, "userDataStream.subscribe"),
            operation(self._unsubscribe, Security.NONE, "subscriptionId", 2, None, "userDataStream.unsubscribe"),
            operation(self._list, Security.NONE, "", 2, None, "session.subscriptions"),
            operation(_no_logon, Security.SIGNED, "", 2, None, "session.logon"),
            operation(_session, Security.NONE, "", 2, None, "session.status"),
            operation(_session, Security.NONE, "", 2, None, "session.logout"),
        )
        self.own = {row.ws: row for row in rows if row.ws is not None}

    def read(self, text: str) -> Awaitable[None] | None:
        """Answer one request, now or as its troubles let one."""
        if not self.faults.rules:
            self.outbox.put(orjson.dumps(self._answer(text)).decode())
            return None
        request_id, asked = _seen(text)
        trouble = Trouble.of(self.faults.strike(asked), asked.name)
        return befall(
            trouble,
            request_id,
            self.line,
            self.outbox,
            self.counter.now_ms(),
            lambda skew_ms: self._answer(text, skew_ms),
        )

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
            request = _request(text)
            answer["id"] = _request_id(request)
            values = _values(request.get("params"))
            asked = self._asked(request.get("method"))
            result = self._serve(asked, values, skew_ms)
            answer |= {"status": 200, "result": result}
        except ApiError as refusal:
            answer |= {"status": refusal.http_status, "error": self._error(refusal)}
        except Exception:  # the door's last resort: logged, and answered as Binance does
            log.exception("request failed", path="/ws-api/v3")
            message = "An unknown error occurred while processing the request."
            answer |= {"status": 500, "error": {"code": -1000, "msg": message}}
        if values.get("returnRateLimits") != "false":
            account_id = self.counter.orderer(asked, values.get("apiKey"))
            answer["rateLimits"] = self.counter.usage.ws_rate_limits(self.address, account_id)
        return answer

    def _error(self, refusal: ApiError) -> Json:
        error = refusal.json()
        if isinstance(refusal, TooMuch):
            error["data"] = {"serverTime": self.counter.now_ms(), "retryAfter": refusal.back_ms}
        return error

    def _asked(self, method: object) -> Operation:
        if not isinstance(method, str):
            raise missing("method")
        asked = self.own.get(method) or self.shared.get(method)
        if asked is None:
            raise ApiError(-1000, "Invalid request: unknown method.")
        return asked

    def _serve(self, asked: Operation, values: dict[str, str], skew_ms: int) -> object:
        payload = ws_payload(values)
        api_key = values.get("apiKey")
        beside = {"returnRateLimits"} if asked.security is Security.NONE else {"returnRateLimits", "apiKey"}
        params = Params({name: value for name, value in values.items() if name not in beside})
        self.counter.usage.spend(self.address, asked.cost(params))
        return self.counter.serve(asked, params, api_key, payload, skew_ms)

    # --- user data ---------------------------------------------------------------------------------

    def _subscribe(self, call: Call) -> Json:
        account_id = call.customer.account_id
        if any(held.account_id == account_id for held in self.subscriptions.values()):
            raise ApiError(-2035, "Subscription is already active.")
        number = self.next_subscription
        self.next_subscription += 1
        subscription = UserSubscription(account_id, self.outbox, f'{{"subscriptionId":{number},"event":', "}")
        self.subscriptions[number] = subscription
        self.users.subscribe(subscription)
        return {"subscriptionId": number}

    def _unsubscribe(self, call: Call) -> Json:
        wanted = call.params.whole("subscriptionId")
        if wanted is not None and wanted not in self.subscriptions:
            raise ApiError(-2036, "Subscription is not active.")
        for number in [wanted] if wanted is not None else list(self.subscriptions):
            self.users.unsubscribe(self.subscriptions.pop(number))
            ended = {"e": "eventStreamTerminated", "E": call.now_ms}
            self.outbox.put(orjson.dumps({"subscriptionId": number, "event": ended}).decode())
        return {}

    def _list(self, call: Call) -> list[Json]:
        del call
        return [{"subscriptionId": number} for number in self.subscriptions]


def _no_logon(call: Call) -> object:
    del call
    raise ApiError(-4056, "HMAC_SHA256 API key is not supported.")


def _not_logged_on(call: Call) -> object:
    del call
    raise ApiError(
        -1002,
        "You are not authorized to execute this request. Log on with an Ed25519 key first, or use "
        "userDataStream.subscribe.signature.",
        401,
    )


def _session(call: Call) -> Json:
    return {
        "apiKey": None,
        "authorizedSince": None,
        "connectedSince": None,
        "returnRateLimits": True,
        "serverTime": call.now_ms,
        "userDataStream": False,
    }


# --- reading a request -----------------------------------------------------------------------------


def _request(text: str) -> dict[str, object]:
    try:
        parsed: object = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise ApiError(-1100, "Invalid JSON.") from None
    if not isinstance(parsed, dict):
        raise ApiError(-1100, "Invalid request: request must be an object.")
    return cast("dict[str, object]", parsed)


def _seen(text: str) -> tuple[object, Asked]:
    """Who asks for what, as far as the text tells."""
    try:
        request = _request(text)
        values = _values(request.get("params"))
        return _request_id(request), Asked(Door.WS_API, str(request.get("method")), values.get("apiKey"))
    except ApiError:
        return None, Asked(Door.WS_API, "", None)


def _request_id(request: dict[str, object]) -> object:
    request_id = request.get("id")
    if request_id is None or (isinstance(request_id, int | str) and not isinstance(request_id, bool)):
        return request_id
    raise ApiError(-1100, "Invalid request: request ID must be an integer, a string or null.")


def _values(params: object) -> dict[str, str]:
    if params is None:
        return {}
    if not isinstance(params, dict):
        raise ApiError(-1100, "Invalid request: params must be an object.")
    given = cast("dict[str, object]", params)
    return {name: _text(name, value) for name, value in given.items()}


def _text(name: str, value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return orjson.dumps(value).decode()
    raise missing(name)
