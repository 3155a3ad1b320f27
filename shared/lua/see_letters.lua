-- see_letters.lua: somebody looks at these dead letters; the first time counts.
--
-- KEYS: for each letter two: dead letter; its notes.   Returns how many had not been seen before.
-- Atomic because a letter may be retried or dropped at the same moment, and notes without a letter would stay for ever.
local t, fresh = redis.call('TIME'), 0
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
for i = 1, #KEYS, 2 do
  if redis.call('EXISTS', KEYS[i]) == 1 then fresh = fresh + redis.call('HSETNX', KEYS[i + 1], 'seen_ms', now) end
end
return fresh
