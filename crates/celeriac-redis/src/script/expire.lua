-- Takes out of a bucket what has expired, and notes what is next. KEYS[1]: the bucket.
-- Answers in how many ms that is worth doing again (0: it is not).
local time = redis.call('TIME')
local now, early = time[1] * 1000 + math.floor(time[2] / 1000), nil
local cursor = '0'
repeat
  local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 100)
  cursor = page[1]
  for i = 1, #page[2], 2 do
    local name, record = page[2][i], page[2][i + 1]
    local expires_at = #record >= 16 and name ~= 'early' and struct.unpack('>I8', record, 9)
    if expires_at and expires_at <= now then
      redis.call('HDEL', KEYS[1], name)
    elseif expires_at and (not early or expires_at < early) then
      early = expires_at
    end
  end
until cursor == '0'
if not early then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('HSET', KEYS[1], 'early', string.format('%.0f', early))
local life = early - now
if redis.call('PTTL', KEYS[1]) - life <= math.max(60000, life / 4) then return 0 end
-- Those that expire one soon after the other are taken out together.
return math.max(life, 60000)
