-- Notes a state that is not the end, unless there is an outcome.
-- KEYS[1]: the mark's key; ARGV: the outcome's key, record, life in ms.
-- Answers whether it was noted. A version is the time in µs, and grows.
if redis.call('EXISTS', ARGV[1]) == 1 then return 0 end
local time = redis.call('TIME')
local version = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('HGET', KEYS[1], 'v') or 0)
if version <= last then version = last + 1 end
redis.call('HSET', KEYS[1], 'v', string.format('%.0f', version), 'm', ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 1
