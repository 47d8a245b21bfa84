-- Notes that the message that holds a key is published.
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('HSET', KEYS[1], 'confirmed', 1) end
return 0
