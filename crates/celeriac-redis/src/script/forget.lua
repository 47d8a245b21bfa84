-- Forgets a workflow; answers whether it was there, and its parts.
local w = KEYS[1]
local there = redis.call('EXISTS', w)
local parts = redis.call('SMEMBERS', w .. ':parts')
for _, join in ipairs(redis.call('SMEMBERS', w .. ':j')) do
  redis.call('DEL', w .. ':j:' .. join, w .. ':i:' .. join, w .. ':f:' .. join)
end
redis.call('DEL', w, w .. ':g', w .. ':p', w .. ':s', w .. ':parts', w .. ':j')
-- Who watches hears of it; the version outlives the workflow for a while.
redis.call('INCR', w .. ':v')
redis.call('PEXPIRE', w .. ':v', 3600000)
table.insert(parts, 1, there)
return parts
