-- Adds documents to a stream, each id once as long as it is remembered.
-- KEYS: the stream. ARGV: the key of the ids that are remembered, for how long
-- (ms), how many entries the stream keeps (0: all), then of each document its
-- id, name, time, content type and value. Answers how many were added; or, if a
-- key holds something else, that key, what it holds, and what it should.
local stream, ids = KEYS[1], ARGV[1]
local window, kept = tonumber(ARGV[2]), tonumber(ARGV[3])
for key, wanted in pairs({[stream] = 'stream', [ids] = 'zset'}) do
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= wanted then return {key, found, wanted} end
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local added = 0
for i = 4, #ARGV, 5 do
  local written = redis.call('ZSCORE', ids, ARGV[i])
  if not written or tonumber(written) <= now - window then
    -- What a script has written stays when it fails later: an id is remembered
    -- once its document is there, not before. And a server that has no memory left
    -- refuses a script by its first write, so that must be one that takes memory.
    redis.call('XADD', stream, '*', 'id', ARGV[i], 'name', ARGV[i + 1], 'at', ARGV[i + 2],
      'content_type', ARGV[i + 3], 'value', ARGV[i + 4])
    redis.call('ZADD', ids, now, ARGV[i])
    added = added + 1
  end
end
redis.call('ZREMRANGEBYSCORE', ids, '-inf', now - window)
if kept > 0 then redis.call('XTRIM', stream, 'MAXLEN', '~', kept) end
redis.call('PEXPIRE', ids, window)
return added
