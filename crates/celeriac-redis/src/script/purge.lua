-- Discards what waits in a queue; answers how many messages. ARGV: channel.
local q, count = KEYS[1], 0
for lane = 0, 9 do
  count = count + redis.call('LLEN', q .. ':' .. lane)
  redis.call('DEL', q .. ':' .. lane)
end
if redis.call('HDEL', q .. ':n', 'r') == 1 then redis.call('PUBLISH', ARGV[1], 'r') end
return count
