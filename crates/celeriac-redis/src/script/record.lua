-- Records outcomes, each if it is the first of its id. KEYS[1]: their bucket; ARGV:
-- the longest and the shortest of their lives in ms, then of each its id and its
-- record. Answers when some will have expired long before the bucket, in ms from
-- now (0: never), and which were not the first (0, 1, 2 …).
local most, least = tonumber(ARGV[1]), tonumber(ARGV[2])
local answer = {0}
for i = 3, #ARGV, 2 do
  if redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[i + 1]) == 0 then
    answer[#answer + 1] = (i - 3) / 2
  end
end
-- The bucket lives as long as what lives longest; it is younger than a moment if
-- it has no end yet.
local left = redis.call('PTTL', KEYS[1])
if left < most then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
if left >= 0 then least = math.min(least, left) end
if math.max(left, most) - least > math.max(60000, least / 4) then answer[1] = least end
return answer
