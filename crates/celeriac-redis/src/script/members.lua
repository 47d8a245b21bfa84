-- Members of a join that are in, by index. ARGV: join, first index, how many at
-- the most, how many bytes. Answers index and member of each.
local w, answer, bytes = KEYS[1], {}, 0
local indices = redis.call('ZRANGEBYSCORE', w .. ':i:' .. ARGV[1], ARGV[2], '+inf', 'LIMIT', 0, ARGV[3])
for _, index in ipairs(indices) do
  local member = redis.call('HGET', w .. ':j:' .. ARGV[1], 'm' .. index)
  if member then
    member = string.match(member, '^%d+:%d+:(.*)$')
    bytes = bytes + #member
    if bytes > tonumber(ARGV[4]) and #answer > 0 then break end
    answer[#answer + 1] = index
    answer[#answer + 1] = member
  end
end
return answer
