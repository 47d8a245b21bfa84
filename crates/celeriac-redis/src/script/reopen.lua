-- Takes members out of joins again. ARGV: of each: join, index, epoch.
local w = KEYS[1]
if redis.call('EXISTS', w) == 0 then return 0 end
for i = 1, #ARGV, 3 do
  local j, index = w .. ':j:' .. ARGV[i], ARGV[i + 1]
  local state = redis.call('HMGET', j, 'e' .. index, 'm' .. index, 'd', 'w')
  local epoch, weight = state[1], nil
  if state[2] then epoch, weight = string.match(state[2], '^(%d+):(%d+):') end
  if not epoch or tonumber(epoch) < tonumber(ARGV[i + 2]) then
    redis.call('HSET', j, 'e' .. index, ARGV[i + 2])
    redis.call('SADD', w .. ':j', ARGV[i])
    if state[2] then
      redis.call('HDEL', j, 'm' .. index)
      redis.call('HSET', j, 'c', -1, 'd', tonumber(state[3]) - 1,
        'w', string.format('%.0f', tonumber(state[4]) - tonumber(weight)))
      redis.call('ZREM', w .. ':i:' .. ARGV[i], index)
      redis.call('ZREM', w .. ':f:' .. ARGV[i], index)
    end
  end
end
return 1
