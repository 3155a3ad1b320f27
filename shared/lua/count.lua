-- count.lua: count one event in the current minute of a bounded counter.
--
-- KEYS: 1 counter.   ARGV: 1 lifetime of the counter in ms.
-- Returns the count. Atomic because a counter without a lifetime would never start again.
-- Not idempotent, on purpose: what is counted has no name by which a repetition could be told, and one bad signature that counts
-- twice after a lost reply only brings the bound of this minute nearer, for a client that is refused anyway.
local n = redis.call('INCR', KEYS[1])
if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end
return n
