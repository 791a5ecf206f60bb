"""What every WebSocket of the exchange has in common: a bounded outbox, a writer with an owner, a clean end."""

from __future__ import annotations

from collections.abc import Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.runtime import Ids, Supervisor
from engine.simulator.outbox import Outbox

Reader = Callable[[str], None]


class Sockets:
    """Serves sockets; their writers are tasks of the supervisor."""

    def __init__(self, supervisor: Supervisor, ids: Ids) -> None:
        self._supervisor = supervisor
        self._ids = ids

    async def serve(self, websocket: WebSocket, outbox: Outbox, read: Reader) -> None:
        """Accept, hand every text message to `read`, write what the outbox gets; returns when the socket ends."""
        await websocket.accept()
        name = f"socket {self._ids.new()}"
        writer = self._supervisor.run(name, outbox.drain(websocket))
        try:
            while not writer.done():
                read(await _text(websocket))
        except WebSocketDisconnect:
            return
        finally:
            self._supervisor.stop(name)


async def _text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000), message.get("reason"))
    text: str | None = message.get("text")
    if text is not None:
        return text
    raw: bytes = message.get("bytes", b"")
    return raw.decode("utf-8", "replace")
