-- history.lua: what is remembered of a conversation. Reads only. Who writes it: lib/history.lua.
--
-- KEYS: 1 history; 2 conversation.   Returns {lines, how many earlier ones were dropped, or false}.
-- Atomic because another stage may add a line between the two reads.
return {redis.call('LRANGE', KEYS[1], 0, -1), redis.call('HGET', KEYS[2], 'forgotten')}
