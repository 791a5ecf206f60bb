"""The stream doors: `/ws`, `/ws/<name>`, `/stream/ws…` (bare events), `/stream`, `/stream?streams=` (wrapped).

`/stream/ws` is for ccxt, which knows spot by the word `stream` in the URL and reads no wrapped lists.
A name is a market stream or a listen key. Source: Binance Spot API, "WebSocket Streams", 2026-07.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import unquote

import orjson
from starlette.websockets import WebSocket

from engine.simulator.channels import MarketChannels, Subscriber
from engine.simulator.faults import Door
from engine.simulator.lines import Line
from engine.simulator.model import ApiError
from engine.simulator.outbox import Outbox
from engine.simulator.rest import json_response
from engine.simulator.sockets import Socket, Sockets
from engine.simulator.time_units import wants_microseconds
from engine.simulator.user_streams import UserStreams, UserSubscription

MOST_STREAMS: Final = 1024
LONGEST_NAME: Final = 128
LONGEST_ID: Final = 36


class StreamDoor:
    """Opens stream sockets."""

    def __init__(self, market: MarketChannels, users: UserStreams, sockets: Sockets) -> None:
        self._market = market
        self._users = users
        self._sockets = sockets

    async def open(self, websocket: WebSocket) -> None:
        """Serve one socket until it ends. What its URL names is subscribed from the start."""
        try:
            micros = wants_microseconds(websocket.query_params.get("timeUnit"))
        except ApiError as refusal:
            await websocket.send_denial_response(json_response(refusal.json(), refusal.http_status, {}))
            return
        wrapped, names = _named(websocket)
        outbox = Outbox()
        session = StreamSession(self._market, self._users, outbox, wrapped, micros)
        try:
            session.subscribe(names)
            socket = Socket(Door.STREAMS, Line.of(websocket.scope), outbox, session.read, session.accounts)
            await self._sockets.serve(websocket, socket)
        finally:
            session.end()


@dataclass(slots=True)
class StreamSession:
    """One socket's subscriptions, and the SUBSCRIBE language that changes them."""

    market: MarketChannels
    users: UserStreams
    outbox: Outbox
    wrapped: bool
    micros: bool = False
    names: dict[str, UserSubscription | None] = field(default_factory=dict[str, UserSubscription | None])
    subscriber: Subscriber = field(init=False)

    def __post_init__(self) -> None:
        self.subscriber = Subscriber(self.outbox, self.wrapped, self.micros)

    def read(self, text: str) -> None:
        """Answer one request."""
        self.outbox.put(orjson.dumps(self._answer(text)).decode())

    def accounts(self) -> set[int]:
        """Whose events it hears."""
        return {held.account_id for held in self.names.values() if held is not None}

    def subscribe(self, names: list[str]) -> None:
        """Subscribe to market streams and listen keys; a name that is neither stays silent, as at Binance."""
        for name in names:
            if name in self.names:
                continue
            account_id = self.users.account_of(name)
            if account_id is None:
                self.names[name] = None
                self.market.subscribe(name, self.subscriber)
            else:
                head, tail = (f'{{"stream":"{name}","data":', "}") if self.wrapped else ("", "")
                subscription = UserSubscription(account_id, self.outbox, head, tail, name, self.micros)
                self.names[name] = subscription
                self.users.subscribe(subscription)

    def unsubscribe(self, names: list[str]) -> None:
        """End subscriptions; a name that was none is no error."""
        for name in names:
            subscription = self.names.pop(name, None)
            if subscription is None:
                self.market.unsubscribe(name, self.subscriber)
            else:
                self.users.unsubscribe(subscription)

    def end(self) -> None:
        """End them all."""
        self.unsubscribe(list(self.names))

    def _answer(self, text: str) -> dict[str, object]:
        try:
            parsed: object = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return _refusal(3, f"Invalid JSON: expected value at line {error.lineno} column {error.colno}", None)
        if not isinstance(parsed, dict):
            return _refusal(2, "Invalid request: request must be an object", None)
        request = cast("dict[str, object]", parsed)
        request_id = request.get("id")
        if not _is_id(request_id):
            return _refusal(2, "Invalid request: request ID must be an unsigned integer", None)
        method = request.get("method")
        if method is None:
            message = f"Invalid request: missing field `method` at line 1 column {len(text)}"
            return _refusal(2, message, request_id)
        act = ACTS.get(method) if isinstance(method, str) else None
        if act is None:
            variants = ", ".join(f"`{known}`" for known in ACTS)
            return _refusal(2, f"Invalid request: unknown variant `{method}`, expected one of {variants}", request_id)
        try:
            return {"result": act(self, request.get("params")), "id": request_id}
        except StreamError as refusal:
            return _refusal(refusal.code, refusal.message, request_id)

    def add(self, params: object) -> None:
        """`SUBSCRIBE`."""
        names = _names(params)
        if len(self.names.keys() | set(names)) > MOST_STREAMS:
            raise StreamError(2, f"Invalid request: more than {MOST_STREAMS} streams")
        self.subscribe(names)

    def remove(self, params: object) -> None:
        """`UNSUBSCRIBE`."""
        self.unsubscribe(_names(params))

    def listed(self, params: object) -> list[str]:
        """`LIST_SUBSCRIPTIONS`."""
        del params
        return list(self.names)

    def set_property(self, params: object) -> None:
        """`SET_PROPERTY`: the one there is says whether events come with their stream's name."""
        _, values = _property(params, 1)
        if not isinstance(values[0], bool):
            raise StreamError(1, "Invalid value type: expected Boolean")
        self.wrapped = self.subscriber.wrapped = values[0]

    def get_property(self, params: object) -> bool:
        """`GET_PROPERTY`."""
        _property(params, 0)
        return self.wrapped


class StreamError(Exception):
    """A request that is refused, in Binance's code and words."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


ACTS: Final[Mapping[str, Callable[[StreamSession, object], object]]] = {
    "SUBSCRIBE": StreamSession.add,
    "UNSUBSCRIBE": StreamSession.remove,
    "LIST_SUBSCRIPTIONS": StreamSession.listed,
    "SET_PROPERTY": StreamSession.set_property,
    "GET_PROPERTY": StreamSession.get_property,
}


def _is_id(given: object) -> bool:
    if isinstance(given, str):
        return len(given) <= LONGEST_ID
    return given is None or (isinstance(given, int) and not isinstance(given, bool))


def _property(params: object, more: int) -> tuple[str, list[object]]:
    """The name of a property and so many values behind it."""
    given = cast("list[object]", params) if isinstance(params, list) else []
    if not given or not isinstance(given[0], str):
        raise StreamError(2, "Invalid request: property name must be a string")
    if given[0] != "combined":
        raise StreamError(0, "Unknown property")
    if len(given) > 1 + more:
        raise StreamError(2, "Invalid request: too many parameters")
    return given[0], [*given[1:], *([None] * (1 + more - len(given)))]


def _named(websocket: WebSocket) -> tuple[bool, list[str]]:
    path: str = websocket.scope["path"]
    wrapped = path == "/stream"
    _, _, tail = path.partition("/ws")
    names = [name for name in tail.split("/") if name]
    streams = websocket.query_params.get("streams")
    if streams:
        names += [unquote(name) for name in streams.split("/") if name]
    return wrapped, [name for name in names if len(name) <= LONGEST_NAME][:MOST_STREAMS]


def _names(params: object) -> list[str]:
    names = cast("list[object]", params) if isinstance(params, list) else [None]
    texts = [name for name in names if isinstance(name, str) and 0 < len(name) <= LONGEST_NAME]
    if len(texts) < len(names):
        raise StreamError(2, "Invalid request: params must be a list of stream names")
    return texts


def _refusal(code: int, message: str, request_id: object) -> dict[str, object]:
    return {"error": {"code": code, "msg": message}, "id": request_id}
