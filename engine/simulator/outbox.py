"""What waits to be written to one socket: bounded, and a socket that does not keep up is closed."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from engine.simulator.lines import Line

log = structlog.get_logger(__name__)

MOST_WAITING: Final = 4096
MOST_CHARACTERS: Final = 8 * 1024 * 1024
PATIENCE_S: Final = 10.0
POLICY_VIOLATION: Final = 1008
TOO_SLOW: Final = (POLICY_VIOLATION, "too slow")


class Outbox:
    """Messages for one socket, in order. One writer drains it; anyone may put.

    Once `MOST_WAITING` messages or `MOST_CHARACTERS` wait, all of them are dropped, nothing more is taken and
    the socket is closed with 1008: a consumer that fell behind must start over, not go on with a hole in its stream.
    """

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._characters = 0
        self._more = asyncio.Event()
        self._ending: tuple[int, str] | None = None
        self._silent = False

    @property
    def overflowed(self) -> bool:
        """Whether the consumer fell too far behind; what is put from then on goes nowhere."""
        return self._ending == TOO_SLOW

    @property
    def waiting(self) -> int:
        """How many messages the consumer has not taken yet."""
        return len(self._texts)

    def silence(self) -> None:
        """Say nothing any more, neither what waits nor what is put from now on."""
        self._silent = True
        self.take()

    def put(self, text: str) -> None:
        """Queue one text message; never waits."""
        if self._ending is not None or self._silent:
            return
        self._characters += len(text)
        if len(self._texts) >= MOST_WAITING or self._characters > MOST_CHARACTERS:
            self.take()
            self._ending = TOO_SLOW
        else:
            self._texts.append(text)
        self._more.set()

    def end(self, code: int, reason: str) -> None:
        """Close the socket once what waits is written; nothing more is taken."""
        if self._ending is None and not self._silent:
            self._ending = (code, reason)
            self._more.set()

    def take(self) -> list[str]:
        """What waits, oldest first; it waits no longer."""
        texts, self._texts = self._texts, []
        self._characters = 0
        return texts

    async def drain(self, websocket: WebSocket) -> None:
        """Write what is put, until the socket ends, falls behind or takes nothing for ten seconds."""
        line = Line.of(websocket.scope)
        try:
            while self._ending is None or self._texts:
                await self._more.wait()
                self._more.clear()
                await _write(websocket, line, self.take())
            if self.overflowed:
                log.warning("consumer fell behind", path=websocket.scope["path"])
            async with asyncio.timeout(PATIENCE_S):
                await websocket.close(*self._ending)
        except TimeoutError:
            log.warning("consumer takes nothing", path=websocket.scope["path"])
        except (WebSocketDisconnect, OSError):
            return


async def _write(websocket: WebSocket, line: Line, texts: list[str]) -> None:
    """Write messages, all at once where the line is one of our server's and takes them now."""
    if line.say(texts):
        return
    for text in texts:
        async with asyncio.timeout(PATIENCE_S):
            await websocket.send_text(text)
