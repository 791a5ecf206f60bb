"""How often someone may ask, counted with the `limits` library over a store of our own clock.

Several processes count together in a store that they share. While that is out of reach nobody can log in, for guesses
must all be counted; everything else is counted by each process for itself.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict, deque
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from limits.aio.storage import MovingWindowSupport, Storage
from limits.aio.strategies import MovingWindowRateLimiter

from engine.domain.values import TooMany, Unavailable
from engine.runtime import Clock

AUTH_REQUESTS = RateLimitItemPerMinute(100, 15, namespace="auth")
"""Requests to the auth routes by one network address."""
ACCOUNT_FAILURES = RateLimitItemPerMinute(10, 15, namespace="failures")
"""Failed logins of one account, whoever tries."""
REQUESTS = RateLimitItemPerMinute(3_000, 1, namespace="requests")
"""Requests to the API by one user; by one network address while nobody is proven."""
ORDERS = RateLimitItemPerSecond(500, 10, namespace="orders")
"""Orders placed by one user: five times what Binance takes of an account, so that the venue is first to say no."""

WORDS = {
    "auth": ("too_many_auth_requests", "Too many requests to log in from this address"),
    "failures": ("too_many_failures", "Too many failed logins of this account"),
    "requests": ("too_many_requests", "Too many requests"),
    "orders": ("too_many_orders", "Too many orders"),
}
NOT_UNCOUNTED = frozenset({"auth", "failures"})
"""Rules that refuse everybody while the shared store is out of reach."""
MOST_KEYS = 50_000


class Windows(Storage, MovingWindowSupport):
    """Keeps the times of recent hits by key. Raises Unavailable when it is out of reach."""

    @property
    def base_exceptions(self) -> type[Exception]:
        return ValueError

    @abstractmethod
    async def frees_in(self, key: str, limit: int, expiry: int) -> float:
        """Seconds until the window of `expiry` seconds has room for one more."""

    async def check(self) -> bool:
        return True

    # --- counting without times, which the library asks every store for

    async def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        raise NotImplementedError

    async def get(self, key: str) -> int:
        raise NotImplementedError

    async def get_expiry(self, key: str) -> float:
        raise NotImplementedError

    async def reset(self) -> int | None:
        raise NotImplementedError


class Limits:
    """Moving windows: never more than the limit within any stretch of its length."""

    def __init__(self, clock: Clock, shared: Windows | None = None) -> None:
        self._own = _Counter(WindowStore(clock))
        self._shared = None if shared is None else _Counter(shared)

    async def hit(self, rule: RateLimitItem, who: str) -> None:
        """Count one; TooMany, not counted, when that would be more than the rule allows. Unavailable when a login
        cannot be counted."""
        if self._shared is None:
            await self._own.count(rule, who)
            return
        try:
            await self._shared.count(rule, who)
        except Unavailable as error:
            if rule.namespace in NOT_UNCOUNTED:
                raise Unavailable(
                    "logins_not_counted", "Nobody can log in at this moment: try again in a few seconds."
                ) from error
            await self._own.count(rule, who)

    async def forgive(self, rule: RateLimitItem, who: str) -> None:
        """Count from nothing again; what cannot be forgiven now runs out by itself."""
        for counter in (self._own, self._shared):
            if counter is not None:
                with suppress(Unavailable):
                    await counter.limiter.clear(rule, who)


class _Counter:
    def __init__(self, windows: Windows) -> None:
        self._windows = windows
        self.limiter = MovingWindowRateLimiter(windows)

    async def count(self, rule: RateLimitItem, who: str) -> None:
        if await self.limiter.hit(rule, who):
            return
        wait_s = await self._windows.frees_in(rule.key_for(who), rule.amount, rule.get_expiry())
        code, words = WORDS[rule.namespace]
        raise TooMany(code, f"{words}: try again in {_duration(wait_s)}.", wait_s)


class WindowStore(Windows):
    """In memory, on the desk's clock.

    The library's own memory storage walks all keys and starts threads at each hit. Here a hit costs one
    lookup; the key that was quiet longest is dropped when there are more than `MOST_KEYS`.
    """

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self._hits: OrderedDict[str, deque[float]] = OrderedDict()

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Note `amount` hits and say so; False, and nothing noted, when that would be more than `limit`."""
        hits = self._recent(key, expiry)
        if len(hits) + amount > limit:
            return False
        hits.extend([self._clock.monotonic()] * amount)
        self._hits[key] = hits
        self._hits.move_to_end(key)
        if len(self._hits) > MOST_KEYS:
            self._hits.popitem(last=False)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest hit of the window was (now, without any) and how many there are."""
        hits = self._recent(key, expiry)
        return (hits[0] if hits else self._clock.monotonic()), min(len(hits), limit)

    async def frees_in(self, key: str, limit: int, expiry: int) -> float:
        oldest, count = await self.get_moving_window(key, limit, expiry)
        return max(0.0, oldest + expiry - self._clock.monotonic()) if count >= limit else 0.0

    async def clear(self, key: str) -> None:
        self._hits.pop(key, None)

    async def reset(self) -> int | None:
        count = len(self._hits)
        self._hits.clear()
        return count

    def _recent(self, key: str, expiry: int) -> deque[float]:
        hits = self._hits.get(key)
        if hits is None:
            return deque()
        while hits and hits[0] <= self._clock.monotonic() - expiry:
            hits.popleft()
        return hits


def network_of(ip: str) -> str:
    """What counts as one asker: an IPv4 address, or the /64 that an IPv6 address belongs to."""
    try:
        address = ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped) if mapped else f"{address.exploded[:19]}::/64"
    return str(address)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds > 90 else f"{seconds:.0f} seconds" if seconds > 1 else "a second"
