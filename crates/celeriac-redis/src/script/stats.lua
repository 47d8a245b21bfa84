-- How many messages of a queue wait, and how many are in flight.
local q, ready, flying = KEYS[1], 0, 0
for lane = 0, 9 do ready = ready + redis.call('LLEN', q .. ':' .. lane) end
local held = redis.call('HGETALL', q .. ':h')
for i = 2, #held, 2 do flying = flying + tonumber(string.match(held[i], ':(%d+)$')) end
local settled = redis.call('HGETALL', q .. ':a')
for i = 2, #settled, 2 do
  for at = 1, #settled[i] do
    local byte = string.byte(settled[i], at)
    while byte > 0 do
      flying = flying - byte % 2
      byte = math.floor(byte / 2)
    end
  end
end
return {ready, flying}
