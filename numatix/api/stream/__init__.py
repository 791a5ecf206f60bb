"""WS /api/v1/stream: a bot's own events and market data on one socket. `docs/api-stream.md` describes every message.

A socket lives in `socket.py`: it is let in by `door.py`, what it asks is read by `operations.py`, what it is to be sent
waits in `outbox.py`. The user's orders and balances come from `following.py`, the market from `fans.py`.
"""

from numatix.api.stream.door import StreamDoor, stream_routes
from numatix.api.stream.times import StreamTimes

__all__ = ["StreamDoor", "StreamTimes", "stream_routes"]
