-- Keeps a new workflow: KEYS[1] its record, :g its graph, :s the status of each
-- step in two bytes. ARGV: workflow, epoch, its first step, number of steps, when
-- it expires in ms ('' for never), then of each page its first step and bytes.
-- Answers whether it is new.
local w = KEYS[1]
if redis.call('EXISTS', w) == 1 then return 0 end
redis.call('HSET', w, 'w', ARGV[1], 'e', ARGV[2], 'r', ARGV[3], 'n', ARGV[4], 'x', ARGV[5])
for i = 6, #ARGV, 2 do
  redis.call('HSET', w .. ':g', ARGV[i], ARGV[i + 1])
  redis.call('ZADD', w .. ':p', ARGV[i], ARGV[i])
end
redis.call('INCR', w .. ':v')
redis.call('PERSIST', w .. ':v')
return 1
