-- Stores messages at the end of a queue; answers how many, in their order.
-- ARGV: room of the queue in all (-1: no limit), life in ms (0: for ever),
-- channel, number of runs, then (priority, count) of each run, then messages.
local q, limit, runs = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[4])
local room = math.huge
if limit >= 0 then
  local ready = 0
  for lane = 0, 9 do ready = ready + redis.call('LLEN', q .. ':' .. lane) end
  room = math.max(limit - ready, 0)
end
local at, stored = 5 + 2 * runs, 0
for run = 0, runs - 1 do
  local lane, count = q .. ':' .. ARGV[5 + 2 * run], tonumber(ARGV[6 + 2 * run])
  local fits = math.min(count, room)
  for from = at, at + fits - 1, 4000 do
    redis.call('RPUSH', lane, unpack(ARGV, from, math.min(from + 3999, at + fits - 1)))
  end
  stored, room, at = stored + fits, room - fits, at + count
end
if stored > 0 and redis.call('HDEL', q .. ':n', 'w') == 1 then
  redis.call('PUBLISH', ARGV[3], 'm')
end
if ARGV[2] ~= '0' then
  for lane = 0, 9 do redis.call('PEXPIRE', q .. ':' .. lane, ARGV[2]) end
end
return stored
