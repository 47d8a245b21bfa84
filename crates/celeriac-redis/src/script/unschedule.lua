-- Removes messages, unless another attempt has replaced them. ARGV: id, attempt …
local due, kept = KEYS[1] .. ':due', KEYS[1] .. ':kept'
for i = 1, #ARGV, 2 do
  local message = redis.call('HGET', kept, ARGV[i])
  if message and string.sub(message, 1, #ARGV[i + 1] + 1) == ARGV[i + 1] .. ':' then
    redis.call('HDEL', kept, ARGV[i])
    redis.call('ZREM', due, ARGV[i])
  end
end
return 0
