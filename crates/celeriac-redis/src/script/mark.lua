-- Notes a state that is not the end, unless there is an outcome.
-- KEYS[1]: the mark's key; ARGV: the bucket of the outcome, id, record, life in ms.
-- Answers whether it was noted. A version is the time in µs, and grows; it stands
-- before the record, with a colon between.
if redis.call('HEXISTS', ARGV[1], ARGV[2]) == 1 then return 0 end
local time = redis.call('TIME')
local version = time[1] * 1000000 + time[2]
local last = tonumber(string.match(redis.call('GET', KEYS[1]) or '', '^%d+') or 0)
if version <= last then version = last + 1 end
redis.call('SET', KEYS[1], string.format('%.0f:', version) .. ARGV[3], 'PX', ARGV[4])
return 1
