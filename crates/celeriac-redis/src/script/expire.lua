-- Takes out of a bucket what has expired. KEYS[1]: the bucket; ARGV: now, in ms.
-- Answers when that is worth doing again, in ms from now (0: never).
local now, next = tonumber(ARGV[1]), nil
local cursor = '0'
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 100)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    local expires_at = struct.unpack('>I8', page[2][i + 1], 9)
    if expires_at <= now then
      redis.call('HDEL', KEYS[1], page[2][i])
    elseif not next or expires_at < next then
      next = expires_at
    end
  end
until cursor == '0'
if not next then return 0 end
local life = next - now
return redis.call('PTTL', KEYS[1]) - life > math.max(60000, life / 4) and life or 0
