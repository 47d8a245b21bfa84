-- Keeps records by id, and removes them. ARGV: 'put', then id and record of each;
-- or 'remove', then ids. Answers how many were there.
local order, records, there = KEYS[1] .. ':order', KEYS[1] .. ':records', 0
if ARGV[1] == 'put' then
  for i = 2, #ARGV, 2 do
    there = there + 1 - redis.call('HSET', records, ARGV[i], ARGV[i + 1])
    redis.call('ZADD', order, 0, ARGV[i])
  end
else
  for i = 2, #ARGV do
    there = there + redis.call('HDEL', records, ARGV[i])
    redis.call('ZREM', order, ARGV[i])
  end
end
return there
