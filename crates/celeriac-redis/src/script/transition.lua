-- Notes an end or a new epoch. ARGV: epoch, end ('' for none), time (ms), life of
-- what has ended (ms from now, or '' for ever). Answers whether it was noted.
local w = KEYS[1]
local known = redis.call('HMGET', w, 'e', 'd')
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
for _, key in ipairs(keys) do
  if ends == 1 and ARGV[4] ~= '' then
    redis.call('PEXPIRE', key, ARGV[4])
  else
    redis.call('PERSIST', key)
  end
end
return 1
