-- Gives back what is held by nobody alive; answers how many messages.
-- ARGV: channel, how old in µs a chunk must be, the holder that asks for what it
-- does not know to hold ('' if nobody does), how many holders live, they, then
-- the chunks that the asking holder knows.
local q, age, asking, live = KEYS[1], tonumber(ARGV[2]), ARGV[3], {}
local lives = tonumber(ARGV[4])
for i = 5, 4 + lives do live[ARGV[i]] = true end
local known = {}
for i = 5 + lives, #ARGV do known[ARGV[i]] = true end
local time = redis.call('TIME')
local now, dead = time[1] * 1000000 + time[2], {}
local held = redis.call('HGETALL', q .. ':h')
for i = 1, #held, 2 do
  local holder = string.match(held[i + 1], '^(.*):')
  local gone = not live[holder] or (holder == asking and not known[held[i]])
  if gone and now - tonumber(held[i]) >= age then
    dead[#dead + 1] = {held[i], holder ~= asking}
  end
end
table.sort(dead, function(a, b) return tonumber(a[1]) < tonumber(b[1]) end)
local function is_set(bits, position)
  local byte = bits and string.byte(bits, math.floor(position / 8) + 1) or 0
  return bit.band(byte, bit.lshift(1, position % 8)) ~= 0
end
local back = {}
for _, one in ipairs(dead) do
  local chunk, died = one[1], one[2]
  local key = q .. ':c:' .. chunk
  local settled = redis.call('HGET', q .. ':a', chunk)
  local begun = died and redis.call('HGET', q .. ':b', chunk)
  local entries = redis.call('LRANGE', key, 0, -1)
  for i, entry in ipairs(entries) do
    if not is_set(settled, i - 1) then
      local deaths = bit.band(string.byte(entry, 2), 127)
      if is_set(begun, i - 1) and deaths < 127 then deaths = deaths + 1 end
      back[#back + 1] = string.sub(entry, 1, 1) .. string.char(128 + deaths) .. string.sub(entry, 3)
    end
  end
  redis.call('DEL', key)
  redis.call('HDEL', q .. ':h', chunk)
  redis.call('HDEL', q .. ':a', chunk)
  redis.call('HDEL', q .. ':b', chunk)
end
for i = #back, 1, -1 do
  redis.call('LPUSH', q .. ':' .. string.byte(back[i], 1), back[i])
end
if #back > 0 and redis.call('HDEL', q .. ':n', 'w') == 1 then
  redis.call('PUBLISH', ARGV[1], 'm')
end
return #back
