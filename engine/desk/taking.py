"""What the desk is taking just now, and that it takes nothing more once it ends."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from types import TracebackType

from engine.domain.values import Unavailable

ENDS = "the desk, which is ending"
SETTLE_WITHIN_S = 2.0


class Taking:
    """`with` it around what takes something new; Unavailable `ending` once the desk ends."""

    def __init__(self) -> None:
        self.ending = False
        self._in_hand = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def end(self) -> None:
        """Nothing more; back when all that had begun is done, or soon after."""
        self.ending = True
        with suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_WITHIN_S):
                await self._idle.wait()

    def __enter__(self) -> None:
        if self.ending:
            raise Unavailable(
                "ending", "The desk is ending: what is on its way is finished, nothing new is taken. Try again soon."
            )
        self._in_hand += 1
        self._idle.clear()

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self._in_hand -= 1
        if not self._in_hand:
            self._idle.set()
