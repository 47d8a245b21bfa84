-- Hands out messages under a lease: the highest priority first, as a chunk that
-- is settled bit by bit. Answers the chunk and its messages, or nothing.
-- ARGV: how many at the most, holder, channel, life in ms (0: for ever).
local q, left, out = KEYS[1], tonumber(ARGV[1]), {}
local n = q .. ':n'
for lane = 9, 0, -1 do
  local got = redis.call('LPOP', q .. ':' .. lane, left)
  if got then
    for i = 1, #got do out[#out + 1] = got[i] end
    left = left - #got
    if left == 0 then break end
  end
end
if #out == 0 then
  redis.call('HSET', n, 'w', 1)
  if ARGV[4] ~= '0' then redis.call('PEXPIRE', n, ARGV[4]) end
  return false
end
-- A chunk's number is the time in µs, and larger than all before: it is never
-- given twice, also if the server forgets its latest seconds in a crash.
local time = redis.call('TIME')
local chunk = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('HGET', n, 'c') or 0)
if chunk <= last then chunk = last + 1 end
chunk = string.format('%.0f', chunk)
redis.call('HSET', n, 'c', chunk)
redis.call('HSET', q .. ':h', chunk, ARGV[2] .. ':' .. #out)
redis.call('RPUSH', q .. ':c:' .. chunk, unpack(out))
if redis.call('HDEL', n, 'r') == 1 then redis.call('PUBLISH', ARGV[3], 'r') end
if ARGV[4] ~= '0' then
  for _, key in ipairs({n, q .. ':h', q .. ':c:' .. chunk}) do
    redis.call('PEXPIRE', key, ARGV[4])
  end
end
table.insert(out, 1, chunk)
return out
