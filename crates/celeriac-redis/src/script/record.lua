-- Records outcomes, each if it is the first of its id. KEYS[1]: their bucket; ARGV:
-- the longest and the shortest of their lives in ms, then of each its id and its
-- record. The bucket's field `early` says when the first of them expires. Answers in
-- how many ms it is worth to take out what has expired (0: it is not), and which were
-- not the first (0, 1, 2 …).
local answer = {0}
for i = 3, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 0 then
    answer[#answer + 1] = (i - 3) / 2
  end
end
local most, least = tonumber(ARGV[1]), tonumber(ARGV[2])
-- The bucket lives as long as what lives longest. One that was just made has no end.
local left = redis.call('PTTL', KEYS[1])
if left < most then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local early = tonumber(redis.call('HGET', KEYS[1], 'early') or math.huge)
if now + least < early then
  early = now + least
  redis.call('HSET', KEYS[1], 'early', string.format('%.0f', early))
end
local life = math.max(early - now, 1)
if math.max(left, most) - life > math.max(60000, life / 4) then answer[1] = life end
return answer
