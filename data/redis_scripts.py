"""What Redis does with the streams of commands in one step: Lua, run on the server.

Redis' own consumer groups say who has what in hand, since when and how often. The scripts add what they do not know:
that the commands of an order come one after another, and that a command is published once.

An entry of a stream has the fields `id`, `order`, `number` (of its publishing), `at` (milliseconds) and `command`
(JSON). A member of the lines is `order|number|at|id|stream|command`. Whoever is put off belongs to the consumer
`PUT_OFF`, idle for so long already that its lease ends when the delay does.

Scripts that only take things out may run while Redis has no memory left (`allow-oom`); publishing may not.
"""

from __future__ import annotations

from data.redis_link import Script

GROUP = "workers"
PUT_OFF = "put-off"

PUBLISHED, KNOWN, FULL = 1, 0, -1
"""What `PUBLISH` answers."""

_COMMON = f"""
local published, heads, lines, bell, dead, dead_since = unpack(KEYS, 1, 6)
local streams = {{unpack(KEYS, 7)}}
local GROUP, PUT_OFF = '{GROUP}', '{PUT_OFF}'

local function now_us()
  local time = redis.call('TIME')
  return time[1] * 1000000 + time[2]
end

local function now_ms()
  return math.floor(now_us() / 1000)
end

local function ring()
  redis.call('XADD', bell, 'MAXLEN', 1, '*', 'rung', 1)
end

-- The fields of an entry by name; nil when it is gone.
local function fields_of(stream, entry)
  local found = redis.call('XRANGE', stream, entry, entry)[1]
  if not found then return nil end
  local fields = {{}}
  for i = 1, #found[2], 2 do fields[found[2][i]] = found[2][i + 1] end
  return fields
end

-- The command of the order that stands in a stream; nil when there is none, or it was lost.
local function head_of(order)
  local head = redis.call('HGET', heads, order)
  if not head then return nil end
  local stream, entry = string.match(head, '^(%S+) (%S+)$')
  return fields_of(stream, entry)
end

local function line_of(order, most)
  return redis.call('ZRANGEBYLEX', lines, '[' .. order .. '|', '(' .. order .. '}}', 'LIMIT', 0, most)
end

local function parts_of(order, member)
  return string.match(string.sub(member, #order + 2), '^(%d+)|(%d+)|([^|]*)|([^|]*)|(.*)$')
end

-- Put the first of the order's line into its stream, unless an earlier command is still in one.
local function promote(order)
  if head_of(order) then return end
  local first = line_of(order, 1)[1]
  if not first then
    redis.call('HDEL', heads, order)
    return
  end
  local number, at, id, stream, command = parts_of(order, first)
  local entry = redis.call('XADD', stream, '*',
    'id', id, 'order', order, 'number', number, 'at', at, 'command', command)
  redis.call('HSET', heads, order, stream .. ' ' .. entry)
  redis.call('ZREM', lines, first)
  ring()
end

-- Whether the consumer still has it in hand from that very delivery.
local function held(stream, entry, consumer, attempt)
  local found = redis.pcall('XPENDING', stream, GROUP, entry, entry, 1)
  return not found.err and #found == 1 and found[1][2] == consumer and found[1][4] == tonumber(attempt)
end

local function take_out(stream, entry)
  local fields = fields_of(stream, entry)
  redis.call('XACK', stream, GROUP, entry)
  redis.call('XDEL', stream, entry)
  if fields and fields.order then promote(fields.order) end
end

-- Keep a dead letter; the oldest one when that is one too many.
local function bury(id, letter, most)
  redis.call('HSET', dead, id, letter)
  redis.call('ZADD', dead_since, string.format('%d', now_us()), id)
  if redis.call('ZCARD', dead_since) <= tonumber(most) then return false end
  local oldest = redis.call('ZPOPMIN', dead_since)[1]
  local thrown_away = redis.call('HGET', dead, oldest)
  redis.call('HDEL', dead, oldest)
  return thrown_away
end
"""


def _script(body: str, *, first_line: str = "#!lua flags=allow-oom") -> Script:
    return Script(f"{first_line}\n{_COMMON}{body}")


PUBLISH = _script(
    """
-- id, order, stream, command, capacity
local id, order, stream, command, capacity = unpack(ARGV)
local head = head_of(order)
if head and head.id == id then return 0 end
for _, member in ipairs(line_of(order, -1)) do
  local _, _, known = parts_of(order, member)
  if known == id then return 0 end
end
local size = redis.call('ZCARD', lines)
for _, each in ipairs(streams) do size = size + redis.call('XLEN', each) end
if size >= tonumber(capacity) then return -1 end
local number = string.format('%016d', redis.call('INCR', published))
local member = table.concat({order, number, string.format('%d', now_ms()), id, stream, command}, '|')
redis.call('ZADD', lines, 0, member)
promote(order)
return 1
""",
    first_line="#!lua",
)

TAKE = _script(
    """
-- consumer, lease in ms, number of streams, the streams, and what the consumer has in hand: "stream entry" each.
-- Answers {stream, entry, attempt, fields}, or {id of the bell, ms until something put off is due or -1}.
local consumer, lease, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local wanted = {unpack(ARGV, 4, 3 + count)}
local in_hand = {}
for i = 4 + count, #ARGV do in_hand[ARGV[i]] = true end

-- The last entry that the group was given; the group is made where it is missing, as after FLUSHALL.
local function given_up_to(stream)
  local groups = redis.pcall('XINFO', 'GROUPS', stream)
  if not groups.err then
    for _, flat in ipairs(groups) do
      local group = {}
      for i = 1, #flat, 2 do group[flat[i]] = flat[i + 1] end
      if group.name == GROUP then return group['last-delivered-id'] end
    end
  end
  redis.call('XGROUP', 'CREATE', stream, GROUP, '0', 'MKSTREAM')
  return '0-0'
end

local best
local function offer(stream, entry, how)
  local fields = fields_of(stream, entry)
  if not fields then
    redis.call('XACK', stream, GROUP, entry)
    return
  end
  local number = fields.number or ''
  if not best or number < best.number then
    best = {stream = stream, entry = entry, how = how, number = number}
  end
end

for _, stream in ipairs(wanted) do
  local last = given_up_to(stream)
  for _, mine in ipairs(redis.call('XPENDING', stream, GROUP, '-', '+', 100, consumer)) do
    if not in_hand[stream .. ' ' .. mine[1]] then offer(stream, mine[1], 'lost on its way') end
  end
  for _, lapsed in ipairs(redis.call('XPENDING', stream, GROUP, 'IDLE', lease, '-', '+', 1)) do
    offer(stream, lapsed[1], 'lapsed')
  end
  local fresh = redis.call('XRANGE', stream, '(' .. last, '+', 'COUNT', 1)[1]
  if fresh then offer(stream, fresh[1], 'fresh') end
end

if not best then
  local due = -1
  for _, stream in ipairs(wanted) do
    for _, late in ipairs(redis.call('XPENDING', stream, GROUP, '-', '+', 100, PUT_OFF)) do
      local left = math.max(0, lease - late[3])
      if due < 0 or left < due then due = left end
    end
  end
  local rung = redis.call('XREVRANGE', bell, '+', '-', 'COUNT', 1)[1]
  return {rung and rung[1] or '0-0', due}
end
if best.how == 'fresh' then
  redis.call('XREADGROUP', 'GROUP', GROUP, consumer, 'COUNT', 1, 'STREAMS', best.stream, '>')
elseif best.how == 'lapsed' then
  redis.call('XCLAIM', best.stream, GROUP, consumer, lease, best.entry)
else
  redis.call('XCLAIM', best.stream, GROUP, consumer, 0, best.entry, 'IDLE', 0, 'JUSTID')
end
local attempt = redis.call('XPENDING', best.stream, GROUP, best.entry, best.entry, 1)[1][4]
return {best.stream, best.entry, attempt, redis.call('XRANGE', best.stream, best.entry, best.entry)[1][2]}
"""
)

RENEW = _script(
    """
-- stream, entry, consumer, attempt
local stream, entry, consumer, attempt = unpack(ARGV)
if held(stream, entry, consumer, attempt) then
  redis.call('XCLAIM', stream, GROUP, consumer, 0, entry, 'IDLE', 0, 'JUSTID')
end
"""
)

ACK = _script(
    """
-- stream, entry, consumer, attempt
local stream, entry, consumer, attempt = unpack(ARGV)
if held(stream, entry, consumer, attempt) then take_out(stream, entry) end
"""
)

RETRY = _script(
    """
-- stream, entry, consumer, attempt, how long it counts as idle already in ms
local stream, entry, consumer, attempt, idle = unpack(ARGV)
if held(stream, entry, consumer, attempt) then
  redis.call('XCLAIM', stream, GROUP, PUT_OFF, 0, entry, 'IDLE', idle, 'JUSTID')
  ring()
end
"""
)

SET_ASIDE = _script(
    """
-- stream, entry, consumer, attempt, id of the letter, the letter, how many may be kept
-- Answers the letter that was thrown away for it, if any.
local stream, entry, consumer, attempt, id, letter, most = unpack(ARGV)
if not held(stream, entry, consumer, attempt) then return false end
local thrown_away = bury(id, letter, most)
take_out(stream, entry)
return thrown_away
"""
)

LEAVE = _script(
    """
-- consumer, lease in ms
local consumer, lease = unpack(ARGV)
for _, stream in ipairs(streams) do
  local found = redis.pcall('XPENDING', stream, GROUP, '-', '+', 10000, consumer)
  if not found.err then
    for _, mine in ipairs(found) do
      redis.call('XCLAIM', stream, GROUP, PUT_OFF, 0, mine[1], 'IDLE', lease, 'JUSTID')
    end
    redis.call('XGROUP', 'DELCONSUMER', stream, GROUP, consumer)
  end
end
ring()
"""
)

TIDY = _script(
    """
-- Forget consumers that have nothing in hand and were not heard of for so many ms.
for _, stream in ipairs(streams) do
  local consumers = redis.pcall('XINFO', 'CONSUMERS', stream, GROUP)
  if not consumers.err then
    for _, flat in ipairs(consumers) do
      local one = {}
      for i = 1, #flat, 2 do one[flat[i]] = flat[i + 1] end
      if one.pending == 0 and one.idle >= tonumber(ARGV[1]) then
        redis.call('XGROUP', 'DELCONSUMER', stream, GROUP, one.name)
      end
    end
  end
end
"""
)

DEAD_LETTERS = _script(
    """
-- Answers the id and the letter of each, oldest first.
local letters = {}
for _, id in ipairs(redis.call('ZRANGE', dead_since, 0, -1)) do
  local letter = redis.call('HGET', dead, id)
  if letter then
    letters[#letters + 1] = id
    letters[#letters + 1] = letter
  end
end
return letters
"""
)

DEAD_LETTER = _script("return redis.call('HGET', dead, ARGV[1])")

FORGET = _script(
    """
redis.call('HDEL', dead, ARGV[1])
redis.call('ZREM', dead_since, ARGV[1])
"""
)

PENDING = _script(
    """
-- Answers {commands, those in a consumer's hands, dead letters, age of the oldest in ms or -1}.
local size, in_hand, oldest = redis.call('ZCARD', lines), 0, nil
for _, stream in ipairs(streams) do
  size = size + redis.call('XLEN', stream)
  local summary = redis.pcall('XPENDING', stream, GROUP)
  for _, consumer in ipairs(not summary.err and summary[4] or {}) do
    if consumer[1] ~= PUT_OFF then in_hand = in_hand + tonumber(consumer[2]) end
  end
  local first = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
  if first then
    local at = tonumber(fields_of(stream, first[1]).at or string.match(first[1], '^%d+'))
    if not oldest or at < oldest then oldest = at end
  end
end
return {size, in_hand, redis.call('HLEN', dead), oldest and math.max(0, now_ms() - oldest) or -1}
"""
)
