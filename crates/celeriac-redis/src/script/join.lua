-- Adds members to the joins of a workflow. ARGV: of each: join, index, width,
-- fail fast (1 or 0), epoch, failed (1 or 0), weight, member. Answers of each:
-- closed by (-1: nobody), done, failed (-1: none), weight.
local w, answers = KEYS[1], {}
local kept = redis.call('EXISTS', w) == 1
for i = 1, #ARGV, 8 do
  local answer = {-1, 0, -1, 0}
  if kept then
    local j, f = w .. ':j:' .. ARGV[i], w .. ':f:' .. ARGV[i]
    local index = ARGV[i + 1]
    local state = redis.call('HMGET', j, 'c', 'd', 'w', 'm' .. index, 'e' .. index)
    local closed, done, weight = tonumber(state[1] or -1), tonumber(state[2] or 0), tonumber(state[3] or 0)
    local waits = not state[4]
    local stale = waits and state[5] and tonumber(ARGV[i + 4]) < tonumber(state[5])
    if waits and not stale then
      done, weight = done + 1, weight + tonumber(ARGV[i + 6])
      local failed = ARGV[i + 5] == '1'
      if closed < 0 and (done >= tonumber(ARGV[i + 2]) or (failed and ARGV[i + 3] == '1')) then
        closed = tonumber(index)
      end
      redis.call('HSET', j, 'c', closed, 'd', done, 'w', string.format('%.0f', weight),
        'm' .. index, ARGV[i + 7], 'e' .. index, ARGV[i + 4], 'w' .. index, ARGV[i + 6])
      redis.call('ZADD', w .. ':i:' .. ARGV[i], index, index)
      if failed then redis.call('ZADD', f, index, index) end
      if done == 1 then redis.call('SADD', w .. ':j', ARGV[i]) end
    end
    local first = redis.call('ZRANGE', f, 0, 0)[1]
    answer = {stale and -1 or closed, done, tonumber(first or -1), weight}
  end
  answers[#answers + 1] = answer
end
return answers
