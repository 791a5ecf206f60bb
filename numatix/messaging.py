"""What the processes of a desk tell each other by: commands, events and shared limits, in memory or on Redis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from data.bus import MemoryBus
from data.streams import MemoryStream
from engine.identity import Limits
from engine.ports import EventBus, Stream
from engine.runtime import Clock, Supervisor


class Closes(Protocol):
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Messaging:
    stream: Stream
    bus: EventBus
    limits: Limits
    roads: tuple[Closes, ...] = ()

    async def close(self) -> None:
        """Say what is not said yet, and hang up."""
        for road in self.roads:
            await road.close()


def open_messaging(redis_url: str | None, supervisor: Supervisor, clock: Clock) -> Messaging:
    """In memory without an address, which is enough for one process. Raises RedisFault for a Redis that is out of
    reach or not fit; one that fails later is waited for."""
    if redis_url is None:
        return Messaging(MemoryStream(clock), MemoryBus(), Limits(clock))
    # Its client takes a quarter of a second to import, which a desk without it does not pay.
    from data.redis_bus import RedisBus
    from data.redis_limits import RedisWindows
    from data.redis_link import RedisLink
    from data.redis_streams import RedisStream

    link = RedisLink.open(redis_url, clock)
    bus = RedisBus(link, supervisor)
    return Messaging(RedisStream(link, clock), bus, Limits(clock, RedisWindows(link)), (bus, link))
