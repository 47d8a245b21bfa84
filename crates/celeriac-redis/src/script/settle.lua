-- Ends deliveries. A chunk that this holder does not hold any more is ignored.
-- ARGV: holder, channel, 'r' (requeued) or 'k' (put back as they came), then for
-- each chunk: its number, what is settled of it in bits ('' for all), how many
-- of it go back to the front, and their positions.
local q, holder, kind = KEYS[1], ARGV[1], ARGV[3]
local back, at = {}, 4
local function is_set(bits, position)
  local byte = string.byte(bits, math.floor(position / 8) + 1) or 0
  return bit.band(byte, bit.lshift(1, position % 8)) ~= 0
end
while at <= #ARGV do
  local chunk, bits, count = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local held = redis.call('HGET', q .. ':h', chunk)
  if held and string.sub(held, 1, #holder + 1) == holder .. ':' then
    local key = q .. ':c:' .. chunk
    if count > 0 then
      local settled = redis.call('HGET', q .. ':a', chunk) or ''
      local entries = redis.call('LRANGE', key, 0, -1)
      for i = at + 3, at + 2 + count do
        local position = tonumber(ARGV[i])
        local entry = entries[position + 1]
        if entry and not is_set(settled, position) then
          if kind == 'r' then
            local deaths = bit.bor(string.byte(entry, 2), 128)
            entry = string.sub(entry, 1, 1) .. string.char(deaths) .. string.sub(entry, 3)
          end
          back[#back + 1] = entry
        end
      end
    end
    if bits == '' then
      redis.call('DEL', key)
      redis.call('HDEL', q .. ':h', chunk)
      redis.call('HDEL', q .. ':a', chunk)
      redis.call('HDEL', q .. ':b', chunk)
    else
      redis.call('HSET', q .. ':a', chunk, bits)
    end
  end
  at = at + 3 + count
end
for i = #back, 1, -1 do
  redis.call('LPUSH', q .. ':' .. string.byte(back[i], 1), back[i])
end
if #back > 0 and redis.call('HDEL', q .. ':n', 'w') == 1 then
  redis.call('PUBLISH', ARGV[2], 'm')
end
return #back
