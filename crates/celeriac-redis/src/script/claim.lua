-- Claims a key, or moves the end of the claimer's own unconfirmed claim.
-- ARGV: id, now, until (both in ms, by the claimer's clock).
-- Answers the holder's id, and 1 if it is confirmed; nothing if it is ours.
local held = redis.call('HMGET', KEYS[1], 'id', 'until', 'confirmed')
local stands = held[1] and tonumber(held[2]) > tonumber(ARGV[2])
if stands and (held[1] ~= ARGV[1] or held[3]) then return {held[1], held[3] and 1 or 0} end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'until', ARGV[3])
-- The clocks of claimers may differ: kept a while longer than it holds.
local life = tonumber(ARGV[3]) - tonumber(ARGV[2])
if life < 1e15 then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.max(life, 0) + 3600000))
end
return false
