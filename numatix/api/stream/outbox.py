"""What waits to be sent to one socket: never more than it can hold, however slowly the client reads."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

MOST_LINES = 32


class Slot(Protocol):
    """The newest state of one subscription. What comes while it waits is merged into it."""

    def take(self) -> str | None:
        """The message, and nothing is left of it; None when there is none."""
        ...


class Outbox:
    """Lines are sent each and in their order; of a slot only the newest state. They take turns."""

    def __init__(self) -> None:
        self._lines: deque[str] = deque()
        self._changed: dict[Slot, None] = {}
        self._filled = asyncio.Event()
        self._room = asyncio.Event()
        self._slot_next = False

    def __len__(self) -> int:
        """Messages that wait."""
        return len(self._lines) + len(self._changed)

    async def say(self, line: str) -> None:
        """Put a line at the end, once there is room for it."""
        while len(self._lines) >= MOST_LINES:
            self._room.clear()
            await self._room.wait()
        self._lines.append(line)
        self._filled.set()

    def say_at_once(self, line: str) -> None:
        """Put a line in front of all others; whoever does so often fills the memory."""
        self._lines.appendleft(line)
        self._filled.set()

    def stir(self, slot: Slot) -> None:
        """There is something in the slot."""
        self._changed[slot] = None
        self._filled.set()

    def forget(self, slot: Slot) -> None:
        self._changed.pop(slot, None)

    async def next(self) -> str:
        """What to send now."""
        while True:
            if self._lines and not (self._slot_next and self._changed):
                self._slot_next = True
                self._room.set()
                return self._lines.popleft()
            if self._changed:
                self._slot_next = False
                slot = next(iter(self._changed))
                del self._changed[slot]
                message = slot.take()
                if message is not None:
                    return message
                continue
            self._filled.clear()
            await self._filled.wait()
