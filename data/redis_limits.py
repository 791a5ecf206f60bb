"""Recent hits that several processes count together, on Redis and by its clock."""

from __future__ import annotations

from typing import cast

from data.redis_keys import LIMITS
from data.redis_link import RedisLink, Script
from engine.identity.limits import Windows

ACQUIRE = Script(
    """#!lua
-- The times of hits in microseconds, newest first. ARGV: limit, window in s, how many to note.
local limit, window, amount = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last_one_too_many = redis.call('LINDEX', KEYS[1], limit - amount)
if amount > limit or last_one_too_many and tonumber(last_one_too_many) > now - window * 1000000 then return 0 end
for _ = 1, amount do redis.call('LPUSH', KEYS[1], string.format('%d', now)) end
redis.call('LTRIM', KEYS[1], 0, limit - 1)
redis.call('EXPIRE', KEYS[1], window)
return 1
"""
)
LOOK = Script(
    """#!lua
-- ARGV: limit, window in s. Answers how many hits are in the window, when the oldest was (now, without any), and now.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local count, oldest = 0, now
for _, at in ipairs(redis.call('LRANGE', KEYS[1], 0, ARGV[1] - 1)) do
  if tonumber(at) <= now - ARGV[2] * 1000000 then break end
  count, oldest = count + 1, at
end
return {count, string.format('%d', oldest), string.format('%d', now)}
"""
)
CLEAR = Script("#!lua flags=allow-oom\nreturn redis.call('DEL', KEYS[1])")


class RedisWindows(Windows):
    """Every key lives as long as the window that it is counted in."""

    def __init__(self, link: RedisLink) -> None:
        super().__init__()
        self._link = link

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Note `amount` hits and say so; False, and nothing noted, when that would be more than `limit`."""
        return bool(await self._link.run(ACQUIRE, [LIMITS + key], [limit, expiry, amount]))

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:
        """When the oldest hit of the window was (now, without any) and how many there are."""
        count, oldest_us, _ = await self._look(key, limit, expiry)
        return oldest_us / 1_000_000, count

    async def frees_in(self, key: str, limit: int, expiry: int) -> float:
        count, oldest_us, now_us = await self._look(key, limit, expiry)
        return max(0.0, expiry - (now_us - oldest_us) / 1_000_000) if count >= limit else 0.0

    async def clear(self, key: str) -> None:
        await self._link.run(CLEAR, [LIMITS + key], [])

    async def _look(self, key: str, limit: int, expiry: int) -> tuple[int, int, int]:
        count, oldest_us, now_us = cast("list[int]", await self._link.run(LOOK, [LIMITS + key], [limit, expiry]))
        return count, int(oldest_us), int(now_us)
