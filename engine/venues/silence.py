"""Notices sockets that went silent."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

import structlog

from engine.runtime import Clock

if TYPE_CHECKING:
    from engine.venues.ccxt_road import Road

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 5.0


class SilenceWatch:
    """A socket's own staleness clock: a dead link can go unseen by TCP for minutes."""

    def __init__(self, stale_after_s: float, clock: Clock) -> None:
        self._stale_after_s = stale_after_s
        self._clock = clock
        self._seen: dict[str, tuple[int, float]] = {}
        self.heard_at: float | None = None

    async def guard(self, road: Road) -> None:
        """Until cancelled: close sockets that are silent for too long."""
        while True:
            await asyncio.sleep(min(LOOK_EVERY_S, self._stale_after_s / 3))
            for url in self.look(road):
                log.warning("socket is silent, reconnecting", url=url, silent_for_s=self._stale_after_s)
                road.drop_socket(url, f"no frame for {self._stale_after_s:g} s")

    def look(self, road: Road | None) -> list[str]:
        """Note which sockets moved since the last look; the addresses of those that are stale."""
        now = self._clock.monotonic()
        frames: Mapping[str, int] = road.last_frame_ms() if road is not None else {}
        stale: list[str] = []
        for url, frame_ms in frames.items():
            before = self._seen.get(url)
            if before is None or before[0] != frame_ms:
                self._seen[url] = (frame_ms, now)
                self.heard_at = now
            elif now - before[1] > self._stale_after_s:
                stale.append(url)
                self._seen[url] = (frame_ms, now)  # a dropped socket lingers: its old frame is nothing heard
        self._seen = {url: seen for url, seen in self._seen.items() if url in frames}
        return stale
