-- take_awaiting.lua: which parts are to be asked for at Twilio now, because no callback has told their end?
--
-- States of a part in the sorted set `awaiting` (score = when it is due):
--   waiting   due later.                                       -> due, by time; -> gone, by record_status.lua (a final callback)
--   due       its time has come.                               -> taken, by this script
--   taken     due again when the lease ends; a worker is asking. -> gone (final, forgotten, or too old), -> waiting (not final
--             yet: the worker moves it on), -> due, by the lease's end alone, if the worker died
--   gone      not in the set.
-- settle_part.lua puts a part in. Nothing is lost by asking twice, so no fence is needed.
--
-- KEYS: 1 awaiting.   ARGV: 1 how many at most; 2 lease in ms.
-- Returns {now, when the next one is due or false, ids of the parts}.
-- Atomic because of two workers only one should ask.
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local taken = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now), 'LIMIT', 0, ARGV[1])
for _, part_id in ipairs(taken) do
  redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now + tonumber(ARGV[2])), part_id)
end
local first = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
return {string.format('%.0f', now), first[2] or false, taken}
