-- Raises the status of steps. ARGV: of each mark the first step (from the root),
-- how many, epoch, status. Two bytes a step: the epoch, and the status (0 to 5).
local w = KEYS[1]
local steps = tonumber(redis.call('HGET', w, 'n') or 0)
local noted = redis.call('GET', w .. ':s') or ''
local changed = false
for i = 1, #ARGV, 4 do
  local first, count = tonumber(ARGV[i]), tonumber(ARGV[i + 1])
  local epoch, status = math.min(tonumber(ARGV[i + 2]), 255), tonumber(ARGV[i + 3])
  local last = math.min(first + count, steps) - 1
  if last >= first then
    if #noted < 2 * (last + 1) then noted = noted .. string.rep('\0', 2 * (last + 1) - #noted) end
    local now = {}
    for step = first, last do
      local of, was = string.byte(noted, 2 * step + 1, 2 * step + 2)
      if epoch > of then
        of, was = epoch, status
      elseif epoch == of and was < 4 and status > was then
        was = status
      end
      now[#now + 1] = string.char(of, was)
    end
    noted = string.sub(noted, 1, 2 * first) .. table.concat(now) .. string.sub(noted, 2 * last + 3)
    changed = true
  end
end
if changed then
  redis.call('SET', w .. ':s', noted, 'KEEPTTL')
  redis.call('INCR', w .. ':v')
end
return changed and 1 or 0
