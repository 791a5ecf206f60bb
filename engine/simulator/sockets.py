"""What every WebSocket of the exchange has in common: a bounded outbox, a writer with an owner, a clean end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.runtime import Ids, Supervisor
from engine.simulator.faults import Door
from engine.simulator.lines import Line
from engine.simulator.outbox import Outbox

Reader = Callable[[str], Awaitable[None] | None]


@dataclass(eq=False, frozen=True, slots=True)
class Socket:
    """One socket at a door: what is sent to it, how its messages are read, whose events it hears."""

    door: Door
    line: Line
    outbox: Outbox
    read: Reader
    """Takes one text message; what it gives back is awaited before the next is read."""
    accounts: Callable[[], Collection[int]]


class Sockets:
    """Serves sockets; their writers are tasks of the supervisor."""

    def __init__(self, supervisor: Supervisor, ids: Ids) -> None:
        self._supervisor = supervisor
        self._ids = ids
        self._open: set[Socket] = set()

    async def serve(self, websocket: WebSocket, socket: Socket) -> None:
        """Accept, hand every text message to `read`, write what the outbox gets; returns when the socket ends."""
        await websocket.accept()
        name = f"socket {self._ids.new()}"
        writer = self._supervisor.run(name, socket.outbox.drain(websocket))
        self._open.add(socket)
        try:
            while not writer.done():
                answering = socket.read(await _text(websocket))
                if answering is not None:
                    await answering
        except WebSocketDisconnect:
            return
        finally:
            self._open.discard(socket)
            self._supervisor.stop(name)

    def cut(self, door: Door | None, account_id: int | None) -> None:
        """Cut the sockets of a door that hear an account; None stands for all of them."""
        for socket in self._chosen(door, account_id):
            socket.line.cut()

    def silence(self, door: Door | None, account_id: int | None) -> None:
        """Leave those sockets open and say nothing any more."""
        for socket in self._chosen(door, account_id):
            socket.line.silence()
            socket.outbox.silence()

    def _chosen(self, door: Door | None, account_id: int | None) -> list[Socket]:
        return [
            socket
            for socket in self._open
            if (door is None or socket.door is door) and (account_id is None or account_id in socket.accounts())
        ]


async def _text(websocket: WebSocket) -> str:
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1000), message.get("reason"))
    text: str | None = message.get("text")
    if text is not None:
        return text
    raw: bytes = message.get("bytes", b"")
    return raw.decode("utf-8", "replace")
