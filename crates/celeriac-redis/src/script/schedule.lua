-- Keeps messages until their time. ARGV: channel, then of each: id, time in ms,
-- attempt, message. Tells who waits if one is due earlier than all before.
local due, kept = KEYS[1] .. ':due', KEYS[1] .. ':kept'
local first = redis.call('ZRANGE', due, 0, 0, 'WITHSCORES')
local earliest = first[2] and tonumber(first[2]) or math.huge
local nearer = false
for i = 2, #ARGV, 4 do
  local waiting = redis.call('HGET', kept, ARGV[i])
  -- An earlier attempt than the one that waits is a repetition.
  if not waiting or tonumber(string.match(waiting, '^%d+')) <= tonumber(ARGV[i + 2]) then
    if tonumber(ARGV[i + 1]) < earliest then nearer = true end
    redis.call('ZADD', due, ARGV[i + 1], ARGV[i])
    redis.call('HSET', kept, ARGV[i], ARGV[i + 2] .. ':' .. ARGV[i + 1] .. ':' .. ARGV[i + 3])
  end
end
if nearer then
  redis.call('INCR', KEYS[1] .. ':nearer')
  redis.call('PUBLISH', ARGV[1], 't')
end
return 0
