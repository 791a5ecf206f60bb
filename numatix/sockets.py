"""uvicorn's WebSocket protocol, with a way to end a socket whose other end reads no more.

uvicorn writes a close frame only once there is room for it, and closes a connection only when all has been sent: a
client that reads nothing would hold its buffers for ever.
"""

# pyright: reportUnknownMemberType=false
# websockets' events are wider than uvicorn's types of them.

from __future__ import annotations

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.exceptions import InvalidState
from websockets.http11 import Request

CUT_AFTER_S = 2.0
"""From the close frame to the cut."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """Leaves `give_up(code, reason)` in the scope's state."""

    def handle_connect(self, event: Request) -> None:
        super().handle_connect(event)
        if not self.close_sent:
            self.scope.setdefault("state", {})["give_up"] = self._give_up

    def _give_up(self, code: int, reason: str) -> None:
        """Put a close frame behind whatever waits, and cut the connection when it is not taken soon."""
        if self.disconnected or self.close_sent:
            return
        try:
            self.conn.send_close(code, reason)
        except InvalidState:
            return
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CUT_AFTER_S, self.transport.abort)
