-- Raises the status of steps. ARGV: of each mark the first step, how many, epoch,
-- status. Two bytes a step: the epoch, and the status (0 to 5). Only the bytes of
-- these steps are read and written.
local w = KEYS[1]
local known = redis.call('HMGET', w, 'n', 'r')
local steps, root = tonumber(known[1] or 0), tonumber(known[2] or 0)
local changed = false
for i = 1, #ARGV, 4 do
  local from = tonumber(ARGV[i]) - root
  local first, past = math.max(from, 0), from + tonumber(ARGV[i + 1])
  local epoch, status = math.min(tonumber(ARGV[i + 2]), 255), tonumber(ARGV[i + 3])
  local last = math.min(past, steps) - 1
  if last >= first then
    local noted = redis.call('GETRANGE', w .. ':s', 2 * first, 2 * last + 1)
    local now = {}
    for step = 0, last - first do
      local of, was = string.byte(noted, 2 * step + 1, 2 * step + 2)
      of, was = of or 0, was or 0
      if epoch > of then
        of, was = epoch, status
      elseif epoch == of and was < 4 and status > was then
        was = status
      end
      now[#now + 1] = string.char(of, was)
    end
    redis.call('SETRANGE', w .. ':s', 2 * first, table.concat(now))
    changed = true
  end
end
if changed then
  redis.call('INCR', w .. ':v')
  -- What is noted late of what has ended does not outlive it.
  local life = redis.call('PTTL', w)
  if life > 0 then redis.call('PEXPIRE', w .. ':s', life) end
end
return changed and 1 or 0
