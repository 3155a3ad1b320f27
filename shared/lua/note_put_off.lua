-- note_put_off.lua: keep why a lane's current turn waits, without counting anything. The field is described in fail.lua.
--
-- KEYS: 1 conversation.   ARGV: 1 stage; 2 turn; 3 the reason as JSON.
-- Returns 1, or 0 if the turn is no longer current. Atomic because the reason of an old turn must not be told of a new one.
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('PERSIST', KEYS[1]) -- as in fail.lua
redis.call('HSET', KEYS[1], ARGV[1] .. ':last', ARGV[3])
return 1
