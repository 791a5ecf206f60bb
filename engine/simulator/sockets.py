"""What every WebSocket of the exchange has in common: a bounded outbox, a writer with an owner, a clean end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Final

import orjson
from starlette.responses import Response
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.runtime import Ids, Supervisor
from engine.simulator.faults import Door
from engine.simulator.lines import Line
from engine.simulator.outbox import Outbox
from engine.simulator.reading import NowMs
from engine.simulator.usage import SECOND_MS, Usage, Window

SWEEP_S: Final = 1.0
GOING_AWAY: Final = 1001
POLICY_VIOLATION: Final = 1008

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

    def __init__(self, supervisor: Supervisor, ids: Ids, usage: Usage, now_ms: NowMs) -> None:
        self._supervisor = supervisor
        self._ids = ids
        self._usage = usage
        self._now_ms = now_ms
        self._open: dict[Socket, int] = {}
        """Every socket, with when it was opened."""

    async def serve(self, websocket: WebSocket, socket: Socket) -> None:
        """Accept, hand every text message to `read`, write what the outbox gets; returns when the socket ends.

        An address that opened too many sockets gets a 429 instead; a stream socket that says too much is closed.
        """
        if not self._usage.connect(websocket.client.host if websocket.client else ""):
            await websocket.send_denial_response(Response("Too many connections.", 429))
            return
        await websocket.accept()
        name = f"socket {self._ids.new()}"
        writer = self._supervisor.run(name, socket.outbox.drain(websocket))
        self._open[socket] = self._now_ms()
        said = Window(SECOND_MS)
        try:
            while not writer.done():
                text = await _text(websocket)
                if socket.door is Door.STREAMS and self._says_too_much(said):
                    socket.outbox.end(POLICY_VIOLATION, "Too many messages")
                    continue
                answering = socket.read(text)
                if answering is not None:
                    await answering
        except WebSocketDisconnect:
            return
        finally:
            self._open.pop(socket, None)
            self._supervisor.stop(name)

    def announce_end(self) -> None:
        """Tell every socket that the exchange is about to end: `serverShutdown`."""
        for socket in self._open:
            self._announce(socket)

    def _announce(self, socket: Socket) -> None:
        event = orjson.dumps({"e": "serverShutdown", "E": self._now_ms()}).decode()
        socket.outbox.put(f'{{"event":{event}}}' if socket.door is Door.WS_API else event)

    async def run(self) -> None:
        """End sockets that have lived as long as one may."""
        while True:
            await asyncio.sleep(SWEEP_S)
            self.sweep()

    def sweep(self) -> None:
        """Close those whose time is over, after the same notice."""
        life_ms = self._usage.limits.socket_life_s * 1000
        if not life_ms:
            return
        for socket, opened_ms in self._open.items():
            if self._now_ms() - opened_ms >= life_ms:
                self._announce(socket)
                socket.outbox.end(GOING_AWAY, "24 hours are over")

    def cut(self, door: Door | None, account_id: int | None) -> None:
        """Cut the sockets of a door that hear an account; None stands for all of them."""
        for socket in self._chosen(door, account_id):
            socket.line.cut()

    def silence(self, door: Door | None, account_id: int | None) -> None:
        """Leave those sockets open and say nothing any more."""
        for socket in self._chosen(door, account_id):
            socket.line.silence()
            socket.outbox.silence()

    def _says_too_much(self, said: Window) -> bool:
        most = self._usage.limits.socket_messages_1s
        return bool(most) and said.add("", 1, self._now_ms()) > most

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
