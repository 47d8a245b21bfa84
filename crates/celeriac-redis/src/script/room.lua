-- Whether a queue has room; if not, who takes from it will say so. ARGV: limit.
local q, ready = KEYS[1], 0
for lane = 0, 9 do ready = ready + redis.call('LLEN', q .. ':' .. lane) end
if ready < tonumber(ARGV[1]) then return 1 end
redis.call('HSET', q .. ':n', 'r', 1)
return 0
