"""`python -m tests.stream.hasty_desk`: the real desk with little patience; its kernel keeps little that is unread."""

from __future__ import annotations

import socket
import sys

from numatix import serve as serving
from numatix.api.stream import StreamTimes
from numatix.wiring import Makers

TIMES = StreamTimes(auth_s=0.5, heartbeat_s=0.4, unread_s=1.5, proof_s=0.5)
KERNEL_KEEPS = 4096
listen = serving.listen


def listen_narrowly(host: str, port: int, setting: str) -> socket.socket:
    listener = listen(host, port, setting)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_KEEPS)
    return listener


def main() -> int:
    serving.listen = listen_narrowly
    return serving.serve(Makers(stream_times=TIMES))


if __name__ == "__main__":
    sys.exit(main())
