-- Adds members to the joins of a workflow. ARGV: of each: join, index, width,
-- fail fast (1 or 0), epoch, failed (1 or 0), weight, member. Answers of each:
-- closed by (-1: nobody), done, failed (-1: none), weight. What is kept of one in
-- is `epoch:weight:member`.
local w, answers, joins = KEYS[1], {}, {}
-- What has ended lives for a while only, and so does what comes late.
local life = redis.call('PTTL', w)
local function open(name)
  local key = w .. ':j:' .. name
  local state = redis.call('HMGET', key, 'c', 'd', 'w')
  local first = redis.call('ZRANGE', w .. ':f:' .. name, 0, 0)[1]
  local join = {
    key = key, seen = {}, fields = {}, indices = {}, failures = {},
    closed = tonumber(state[1] or -1), done = tonumber(state[2] or 0),
    weight = tonumber(state[3] or 0), failed = tonumber(first or -1),
  }
  joins[name] = join
  return join
end
-- What is known of each index, asked for in as few calls as can be: its member,
-- and the epoch that it waits for if it was taken out again.
local asked, known = {}, {}
if life ~= -2 then
  for i = 1, #ARGV, 8 do
    local fields = asked[ARGV[i]] or {}
    asked[ARGV[i]] = fields
    fields[#fields + 1], fields[#fields + 2] = 'm' .. ARGV[i + 1], 'e' .. ARGV[i + 1]
  end
  for name, fields in pairs(asked) do
    local found = {}
    for from = 1, #fields, 3000 do
      local to = math.min(from + 2999, #fields)
      local values = redis.call('HMGET', w .. ':j:' .. name, unpack(fields, from, to))
      for at = from, to do found[fields[at]] = values[at - from + 1] end
    end
    known[name] = found
  end
end
for i = 1, #ARGV, 8 do
  local answer = {-1, 0, -1, 0}
  if life ~= -2 then
    local name, index, epoch, weight = ARGV[i], ARGV[i + 1], ARGV[i + 4], ARGV[i + 6]
    local join, found = joins[name] or open(name), known[name]
    local waits = not found['m' .. index] and not join.seen[index]
    local least = found['e' .. index]
    local stale = waits and least and tonumber(epoch) < tonumber(least)
    if waits and not stale then
      join.seen[index] = true
      join.done, join.weight = join.done + 1, join.weight + tonumber(weight)
      local failed = ARGV[i + 5] == '1'
      if join.closed < 0 and (join.done >= tonumber(ARGV[i + 2]) or (failed and ARGV[i + 3] == '1')) then
        join.closed = tonumber(index)
      end
      join.fields[#join.fields + 1] = 'm' .. index
      join.fields[#join.fields + 1] = epoch .. ':' .. weight .. ':' .. ARGV[i + 7]
      join.indices[#join.indices + 1] = index
      join.indices[#join.indices + 1] = index
      if failed then
        join.failures[#join.failures + 1] = index
        join.failures[#join.failures + 1] = index
        if join.failed < 0 or tonumber(index) < join.failed then join.failed = tonumber(index) end
      end
    end
    answer = {stale and -1 or join.closed, join.done, join.failed, join.weight}
  end
  answers[#answers + 1] = answer
end
local function all(command, key, list)
  for from = 1, #list, 3000 do
    redis.call(command, key, unpack(list, from, math.min(from + 2999, #list)))
  end
end
for name, join in pairs(joins) do
  if #join.indices > 0 then
    redis.call('SADD', w .. ':j', name)
    redis.call('HSET', join.key, 'c', join.closed, 'd', join.done, 'w', string.format('%.0f', join.weight))
    all('HSET', join.key, join.fields)
    all('ZADD', w .. ':i:' .. name, join.indices)
    all('ZADD', w .. ':f:' .. name, join.failures)
    if life > 0 then
      for _, key in ipairs({w .. ':j', join.key, w .. ':i:' .. name, w .. ':f:' .. name}) do
        redis.call('PEXPIRE', key, life)
      end
    end
  end
end
return answers
