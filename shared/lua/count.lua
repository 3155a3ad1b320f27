-- count.lua: count one event in the current minute of a bounded counter.
--
-- KEYS: 1 counter.   ARGV: 1 lifetime of the counter in ms.
-- Returns the count. Atomic because a counter without a lifetime would never start again.
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return n
