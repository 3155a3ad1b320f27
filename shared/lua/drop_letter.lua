-- drop_letter.lua: forget a dead letter for good. Its parts keep their state until that expires: a late callback is still
-- recorded, and `message trace` can say that the letter was dropped.
--
-- KEYS: 1 dead; 2 dead letter; 3 its notes; 4 counter of those that were kept long enough (only if this is one).
-- ARGV: 1 letter id.
-- Returns 1, or 0 if the letter was no longer there. Atomic because a retry may run at the same moment: one of them wins.
redis.call('ZREM', KEYS[1], ARGV[1])
local gone = redis.call('DEL', KEYS[2], KEYS[3]) > 0 and 1 or 0
if KEYS[4] and gone == 1 then redis.call('INCR', KEYS[4]) end
return gone
