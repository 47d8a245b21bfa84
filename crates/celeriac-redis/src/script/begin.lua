-- Notes which deliveries of chunks have begun to run.
-- ARGV: holder, then for each chunk its number and what has begun of it in bits.
local q = KEYS[1]
for i = 2, #ARGV, 2 do
  local held = redis.call('HGET', q .. ':h', ARGV[i])
  if held and string.sub(held, 1, #ARGV[1] + 1) == ARGV[1] .. ':' then
    redis.call('HSET', q .. ':b', ARGV[i], ARGV[i + 1])
  end
end
return 0
