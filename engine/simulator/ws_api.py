"""The WebSocket API door, `/ws-api/v3`: the operations of REST, and user data subscriptions.

Source: Binance Spot API, "WebSocket API", 2026-07.
"""

from __future__ import annotations

from typing import Final

from starlette.websockets import WebSocket

from engine.simulator.faults import Door, Faults
from engine.simulator.lines import Line
from engine.simulator.model import ApiError
from engine.simulator.operations import Counter, Operation
from engine.simulator.outbox import Outbox
from engine.simulator.rest import json_response
from engine.simulator.sockets import Socket, Sockets
from engine.simulator.time_units import wants_microseconds
from engine.simulator.user_streams import UserStreams
from engine.simulator.ws_session import Wishes, WsApiSession

CONNECTING_WEIGHT: Final = 2


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
        """Serve one socket until it ends; connecting weighs something, too."""
        address = websocket.client.host if websocket.client else ""
        try:
            self._counter.usage.spend(address, CONNECTING_WEIGHT)
            wishes = _wishes(websocket)
        except ApiError as refusal:
            await websocket.send_denial_response(json_response(refusal.json(), refusal.http_status, {}))
            return
        outbox = Outbox()
        line = Line.of(websocket.scope)
        session = WsApiSession(
            self._counter,
            self._operations,
            self._users,
            self._faults,
            line,
            outbox,
            address,
            wishes,
            self._counter.now_ms(),
        )
        try:
            await self._sockets.serve(websocket, Socket(Door.WS_API, line, outbox, session.read, session.accounts))
        finally:
            session.end()


def _wishes(websocket: WebSocket) -> Wishes:
    asked = websocket.query_params
    return Wishes(asked.get("returnRateLimits") != "false", wants_microseconds(asked.get("timeUnit")))
