-- Takes what is due and hides it until its lease ends, in the order in which it
-- was to be sent. ARGV: now (ms), how many at the most, end of the lease (ms).
local due, kept = KEYS[1] .. ':due', KEYS[1] .. ':kept'
local ids = redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
local taken = {}
for i, id in ipairs(ids) do
  redis.call('ZADD', due, ARGV[3], id)
  local message = redis.call('HGET', kept, id)
  if message then taken[#taken + 1] = message else redis.call('ZREM', due, id) end
end
return taken
