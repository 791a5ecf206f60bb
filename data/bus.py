"""The event bus inside one process."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Self
from weakref import WeakSet

from engine.ports import BusEvent, Missed

CAPACITY = 1_000


class Subscription(AsyncIterator[BusEvent | Missed]):
    """Events since it was made, oldest first; of more than `capacity` that wait, the oldest become one Missed."""

    def __init__(self, capacity: int) -> None:
        self._events: deque[BusEvent | Missed] = deque(maxlen=capacity)
        self._arrived = asyncio.Event()
        self._dropped = False
        self.closed = False

    def offer(self, event: BusEvent | Missed) -> None:
        self._dropped |= len(self._events) == self._events.maxlen
        self._events.append(event)
        self._arrived.set()

    async def aclose(self) -> None:
        """End it: whoever waits for the next event is told that there is none."""
        self.closed = True
        self._events.clear()
        self._arrived.set()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> BusEvent | Missed:
        while not self._events:
            if self.closed:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        if self._dropped:
            self._dropped = False
            return Missed()
        return self._events.popleft()


@dataclass(slots=True)
class MemoryBus:
    """`engine.ports.EventBus` in memory. A subscription that nobody holds any more is forgotten by itself."""

    capacity: int = CAPACITY
    _subscriptions: WeakSet[Subscription] = field(default_factory=WeakSet[Subscription])

    async def publish(self, event: BusEvent) -> None:
        self.tell(event)

    def tell(self, event: BusEvent | Missed) -> None:
        """Every subscription at once."""
        for subscription in tuple(self._subscriptions):
            if not subscription.closed:
                subscription.offer(event)

    def subscribe(self) -> Subscription:
        subscription = Subscription(self.capacity)
        self._subscriptions.add(subscription)
        return subscription

    @property
    def subscribers(self) -> int:
        """Subscriptions that are held and not closed."""
        return sum(not subscription.closed for subscription in self._subscriptions)
