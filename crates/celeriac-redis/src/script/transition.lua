-- Notes an end or a new epoch. ARGV: epoch, end ('' for none), time of it, now, the
-- least life of what has ended (all in ms). Answers whether it was noted.
local w = KEYS[1]
local known = redis.call('HMGET', w, 'e', 'd', 'x')
if not known[1] then return 0 end
local before, now = tonumber(known[1]), tonumber(ARGV[1])
local ended, ends = known[2] and 1 or 0, ARGV[2] ~= '' and 1 or 0
if now < before or (now == before and ends <= ended) then return 0 end
redis.call('HSET', w, 'e', ARGV[1])
if ends == 1 then
  redis.call('HSET', w, 'd', ARGV[2], 't', ARGV[3])
else
  redis.call('HDEL', w, 'd', 't')
end
redis.call('INCR', w .. ':v')
local keys = {w, w .. ':g', w .. ':p', w .. ':s', w .. ':v', w .. ':parts', w .. ':j'}
for _, join in ipairs(redis.call('SMEMBERS', w .. ':j')) do
  keys[#keys + 1] = w .. ':j:' .. join
  keys[#keys + 1] = w .. ':i:' .. join
  keys[#keys + 1] = w .. ':f:' .. join
end
local life = tonumber(known[3] or '')
if life then
  life = string.format('%.0f', math.max(life - tonumber(ARGV[4]), tonumber(ARGV[5])))
end
for _, key in ipairs(keys) do
  if ends == 1 and life then
    redis.call('PEXPIRE', key, life)
  else
    redis.call('PERSIST', key)
  end
end
return 1
