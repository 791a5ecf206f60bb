"""The stream doors: `/ws`, `/ws/<name>`, `/stream/ws…` (bare events), `/stream`, `/stream?streams=` (wrapped).

`/stream/ws` is for ccxt, which knows spot by the word `stream` in the URL and reads no wrapped lists.
A name is a market stream or a listen key. Source: Binance Spot API, "WebSocket Streams", 2026-07.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast
from urllib.parse import unquote

import orjson
from starlette.websockets import WebSocket

from engine.simulator.channels import MarketChannels, Subscriber
from engine.simulator.faults import Door
from engine.simulator.lines import Line
from engine.simulator.outbox import Outbox
from engine.simulator.sockets import Socket, Sockets
from engine.simulator.user_streams import UserStreams, UserSubscription

MOST_STREAMS: Final = 1024
LONGEST_NAME: Final = 128


class StreamDoor:
    """Opens stream sockets."""

    def __init__(self, market: MarketChannels, users: UserStreams, sockets: Sockets) -> None:
        self._market = market
        self._users = users
        self._sockets = sockets

    async def open(self, websocket: WebSocket) -> None:
        """Serve one socket until it ends. What its URL names is subscribed from the start."""
        wrapped, names = _named(websocket)
        outbox = Outbox()
        session = StreamSession(self._market, self._users, outbox, wrapped)
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
    names: dict[str, UserSubscription | None] = field(default_factory=dict[str, UserSubscription | None])
    subscriber: Subscriber = field(init=False)

    def __post_init__(self) -> None:
        self.subscriber = Subscriber(self.outbox, self.wrapped)

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
                subscription = UserSubscription(account_id, self.outbox, head, tail, name)
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
            return _refusal(3, f"Invalid JSON: {error}", None)
        if not isinstance(parsed, dict):
            return _refusal(2, "Invalid request: request must be an object", None)
        request = cast("dict[str, object]", parsed)
        request_id = request.get("id")
        if request_id is not None and not isinstance(request_id, int | str):
            return _refusal(2, "Invalid request: request ID must be an unsigned integer or a string", None)
        method = request.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self.names), "id": request_id}
        if method in {"SET_PROPERTY", "GET_PROPERTY"}:
            return self._property(request, request_id)
        if method not in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            return _refusal(2, "Invalid request: unknown method", request_id)
        names = _names(request.get("params"))
        if names is None:
            return _refusal(2, "Invalid request: params must be a list of stream names", request_id)
        if method == "UNSUBSCRIBE":
            self.unsubscribe(names)
        elif len(self.names.keys() | set(names)) > MOST_STREAMS:
            return _refusal(2, f"Invalid request: more than {MOST_STREAMS} streams", request_id)
        else:
            self.subscribe(names)
        return {"result": None, "id": request_id}

    def _property(self, request: dict[str, object], request_id: object) -> dict[str, object]:
        params = request.get("params")
        if request.get("method") == "GET_PROPERTY" and params == ["combined"]:
            return {"result": self.wrapped, "id": request_id}
        if isinstance(params, list) and len(cast("list[object]", params)) == 2:
            name, value = cast("list[object]", params)
            if name == "combined" and isinstance(value, bool):
                self.wrapped = self.subscriber.wrapped = value
                return {"result": None, "id": request_id}
        return _refusal(0, "Unknown property", request_id)


def _named(websocket: WebSocket) -> tuple[bool, list[str]]:
    path: str = websocket.scope["path"]
    wrapped = path == "/stream"
    _, _, tail = path.partition("/ws")
    names = [name for name in tail.split("/") if name]
    streams = websocket.query_params.get("streams")
    if streams:
        names += [unquote(name) for name in streams.split("/") if name]
    return wrapped, [name for name in names if len(name) <= LONGEST_NAME][:MOST_STREAMS]


def _names(params: object) -> list[str] | None:
    if not isinstance(params, list):
        return None
    names = cast("list[object]", params)
    if not all(isinstance(name, str) and 0 < len(name) <= LONGEST_NAME for name in names):
        return None
    return [str(name) for name in names]


def _refusal(code: int, message: str, request_id: object) -> dict[str, object]:
    return {"error": {"code": code, "msg": message}, "id": request_id}
