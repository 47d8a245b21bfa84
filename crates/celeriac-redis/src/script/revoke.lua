-- Revokes ids. KEYS[1] holds the end of each, KEYS[1]:s the order.
-- ARGV: until (ms), now (ms), channel, ids.
local order = KEYS[1] .. ':s'
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[2], 'LIMIT', 0, 1000)
for _, id in ipairs(expired) do
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', order, id)
end
local number = tonumber(redis.call('GET', KEYS[1] .. ':n') or 1)
for i = 4, #ARGV do
  number = number + 1
  redis.call('ZADD', KEYS[1], ARGV[1], ARGV[i])
  redis.call('ZADD', order, number, ARGV[i])
end
redis.call('SET', KEYS[1] .. ':n', number)
redis.call('PUBLISH', ARGV[3], 'r')
return number
